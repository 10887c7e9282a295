"""Reads as resolvers use them, over systems in memory."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hub.model.errors import (
    NotServed,
    SourceTimeout,
    SourceUnavailable,
)
from hub.model.record import Record
from hub.model.shipment import Milestone, ShipmentStatus
from hub.model.values import Ref, Staleness
from hub.reads import relations as r
from hub.reads.answers import Found
from hub.reads.reads import ReadHub
from hub.security.principal import CallerClass
from tests.support.fake_source import FakeSource, terms
from tests.unit.reads.world import (
    HOUSE,
    NOW,
    FakeClock,
    RecordedEntries,
    SameAs,
    World,
    customer_scope,
    make,
    ref,
)


async def test_a_key_is_asked_for_once_in_a_request_and_missing_is_none() -> None:
    world = World()
    reads = world.open()
    one, again, none, nothing = await reads.record_by_ref(
        [ref("order", "1"), ref("order", "1"), ref("order", "99"), None]
    )
    await reads.record_by_ref([ref("order", "1")])
    assert isinstance(one, Record) and one is again and none is None and nothing is None
    assert [(call.noun, call.keys) for call in world.erp.calls] == [("order", ("1", "99"))]
    assert [(c.system, c.relation, c.keys, c.merged) for c in reads.calls] == [
        ("erp", "order", 2, 1)
    ]


async def test_unknown_systems_and_nouns_are_missing_records() -> None:
    reads = World().open()
    told = await reads.record_by_ref([Ref("order", "gone", "1"), Ref("case", "erp", "1")])
    assert told == [None, None]


async def test_fifty_parents_cost_the_calls_of_one() -> None:
    world = World()
    for key in range(100, 150):
        world.erp.put(make("order", str(key), number=str(key), customer=ref("customer", "c1")))
    counts = []
    for keys in (["1"], [str(key) for key in range(100, 150)]):
        for source in (world.erp, world.wms, world.crm):
            source.calls.clear()
        reads = world.open()
        orders = await world.orders(reads, *keys)
        await asyncio.gather(*(reads.related(each, orders) for each in (
            r.LINES_BY_ORDER, r.SHIPMENTS_BY_ORDER, r.INVOICES_BY_ORDER, r.CASES_BY_ORDER
        )))  # fmt: skip
        counts.append(len(world.calls))
    assert counts == [5, 5]


async def test_relations_are_aligned_and_ordered() -> None:
    world = World()
    order = ref("order", "1")
    world.erp.put(
        make("order_line", "1/3", order=order, line_number=None),
        make("order_line", "1/2", order=order, line_number=2),
    )
    reads = world.open()
    sections = await reads.related(r.LINES_BY_ORDER, await world.orders(reads, "2", "1"))
    assert [[line.ref.key for line in each.records] for each in sections] == [
        ["2/1"], ["1/1", "1/2", "1/3"]
    ]  # fmt: skip
    assert all(each.is_served and not each.failures for each in sections)


async def test_carried_children_are_not_asked_for() -> None:
    world = World()
    line = make("order_line", "7/1", order=ref("order", "7"), line_number=1)
    world.erp.put(make("order", "7", number="SO7", lines=(line,)))
    reads = world.open()
    [section] = await reads.related(r.LINES_BY_ORDER, await world.orders(reads, "7"))
    assert section.records == (line,)
    assert [call.noun for call in world.erp.calls] == ["order"]


async def test_rows_of_another_order_are_dropped() -> None:
    world = World()

    async def by_field(noun: str, field: str, values: object) -> object:
        return [[make("shipment", "x", system="wms", order=ref("order", "3"))]]

    world.wms.by_field = by_field  # type: ignore[assignment,method-assign]
    reads = world.open()
    [section] = await reads.related(r.SHIPMENTS_BY_ORDER, await world.orders(reads, "1"))
    assert section.records == () and section.is_served


async def test_a_failed_system_costs_its_own_section_only() -> None:
    world = World()
    world.wms.failure = SourceUnavailable("wms", "refused")
    hub = ReadHub(
        [world.erp, world.wms], references=SameAs(), recorded=RecordedEntries(), clock=world.clock
    )
    reads = hub.open(HOUSE, caller=CallerClass.AGENT)
    orders = await world.orders(reads, "1")
    [shipments] = await reads.related(r.SHIPMENTS_BY_ORDER, orders)
    [lines] = await reads.related(r.LINES_BY_ORDER, orders)
    [cases] = await reads.related(r.CASES_BY_ORDER, orders)
    assert shipments.is_null and [each.code for each in shipments.failures] == [
        "SOURCE_UNAVAILABLE"
    ]
    assert len(lines.records) == 1
    assert not cases.is_served and cases.is_null
    rows = [(row.name, row.system, row.state, row.staleness, row.code)
            for row in reads.sections_of(orders[0])]  # fmt: skip
    assert rows == [
        ("order", "erp", "AVAILABLE", Staleness.FRESH, None),
        ("cases", None, "NOT_CONFIGURED", Staleness.FRESH, None),
        ("lines", "erp", "AVAILABLE", Staleness.FRESH, None),
        ("shipments", "wms", "FAILED", Staleness.UNAVAILABLE, "SOURCE_UNAVAILABLE"),
    ]


async def test_two_systems_behind_one_section_give_what_arrived() -> None:
    world = World()
    south = FakeSource("wms-south", {"shipment": terms("shipment", points_to="erp")}, role="wms")
    south.put(make("shipment", "s1", system="wms-south", order=ref("order", "1"), number="SH0"))
    hub = ReadHub(
        [world.erp, world.wms, south], references=SameAs(), recorded=RecordedEntries(),
        clock=world.clock,
    )  # fmt: skip
    world.wms.failure = SourceUnavailable("wms", "refused")
    reads = hub.open(HOUSE, caller=CallerClass.AGENT)
    [section] = await reads.related(r.SHIPMENTS_BY_ORDER, await world.orders(reads, "1"))
    assert [each.ref.system for each in section.records] == ["wms-south"]
    assert [each.system for each in section.failures] == ["wms"]
    assert not section.is_null


async def test_fresh_answers_make_no_call_stale_ones_are_refreshed_beside_the_request() -> None:
    world = World()
    await world.orders(world.open(), "1")
    world.clock.elapsed_s = 4.9
    [order] = await world.orders(reads := world.open(), "1")
    assert len(world.erp.calls) == 1
    assert reads.provenance(order).from_cache
    assert reads.provenance(order).staleness is Staleness.FRESH
    world.clock.elapsed_s = 6
    [order] = await world.orders(reads := world.open(), "1")
    assert reads.provenance(order).staleness is Staleness.STALE
    await asyncio.sleep(0.01)
    assert len(world.erp.calls) == 2
    [order] = await world.orders(reads := world.open(), "1")
    assert reads.provenance(order).staleness is Staleness.FRESH
    assert len(world.erp.calls) == 2
    world.clock.elapsed_s = 700
    [order] = await world.orders(reads := world.open(), "1")
    assert not reads.provenance(order).from_cache
    assert len(world.erp.calls) == 3


async def test_a_record_that_came_by_a_relation_is_not_asked_for_by_key() -> None:
    erp = FakeSource("erp", {"order": terms("order", points_to="erp", fresh_for_s=0)})
    erp.put(make("order", "1", number="SO1"))
    hub = ReadHub([erp], references=SameAs(), recorded=RecordedEntries(), clock=FakeClock())
    reads = hub.open(HOUSE, caller=CallerClass.AGENT)
    found = await reads.records_by_number("order", "SO1")
    assert await reads.record_by_ref([ref("order", "1")]) == list(found.records)
    assert [call.operation for call in erp.calls] == ["number"]


async def test_relations_are_cached_until_a_record_of_theirs_changes() -> None:
    world = World()
    orders = await world.orders(world.open(), "1", "2")
    await world.open().related(r.SHIPMENTS_BY_ORDER, orders)
    await world.open().related(r.SHIPMENTS_BY_ORDER, orders)
    assert len(world.wms.calls) == 1
    world.hub.invalidate(ref("shipment", "s1", system="wms"))
    await world.open().related(r.SHIPMENTS_BY_ORDER, orders)
    assert [call.keys for call in world.wms.calls[1:]] == [(ref("order", "1"),)]
    world.wms.put(make("shipment", "s9", system="wms", order=ref("order", "2"), number="SH9"))
    world.hub.invalidate(ref("shipment", "s9", system="wms"))
    sections = await world.open().related(r.SHIPMENTS_BY_ORDER, orders)
    assert [len(each.records) for each in sections] == [1, 2]


async def test_a_failing_system_is_answered_from_what_is_still_usable() -> None:
    clock = FakeClock()
    erp = FakeSource("erp", {"order": terms("order", points_to="erp", fresh_for_s=0)})
    erp.put(make("order", "1", number="SO1"))
    hub = ReadHub([erp], references=SameAs(), recorded=RecordedEntries(), clock=clock)
    await hub.open(HOUSE, caller=CallerClass.AGENT).record_by_ref([ref("order", "1")])
    clock.elapsed_s = 30
    erp.failure = SourceUnavailable("erp", "refused")
    reads = hub.open(HOUSE, caller=CallerClass.AGENT)
    [order] = await reads.record_by_ref([ref("order", "1")])
    assert isinstance(order, Record)
    assert len(erp.calls) == 2  # fresh for no time: asked each time
    [row] = reads.sections_of(order)
    assert (row.state, row.staleness, row.code) == (
        "AVAILABLE", Staleness.STALE, "SOURCE_UNAVAILABLE"
    )  # fmt: skip
    clock.elapsed_s = 700
    [gone] = await hub.open(HOUSE, caller=CallerClass.AGENT).record_by_ref([ref("order", "1")])
    assert isinstance(gone, SourceUnavailable)


async def test_a_failed_refresh_is_not_repeated_within_a_second() -> None:
    world = World()
    await world.orders(world.open(), "1")
    world.clock.elapsed_s = 6
    world.erp.failure = SourceUnavailable("erp", "refused")
    for _ in range(5):
        [order] = await world.orders(reads := world.open(), "1")
        await asyncio.sleep(0)
        await asyncio.sleep(0.002)
    assert len(world.erp.calls) == 2
    assert reads.sections_of(order)[0].code == "SOURCE_UNAVAILABLE"


async def test_a_key_that_is_not_there_is_believed_for_a_second() -> None:
    world = World()
    assert await world.open().record_by_ref([ref("order", "9")]) == [None]
    world.erp.put(make("order", "9", number="SO9"))
    world.clock.elapsed_s = 0.9
    assert await world.open().record_by_ref([ref("order", "9")]) == [None]
    world.clock.elapsed_s = 1.1
    [order] = await world.open().record_by_ref([ref("order", "9")])
    assert isinstance(order, Record)


async def test_the_request_ends_before_a_silent_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.reads.asking.DEADLINES_S", {CallerClass.AGENT: 0.02})
    world = World()
    world.erp.gate = asyncio.Event()
    [answer] = await world.open().record_by_ref([ref("order", "1")])
    assert isinstance(answer, SourceTimeout) and answer.system == "erp"
    world.erp.gate.set()
    await asyncio.sleep(0.01)
    assert len(await world.orders(world.open(), "1")) == 1  # the late answer was kept
    assert len(world.erp.calls) == 1


async def test_thirty_two_requests_are_merged() -> None:
    world = World()
    for key in range(100, 132):
        world.erp.put(make("order", str(key), number=str(key)))
    orders = [(await world.orders(world.open(), str(key)))[0] for key in range(100, 132)]
    world.wms.calls.clear()
    gate = world.wms.gate = asyncio.Event()
    first = asyncio.create_task(world.open().related(r.SHIPMENTS_BY_ORDER, orders[:1]))
    await world.wms.entered.acquire()
    all_reads = [world.open() for _ in orders[1:]]
    others = [
        asyncio.create_task(reads.related(r.SHIPMENTS_BY_ORDER, [order]))
        for reads, order in zip(all_reads, orders[1:], strict=True)
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, *others)
    assert [len(call.keys) for call in world.wms.calls] == [1, 31]
    assert {reads.calls[0].merged for reads in all_reads} == {31}


async def test_a_number_two_systems_know_is_ambiguous() -> None:
    world = World()
    us = FakeSource("erp-us", {"order": terms("order", points_to="erp-us")})
    us.put(make("order", "1", system="erp-us", number="SO1"))
    hub = ReadHub(
        [world.erp, us], references=SameAs(), recorded=RecordedEntries(), clock=world.clock
    )
    reads = hub.open(HOUSE, caller=CallerClass.AGENT)
    found = await reads.records_by_number("order", "SO1")
    assert [one.ref for one in found.records] == [
        ref("order", "1"), ref("order", "1", system="erp-us")
    ]  # fmt: skip
    of_c1 = hub.open(customer_scope("c1"), caller=CallerClass.CUSTOMER)
    theirs = await of_c1.records_by_number("order", "SO1")
    assert [one.ref.system for one in theirs.records] == ["erp"]
    assert await reads.records_by_number("order", "none") == Found((), ())
    us.failure = SourceUnavailable("erp-us", "refused")
    silent = await reads.records_by_number("order", "not asked for before")
    assert (silent.records, silent.failures) == ((), (us.failure,))
    with pytest.raises(NotServed):
        await reads.records_by_number("case", "1")


async def test_scans_of_a_recycled_tracking_number_do_not_merge() -> None:
    world = World()
    now, long_ago = NOW - timedelta(days=4), NOW - timedelta(days=370)
    for key, carrier, at in (
        ("a", "ups", now), ("b", "UPS", long_ago), ("c", "DHL", now), ("d", None, now)
    ):  # fmt: skip
        world.carrier.put(
            make("milestone", key, system="carrier", tracking_number="1Z1", carrier=carrier,
                 code=ShipmentStatus.IN_TRANSIT, occurred_at=at,
                 sequence=1 if key == "a" else 2)
        )  # fmt: skip
    reads = world.open()
    shipments = await reads.record_by_ref([ref("shipment", "s1", system="wms")])
    [section] = await reads.related(
        r.MILESTONES_BY_TRACKING, [each for each in shipments if isinstance(each, Record)]
    )
    assert [scan.ref.key for scan in section.records] == ["a", "d"]


async def test_scans_told_twice_are_one() -> None:
    world = World()
    at = NOW - timedelta(days=4)
    nested = make("milestone", "s1/1", system="wms", shipment=ref("shipment", "s1", system="wms"),
                  code=ShipmentStatus.PICKED_UP, occurred_at=at)  # fmt: skip
    shipment = make("shipment", "s1", system="wms", carrier="UPS", tracking_number="1Z1",
                    shipped_at=at, milestones=(nested,), order=ref("order", "1"))  # fmt: skip
    world.wms.put(shipment)
    world.carrier.put(
        make("milestone", "a", system="carrier", tracking_number="1Z1",
             code=ShipmentStatus.PICKED_UP, occurred_at=at),
        make("milestone", "b", system="carrier", tracking_number="1Z1",
             code=ShipmentStatus.DELIVERED, occurred_at=at + timedelta(days=1)),
    )  # fmt: skip
    [section] = await world.open().milestones([shipment])
    codes = [scan.code for scan in section.records if isinstance(scan, Milestone)]
    assert codes == [ShipmentStatus.PICKED_UP, ShipmentStatus.DELIVERED]
    assert section.records[0] is nested


async def test_cross_references_join_a_customer_of_two_systems() -> None:
    mine = (ref("customer", "c1"), ref("customer", "A-17", system="crm"))
    world = World(references=SameAs(mine))
    world.crm.put(make("case", "k9", system="crm", number="C9", customer=mine[1]))
    reads = world.open()
    [customer] = await reads.record_by_ref([mine[0]])
    assert isinstance(customer, Record)
    [section] = await reads.related(r.CASES_BY_CUSTOMER, [customer])
    assert [case.ref.key for case in section.records] == ["k9"]
    assert await reads.same_as([customer]) == [mine]
    [theirs] = await world.open(customer_scope("c1")).related(r.CASES_BY_CUSTOMER, [customer])
    assert [case.ref.key for case in theirs.records] == ["k9"]


async def test_of_one_thing_only_the_refs_in_scope_are_told() -> None:
    linked = (ref("order", "3"), ref("order", "1"), ref("order", "2"))  # 3 is of another customer
    world = World(references=SameAs(linked))
    [order] = await world.orders(world.open(), "1")
    assert await world.open().same_as([order]) == [linked]
    assert await world.open(customer_scope("c1")).same_as([order]) == [linked[1:]]


async def test_systems_and_close() -> None:
    world = World()
    state = world.open().systems()[1]
    assert (state.name, state.role, state.health.state) == ("wms", "wms", "UP")
    assert state.nouns[0] == "disposition"
    world.erp.gate = asyncio.Event()
    pending = asyncio.create_task(world.open().record_by_ref([ref("order", "1")]))
    await world.erp.entered.acquire()
    await world.hub.close()
    [answer] = await pending
    assert isinstance(answer, SourceTimeout)
