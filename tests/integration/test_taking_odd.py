"""What a system says that cannot be meant: times in the future, words nobody knows."""

from __future__ import annotations

from dataclasses import replace

from hub.events.event import StatusChange
from hub.events.told import Told, Via, version_of
from hub.model.errors import UnmappedValue
from hub.model.order import Order, OrderStatus
from hub.store.engine import Store
from tests.integration.test_taking import (
    ORDER,
    A,
    U,
    at,
    intake_in,
    key_of,
    news,
    order,
    scan,
    told,
    types_of,
)


def polled(record: Order) -> Told:
    return told(record, via=Via.POLL)


def unmapped(minutes: float, number: str = "SO1") -> Order:
    """The order as read, with a status that the systems file does not map."""
    gap = UnmappedValue("erp", "order.status", "SHREDDED", ("OPEN",))
    return replace(order(minutes, number=number), status=None, gaps=(gap,))


async def test_a_moment_in_the_future_is_moved_and_marked(store: Store) -> None:
    intake = intake_in(store)
    ahead = scan("x", 90, "IN_TRANSIT", as_of=at(50))
    assert await intake.taking.take([told(ahead)]) == [A]
    [[entry]] = await intake.timeline.entries_by_order([ORDER])
    assert (entry.occurred_at, entry.is_clock_suspect) == (at(60), True)


async def test_a_time_of_change_in_the_future_locks_no_record(store: Store) -> None:
    """A row of next year, which somebody then puts right: each reading after it is believed."""
    intake = intake_in(store)
    intake.at = at(61)
    wrong = order(60 * 24 * 365, "CONFIRMED")
    right = replace(order(59, "CANCELLED"), fetched_at=at(119))
    again = replace(order(125, "OPEN"), fetched_at=at(130))
    fates = []
    for minutes, one in ((61, wrong), (120, right), (131, again)):
        intake.at = at(minutes)
        polled = Told(ref=ORDER, via=Via.POLL, record=one, version=version_of(one))
        fates += await intake.taking.take([polled])
    assert fates == [A, A, A]
    intake.systems.records[ORDER] = replace(wrong, fetched_at=at(140))
    intake.at = at(141)
    assert await intake.taking.take([Told(ref=ORDER, via=Via.WEBHOOK)]) == [A]


async def test_a_word_nobody_mapped_is_no_change_of_status(store: Store) -> None:
    intake = intake_in(store)
    assert await intake.taking.take([polled(order(0))]) == [A]
    assert await intake.taking.take([polled(order(5, "ON_HOLD"))]) == [A]
    before = len(intake.events)
    assert await intake.taking.take([polled(unmapped(7))]) == [U]
    assert await intake.taking.take([polled(unmapped(8))]) == [U]
    assert intake.events[before:] == []
    changed = unmapped(9, number="SO2")
    intake.systems.records[ORDER] = changed  # read again, as a key is told
    assert await intake.taking.take([key_of(order(0), "k1")]) == [A]
    [event] = intake.events[before:]
    assert (event.noun, event.change, event.changes) == ("order", "changed", ())
    assert event.record == changed  # it is told as it is: without a status, with its gap
    assert await intake.taking.take([polled(order(11, "ON_HOLD", number="SO2"))]) == [U]
    assert await intake.taking.take([polled(order(12, "COMPLETED", number="SO2"))]) == [A]
    assert news(intake.events[before + 1 :]) == ["order status_changed", "timeline recorded"]
    assert intake.events[-2].changes == (StatusChange("status", "ON_HOLD", "COMPLETED"),)
    assert await types_of(intake) == ["order.placed", "order.held", "order.hold_released"]


async def test_a_record_that_was_never_read_has_no_status_to_keep(store: Store) -> None:
    intake = intake_in(store)
    assert await intake.taking.take([polled(unmapped(3))]) == [A]
    assert (intake.events[0].change, intake.events[0].changes) == ("changed", ())
    assert await intake.taking.take([polled(order(4, "OPEN"))]) == [A]
    assert intake.events[-1].changes == (StatusChange("status", None, OrderStatus.OPEN.value),)
