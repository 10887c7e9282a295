"""Two hub processes on one nats-server and one PostgreSQL: they share the work and see the same.

Each has a data directory of its own; the systems file and the signing key are the same. The tests
build on one another in the order they stand here; the last one kills a process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect

from hub.cli.access import issue
from hub.config.settings import Settings
from hub.model.ids import encode_id
from hub.model.values import Ref
from hub.security.principal import Role
from hub.security.tokens import Grant
from tests.e2e.hub_process import OPSHUB, environment
from tests.e2e.live_proof import Proof, Scale, subscribers
from tests.e2e.live_run import LEASES, SECRET, holders, running_proof
from tests.e2e.live_stage import TOKEN_LIFETIME, HubProcess
from tests.e2e.live_telling import Saying, signature
from tests.e2e.live_wishes import wishes
from tests.e2e.live_world import SIGNATURE_HEADER, Change, World
from tests.support.subscribers import SUBPROTOCOL, Crowd, Item, Subscriber, say

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCALE = Scale(changes=200, subscribers=26, kills=0, orders=24, rate=80, patience_s=40)
SETTLE_S = 15.0
TAKEN_OVER_WITHIN_S = 15.0
POLLED_EVERY_S = 1.0  # in the systems file

STATUS = "query ($id: ID!) { node(id: $id) { ... on Order { status } } }"


@dataclass
class Pair:
    """Two hubs. `first` is the name under which the first one holds leases."""

    proof: Proof
    first: str

    @property
    def one(self) -> HubProcess:
        return self.proof.hubs[0]

    @property
    def two(self) -> HubProcess:
        return self.proof.hubs[1]

    @property
    def hubs(self) -> tuple[HubProcess, HubProcess]:
        return self.one, self.two

    async def leases(self) -> dict[str, HubProcess]:
        """Who holds each lease now; what the first one does not is the other's."""
        held = await holders(self.proof.reader.store_url)
        return {name: self.one if each == self.first else self.two for name, each in held.items()}

    async def status(self, hub: HubProcess, key: str) -> str:
        """What a hub answers now about an order."""
        id_ = encode_id(Ref("order", "erp", key))
        told = await hub.ask(STATUS, hub.token("asker", Role.AGENT), id=id_)
        return str(told["node"]["status"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    async with running_proof(folder, SCALE, store_url=module_database, hubs=2) as proof:
        [first] = set((await holders(module_database)).values())
        yield Pair(proof, first)


async def test_both_serve_the_same_and_share_the_taking_in(pair: Pair) -> None:
    """Each wish has two subscribers, one on each hub; all see every event of it, both the same."""
    proof = pair.proof
    wished = [wish for wish in wishes(SCALE.subscribers // 2, SCALE.orders) for _ in pair.hubs]
    crowd = Crowd(subscribers(pair.hubs, wished), proof.random)
    async with crowd, Crowd([], proof.random) as nobody:
        await crowd.all_subscribed(SETTLE_S)
        await proof.run(crowd, nobody)
        verdicts = await proof.verdicts(crowd, wished, within_s=SETTLE_S)
    assert [f"{each.name}: {fault}" for each in verdicts for fault in each.faults] == []
    assert [fault for each in crowd.subscribers for fault in each.faults] == []
    assert sum(each.seen for each in verdicts) > SCALE.changes
    for here, there in zip(crowd.subscribers[::2], crowd.subscribers[1::2], strict=True):
        assert _newest(here) == _newest(there), here.name
    assert await proof.reader.dead_letters() == []
    taken = [await _taken(hub, via="NATS") for hub in pair.hubs]
    assert min(taken) > 0, taken
    # a message that was acknowledged late may count in both; nothing is left out
    assert sum(taken) >= proof.telling.published, taken


def _newest(subscriber: Subscriber) -> dict[tuple[str, str, str], Item]:
    """What it saw last of each record, but for how and when."""
    return {
        item.ref: item._replace(session=0, cursor="", left_out=0)
        for item in subscriber.items
        if item.kind == "event"
    }


async def _taken(hub: HubProcess, *, via: str) -> float:
    """How many records that were told one process has decided on."""
    samples = await hub.measured(hub.token("operator", Role.OPERATOR))
    return sum(
        value
        for name, value in samples.items()
        if name.startswith("opshub_events_total{") and f'via="{via}"' in name
        if 'fate="RETRIED"' not in name
    )


async def test_what_must_be_done_alone_is_done_by_one(pair: Pair) -> None:
    """The leases are the first one's, and the ERP is asked for changes once a second."""
    assert await pair.leases() == dict.fromkeys(LEASES, pair.one)
    asked = pair.proof.world.asked
    asked.clear()
    await asyncio.sleep(3 * POLLED_EVERY_S)
    assert 2 <= asked.count("/erp/returns") <= 4, asked


@pytest.mark.parametrize("by", ["NATS", "webhook"])
async def test_what_one_is_told_the_other_answers_fresh(pair: Pair, by: str) -> None:
    """A record is held for ten minutes, and both answer its change within a second."""
    world, key = pair.proof.world, "O5" if by == "NATS" else "O6"
    before = world.tables["orders"][key]["status"]
    for hub in pair.hubs:
        assert await pair.status(hub, key) == before
    world.asked.clear()
    assert [await pair.status(hub, key) for hub in pair.hubs] == [before, before]
    assert world.asked.count("/erp/orders") == 0  # both hold it
    after = "CONFIRMED" if before != "CONFIRMED" else "ON_HOLD"
    change = world.touch("order", "orders", key, status=after)
    began = time.monotonic()
    await _tell(pair, change, by=by)
    took_s = {hub.folder.name: await _fresh_after_s(pair, hub, key, after, began)
              for hub in pair.hubs}  # fmt: skip
    print(f"\nfresh after {took_s} s, told by {by}")
    assert max(took_s.values()) < 1.0, took_s


async def test_there_and_back_is_no_event_and_yet_answered_fresh(pair: Pair) -> None:
    """What one reads while nobody tells of it is outdated by the old content under a new time."""
    world, key = pair.proof.world, "O9"
    await _tell(pair, world.touch("order", "orders", key, status="CONFIRMED"), by="NATS")
    for hub in pair.hubs:
        await _fresh_after_s(pair, hub, key, "CONFIRMED", time.monotonic())
    world.touch("order", "orders", key, status="ON_HOLD")
    await pair.two.kill()
    await pair.two.start()  # it holds nothing
    assert await pair.status(pair.two, key) == "ON_HOLD"
    began = time.monotonic()
    await _tell(pair, world.touch("order", "orders", key, status="CONFIRMED"), by="NATS")
    took_s = [await _fresh_after_s(pair, hub, key, "CONFIRMED", began) for hub in pair.hubs]
    print(f"\nfresh after {took_s} s")
    assert max(took_s) < 1.0, took_s


async def _tell(pair: Pair, change: Change, *, by: str) -> None:
    saying = Saying(change, f"fresh {change.row['changed']}", is_hint=False, copy=0)
    if by == "NATS":
        await pair.proof.telling.publish_now(saying)
        return
    async with httpx2.AsyncClient() as client:
        answer = await client.post(
            f"{pair.two.url}/in/erp", content=saying.payload(),
            headers={SIGNATURE_HEADER: f"sha256={signature(SECRET, saying.payload())}"},
        )  # fmt: skip
    assert answer.status_code == 202, answer.text


async def _fresh_after_s(pair: Pair, hub: HubProcess, key: str, after: str, began: float) -> float:
    while await pair.status(hub, key) != after:
        assert time.monotonic() - began < SETTLE_S, f"{hub.folder.name} is still not told"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_a_token_revoked_here_closes_sockets_there(pair: Pair) -> None:
    """Within 5 seconds, whoever was told of it; other sockets stay."""
    grant = Grant(subject="leaver", roles=[Role.AGENT], lifetime=TOKEN_LIFETIME)
    settings = Settings(token_key_file=Path(pair.one.env["OPSHUB_TOKEN_KEY_FILE"]))
    issued = issue(settings, grant, datetime.now(UTC))
    stays = pair.two.token("stayer", Role.AGENT)
    sockets = [await _acknowledged(hub, issued.token) for hub in pair.hubs]
    other = await _acknowledged(pair.two, stays)
    began = time.monotonic()
    await _revoke(pair.one, issued.token_id)
    for socket in sockets:
        async with asyncio.timeout(5.0):
            await socket.wait_closed()
        assert socket.close_code == 4403, socket.close_reason
    print(f"\nclosed {time.monotonic() - began:.2f} s after the command began")
    assert other.close_code is None
    await other.close()


async def _acknowledged(hub: HubProcess, token: str) -> ClientConnection:
    socket = await connect(hub.socket_url, subprotocols=[SUBPROTOCOL], proxy=None)
    await say(socket, type="connection_init", payload={"authorization": f"Bearer {token}"})
    assert await socket.recv() == '{"type":"connection_ack"}'
    return socket


async def _revoke(hub: HubProcess, token_id: str) -> None:
    """By the command, in the data directory of one of them."""
    command = [OPSHUB, "token", "revoke", "--jti", token_id, "--reason", "has left",
               "--data-dir", str(hub.folder / "data")]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, env=environment(**hub.env), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def test_the_other_takes_over_from_one_that_is_killed(pair: Pair) -> None:
    """Within 15 s it holds every lease, and what was told meanwhile is told on."""
    world = pair.proof.world
    [wish] = wishes(1, SCALE.orders)
    watcher = subscribers([pair.two], [wish])[0]
    async with Crowd([watcher], pair.proof.random) as crowd:
        await crowd.all_subscribed(SETTLE_S)
        await pair.one.kill()
        began = time.monotonic()
        pair.proof.telling.hub_urls[:] = [pair.two.url]
        key = wish.wanted.order or ""
        change = world.touch("order", "orders", key, status=_another(world, key))
        await _tell(pair, change, by="webhook")
        while await pair.leases() != dict.fromkeys(LEASES, pair.two):
            assert time.monotonic() - began < TAKEN_OVER_WITHIN_S, await pair.leases()
            await asyncio.sleep(0.1)
        leased_s = time.monotonic() - began
        while not any(each.kind == "event" for each in watcher.items):
            assert time.monotonic() - began < TAKEN_OVER_WITHIN_S, watcher.items
            await asyncio.sleep(0.05)
    print(f"\nleases after {leased_s:.1f} s, told after {time.monotonic() - began:.1f} s")
    assert watcher.session == 1  # it never noticed


def _another(world: World, key: str) -> str:
    statuses: Mapping[bool, str] = {True: "CONFIRMED", False: "ON_HOLD"}
    return statuses[world.tables["orders"][key]["status"] != "CONFIRMED"]
