"""The checker of the live proof, on histories made up by hand: what it lets pass, what it names."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest

from tests.e2e.live_checker import Logged, Wanted, check, logged, wanted_of
from tests.support.subscribers import Item, item_of

ORDERS = Wanted("orderStatusChanged", orders=frozenset({"O1", "O2"}))
TIMELINE = Wanted("orderTimeline", order="O1")
STATUSES = ("OPEN", "CONFIRMED", "ON_HOLD", "CONFIRMED", "IN_FULFILLMENT")


def order(position: int, key: str = "O1", *, version: int | None = None) -> Logged:
    return Logged(
        position=position, event_id=f"e{position}", noun="order", change="status_changed",
        ref=("order", "erp", key), version=version or position * 10, order=key, customer="C1",
        unit="EU", status=STATUSES[position % len(STATUSES)],
    )  # fmt: skip


def entry(position: int, sequence: int, *, visibility: str = "CUSTOMER") -> Logged:
    return Logged(
        position=position, event_id=f"t{sequence}", noun="timeline", change="recorded",
        ref=("order", "erp", "O1"), version=sequence, order="O1", category="ORDER",
        visibility=visibility,
    )  # fmt: skip


def snapshot(sequence: int = 0) -> Item:
    return Item(1, "snapshot", "c0", sequence)


def told(event: Logged, *, session: int = 1, left_out: int = 0) -> Item:
    return Item(
        session, "event", f"c{event.sequence}", event.sequence, event.event_id, event.ref,
        event.version, left_out, status=event.status,
    )  # fmt: skip


def gap(first: int, last: int) -> Item:
    return Item(1, "gap", f"c{last}", first=first, last=last)


def faults(wanted: Wanted, items: Sequence[Item], log: Sequence[Logged]) -> list[str]:
    return check("one", wanted, items=items, log=log).faults


def test_all_that_was_told_once_or_twice_is_well() -> None:
    log = [order(1), order(2, "O2"), order(3)]
    items = [snapshot(), *(told(each) for each in log), told(log[2], session=2)]
    verdict = check("one", ORDERS, items=items, log=log)
    assert verdict.faults == []
    assert (verdict.wanted, verdict.seen, verdict.repeated) == (3, 3, 1)


def test_what_came_before_the_snapshot_is_not_due() -> None:
    log = [order(1), order(2), order(3)]
    assert faults(ORDERS, [snapshot(2), told(log[2])], log) == []


def test_the_newest_of_a_record_may_not_be_missing() -> None:
    log = [order(1), order(2), order(3)]
    items = [snapshot(), told(log[0]), told(log[1])]
    assert faults(ORDERS, items, log) == ["never told: order erp:O1 version 30 at 3"]


def test_skipped_ones_are_counted_by_the_newer() -> None:
    log = [order(1), order(2), order(3)]
    assert faults(ORDERS, [snapshot(), told(log[2], left_out=2)], log) == []
    [fault] = faults(ORDERS, [snapshot(), told(log[2], left_out=1)], log)
    assert fault.startswith("skipped, but order erp:O1 version 30 at 3 counts 1")


def test_a_count_that_a_break_cut_is_no_fault() -> None:
    """O1's first was passed by as O2 was told; the event that counts it was never sent."""
    log = [order(1), order(2, "O2"), order(3)]
    items = [snapshot(), told(log[1]), told(log[2], session=2)]
    verdict = check("one", ORDERS, items=items, log=log)
    assert (verdict.faults, verdict.uncounted) == ([], 1)


def test_what_was_missed_while_away_is_a_fault() -> None:
    """Nothing of the first session had passed it by: the second had to tell it, or count it."""
    log = [order(1), order(2), order(3)]
    items = [snapshot(), told(log[0]), told(log[2], session=2)]
    assert len(faults(ORDERS, items, log)) == 1
    assert faults(ORDERS, [*items[:2], told(log[2], session=2, left_out=1)], log) == []


def test_a_gap_explains_what_lies_in_it() -> None:
    log = [entry(n, n) for n in range(1, 6)]
    items = [snapshot(), told(log[0]), gap(2, 3), told(log[3]), told(log[4])]
    verdict = check("one", TIMELINE, items=items, log=log)
    assert (verdict.faults, verdict.in_gaps) == ([], 2)
    assert len(faults(TIMELINE, [*items[:2], gap(2, 2), *items[3:]], log)) == 1


