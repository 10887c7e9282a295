"""What breaks under live subscriptions: NATS away or killed, the hub killed or asked to end."""

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from random import Random

import nats
import pytest
from nats.aio.client import Client
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from hub.events.partners import inbox_prefix
from hub.events.streams import ACK_WAIT_S
from hub.security.principal import Role
from tests.e2e.hub_process import environment, is_alive, opshub
from tests.e2e.live_faults import (
    SECRET,
    Stage,
    events,
    hears,
    kill,
    order_id,
    orders_heard,
    staged,
    until,
)
from tests.e2e.live_stage import NatsProcess, free_port, key_file
from tests.e2e.live_telling import Saying, Telling
from tests.e2e.live_world import QUEUES, systems_text
from tests.support.subscribers import SUBPROTOCOL, Crowd, Subscriber, document_of, say

pytestmark = pytest.mark.timeout(60)

START_MAX_S = 5.0
LATE_MAX_S = 3.0  # without NATS the log is looked at every second
LIVE_AGAIN_MAX_S = 10.0
RESTART_MAX_S = 2.0
END_MAX_S = 10.0
TOGETHER = 60  # sockets that knock at once


async def test_a_hub_that_starts_without_nats_joins_it_later(tmp_path: Path) -> None:
    server = NatsProcess(tmp_path)
    async with staged(tmp_path, OPSHUB_NATS_URL=server.url) as stage:
        await stage.hub.start()
        print(f"started in {stage.started_in_s():.2f} s of {stage.hub.started_in_s}")
        assert stage.started_in_s() < START_MAX_S
        document = f'{{ order(id: "{order_id(3)}") {{ status }} }}'
        asked = await stage.hub.ask(document, stage.agent)
        assert asked == {"order": {"status": "OPEN"}}
        async with stage.followed() as reader:
            await until(lambda: reader.states, 3, what="a sign of life")
            assert set(reader.states) == {"DEGRADED"}
            for number in range(5):
                await stage.post(stage.step(number))
            await hears(reader, set(range(5)), LATE_MAX_S)
            part = await stage.readiness()
            assert part["ok"] is False
            assert part["message"] == (
                "NATS is away (nobody listens there): pushes come late; "
                "10 events wait to be told over NATS"  # each order, and its timeline
            )
            await server.start()
            await until(lambda: reader.states["LIVE"], LIVE_AGAIN_MAX_S, what="LIVE")
            await stage.post(stage.step(5))
            await hears(reader, {5}, LATE_MAX_S)
            await _nothing_waits(stage)
        assert reader.session == 1
        assert len(events(reader)) == 6
        await stage.hub.stop()
    await server.stop()


async def _nothing_waits(stage: Stage) -> None:
    told = "NATS is connected, its JetStream answers; 0 events wait to be told over NATS"
    part = await stage.readiness()
    for _ in range(20):
        if part["message"] == told:
            break
        await asyncio.sleep(0.1)
        part = await stage.readiness()
    assert (part["ok"], part["message"]) == (True, told)


async def test_nothing_is_missing_when_nats_is_killed_under_a_subscription(tmp_path: Path) -> None:
    server = NatsProcess(tmp_path)
    await server.start()
    async with staged(tmp_path, OPSHUB_NATS_URL=server.url) as stage:
        await stage.hub.start()
        telling = Telling(server.url, [stage.hub.url], SECRET, Random(1))
        async with stage.followed() as reader, telling:
            for number in range(20):
                change = stage.step(number)
                if number % 2:
                    await stage.post(change)
                else:
                    await telling.say(stage.saying(change))
                if number == 6:
                    await server.kill()
                if number == 13:
                    await server.start()
                await asyncio.sleep(0.05)
            await telling.all_told(10)
            # what was on its way to the hub is sent again once its answer is overdue
            await hears(reader, set(range(20)), ACK_WAIT_S + LATE_MAX_S)
        assert reader.session == 1
        assert len(events(reader)) == 20
        await stage.hub.stop()
    await server.stop()


