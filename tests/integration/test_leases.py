"""Leases on real databases: one holder at a time, taken over after its end, fences that grow."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from hub.model.errors import StoreUnavailable
from hub.store.engine import Store
from hub.store.leases import Leases, while_leased
from hub.store.migrate import open_store
from tests.support.stores import rows_of, run_sql

SHORT_S = 0.4
PATIENCE_S = 5.0


@pytest_asyncio.fixture
async def other(url: str, store: Store) -> AsyncIterator[Store]:
    """The same database, opened by another process."""
    opened = await open_store(url, process="two")
    try:
        yield opened
    finally:
        await opened.close()


class Working:
    """Work that runs for ever and counts how often it began and how many run at once."""

    def __init__(self) -> None:
        self.begun = 0
        self.running = 0
        self.together = 0

    async def run(self) -> None:
        self.begun += 1
        self.running += 1
        self.together = max(self.together, self.running)
        try:
            await asyncio.Event().wait()
        finally:
            self.running -= 1


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - a condition of a database has no event
            await asyncio.sleep(0.01)


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait({task})


async def test_a_lease_has_one_holder_who_keeps_the_fence(store: Store, other: Store) -> None:
    mine, theirs = Leases(store, holder="a"), Leases(other, holder="b")
    assert await mine.acquire("events") == 1
    assert await theirs.acquire("events") is None
    assert await mine.acquire("events") == 1
    assert await theirs.acquire("inbound") == 1
    assert await rows_of(store, "SELECT name, holder, fence FROM lease ORDER BY name") == [
        ("events", "a", 1),
        ("inbound", "b", 1),
    ]


async def test_a_released_lease_is_taken_at_once_with_a_larger_fence(
    store: Store, other: Store
) -> None:
    mine, theirs = Leases(store, holder="a"), Leases(other, holder="b")
    assert await mine.acquire("events") == 1
    await theirs.release("events")  # not theirs: nothing happens
    assert await theirs.acquire("events") is None
    await mine.release("events")
    assert await theirs.acquire("events") == 2
    assert await mine.acquire("events") is None
    await theirs.release("events")
    assert await theirs.acquire("events") == 3


async def test_a_lease_that_was_not_renewed_is_taken_over(store: Store, other: Store) -> None:
    mine = Leases(store, holder="a", lease_s=SHORT_S)
    theirs = Leases(other, holder="b", lease_s=SHORT_S)
    assert await mine.acquire("events") == 1
    await asyncio.sleep(SHORT_S / 2)
    assert await mine.acquire("events") == 1
    await asyncio.sleep(SHORT_S * 0.75)
    assert await theirs.acquire("events") is None  # renewed in between
    await asyncio.sleep(SHORT_S / 2)
    assert await theirs.acquire("events") == 2
    assert await mine.acquire("events") is None


async def test_of_many_at_once_one_gets_it(store: Store, other: Store) -> None:
    each = [Leases((store, other)[n % 2], holder=f"h{n}") for n in range(12)]
    fences = await asyncio.gather(*(leases.acquire("events") for leases in each))
    assert sorted(fence for fence in fences if fence is not None) == [1]


async def test_the_work_of_a_holder_that_ends_goes_on_at_the_other(
    store: Store, other: Store
) -> None:
    working = Working()
    first = asyncio.create_task(
        while_leased(Leases(store, holder="a", lease_s=SHORT_S), "events", working.run)
    )
    await until(lambda: working.begun == 1)
    second = asyncio.create_task(
        while_leased(Leases(other, holder="b", lease_s=SHORT_S), "events", working.run)
    )
    try:
        await asyncio.sleep(SHORT_S * 2)
        assert (working.begun, working.running) == (1, 1)
        await ended(first)
        await until(lambda: working.begun == 2)
        assert working.together == 1
        assert await rows_of(store, "SELECT holder, fence FROM lease") == [("b", 2)]
    finally:
        await ended(first)
        await ended(second)
    assert working.running == 0
    assert await rows_of(store, "SELECT holder, fence FROM lease") == [("", 2)]


async def test_work_ends_when_the_lease_was_lost(store: Store) -> None:
    working = Working()
    task = asyncio.create_task(
        while_leased(Leases(store, holder="a", lease_s=SHORT_S), "events", working.run)
    )
    try:
        await until(lambda: working.running == 1)
        await run_sql(store, "UPDATE lease SET holder = 'b', until = '2999-01-01 00:00:00'")
        await until(lambda: working.running == 0)
        assert working.begun == 1
    finally:
        await ended(task)
    assert await rows_of(store, "SELECT holder FROM lease") == [("b",)]


async def test_a_database_that_is_away_ends_work_in_time_and_is_told_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    working, leases = Working(), Leases(store, holder="a", lease_s=SHORT_S)
    reached = leases.acquire

    async def away(name: str) -> int | None:
        raise StoreUnavailable("gone")

    with caplog.at_level(logging.WARNING, "hub.store.leases"):
        task = asyncio.create_task(while_leased(leases, "events", working.run))
        try:
            await until(lambda: working.running == 1)
            monkeypatch.setattr(leases, "acquire", away)
            await asyncio.sleep(SHORT_S / 4)
            assert working.running == 1  # one missed renewal is not the end
            await until(lambda: working.running == 0)
            await asyncio.sleep(SHORT_S)
            assert [record.message for record in caplog.records] == [
                "lease events waits for the database: gone"
            ]
            monkeypatch.setattr(leases, "acquire", reached)
            await until(lambda: working.running == 1)
        finally:
            await ended(task)


async def test_a_database_that_hangs_ends_work_in_time(store: Store, other: Store) -> None:
    """Somebody holds the row: a renewal waits, and is given up before another may begin."""
    working = Working()
    task = asyncio.create_task(
        while_leased(Leases(store, holder="a", lease_s=SHORT_S), "events", working.run)
    )
    try:
        await until(lambda: working.running == 1)
        async with other.write() as connection:
            await connection.exec_driver_sql("UPDATE lease SET fence = fence")
            held_at = time.monotonic()
            await until(lambda: working.running == 0)
            assert time.monotonic() - held_at < SHORT_S * 1.5
        await until(lambda: working.running == 1)
        assert working.together == 1
    finally:
        await ended(task)


async def test_a_defect_of_the_work_is_told_and_the_lease_given_back(store: Store) -> None:
    async def fail() -> None:
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        await while_leased(Leases(store, holder="a"), "events", fail)
    assert await rows_of(store, "SELECT holder FROM lease") == [("",)]


async def test_work_that_lost_its_database_begins_again(store: Store) -> None:
    begun: list[int] = []

    async def work() -> None:
        begun.append(1)
        if len(begun) == 1:
            raise StoreUnavailable("for a moment")
        await asyncio.Event().wait()

    leases = Leases(store, holder="a", lease_s=SHORT_S)
    task = asyncio.create_task(while_leased(leases, "events", work))
    try:
        await until(lambda: len(begun) == 2)
    finally:
        await ended(task)


async def test_the_next_life_on_a_seat_goes_on_at_once(store: Store, other: Store) -> None:
    """Exactly what that seat held is given up, whoever else's name looks like it."""
    seats = ("host:1:a_", "host:1:a_#", "host:1:ab", "host:1:a")
    lives = [Leases(store, holder="unused") for _ in seats]
    for seat, life in zip(seats, lives, strict=True):
        assert await life.inherit(seat) == 0
    plain = Leases(store, holder="host:1:a_")
    for number, life in enumerate([*lives, plain]):
        assert await life.acquire(f"work {number}") == 1

    next_life = Leases(other, holder="unused")
    assert await next_life.inherit("host:1:a_") == 1
    assert await next_life.acquire("work 0") == 2
    assert await lives[0].acquire("work 0") is None, "the life before has lost it"
    for number in (1, 2, 3, 4):
        assert await next_life.acquire(f"work {number}") is None
    assert await lives[1].acquire("work 1") == 1