def test_a_lossless_feed_leaves_nothing_out() -> None:
    log = [entry(n, n) for n in range(1, 101)]
    items = [snapshot(), *(told(each) for each in log if each.sequence % 50)]
    [fault] = faults(TIMELINE, items, log)
    assert fault == "never told: order erp:O1 version 50 at 50; order erp:O1 version 100 at 100"


def test_a_lossless_feed_keeps_its_order() -> None:
    log = [entry(n, n) for n in (1, 2, 3)]
    items = [snapshot(), told(log[0]), told(log[2]), told(log[1])]
    assert any(each.startswith("told out of order") for each in faults(TIMELINE, items, log))


def test_a_version_never_goes_back() -> None:
    log = [order(1), order(2)]
    items = [snapshot(), told(log[1]), told(log[0])]
    assert any(each.startswith("a version went back") for each in faults(ORDERS, items, log))


def test_what_nobody_asked_for_is_a_fault() -> None:
    log = [order(1), order(2, "O9")]
    [fault] = faults(ORDERS, [snapshot(), told(log[0]), told(log[1])], log)
    assert fault == "told, though it is not asked for: order erp:O9 version 20 at 2"


def test_an_old_node_is_a_fault() -> None:
    log = [order(1)]
    stale = told(log[0])._replace(status="OPEN")
    [fault] = faults(ORDERS, [snapshot(), stale], log)
    assert fault == "order erp:O1 version 10 at 1 shows OPEN, but it is CONFIRMED"


def test_a_customer_is_due_only_what_customers_may_read() -> None:
    log = [entry(1, 1), entry(2, 2, visibility="INTERNAL"), entry(3, 3)]
    wanted = Wanted("orderTimeline", order="O1", is_customer=True)
    assert [each.version for each in wanted_of(wanted, log)] == [1, 3]
    assert faults(wanted, [snapshot(), told(log[0]), told(log[2])], log) == []
    assert len(faults(wanted, [snapshot(), *map(told, log)], log)) == 1


@pytest.mark.parametrize(
    ("wanted", "due"),
    [
        (Wanted("caseUpdated", queue="first"), ["k", "n"]),
        (Wanted("caseUpdated", order="O1", is_customer=True), ["k"]),
        (Wanted("shipmentMilestones", order="O1"), ["m", "s"]),
        (Wanted("shipmentMilestones", shipment="S1"), ["m", "s"]),
        (Wanted("returnStatusChanged", customer="C1"), ["r"]),
        (Wanted("orderStatusChanged", unit="US"), []),
    ],
)
def test_each_feed_has_its_events(wanted: Wanted, due: list[str]) -> None:
    rows = [
        envelope("k", "case", "K1", record={"queue": "first", "status": "OPEN"}),
        envelope("n", "message", "K1-1", record={"case": ["case", "crm", "K1"],
                                                 "visibility": "INTERNAL"}),
        envelope("m", "milestone", "M1", change="recorded", shipment=["shipment", "wms", "S1"]),
        envelope("s", "shipment", "S1", record={"status": "IN_TRANSIT"}),
        envelope("x", "shipment", "S1", change="changed", record={"status": "IN_TRANSIT"}),
        envelope("r", "return", "R1", customer=["customer", "erp", "C1"]),
        envelope("o", "order", "O1", businessUnit="EU"),
    ]  # fmt: skip
    log = logged((n, event_id, row) for n, (event_id, row) in enumerate(rows, 1))
    assert sorted(each.event_id for each in wanted_of(wanted, log)) == due


def envelope(
    event_id: str, noun: str, key: str, *, change: str = "status_changed",
    record: dict[str, object] | None = None, **more: object,
) -> tuple[str, bytes]:  # fmt: skip
    told = {"noun": noun, "change": change, "ref": [noun, "erp", key], "version": 1,
            "order": ["order", "erp", "O1"], "record": {"fields": record or {}}} | more  # fmt: skip
    return event_id, orjson.dumps({"data": told})


def test_items_are_read_by_their_type() -> None:
    beat = {"__typename": "Heartbeat", "cursor": "c", "state": "LIVE"}
    hole = {"__typename": "StreamGap", "cursor": "c", "from": 3, "to": 5, "reason": "PURGED"}
    assert item_of(beat, 1).kind == "beat"
    assert item_of(hole, 2) == Item(2, "gap", "c", first=3, last=5)