async def test_the_embedded_server_is_started_again_where_it_was(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.hub.start()
        client = await _partner(stage, "erp")
        async with stage.followed() as reader:
            told = 0
            for _ in range(2):
                killed = stage.nats_server()
                assert killed is not None
                kill(killed)
                await stage.post(stage.step(told))
                is_another = partial(stage.has_another_nats_server, killed)
                took = await until(is_another, RESTART_MAX_S, what="another nats-server")
                print(f"another nats-server after {took:.2f} s")
                await _tell(client, stage.saying(stage.step(told + 1)))
                told += 2
                await hears(reader, set(range(told)), LATE_MAX_S)
            await until(lambda: reader.states["LIVE"], LIVE_AGAIN_MAX_S, what="LIVE")
        assert reader.session == 1
        assert len(events(reader)) == 4
        assert stage.said("nats-server ended") == 1
        await client.close()
        below = stage.below()
        assert await stage.hub.stop() == 0
        assert is_alive(below) == []


async def test_a_killed_hub_goes_on_at_once_and_has_what_it_accepted(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.hub.start()
        async with stage.followed() as reader:
            await stage.post(stage.step(0))
            await hears(reader, {0}, LATE_MAX_S)
            await asyncio.gather(*(stage.post(stage.step(n)) for n in range(1, 16)))
            below = stage.below()
            await stage.hub.kill()
            await until(lambda: not is_alive(below), 5, what="its processes are gone")
            await stage.hub.start()
            took = await hears(reader, set(range(16)), LATE_MAX_S)
            print(f"up after {stage.hub.started_in_s[1]:.2f} s, all heard {took:.2f} s later")
        assert reader.session == 2
        assert reader.codes == {}
        assert len({each.event_id for each in events(reader)}) == 16


async def test_sigterm_sends_sockets_away_with_a_hint(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.hub.start()
        token = stage.hub.token("reader", Role.AGENT)
        opening = connect(stage.hub.socket_url, subprotocols=[SUBPROTOCOL], proxy=None)
        async with opening as socket:
            await say(socket, type="connection_init", payload={"authorization": f"Bearer {token}"})
            await socket.recv()
            one = stage.follower()
            payload = {"query": one.document, "variables": dict(one.variables)}
            await say(socket, id="1", type="subscribe", payload=payload)
            await socket.recv()
            below, began = stage.below(), time.monotonic()
            ending = asyncio.create_task(stage.hub.stop())
            with pytest.raises(ConnectionClosed) as closed:
                async with asyncio.timeout(END_MAX_S):
                    while True:
                        await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
            assert "resume by your cursor" in closed.value.rcvd.reason
            assert await ending == 0
            assert time.monotonic() - began < END_MAX_S
        assert is_alive(below) == []
        assert stage.said("Traceback") == 0


async def test_few_files_refuse_new_sockets_and_nothing_else(tmp_path: Path) -> None:
    """More sockets than it may open files; those it has go on, and it can be asked how it does."""
    async with staged(tmp_path, files_max=256) as stage:
        await stage.hub.start()
        async with stage.followed() as reader:
            statuses = await _crowd_at_the_door(stage, 300)
            assert set(statuses) == {"open", "503"}, statuses
            assert statuses["open"] >= 100
            assert stage.said('"ERROR"') == 0
            await stage.post(stage.step(0))
            await hears(reader, {0}, LATE_MAX_S)
            assert reader.session == 1


async def _crowd_at_the_door(stage: Stage, count: int) -> Counter[str]:
    """How so many handshakes were answered; whoever got in stays until the block ends."""
    answers: Counter[str] = Counter()
    async with AsyncExitStack() as inside:
        for start in range(0, count, TOGETHER):
            some = [
                _knock(stage, inside, answers) for _ in range(start, min(start + TOGETHER, count))
            ]
            await asyncio.gather(*some)
        response = await stage.http.get(f"{stage.hub.url}/livez")
        assert response.status_code == 200
    return answers


async def _knock(stage: Stage, inside: AsyncExitStack, answers: Counter[str]) -> None:
    try:
        opening = connect(stage.hub.socket_url, subprotocols=[SUBPROTOCOL], proxy=None)
        await inside.enter_async_context(opening)
        answers["open"] += 1
    except InvalidStatus as refused:
        answers[str(refused.response.status_code)] += 1
    except (OSError, InvalidHandshake, TimeoutError) as error:
        answers[type(error).__name__] += 1


def test_production_wants_to_be_known_to_nats(tmp_path: Path) -> None:
    env = environment(
        OPSHUB_PROFILE="production",
        OPSHUB_TOKEN_KEY_FILE=str(key_file(tmp_path)),
        OPSHUB_STORE_URL=f"sqlite:///{tmp_path}/store.sqlite3",
        OPSHUB_NATS_URL=f"nats://127.0.0.1:{free_port()}",
    )
    refused = opshub("up", "--demo", "--port", "0", cwd=tmp_path, env=env)
    assert refused.returncode == 1
    assert "production does not start with a NATS where anybody may read" in refused.stderr
    assert "OPSHUB_NATS_ANONYMOUS=true" in refused.stderr


async def test_a_system_that_is_added_while_the_hub_runs_is_heard(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        whole = systems_text(stage.world.url, polled=True)
        stage.hub.systems.write_text(systems_text(stage.world.url, polled=False).split("  crm:")[0])
        await stage.hub.start()
        assert sorted(stage.ready()["nats_partner_urls"]) == ["erp", "wms"]
        client = await _partner(stage, "erp")
        returns = _follower(stage, "returnStatusChanged")
        async with stage.followed() as reader, Crowd([returns], Random(2)) as crowd:
            await crowd.all_subscribed(10)
            stage.hub.systems.write_text(whole)
            await until(lambda: stage.said("the change is applied"), 10, what="the new file")
            await until(
                lambda: "crm" in stage.ready()["nats_partner_urls"], 2, what="a new partner"
            )
            cases = _follower(stage, "caseUpdated", queue=QUEUES[0])
            async with Crowd([cases], Random(3)) as others:
                await others.all_subscribed(10)
                told = stage.world.touch("case", "cases", "K0", status="OPEN")
                partner = await _partner(stage, "crm")
                await _tell(partner, Saying(told, "c1", is_hint=False, copy=0))
                await partner.close()
                await until(lambda: events(cases), LATE_MAX_S, what="the case")
            stage.world.touch("return", "returns", "R0", status="PENDING_REVIEW")  # told to nobody
            await until(lambda: events(returns), 2 * LATE_MAX_S, what="the polled return")
            await _tell(client, stage.saying(stage.step(0)))
            await hears(reader, {0}, LATE_MAX_S)
        assert (reader.session, returns.session, orders_heard(reader)) == (1, 1, {0})
        assert client.stats["reconnects"] == 0
        await client.close()


def _follower(stage: Stage, feed: str, **words: str) -> Subscriber:
    token = stage.hub.token(feed, Role.AGENT)
    document = document_of(feed, dict.fromkeys(words, "String"))
    return Subscriber(feed, stage.hub.socket_url, token, document, words)


async def _partner(stage: Stage, system: str) -> Client:
    url = stage.ready()["nats_partner_urls"][system]
    return await nats.connect(
        url, inbox_prefix=inbox_prefix(system), max_reconnect_attempts=-1, reconnect_time_wait=0.1,
        connect_timeout=2, error_cb=_expected,
    )  # fmt: skip


async def _expected(_: Exception) -> None:
    """A server that is killed on purpose is no news."""


async def _tell(client: Client, saying: Saying) -> None:
    """Over NATS, until it is stored."""
    stream = client.jetstream(timeout=1)
    async with asyncio.timeout(LIVE_AGAIN_MAX_S):
        while True:
            try:
                await stream.publish(saying.subject, saying.payload())
                return
            except (nats.errors.Error, TimeoutError, OSError):
                await asyncio.sleep(0.1)
