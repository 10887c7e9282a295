"""Events of many records, shuffled and repeated: every record ends as if they came in order.

`OPSHUB_PROVE_EVENTS` says how many changes (600 unless told; the proof is 10,000), each told one
to three times under new message ids.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import select

from hub.events import taking
from hub.events.applying import Doubt
from hub.events.candidates import Candidate
from hub.events.entity_states import State
from hub.events.envelope import decode
from hub.events.event import Event
from hub.events.told import Fate, Told
from hub.model.case import Case
from hub.model.order import LineStatus, Order, OrderStatus
from hub.model.record import Record
from hub.model.record_json import content_hash
from hub.model.shipment import Shipment
from hub.model.timeline_transitions import base_key, statuses_of
from hub.model.values import Ref
from hub.store.engine import Store
from hub.store.migrate import open_store
from hub.store.tables import event_log
from tests.support.stores import rows_of
from tests.support.taking import Intake, Systems
from tests.support.told_histories import BATCH, Histories, histories, told_of

CHANGES = int(os.environ.get("OPSHUB_PROVE_EVENTS", "600"))
SEED = int(os.environ.get("OPSHUB_PROVE_SEED", "20261121"))


async def take_all(store: Store, made: Histories, told: Sequence[Told]) -> Intake:
    intake = _intake(store, made)
    began = time.perf_counter()
    fates = await _take(intake, [told[n : n + BATCH] for n in range(0, len(told), BATCH)])
    _tell_pace(store, len(told), time.perf_counter() - began, fates)
    return intake


def _intake(store: Store, made: Histories) -> Intake:
    return Intake(store, systems=Systems(orders=made.orders, shipments=made.shipments))


async def _take(intake: Intake, batches: Sequence[Sequence[Told]]) -> Counter[str]:
    """How many met which fate; nothing may have failed."""
    taken = [one for batch in batches for one in await intake.taking.take(batch)]
    assert [one for one in taken if not isinstance(one, Fate)] == []
    return Counter(one.value for one in taken if isinstance(one, Fate))


def _tell_pace(store: Store, told: int, took_s: float, fates: Counter[str]) -> None:
    backend = "sqlite" if store.is_sqlite else "postgresql"
    print(f"{backend}: {told} told in {took_s:.2f} s, {told / took_s:.0f}/s, {dict(fates)}")


async def wrongs_of(intake: Intake, made: Histories) -> list[str]:
    """Every way in which what is believed differs from what happened; none where all is well."""
    return [
        *await _wrong_states(intake, made.final()),
        *_wrong_events(events := await _logged(intake.store), made),
        *await _wrong_timelines(intake, made, events),
    ]


async def _wrong_states(intake: Intake, final: dict[Ref, Record]) -> list[str]:
    children = {
        child.ref: child
        for record in final.values()
        for field in ("lines", "milestones", "messages")
        for child in getattr(record, field, None) or ()
    }
    states = intake.states
    async with intake.store.write() as connection:
        found = await states.lock_in(connection, [*final, *children])
    return [
        f"{ref} is not what it was last"
        for ref, record in (final | children).items()
        if ref not in found
        or found[ref].content != content_hash(record)
        or dict(found[ref].statuses) != statuses_of(record)
    ]


async def _logged(store: Store) -> list[Event]:
    """Every event of the log, in the order in which it was written."""
    async with store.read() as connection:
        rows = await connection.execute(select(event_log).order_by(event_log.c.id))
        return [decode(row.envelope, row.position) for row in rows]


def _wrong_events(events: Sequence[Event], made: Histories) -> list[str]:
    wrongs: list[str] = []
    last: dict[tuple[str, Ref], int] = {}  # entries are numbered apart from their order
    told = [event for event in events if event.noun != "timeline"]
    for event in events:
        if event.version < last.get((event.noun, event.ref), -1):
            wrongs.append(f"{event.noun} of {event.ref} goes back to {event.version}")
        last[event.noun, event.ref] = event.version
    wrongs += [f"event {id} twice" for id, n in Counter(e.id for e in told).items() if n > 1]
    contents = {(e.ref, e.record and content_hash(e.record), e.version) for e in told}
    if len(contents) != len(told):
        wrongs.append("a change has two events")
    ended = {event.ref: event.record for event in told}
    wrongs += [
        f"the last event of {ref} is not its last record"
        for ref, record in made.final().items()
        if ended.get(ref) != record
    ]
    return wrongs


async def _wrong_timelines(intake: Intake, made: Histories, events: Sequence[Event]) -> list[str]:
    wrongs: list[str] = []
    expected: dict[Ref, set[str]] = {}
    for record in made.changes:
        order = record.ref if isinstance(record, Order) else getattr(record, "order", None)
        assert order is not None
        expected.setdefault(order, set()).update(_facts_of(record))
    found = await intake.timeline.entries_by_order(list(made.orders))
    for ref, entries in zip(made.orders, found, strict=True):
        keys = [entry.natural_key for entry in entries]
        if [entry.sequence for entry in entries] != list(range(1, len(entries) + 1)):
            wrongs.append(f"{ref} has a gap")
        if len(set(keys)) != len(keys):
            wrongs.append(f"{ref} tells a fact twice")
        if missing := expected[ref] - {base_key(key) for key in keys}:
            wrongs.append(f"{ref} does not tell {sorted(missing)}")
    recorded = {(event.ref, event.entry.natural_key) for event in events if event.entry is not None}
    if recorded != {(e.order, e.natural_key) for entries in found for e in entries}:
        wrongs.append("timeline events are not the timeline")
    return wrongs


def _facts_of(record: Record) -> Iterator[str]:
    """What is told whatever was told before: moments, states that were reached, scans."""
    native = f"{record.ref.system}:{record.ref.noun}:{record.ref.key}"
    if isinstance(record, Order):
        yield f"{native}:order.placed"
        if record.status is OrderStatus.ON_HOLD:
            yield f"{native}:order.held"
        for line in record.lines or ():
            if line.status in (LineStatus.ALLOCATED, LineStatus.PICKED, LineStatus.PACKED):
                step = line.status.value.lower()
                yield f"erp:order_line:{line.ref.key}:order_line.{step}"
    elif isinstance(record, Shipment):
        yield f"{native}:shipment.created"
        for scan in record.milestones or ():
            yield f"{native}:shipment.{scan.code.value.lower() if scan.code else None}"
    elif isinstance(record, Case):
        yield f"{native}:case.opened"
        for message in record.messages or ():
            yield f"crm:message:{message.ref.key}:case.message"


@pytest.mark.prove
@pytest.mark.timeout(60 + CHANGES // 20)
async def test_any_order_ends_as_the_right_one(store: Store) -> None:
    print(f"seed {SEED}, {CHANGES} changes")
    random_ = random.Random(SEED)
    made = histories(CHANGES, random_)
    told = told_of(made, random_)
    intake = await take_all(store, made, told)
    assert await wrongs_of(intake, made) == []
    [(rows, ids)] = await rows_of(store, "SELECT count(*), count(DISTINCT event_id) FROM event_log")
    assert rows == ids == len(intake.events)
    assert intake.systems.read_refs == []


@pytest.mark.prove
@pytest.mark.timeout(60 + CHANGES // 20)
async def test_in_order_each_change_is_one_event(store: Store) -> None:
    random_ = random.Random(SEED + 1)
    made = histories(CHANGES, random_)
    order = {id(record): place for place, record in enumerate(made.changes)}
    told = sorted(told_of(made, random_), key=lambda one: order[id(one.record)])
    intake = await take_all(store, made, told)
    assert await wrongs_of(intake, made) == []
    changes = [e for e in intake.events if e.noun in ("order", "shipment", "case")]
    assert [event.record for event in changes] == made.changes


@pytest.mark.prove
@pytest.mark.timeout(60 + CHANGES // 20)
async def test_two_processes_end_as_one(url: str, store: Store) -> None:
    """Both take parts of the same, each at its own pace, the same records at once."""
    print(f"seed {SEED + 2}, {CHANGES} changes")
    random_ = random.Random(SEED + 2)
    made = histories(CHANGES, random_)
    told = told_of(made, random_)
    batches = [told[n : n + BATCH] for n in range(0, len(told), BATCH)]
    second = await open_store(url, process="two")
    began = time.perf_counter()
    try:
        both = [_intake(each, made) for each in (store, second)]
        fates = await asyncio.gather(_take(both[0], batches[::2]), _take(both[1], batches[1::2]))
    finally:
        await second.close()
    _tell_pace(store, len(told), time.perf_counter() - began, fates[0] + fates[1])
    assert await wrongs_of(both[0], made) == []


async def test_the_checker_sees_a_hub_that_ignores_versions(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known bad: whatever comes last is believed."""

    def by_arrival(told: Candidate, state: State | None) -> Fate | Doubt:
        if state is not None and state.content == told.content:
            return Fate.UNCHANGED
        return Fate.APPLIED

    monkeypatch.setattr(taking, "by_version", by_arrival)
    random_ = random.Random(SEED)
    made = histories(120, random_)
    wrongs = await wrongs_of(await take_all(store, made, told_of(made, random_)), made)
    assert any("is not what it was last" in each for each in wrongs)
    assert any("is not its last record" in each for each in wrongs)
