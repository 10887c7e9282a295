"""The event log on a real SQLite and a real PostgreSQL: one order, no gap, nothing twice."""

import asyncio
from datetime import timedelta

import pytest

from hub.events.event import Event
from hub.events.log import KEPT_FOR, EventLog
from hub.store.engine import Store
from tests.support.events import numbered_event
from tests.support.stores import Watch, opened_store


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def log(store: Store, watch: Watch) -> EventLog:
    return EventLog(store, watch.now)


async def append(store: Store, log: EventLog, *events: Event) -> None:
    async with store.write() as connection:
        await log.append_in(connection, events)


async def positions(log: EventLog) -> list[int | None]:
    return [event.position for event in await log.after(0, limit=10_000)]


async def test_events_come_back_in_the_order_they_were_written(store: Store, log: EventLog) -> None:
    await append(store, log, *(numbered_event(n) for n in range(5)))
    assert await log.after(0, limit=10) == []  # without a position nobody sees them
    assert await log.assign(3) == 3
    assert await log.assign(3) == 2
    assert await log.assign(3) == 0
    found = await log.after(1, limit=3)
    assert [(e.position, e.id) for e in found] == [(2, "event-1"), (3, "event-2"), (4, "event-3")]
    assert (await log.head()).last_position == 5


async def test_an_event_that_is_there_is_written_once(store: Store, log: EventLog) -> None:
    await append(store, log, numbered_event(1), numbered_event(2))
    await append(store, log, numbered_event(2), numbered_event(3))
    assert await log.assign(10) == 3
    assert [e.id for e in await log.after(0, limit=10)] == ["event-1", "event-2", "event-3"]


async def test_more_than_a_statement_holds(store: Store, log: EventLog) -> None:
    await append(store, log, *(numbered_event(n) for n in range(1_201)))
    assert await log.assign(5_000) == 1_201
    assert await positions(log) == list(range(1, 1_202))


async def test_only_the_nouns_that_are_asked(store: Store, log: EventLog) -> None:
    await append(store, log, numbered_event(1))
    await log.assign(10)
    assert await log.after(0, limit=10, nouns=("case", "order")) == []
    assert len(await log.after(0, limit=10, nouns=("shipment",))) == 1


async def test_many_that_number_at_once_leave_no_gap(url: str, watch: Watch) -> None:
    """Four connections write and number at the same time; two logs share the database."""
    async with opened_store(url) as one, opened_store(url, process="two") as two:
        logs = [EventLog(store, watch.now) for store in (one, two)]

        async def work(lane: int) -> int:
            store, log = ((one, logs[0]), (two, logs[1]))[lane % 2]
            given = 0
            for n in range(15):
                await append(store, log, numbered_event(lane * 1_000 + n))
                given += await log.assign(4)
            return given

        given = sum(await asyncio.gather(*(work(lane) for lane in range(4))))
        while more := await logs[0].assign(100):
            given += more
        assert given == 60
        assert await positions(logs[1]) == list(range(1, 61))
        lanes: dict[int, list[int]] = {}
        for event in await logs[0].after(0, limit=100):
            lanes.setdefault(event.version // 1_000, []).append(event.version % 1_000)
        assert lanes == {lane: list(range(15)) for lane in range(4)}


async def test_an_epoch_is_made_once_and_kept(url: str, watch: Watch) -> None:
    async with opened_store(url) as one, opened_store(url, process="two") as two:
        heads = await asyncio.gather(*(EventLog(s, watch.now).head() for s in (one, two)))
        assert heads[0] == heads[1]
        assert len(heads[0].epoch) == 16
        await EventLog(one, watch.now).assign(1)
        assert (await EventLog(two, watch.now).head()).epoch == heads[0].epoch


async def test_what_was_not_told_yet(store: Store, log: EventLog) -> None:
    await append(store, log, *(numbered_event(n) for n in range(4)))
    assert await log.unpublished(10) == []
    await log.assign(4)
    assert [row.position for row in await log.unpublished(3)] == [1, 2, 3]
    await log.mark_published([1, 3])
    assert [row.event_id for row in await log.unpublished(10)] == ["event-1", "event-3"]
    assert [row.position for row in await log.unpublished(10, after=2)] == [4]
    assert await log.waiting() == 2


async def test_old_events_are_forgotten_without_a_gap(
    store: Store, log: EventLog, watch: Watch
) -> None:
    """The third is old by its time, but stands behind a younger one: it stays."""
    old = watch.at - KEPT_FOR - timedelta(hours=1)
    younger = numbered_event(2, at=watch.at - timedelta(days=6))
    await append(store, log, numbered_event(0, at=old), numbered_event(1, at=old), younger)
    await append(store, log, numbered_event(3, at=old), numbered_event(4))
    assert await log.oldest() == 1
    await log.assign(10)
    assert await log.prune() == 2
    assert await positions(log) == [3, 4, 5]
    assert await log.oldest() == 3
    watch.at += timedelta(days=30)
    assert await log.prune() == 3
    assert await log.oldest() == 6
    await append(store, log, numbered_event(5, at=watch.at))
    await log.assign(10)
    assert await positions(log) == [6]
