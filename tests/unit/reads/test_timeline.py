"""The unified timeline: derived, merged, in a total order, paged, and told to who may read it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model.case import ActorType, Visibility
from hub.model.catalog import NOUNS
from hub.model.correlation import derived_correlation_id
from hub.model.errors import InputInvalid, SourceUnavailable, StoreUnavailable
from hub.model.order import OrderStatus
from hub.model.record import Record, fields_of
from hub.model.returns import RmaStatus
from hub.model.shipment import ShipmentStatus
from hub.model.timeline import Severity, TimelineCategory, TimelineEntry
from hub.model.timeline_rules import RULES, natural_key
from hub.model.values import Money, Quantity, Ref
from hub.reads.timeline_merge import merged
from hub.reads.timeline_page import page_of, place_of
from hub.reads.timeline_query import TimelinePage, TimelineQuery
from tests.unit.reads.world import NOW, World, customer_scope, make, ref

ORDER = ref("order", "1")
HOUR = timedelta(hours=1)


def entry(key: str, *, hours_ago: int = 0, **values: object) -> TimelineEntry:
    told: dict[str, object] = {
        "natural_key": key, "order": ORDER, "category": TimelineCategory.ORDER,
        "type": "order.placed", "title": "Order placed", "system": "erp",
        "occurred_at": NOW - hours_ago * HOUR, "observed_at": NOW,
    }  # fmt: skip
    return TimelineEntry(**(told | values))  # type: ignore[arg-type]


async def told_of(world: World, query: TimelineQuery | None = None, **scope: str) -> TimelinePage:
    reads = world.open(customer_scope(scope["customer"])) if scope else world.open()
    orders = await world.orders(reads, "1")
    [page] = await reads.timeline_by_order(orders, query or TimelineQuery())
    return page


def ago(hours: int) -> datetime:
    return NOW - hours * HOUR


def eventful() -> World:
    """Order 1 from placed to a closed return, every system telling its part."""
    world = World()
    order = ORDER
    each = Quantity(Decimal(2), "EA")
    rma, case = ref("return", "r1"), ref("case", "k1", system="crm")
    world.erp.put(
        make("order", "1", number="SO1", customer=ref("customer", "c1"), placed_at=ago(100),
             confirmed_at=ago(99), completed_at=ago(40), status=OrderStatus.ON_HOLD,
             updated_at=ago(98), correlation_id="corr-0001", total=Money(Decimal(9), "EUR")),
        make("order_line", "1/1", order=order, line_number=1, sku="A", backordered=each,
             shorted=each, updated_at=ago(90)),
        make("invoice", "i1", order=order, number="IN1", posted_at=ago(45)),
        make("credit_memo", "m1", rma=rma, number="CM1", posted_at=ago(5)),
        make("return", "r1", order=order, customer=ref("customer", "c1"), number="RMA1",
             requested_at=ago(30), authorized_at=ago(29), closed_at=ago(4),
             status=RmaStatus.CLOSED),
    )  # fmt: skip
    world.wms.put(
        make("shipment", "s1", system="wms", order=order, number="SH1", carrier="UPS",
             tracking_number="1Z1", created_at=ago(80), shipped_at=ago(70), delivered_at=ago(50),
             status=ShipmentStatus.DELIVERED),
        make("receipt", "e1", system="wms", rma=rma, received_at=ago(20), sku="A",
             quantity=each, received_by="Bob"),
        make("inspection", "n1", system="wms", rma=rma, inspected_at=ago(19)),
        make("disposition", "d1", system="wms", rma=rma, decided_at=ago(18)),
    )  # fmt: skip
    world.crm.put(
        make("case", "k1", system="crm", order=order, number="C1", subject="Late",
             opened_at=ago(60), resolved_at=ago(39)),
        make("message", "m1", system="crm", case=case, sent_at=ago(59), body="Where\nis it? " * 30,
             visibility=Visibility.CUSTOMER, author="Ann", author_type=ActorType.AGENT),
        make("message", "m2", system="crm", case=case, sent_at=ago(58), body="He is rude"),
    )  # fmt: skip
    scans = (("PICKED_UP", 69), ("IN_TRANSIT", 66), ("IN_TRANSIT", 64), ("DELIVERED", 50),
             ("IN_TRANSIT", 48))  # fmt: skip
    for number, (code, hours) in enumerate(scans):
        world.carrier.put(
            make("milestone", str(number), system="carrier", tracking_number="1Z1", carrier="UPS",
                 code=ShipmentStatus(code), occurred_at=ago(hours), sequence=number)
        )  # fmt: skip
    return world


def test_rules_name_real_fields() -> None:
    of_every_record = {"as_of"}
    for rule in RULES:
        known = set(fields_of(NOUNS[rule.noun])) | of_every_record
        named = {*rule.at, rule.message, rule.quantity, rule.money, rule.actor, rule.subject}
        named |= {each for each in (rule.visibility, rule.actor_type) if isinstance(each, str)}
        assert named - {None} <= known, rule.type
    assert len({rule.type for rule in RULES}) == len(RULES)


async def test_one_timeline_over_every_system_newest_first() -> None:
    page = await told_of(eventful())
    assert [each.type for each in page.entries] == [
        "return.closed", "credit.posted", "return.dispositioned", "return.inspected",
        "return.received", "return.authorized", "return.requested", "case.solved",
        "order.completed", "invoice.posted", "shipment.delivered", "case.message", "case.message",
        "case.opened", "shipment.in_transit", "shipment.picked_up", "shipment.shipped",
        "shipment.created", "order_line.short_picked", "order_line.backordered", "order.held",
        "order.confirmed", "order.placed",
    ]  # fmt: skip
    assert page.failures == () and page.total == 23
    assert {each.correlation_id for each in page.entries} == {"corr-0001"}
    delivered = next(each for each in page.entries if each.type == "shipment.delivered")
    assert delivered.system == "carrier"  # the warehouse's own word for it is the same fact
    moving = next(each for each in page.entries if each.type == "shipment.in_transit")
    assert [each.is_late for each in (moving, *moving.collapsed)] == [False, True, False]
    received = next(each for each in page.entries if each.type == "return.received")
    assert received.subject == ref("return", "r1") and received.actor == "Bob"
    message = next(each for each in page.entries if each.visibility is Visibility.INTERNAL)
    assert message.type == "return.dispositioned"


async def test_customers_read_customer_entries_only_and_no_names() -> None:
    page = await told_of(eventful(), customer="c1")
    assert {each.visibility for each in page.entries} == {Visibility.CUSTOMER}
    assert {each.actor for each in page.entries} == {None}
    hidden = {"order.held", "return.dispositioned", "order_line.short_picked"}
    assert hidden.isdisjoint(each.type for each in page.entries)
    messages = [each for each in page.entries if each.type == "case.message"]
    assert len(messages) == 1 and messages[0].message is not None
    assert len(messages[0].message) <= 140 and "\n" not in messages[0].message


async def test_the_number_of_calls_does_not_grow_with_orders() -> None:
    world = eventful()
    reads = world.open()
    pages = await reads.timeline_by_order(await world.orders(reads, "1", "2", "3"), TimelineQuery())
    assert [page.entries[-1].type for page in pages] == ["order.placed"] * 3
    assert sorted(world.calls) == sorted({*world.calls})
    assert len(world.calls) == 14
    narrow = eventful()
    await told_of(narrow, TimelineQuery(categories=frozenset({TimelineCategory.FINANCE})))
    assert {noun for _, noun, _ in narrow.calls} == {"order", "invoice", "credit_memo", "return"}


async def test_a_failed_system_is_named_and_the_rest_stands() -> None:
    world = eventful()
    world.wms.failure = SourceUnavailable("wms", "refused")
    page = await told_of(world)
    assert [(error.system, error.code) for error in page.failures] == [
        ("wms", "SOURCE_UNAVAILABLE")
    ]
    assert page.total == 15

    async def entries_by_order(orders: object) -> list[list[TimelineEntry]]:
        raise StoreUnavailable("the store is locked")

    world.recorded.entries_by_order = entries_by_order  # type: ignore[method-assign]
    page = await told_of(world)
    assert [error.code for error in page.failures] == ["SOURCE_UNAVAILABLE", "STORE_UNAVAILABLE"]


async def test_a_fact_fetched_and_told_is_one_entry() -> None:
    world = eventful()
    shipped = natural_key(ref("shipment", "s1", system="wms"), "shipment.shipped")
    note = entry("note", category=TimelineCategory.NOTE, type="note.internal", sequence=8)
    world.recorded.entries += [
        entry(shipped, hours_ago=71, observed_at=NOW - HOUR, sequence=7, recorded_at=NOW,
              causation_id="event-1", type="shipment.shipped", title="told"),
        note,
    ]  # fmt: skip
    page = await told_of(world)
    assert page.total == 24
    assert page.entries[0] == replace(note, correlation_id="corr-0001")
    [one] = [each for each in page.entries if each.natural_key == shipped]
    assert (one.sequence, one.causation_id, one.title) == (7, "event-1", "Shipped: SH1")
    assert (one.occurred_at, one.observed_at) == (NOW - 71 * HOUR, NOW - HOUR)


@pytest.mark.parametrize(
    ("of_the_order", "expected"),
    [("corr-0001", "corr-0001"), (None, derived_correlation_id(ref("order", "1")))],
)
async def test_a_fact_has_its_own_correlation_id_or_its_orders(
    of_the_order: str | None, expected: str
) -> None:
    world = eventful()
    world.recorded.entries += [entry("a", correlation_id="of the return"), entry("b")]
    [order] = await world.orders(world.open(), "1")
    orders = [replace(order, correlation_id=of_the_order)]  # type: ignore[call-arg]
    [page] = await world.open().timeline_by_order(orders, TimelineQuery())
    own = {each.natural_key: each.correlation_id for each in page.entries}
    assert own.pop("a") == "of the return"
    assert set(own.values()) == {expected}
    theirs = TimelineQuery(correlation_id=expected)
    [chosen] = await world.open().timeline_by_order(orders, theirs)
    assert {each.natural_key for each in chosen.entries} == set(own)


def test_what_was_told_later_than_fetched_stands() -> None:
    told = entry("k", title="told", observed_at=NOW + HOUR, sequence=1)
    [one] = merged([entry("k", title="fetched")], [told])
    assert (one.title, one.observed_at, one.sequence) == ("told", NOW, 1)


def test_an_entry_from_the_future_is_shown_where_it_was_observed() -> None:
    [one] = merged([entry("k", hours_ago=-2)], [])
    assert one.occurred_at == NOW and one.is_clock_suspect


def test_what_was_recorded_as_internal_stays_so() -> None:
    fetched = entry("k", visibility=Visibility.CUSTOMER)
    [one] = merged([fetched], [entry("k", visibility=Visibility.INTERNAL)])
    assert one.visibility is Visibility.INTERNAL


_ENTRIES = st.lists(
    st.builds(
        entry,
        st.sampled_from("abcdefghij"),
        hours_ago=st.integers(0, 2),
        sequence=st.one_of(st.none(), st.integers(1, 3)),
        source_sequence=st.integers(0, 2),
        causal_rank=st.integers(0, 2),
    ),
    max_size=10,
    unique_by=lambda each: each.natural_key,
)


@given(entries=_ENTRIES, seed=st.integers(0, 1000), size=st.integers(1, 4))
def test_pages_forwards_and_backwards_are_the_whole_in_one_order(
    entries: list[TimelineEntry], seed: int, size: int
) -> None:
    whole = page_of(entries, TimelineQuery(first=100)).entries
    assert list(whole) == sorted(entries, key=place_of)
    shuffled = random.Random(seed)
    forwards: list[TimelineEntry] = []
    cursor: str | None = None
    while True:
        shuffled.shuffle(entries)
        page = page_of(entries, TimelineQuery(first=size, after=cursor))
        forwards += page.entries
        assert page.has_previous == (cursor is not None and bool(forwards))
        if not page.has_next:
            break
        cursor = page.end_cursor
    assert tuple(forwards) == whole
    backwards: list[TimelineEntry] = []
    cursor = None
    while True:
        page = page_of(entries, TimelineQuery(last=size, before=cursor))
        backwards = [*page.entries, *backwards]
        if not page.has_previous:
            break
        cursor = page.start_cursor
    assert tuple(backwards) == whole


@given(entries=_ENTRIES, cut=st.integers(0, 9))
def test_a_cursor_holds_when_its_entry_is_gone(entries: list[TimelineEntry], cut: int) -> None:
    whole = page_of(entries, TimelineQuery(first=100))
    if cut >= len(whole.entries):
        return
    left = [each for each in entries if each != whole.entries[cut]]
    after = page_of(left, TimelineQuery(first=100, after=whole.cursors[cut]))
    assert after.entries == whole.entries[cut + 1 :]


@given(fetched=_ENTRIES, recorded=_ENTRIES, seed=st.integers(0, 1000))
def test_merging_is_once_each_whatever_the_order(
    fetched: list[TimelineEntry], recorded: list[TimelineEntry], seed: int
) -> None:
    once = page_of(merged(fetched, recorded), TimelineQuery(first=100)).entries
    keys = {each.natural_key for each in (*fetched, *recorded)}
    assert sorted(each.natural_key for each in once) == sorted(keys)
    random.Random(seed).shuffle(fetched)
    random.Random(seed).shuffle(recorded)
    assert page_of(merged(fetched, recorded), TimelineQuery(first=100)).entries == once


def test_filters() -> None:
    subject = Ref("shipment", "wms", "s1")
    plain = entry("plain", hours_ago=5)
    rich = entry(
        "rich", hours_ago=1, category=TimelineCategory.SHIPMENT, type="shipment.exception",
        severity=Severity.WARNING, system="wms", actor_type=ActorType.SYSTEM, subject=subject,
        visibility=Visibility.CUSTOMER, correlation_id="c", change_to="EXCEPTION",
        message="Parcel LOST",
    )  # fmt: skip
    for query in (
        TimelineQuery(categories=frozenset({TimelineCategory.SHIPMENT})),
        TimelineQuery(types=frozenset({"shipment.exception"})),
        TimelineQuery(min_severity=Severity.NOTICE),
        TimelineQuery(systems=frozenset({"wms"})),
        TimelineQuery(actor_types=frozenset({ActorType.SYSTEM})),
        TimelineQuery(visibility=frozenset({Visibility.CUSTOMER})),
        TimelineQuery(since=rich.occurred_at),
        TimelineQuery(correlation_id="c"),
        TimelineQuery(subject=subject),
        TimelineQuery(only_state_changes=True),
        TimelineQuery(text="lost"),
    ):
        assert page_of([plain, rich], query).entries == (rich,), query
    assert page_of([plain, rich], TimelineQuery(until=rich.occurred_at)).entries == (plain,)


@pytest.mark.parametrize(
    "query",
    [
        TimelineQuery(first=1, last=1), TimelineQuery(first=-1), TimelineQuery(last=101),
        TimelineQuery(after="nonsense"), TimelineQuery(before="W10"), TimelineQuery(after="é"),
        TimelineQuery(after="W251bGwsMSwxLDEsImEiXQ"),
    ],
)  # fmt: skip
async def test_paging_that_cannot_be_meant_is_refused_before_anything_is_read(
    query: TimelineQuery,
) -> None:
    world = eventful()
    reads = world.open()
    orders = await world.orders(reads, "1")
    with pytest.raises(InputInvalid):
        await reads.timeline_by_order(orders, query)
    assert len(world.calls) == 1


async def test_a_moment_the_source_does_not_tell_does_not_move_with_each_read() -> None:
    world = World()
    placed_at = NOW - 9 * 24 * HOUR
    world.erp.put(
        make("order_line", "1/1", order=ORDER, line_number=1,
             backordered=Quantity(Decimal(1), "EA"))
    )  # fmt: skip
    page = await told_of(world)
    [line] = [each for each in page.entries if each.type == "order_line.backordered"]
    assert line.occurred_at == placed_at


async def test_scans_of_a_return_shipment_are_told_too() -> None:
    world = World()
    back = make("shipment", "b1", system="wms", rma=ref("return", "r1"), carrier="UPS",
                tracking_number="1ZB", shipped_at=NOW - 9 * HOUR)  # fmt: skip
    world.wms.put(back)
    world.carrier.put(
        make("milestone", "z", system="carrier", tracking_number="1ZB", carrier="UPS",
             code=ShipmentStatus.PICKED_UP, occurred_at=NOW - 8 * HOUR)
    )  # fmt: skip
    page = await told_of(world)
    assert [each.subject for each in page.entries if each.type == "shipment.picked_up"] == [
        back.ref
    ]
    assert isinstance(back, Record) and replace(page.entries[0]) == page.entries[0]
