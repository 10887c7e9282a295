"""Recorded timeline entries on real databases: no gap, no duplicate, whoever writes at once."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from hub.model.case import ActorType, Visibility
from hub.model.errors import InputInvalid
from hub.model.timeline import Severity, TimelineCategory, TimelineEntry
from hub.model.values import Money, Quantity, Ref
from hub.store import timeline_entries
from hub.store.engine import Store
from hub.store.migrate import open_store
from hub.store.timeline_entries import TimelineEntries
from tests.support.stores import NOON, rows_of

ORDER = Ref("order", "erp-eu", "4711")
OTHER = Ref("order", "erp-us", "4711")
SEED = 20260301


def entries_in(store: Store) -> TimelineEntries:
    return TimelineEntries(store, now=lambda: NOON)


def fact(key: str, order: Ref = ORDER) -> TimelineEntry:
    return TimelineEntry(
        natural_key=key,
        order=order,
        category=TimelineCategory.SHIPMENT,
        type="shipment.delivered",
        title="Delivered",
        system="carrier",
        occurred_at=NOON,
        observed_at=NOON + timedelta(seconds=3),
    )


async def test_an_entry_comes_back_as_it_was_told(store: Store) -> None:
    told = replace(
        fact("whole"),
        severity=Severity.CRITICAL,
        visibility=Visibility.CUSTOMER,
        message="Zustellung: Müller ✓",
        source_sequence=7,
        causal_rank=3,
        actor_type=ActorType.AGENT,
        actor="anna",
        subject=Ref("shipment", "wms-north", "S/1"),
        change_from="IN_TRANSIT",
        change_to="DELIVERED",
        quantity=Quantity(Decimal("1.500"), "KGM"),
        money=Money(Decimal("12345678901234.5670"), "EUR"),
        correlation_id="c-12345678",
        causation_id="event-1",
        is_late=True,
        is_clock_suspect=True,
    )
    entries = entries_in(store)
    recorded = await entries.record([told])
    expected = replace(told, sequence=1, recorded_at=NOON)
    assert recorded == [expected]
    assert await entries.entries_by_order([ORDER]) == [[expected]]
    money = recorded[0].money
    assert money is not None
    assert str(money.amount) == "12345678901234.5670"


async def test_a_fact_told_again_is_counted_not_stored(store: Store) -> None:
    entries = entries_in(store)
    first = await entries.record([fact("a"), fact("b"), fact("a")])
    assert [(e.natural_key, e.sequence, e.duplicate_count) for e in first] == [
        ("a", 1, 1), ("b", 2, 0), ("a", 1, 1),
    ]  # fmt: skip
    again = await entries.record([replace(fact("a"), title="Changed"), fact("c")])
    assert [(e.natural_key, e.sequence, e.duplicate_count) for e in again] == [
        ("a", 1, 2), ("c", 3, 0),
    ]  # fmt: skip
    assert again[0].title == "Delivered"
    assert await rows_of(store, "SELECT count(*) FROM timeline_entry") == [(3,)]


async def test_each_order_counts_for_itself_and_answers_are_aligned(store: Store) -> None:
    entries = entries_in(store)
    await entries.record([fact("x", ORDER), fact("x", OTHER), fact("y", OTHER)])
    unknown = Ref("order", "erp-eu", "none")
    found = await entries.entries_by_order([OTHER, unknown, ORDER, OTHER])
    assert [[(e.order, e.sequence) for e in each] for each in found] == [
        [(OTHER, 1), (OTHER, 2)],
        [],
        [(ORDER, 1)],
        [(OTHER, 1), (OTHER, 2)],
    ]
    assert await entries.entries_by_order([]) == []
    assert await entries.record([]) == []


async def test_many_orders_are_one_statement(store: Store) -> None:
    entries = entries_in(store)
    orders = [Ref("order", "erp-eu", f"o'{n}/%\"") for n in range(300)]
    await entries.record([fact("only", order) for order in orders])
    statements: list[str] = []

    def count(*seen: object) -> None:
        statements.append(str(seen[2]))

    from sqlalchemy import event

    event.listen(store.engine.sync_engine, "before_cursor_execute", count)
    found = await entries.entries_by_order(orders)
    assert [len(each) for each in found] == [1] * 300
    assert len(statements) == 1


async def test_two_processes_recording_at_once_leave_no_gap(url: str, store: Store) -> None:
    """40 overlapping transactions of two processes, some rolled back; every fact stored once."""
    print(f"seed {SEED}")
    random_ = random.Random(SEED)
    second = await open_store(url, process="two")
    try:
        writers = [entries_in(store), entries_in(second)]
        facts = [fact(f"fact-{n}", random_.choice([ORDER, OTHER])) for n in range(60)]

        async def one(turn: int) -> None:
            await record(writers[turn % 2], random_.sample(facts, 8), is_undone=turn % 5 == 0)

        await asyncio.gather(*(one(turn) for turn in range(40)))
        found = await writers[0].entries_by_order([ORDER, OTHER])
    finally:
        await second.close()
    for entries in found:
        assert [e.sequence for e in entries] == list(range(1, len(entries) + 1))
    keys = [(e.order, e.natural_key) for each in found for e in each]
    assert len(keys) == len(set(keys))
    told = sum(e.duplicate_count + 1 for each in found for e in each)
    assert told == 32 * 8


class Undone(Exception):
    pass


async def record(entries: TimelineEntries, facts: list[TimelineEntry], *, is_undone: bool) -> None:
    if not is_undone:
        await entries.record(facts)
        return
    with pytest.raises(Undone):
        async with entries._store.write() as connection:
            await entries.record_in(connection, facts)
            raise Undone


async def test_only_the_newest_entries_of_a_long_order_are_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline_entries, "ENTRIES_PER_ORDER_MAX", 3)
    entries = entries_in(store)
    await entries.record([fact(f"f{n}") for n in range(10)])
    [found] = await entries.entries_by_order([ORDER])
    assert [e.sequence for e in found] == [8, 9, 10]


async def test_too_much_and_too_long_is_refused_and_nothing_stored(store: Store) -> None:
    entries = entries_in(store)
    with pytest.raises(InputInvalid, match="at most 1000 at a time"):
        await entries.record([fact("a")] * 1_001)
    with pytest.raises(InputInvalid, match="naturalKey"):
        await entries.record([fact("ok"), fact("k" * 501)])
    assert await rows_of(store, "SELECT count(*) FROM timeline_entry") == [(0,)]
