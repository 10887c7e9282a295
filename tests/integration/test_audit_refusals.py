"""Counted refusals on real databases: added up over processes, bounded, never lost by an outage."""

import asyncio
from datetime import timedelta

import pytest

from hub.model.errors import StoreUnavailable
from hub.store import refusals as module
from hub.store.engine import Store, connect
from hub.store.refusals import (
    EVERYONE_ELSE,
    Refusal,
    RefusalQuery,
    Refusals,
    read_refusals,
    refusals_total,
)
from tests.support.stores import NOON, Watch

MINUTE = timedelta(minutes=1)
ALL = RefusalQuery(first=1_000)


async def test_counts_add_up_by_principal_code_and_minute(store: Store) -> None:
    watch = Watch()
    here, there = Refusals(store, now=watch.now), Refusals(store, now=watch.now)
    for at in (NOON + timedelta(seconds=59), NOON):
        watch.at = at
        here.count("anna", "FORBIDDEN")
        there.count("anna", "FORBIDDEN", times=3)
        there.count("anonymous", "TOKEN_EXPIRED")
    watch.at = NOON + MINUTE
    here.count("anna", "FORBIDDEN")
    assert await read_refusals(store, ALL) == []
    await asyncio.gather(here.flush(), there.flush())
    await asyncio.gather(here.flush(), there.flush())
    assert await read_refusals(store, ALL) == [
        Refusal(NOON + MINUTE, "anna", "FORBIDDEN", 1),
        Refusal(NOON, "anna", "FORBIDDEN", 8),
        Refusal(NOON, "anonymous", "TOKEN_EXPIRED", 2),
    ]
    assert await refusals_total(store) == 11


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (RefusalQuery(first=1), [(1, "b")]),
        (RefusalQuery(first=9, principal="a"), [(0, "a")]),
        (RefusalQuery(first=9, code="X"), [(1, "b"), (0, "a"), (0, "b")]),
        (RefusalQuery(first=9, code="Y"), []),
        (RefusalQuery(first=9, since=NOON + MINUTE), [(1, "b")]),
        (RefusalQuery(first=9, until=NOON + MINUTE), [(0, "a"), (0, "b")]),
        (RefusalQuery(first=9, until=NOON), []),
    ],
)
async def test_counts_are_filtered(
    store: Store, query: RefusalQuery, found: list[tuple[int, str]]
) -> None:
    watch = Watch()
    refusals = Refusals(store, now=watch.now)
    refusals.count("a", "X")
    refusals.count("b", "X")
    watch.at = NOON + MINUTE
    refusals.count("b", "X")
    await refusals.flush()
    rows = await read_refusals(store, query)
    assert [((row.minute - NOON) // MINUTE, row.principal) for row in rows] == found


async def test_what_waits_in_memory_is_bounded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PENDING_MAX", 10)
    monkeypatch.setattr(module, "ROWS_MAX", 4)
    refusals = Refusals(store, now=Watch().now)
    for number in range(1_000):
        refusals.count(f"caller {number:04}", "FORBIDDEN")
    refusals.count("caller 0003", "FORBIDDEN")
    assert len(refusals._pending) == 11
    await refusals.flush()
    rows = {row.principal: row.count for row in await read_refusals(store, ALL)}
    assert rows == {f"caller {n:04}": 1 for n in range(10)} | {
        "caller 0003": 2,
        EVERYONE_ELSE: 990,
    }


async def test_an_outage_loses_nothing(store: Store) -> None:
    refusals = Refusals(store, now=Watch().now)
    refusals.count("anna", "FORBIDDEN")
    away = connect("postgresql://nobody@127.0.0.1:1/none")
    refusals._store, there = away, refusals._store
    with pytest.raises(StoreUnavailable):
        await refusals.flush()
    refusals.count("anna", "FORBIDDEN")
    refusals._store = there
    await refusals.flush()
    await refusals.flush()
    await away.close()
    assert await read_refusals(store, ALL) == [Refusal(NOON, "anna", "FORBIDDEN", 2)]


async def test_the_background_writes_and_does_so_once_more_at_the_end(store: Store) -> None:
    refusals = Refusals(store, now=Watch().now)
    following = asyncio.create_task(refusals.follow(every_s=0.02))
    refusals.count("anna", "FORBIDDEN")
    async with asyncio.timeout(5):
        while await refusals_total(store) < 1:  # noqa: ASYNC110 - a row in a database
            await asyncio.sleep(0.02)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    ending = asyncio.create_task(refusals.follow(every_s=600))
    await asyncio.sleep(0)
    refusals.count("anna", "FORBIDDEN")
    ending.cancel()
    await asyncio.gather(ending, return_exceptions=True)
    assert await refusals_total(store) == 2
