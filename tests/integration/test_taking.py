"""What becomes of one thing that was told, on real databases: by version, once, alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.events.event import Event, StatusChange
from hub.events.log import EventLog
from hub.events.taking import Taking
from hub.events.told import Fate, Told, Via, micros, version_of
from hub.model.errors import EventInvalid, Internal, RecordUnknown, SourceUnavailable
from hub.model.order import Order, OrderStatus
from hub.model.record import Record
from hub.model.shipment import Milestone, Shipment, ShipmentStatus
from hub.model.values import Ref
from hub.store.engine import Store
from hub.store.migrate import open_store
from hub.store.timeline_entries import TimelineEntries
from tests.support.stores import NOON, rows_of
from tests.support.taking import Intake, Systems

ORDER = Ref("order", "erp", "o1")
SHIPMENT = Ref("shipment", "wms", "s1")
A, D, L, U = Fate.APPLIED, Fate.DUPLICATE, Fate.LATE, Fate.UNCHANGED


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def order(minutes: float, status: str = "OPEN", **values: object) -> Order:
    made = Order(
        ref=ORDER, as_of=at(minutes), fetched_at=at(60), number="SO1", placed_at=at(0),
        status=OrderStatus(status), business_unit="EU", customer=Ref("customer", "erp", "c1"),
        updated_at=at(minutes),
    )  # fmt: skip
    return replace(made, **values)  # type: ignore[arg-type]


def timeless(said_at: float, status: str) -> Order:
    """An order of a system that tells no time of its records."""
    read = at(said_at)
    return replace(order(0, status), as_of=read, fetched_at=read, updated_at=None)


def shipment(minutes: float, status: str, **values: object) -> Shipment:
    made = Shipment(
        ref=SHIPMENT, as_of=at(minutes), fetched_at=at(60), order=ORDER, created_at=at(1),
        status=ShipmentStatus(status), updated_at=at(minutes),
    )  # fmt: skip
    return replace(made, **values)  # type: ignore[arg-type]


def scan(key: str, minutes: float, code: str, **values: object) -> Milestone:
    made = Milestone(
        ref=Ref("milestone", "carrier", key), as_of=at(minutes), fetched_at=at(60),
        shipment=SHIPMENT, code=ShipmentStatus(code), occurred_at=at(minutes),
    )  # fmt: skip
    return replace(made, **values)  # type: ignore[arg-type]


def told(record: Record, event_id: str | None = None, **values: object) -> Told:
    made = Told(
        ref=record.ref, via=Via.NATS, record=record, version=version_of(record), event_id=event_id
    )
    return replace(made, **values)  # type: ignore[arg-type]


def key_of(record: Record, event_id: str | None = None) -> Told:
    return Told(ref=record.ref, via=Via.WEBHOOK, event_id=event_id)


def intake_in(store: Store) -> Intake:
    known = Systems(orders={ORDER: order(0)}, shipments={SHIPMENT: shipment(1, "UNKNOWN")})
    return Intake(store, systems=known)


async def types_of(intake: Intake) -> list[str]:
    [entries] = await intake.timeline.entries_by_order([ORDER])
    return [f"{entry.type}{' late' if entry.is_late else ''}" for entry in entries]


def news(events: Sequence[Event]) -> list[str]:
    return [f"{event.noun} {event.change}" for event in events]


async def test_a_change_is_an_event_of_the_record_and_one_of_each_new_fact(store: Store) -> None:
    intake = intake_in(store)
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    first = told(order(0), "e1", occurred_at=at(2), traceparent=trace, correlation_id="corr")
    assert await intake.taking.take([first]) == [A]
    assert await intake.taking.take([told(order(5, "ON_HOLD"), "e2", is_replayed=True)]) == [A]
    assert news(intake.events) == [
        "order status_changed", "timeline recorded", "order status_changed", "timeline recorded",
    ]  # fmt: skip
    born, placed, held, entry = intake.events
    assert (born.ref, born.version, born.record) == (ORDER, micros(at(0)), order(0))
    assert (born.occurred_at, born.recorded_at) == (at(2), intake.at)
    assert (born.order, born.customer, born.business_unit) == (
        ORDER, Ref("customer", "erp", "c1"), "EU",
    )  # fmt: skip
    assert (born.causation_id, born.correlation_id, born.traceparent) == ("e1", "corr", trace)
    assert born.changes == (StatusChange("status", None, "OPEN"),)
    assert held.changes == (StatusChange("status", "OPEN", "ON_HOLD"),)
    assert (born.is_replayed, held.is_replayed, entry.is_replayed) == (False, True, True)
    assert placed.entry is not None and entry.entry is not None
    assert (placed.entry.type, placed.entry.sequence, placed.version) == ("order.placed", 1, 1)
    assert (entry.entry.type, entry.entry.change_from) == ("order.held", "OPEN")
    assert entry.entry.causation_id == "e2"
    assert len({event.id for event in intake.events}) == 4
    assert all(len(event.id) == 32 for event in intake.events)
    rows = await rows_of(store, "SELECT event_id FROM event_log ORDER BY id")
    assert [id for (id,) in rows] == [event.id for event in intake.events]


async def test_versions_decide(store: Store) -> None:
    intake = intake_in(store)
    taking = intake.taking
    held, open_ = order(5, "ON_HOLD"), order(9, "CONFIRMED")
    assert await taking.take([told(open_)]) == [A]
    assert await taking.take([told(held)]) == [L]
    assert await taking.take([told(held)]) == [D]
    assert await taking.take([told(order(12, "CONFIRMED"))]) == [U]
    assert await taking.take([told(order(11, "COMPLETED"))]) == [L]
    assert await taking.take([told(order(13, "COMPLETED"))]) == [A]
    assert await types_of(intake) == ["order.placed", "order.held late"]
    assert [event.version for event in intake.events if event.noun == "order"] == [
        micros(at(9)), micros(at(13)),
    ]  # fmt: skip
    assert intake.systems.read_refs == []


async def test_several_of_one_batch_are_taken_one_after_another(store: Store) -> None:
    intake = intake_in(store)
    batch = [
        told(order(5, "ON_HOLD"), "a"), told(order(0), "b"), told(order(7, "CONFIRMED"), "c"),
        told(order(5, "ON_HOLD"), "d"), told(order(9, "ON_HOLD"), "e"), told(order(9), "e"),
    ]  # fmt: skip
    assert await intake.taking.take(batch) == [A, L, A, D, A, D]
    assert [event.version for event in intake.events if event.noun == "order"] == [
        micros(at(5)), micros(at(7)), micros(at(9)),
    ]  # fmt: skip
    [entries] = await intake.timeline.entries_by_order([ORDER])
    assert [entry.natural_key.removeprefix("erp:order:o1:") for entry in entries] == [
        "order.placed", "order.held", "order.hold_released",
        f"order.held@{micros(at(9))}",
    ]  # fmt: skip


async def test_the_same_message_again_is_counted_where_it_told_something(store: Store) -> None:
    intake = intake_in(store)
    first = told(order(0), "e1")
    assert await intake.taking.take([first]) == [A]
    assert await intake.taking.take([first, first]) == [D, D]
    assert await intake.taking.take([told(order(0), "other")]) == [D]  # the same fact, a new id
    assert await intake.taking.take([told(order(3, "CONFIRMED"), "e3")]) == [A]
    [[entry]] = await intake.timeline.entries_by_order([ORDER])
    assert (entry.type, entry.duplicate_count) == ("order.placed", 2)
    assert await rows_of(store, "SELECT sum(duplicates) FROM inbox WHERE kind = 'id'") == [(2,)]
    assert await rows_of(store, "SELECT sum(duplicates) FROM inbox WHERE kind = 'fact'") == [(1,)]


async def test_a_message_of_several_records_is_no_duplicate_of_itself(store: Store) -> None:
    intake = intake_in(store)
    both = [told(order(0), "e1"), told(shipment(3, "PRE_TRANSIT"), "e1")]
    assert await intake.taking.take(both) == [A, A]
    assert await intake.taking.take(both) == [D, D]


async def test_only_a_key_is_read_and_a_known_message_is_not_read_again(store: Store) -> None:
    intake = intake_in(store)
    intake.systems.records[ORDER] = order(4, "CONFIRMED")
    unknown = Ref("order", "erp", "none")
    taken = await intake.taking.take(
        [key_of(order(0), "k1"), Told(ref=unknown, via=Via.WEBHOOK, event_id="k2")]
    )
    assert taken[0] is A and isinstance(taken[1], RecordUnknown)
    assert intake.systems.read_refs == [ORDER, unknown]
    again = [key_of(order(0), "k1"), key_of(order(0), "k3")]
    assert await intake.taking.take(again) == [D, D]
    assert intake.systems.read_refs == [ORDER, unknown, ORDER]


async def test_two_of_one_version_are_decided_by_the_system(store: Store) -> None:
    intake = intake_in(store)
    assert await intake.taking.take([told(order(5, "CONFIRMED"))]) == [A]
    intake.systems.records[ORDER] = order(5, "IN_FULFILLMENT")
    assert await intake.taking.take([told(order(5, "ON_HOLD"))]) == [A]
    assert intake.systems.read_refs == [ORDER]
    assert intake.events[-1].record == order(5, "IN_FULFILLMENT")
    intake.systems.records[ORDER] = order(5, "CONFIRMED")  # back within the same instant
    assert await intake.taking.take([told(order(5, "ON_HOLD"))]) == [A]
    assert len({event.id for event in intake.events}) == len(intake.events) == 4
    intake.systems.records[ORDER] = SourceUnavailable("erp", "refused")
    [failed] = await intake.taking.take([told(order(5, "ON_HOLD"))])
    assert isinstance(failed, SourceUnavailable)


async def test_records_without_a_time_go_by_the_message_or_by_reading(store: Store) -> None:
    intake = intake_in(store)
    taking = intake.taking
    by_message = told(timeless(30, "CONFIRMED"), version=micros(at(20)), occurred_at=at(20))
    assert await taking.take([by_message]) == [A]
    older = told(timeless(31, "OPEN"), version=micros(at(10)))
    assert await taking.take([older]) == [L]  # two times of one clock
    intake.systems.records[ORDER] = timeless(70, "ON_HOLD")  # without any time: it is read
    assert await taking.take([told(timeless(32, "OPEN"))]) == [A]
    assert intake.events[-2].record == timeless(70, "ON_HOLD")
    intake.systems.records[ORDER] = timeless(80, "ON_HOLD")
    late = told(timeless(75, "CONFIRMED"), version=micros(at(65)))
    assert await taking.take([late]) == [U]  # its clock against ours: the system is asked
    assert intake.systems.read_refs == [ORDER, ORDER]
    ours = told(timeless(90, "COMPLETED"), version=None, via=Via.POLL)
    intake.at = at(89)
    assert await taking.take([ours]) == [A]
    assert intake.systems.read_refs == [ORDER, ORDER]


async def test_a_poll_that_was_overtaken_is_read_again(store: Store) -> None:
    intake = intake_in(store)
    assert await intake.taking.take([told(order(5, "CONFIRMED"))]) == [A]  # applied at 13:00
    intake.systems.records[ORDER] = order(5, "CONFIRMED")
    stale = replace(order(5, "OPEN"), fetched_at=intake.at - timedelta(seconds=1))
    assert await intake.taking.take([told(stale, via=Via.POLL)]) == [D]
    assert intake.systems.read_refs == [ORDER]


async def test_a_page_that_overlaps_costs_no_transaction(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = intake_in(store)
    page = [told(order(5), via=Via.POLL), told(shipment(6, "UNKNOWN"), via=Via.POLL)]
    assert await intake.taking.take(page) == [A, A]
    monkeypatch.setattr(Store, "write", lambda _: pytest.fail("a transaction"))
    assert await intake.taking.take(page) == [D, D]


async def test_scans_are_told_by_the_shipment_and_by_the_carrier(store: Store) -> None:
    intake = intake_in(store)
    nested = scan("n", 3, "PICKED_UP", ref=Ref("milestone", "wms", "n"))
    moving = shipment(4, "PICKED_UP", milestones=(nested,))
    assert await intake.taking.take([told(moving, "w")]) == [A]
    assert news(intake.events) == [
        "shipment status_changed", "timeline recorded", "timeline recorded", "milestone recorded",
    ]  # fmt: skip
    assert [event.shipment for event in intake.events] == [SHIPMENT] * 4
    del intake.events[:]
    carried = [told(scan("c1", 3, "PICKED_UP"), "c1"), told(scan("c2", 5, "IN_TRANSIT"), "c2")]
    assert await intake.taking.take(carried) == [A, A]
    assert news(intake.events) == [
        "milestone recorded", "milestone recorded", "timeline recorded",
    ]  # fmt: skip
    further = replace(moving, as_of=at(8), milestones=(nested, scan("n2", 7, "IN_TRANSIT")))
    assert await intake.taking.take([told(further, "w2")]) == [A]
    assert await types_of(intake) == [
        "shipment.created", "shipment.picked_up", "shipment.in_transit",
    ]  # fmt: skip
    late = told(shipment(2, "PRE_TRANSIT", milestones=(scan("n0", 2, "DELAYED"),)), "w0")
    assert await intake.taking.take([late]) == [L]
    assert (await types_of(intake))[3:] == ["shipment.delayed"]  # new, whenever its shipment came


async def test_late_after_delivery_is_history(store: Store) -> None:
    intake = intake_in(store)
    delivered = shipment(9, "DELIVERED", delivered_at=at(9))
    assert await intake.taking.take([told(delivered), told(shipment(8, "IN_TRANSIT"))]) == [A, L]
    assert news(intake.events) == [
        "shipment status_changed", "timeline recorded", "timeline recorded", "timeline recorded",
    ]  # fmt: skip
    scans = [told(scan("c", 7, "PICKED_UP")), told(scan("d", 9, "DELIVERED"))]
    assert await intake.taking.take(scans) == [A, A]
    assert await types_of(intake) == [
        "shipment.created", "shipment.delivered", "shipment.in_transit late",
        "shipment.picked_up late",
    ]  # fmt: skip


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


async def test_one_that_fails_does_not_concern_the_others(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    intake = intake_in(store)
    down = SourceUnavailable("erp", "refused")
    lost = shipment(3, "UNKNOWN", ref=Ref("shipment", "wms", "lost"))
    intake.systems.lost[lost.ref] = down
    too_long = shipment(3, "UNKNOWN", ref=Ref("shipment", "wms", "k" * 500))
    broken = shipment(3, "UNKNOWN", ref=Ref("shipment", "wms", "broken"), created_at="yesterday")
    batch = [told(order(0)), told(lost), told(too_long), told(broken), told(shipment(4, "UNKNOWN"))]
    taken = await intake.taking.take(batch)
    assert taken[0] is A and taken[1] is down and taken[4] is A
    assert isinstance(taken[2], EventInvalid)
    assert "has a key of 500 characters; expected 1 to 400" in str(taken[2])
    assert isinstance(taken[3], Internal) and "yesterday" not in str(taken[3])
    assert "shipment broken of wms could not be taken" in caplog.text
    assert await types_of(intake) == ["order.placed", "shipment.created"]
    assert await rows_of(store, "SELECT count(*) FROM inbox") == [(2,)]


async def test_a_value_the_database_refuses_is_no_outage(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """PostgreSQL takes no NUL in a text: told again for ever it would hold up all others."""
    intake = intake_in(store)
    poison = order(0, number="SO\x001")
    poison = replace(poison, ref=Ref("order", "erp", "nul\x00"))
    taken = await intake.taking.take([told(poison), told(shipment(4, "UNKNOWN"))])
    assert taken[1] is A
    assert isinstance(taken[0], Internal) or store.is_sqlite


async def test_what_is_told_outside_is_part_of_it(store: Store) -> None:
    """The rows of deliveries are written with the events, or neither is."""

    class Refusing:
        async def note_in(self, connection: AsyncConnection, events: Sequence[Event]) -> None:
            assert await connection.scalar(_COUNT_EVENTS) == len(events)
            raise ValueError("a defect")

    from sqlalchemy import func, select

    from hub.store.tables import event_log

    _COUNT_EVENTS = select(func.count()).select_from(event_log)
    intake = intake_in(store)
    taking = Taking(
        store, timeline=intake.timeline, events=EventLog(store, intake.now), reading=intake.systems,
        placing=intake.systems, outgoing=Refusing(), applied=intake.events.extend, now=intake.now,
    )  # fmt: skip
    [taken] = await taking.take([told(order(0), "e1")])
    assert isinstance(taken, Internal)
    assert intake.events == []
    for table in ("event_log", "entity_state", "inbox", "timeline_entry", "timeline_order"):
        assert await rows_of(store, f"SELECT count(*) FROM {table}") == [(0,)], table


async def test_old_marks_are_forgotten_and_the_state_still_knows(store: Store) -> None:
    intake = intake_in(store)
    assert await intake.taking.take([told(order(0), "e1")]) == [A]
    assert await intake.taking.forget_old() == 0
    intake.at += timedelta(days=8)
    assert await intake.taking.forget_old() == 2
    assert await intake.taking.take([told(order(0), "e1")]) == [U]
    assert len(intake.events) == 2


async def test_two_processes_take_the_same_at_once(url: str, store: Store) -> None:
    """Overlapping batches over the same records in opposite orders: no deadlock, each once."""
    second = await open_store(url, process="two")
    try:
        both = [intake_in(store), intake_in(second)]
        records = [
            shipment(n, "IN_TRANSIT", ref=Ref("shipment", "wms", f"s{n % 7}")) for n in range(1, 60)
        ]
        batches = [[told(each, f"e{n}") for n, each in enumerate(records)] for _ in range(2)]
        batches[1].reverse()

        async def one(place: int) -> None:
            for start in range(0, len(records), 10):
                await both[place].taking.take(batches[place][start : start + 10])

        await asyncio.gather(one(0), one(1))
        events = [event for each in both for event in each.events]
        entries = await TimelineEntries(store, now=intake_now).entries_by_order([ORDER])
    finally:
        await second.close()
    assert len({event.id for event in events}) == len(events)
    assert [entry.sequence for entry in entries[0]] == list(range(1, 15))
    found = await rows_of(store, "SELECT key, version FROM entity_state ORDER BY key")
    newest = {each.ref.key: micros(each.as_of) for each in records}
    assert found == sorted(newest.items())


def intake_now() -> datetime:
    return NOON
