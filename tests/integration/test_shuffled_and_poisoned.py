"""Everything that a foreign company tells, over NATS and by webhook, shuffled, repeated, poisoned.

A whole hub over a real nats-server and a real HTTP system: each entity ends as the company itself
says it is, and the dead letters are the poison. `OPSHUB_PROVE_EVENTS` says how many changes (300
unless told; the proof is 10,000), each told one to three times.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx2
import nats
import pytest
from nats.aio.client import Client

from hub.app import Hub, open_hub
from hub.config.settings import Settings
from hub.config.systems import load_systems
from hub.events import taking
from hub.events.applying import Doubt
from hub.events.candidates import Candidate
from hub.events.connection import NatsAccess
from hub.events.dead_letter_rows import LetterQuery
from hub.events.entity_states import EntityStates, State
from hub.events.streams import CONSUMER_IN, STREAM_IN
from hub.events.told import Fate
from hub.model.record import Record
from hub.model.record_json import content_hash
from hub.model.timeline_transitions import base_key, statuses_of
from hub.model.values import Ref
from hub.security.tokens import TokenRules
from tests.support.nats_faults import MortalNats, mortal_nats
from tests.support.rest_system import running_rest
from tests.support.stores import rows_of
from tests.support.told_company import (
    FILE,
    NOUNS,
    SECRET,
    Company,
    Message,
    company,
    facts_of,
    messages_of,
)

CHANGES = int(os.environ.get("OPSHUB_PROVE_EVENTS", "300"))
SEED = int(os.environ.get("OPSHUB_PROVE_SEED", "20261123"))
SENDERS = 8  # webhooks under way at once
KEYS_AT_ONCE = 100


@dataclass
class Stage:
    company: Company
    hub: Hub
    server: MortalNats

    async def send(self, messages: Sequence[Message]) -> None:
        webhooks = iter([each for each in messages if each.is_webhook])
        published = [each for each in messages if not each.is_webhook]
        transport = httpx2.ASGITransport(app=self.hub.asgi())
        async with (
            httpx2.AsyncClient(transport=transport, base_url="http://hub") as client,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._publish(published))
            for _ in range(SENDERS):
                group.create_task(_post(client, webhooks))

    async def _publish(self, messages: Sequence[Message]) -> None:
        client = await nats.connect(self.server.url)
        try:
            for each in messages:
                await client.jetstream().publish(f"in.{each.system}.changed", each.body)
        finally:
            await client.close()

    async def settled(self) -> None:
        """Until nothing waits: not in NATS, not in the store, and every event has its position."""
        client = await nats.connect(self.server.url)
        try:
            while not await self._is_settled(client):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
        finally:
            await client.close()

    async def _is_settled(self, client: Client) -> bool:
        info = await client.jetstream().consumer_info(STREAM_IN, CONSUMER_IN)
        if info.num_pending or info.num_ack_pending:
            return False
        waiting = "SELECT count(*) FROM inbound"
        unnumbered = "SELECT count(*) FROM event_log WHERE position IS NULL"
        asked = [await rows_of(self.hub.store, each) for each in (waiting, unnumbered)]
        return asked == [[(0,)], [(0,)]]

    async def wrongs(self) -> list[str]:
        """Every way in which the hub differs from what the company says; none where all is well."""
        return [*await self._wrong_states(), *await self._wrong_log(), *await self._wrong_times()]

    async def _wrong_states(self) -> list[str]:
        final = self.company.final()
        wrongs = []
        for system, noun in NOUNS.items():
            keys = [key for name, key in final if name == system]
            states = await self._states(system, noun, keys)
            for key, record in zip(keys, await self._read(system, noun, keys), strict=True):
                state, status = states.get(Ref(noun, system, key)), final[system, key]["state"]
                if state is None or state.content != content_hash(record):
                    wrongs.append(f"{noun} {key} is not what its system says")
                elif state.statuses != statuses_of(record) or state.statuses["status"] != status:
                    wrongs.append(f"{noun} {key} has another status")
        return wrongs

    async def _states(self, system: str, noun: str, keys: Sequence[str]) -> dict[Ref, State]:
        async with self.hub.store.write() as connection:
            refs = [Ref(noun, system, key) for key in keys]
            return await EntityStates(self.hub.store).lock_in(connection, refs)

    async def _read(self, system: str, noun: str, keys: Sequence[str]) -> list[Record]:
        """The records as the system has them now, past all that the hub keeps."""
        source, found = self.hub.connected.by_name[system], list[Record]()
        for start in range(0, len(keys), KEYS_AT_ONCE):
            read = await source.by_key(noun, keys[start : start + KEYS_AT_ONCE])
            assert not isinstance(read, Exception), read
            found += [each for each in read if isinstance(each, Record)]
        return found

    async def _wrong_log(self) -> list[str]:
        rows = await rows_of(self.hub.store, "SELECT position, event_id FROM event_log ORDER BY id")
        wrongs = []
        if [position for position, _ in rows] != list(range(1, len(rows) + 1)):
            wrongs.append("the log has a gap")
        if len({event_id for _, event_id in rows}) != len(rows):
            wrongs.append("the log has an event twice")
        return wrongs

    async def _wrong_times(self) -> list[str]:
        rows = await rows_of(
            self.hub.store,
            "SELECT order_key, sequence, natural_key FROM timeline_entry "
            "ORDER BY order_key, sequence",
        )
        by_order: dict[str, list[tuple[int, str]]] = {}
        for order, sequence, natural in rows:
            by_order.setdefault(order, []).append((sequence, natural))
        wrongs = []
        for order, facts in facts_of(self.company).items():
            found = by_order.get(order, [])
            keys = [natural for _, natural in found]
            if [sequence for sequence, _ in found] != list(range(1, len(found) + 1)):
                wrongs.append(f"the timeline of {order} has a gap")
            wrongs += [f"{key} twice" for key, n in Counter(keys).items() if n > 1]
            missing = facts - {base_key(key) for key in keys}
            wrongs += [f"{order} does not tell {each}" for each in sorted(missing)]
        return wrongs

    async def dead(self) -> Counter[tuple[str, bytes]]:
        page = await self.hub.letters.page(LetterQuery(first=100_000))
        return Counter((each.system, each.payload) for each in page.letters)


async def _post(client: httpx2.AsyncClient, messages: Iterator[Message]) -> None:
    """Send until none is left; what is refused for a while is sent again."""
    for each in messages:
        while True:
            answer = await client.post(
                f"/in/{each.system}", content=each.body, headers=dict(each.headers)
            )
            if answer.status_code == 202:
                break
            assert answer.status_code in (429, 503), answer.text
            await asyncio.sleep(float(answer.headers["retry-after"]) / 10)


@asynccontextmanager
async def staged(folder: Path, made: Company, store_url: str) -> AsyncIterator[Stage]:
    (folder / "systems.yaml").write_text(FILE)
    with mortal_nats() as server:
        async with running_rest(made):
            environ = {"URL": made.url, "SECRET": SECRET}
            systems = load_systems(folder / "systems.yaml", environ=environ)
            settings = Settings(data_dir=folder / "kept", store_url=store_url)
            access = NatsAccess(server.url)
            hub = await open_hub(settings, systems, TokenRules(keys={}), nats=access)
            try:
                assert await hub.start() == []
                yield Stage(made, hub, server)
            finally:
                await hub.close()


@pytest.mark.prove
@pytest.mark.timeout(60 + CHANGES // 10)
async def test_shuffled_repeated_and_poisoned_ends_right(url: str, tmp_path: Path) -> None:
    print(f"seed {SEED}, {CHANGES} changes")
    chance = Random(SEED)
    made = company(CHANGES, chance)
    messages, poison = messages_of(made, chance)
    async with staged(tmp_path, made, url) as stage:
        began = time.perf_counter()
        await stage.send(messages)
        sent_s = time.perf_counter() - began
        await stage.settled()
        took_s = time.perf_counter() - began
        dead, wrongs = await stage.dead(), await stage.wrongs()
        events = await rows_of(stage.hub.store, "SELECT count(*) FROM event_log")
    ways = Counter("webhook" if each.is_webhook else "nats" for each in messages)
    print(
        f"{len(made.changes)} changes, {len(messages)} messages {dict(ways)}, {len(poison)} poison"
    )
    print(f"sent in {sent_s:.1f} s, taken in {took_s:.1f} s, {len(messages) / took_s:.0f}/s")
    print(f"{len(made.final())} entities, {events[0][0]} events, {dead.total()} dead letters")
    assert wrongs == []
    assert dead == Counter((each.system, each.body) for each in poison)


async def test_the_test_sees_a_hub_that_ignores_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known bad: whatever comes last is believed."""

    def by_arrival(told: Candidate, state: State | None) -> Fate | Doubt:
        is_same = state is not None and state.content == told.content
        return Fate.UNCHANGED if is_same else Fate.APPLIED

    monkeypatch.setattr(taking, "by_version", by_arrival)
    chance = Random(SEED)
    made = company(60, chance)
    messages, _ = messages_of(made, chance)
    async with staged(tmp_path, made, f"sqlite:///{tmp_path}/hub.sqlite") as stage:
        await stage.send(messages)
        await stage.settled()
        wrongs = await stage.wrongs()
    assert any("is not what its system says" in each for each in wrongs), wrongs
