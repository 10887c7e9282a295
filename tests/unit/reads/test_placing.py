"""Where a record belongs, walked to in batches, and records read past the cache."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.events.told import Place
from hub.model.errors import NotServed, OpsHubError, RecordUnknown, SourceUnavailable
from hub.model.record import Record
from hub.model.values import Ref
from hub.reads.placing import Around
from tests.unit.reads.world import NOW, World, make, ref

ORDER, SHIPMENT = ref("order", "1"), ref("shipment", "s1", system="wms")


def around(world: World) -> Around:
    return Around(lambda: world.hub)


async def placed(world: World, *records: Record) -> list[Place]:
    places = await around(world).place(records)
    assert all(isinstance(place, Place) for place in places), places
    return [place for place in places if isinstance(place, Place)]


def where(place: Place) -> tuple[str | None, str | None, str | None]:
    parts = (place.order, place.shipment, place.customer)
    order, shipment, customer = (None if part is None else part.ref.key for part in parts)
    return order, shipment, customer


def held(world: World, wanted: Ref) -> Record:
    systems = (world.erp, world.wms, world.crm, world.carrier)
    return next(one for each in systems for one in each.records if one.ref == wanted)


async def test_every_noun_finds_its_order_shipment_and_customer() -> None:
    world = World()
    rma = ref("return", "r1")
    world.erp.put(make("invoice", "i1", order=ORDER), make("credit_memo", "m1", rma=rma))
    records = [
        held(world, ORDER),
        held(world, ref("order_line", "1/1")),
        held(world, SHIPMENT),
        make("shipment", "back", system="wms", rma=rma),
        make("shipment_line", "l", system="wms", shipment=SHIPMENT),
        make("milestone", "m", system="wms", shipment=SHIPMENT, occurred_at=NOW),
        make("milestone", "t", system="carrier", tracking_number="1Z1", carrier="ups",
             occurred_at=NOW - timedelta(days=4)),
        held(world, rma),
        make("receipt", "e", system="wms", rma=rma),
        make("inspection", "n", system="wms", rma=rma),
        make("disposition", "d", system="wms", rma=rma),
        make("invoice_line", "i1/1", invoice=ref("invoice", "i1")),
        make("credit_memo", "m1", rma=rma),
        held(world, ref("case", "k1", system="crm")),
        held(world, ref("message", "m1", system="crm")),
        make("case", "k9", system="crm", customer=ref("customer", "c2")),
        held(world, ref("customer", "c1")),
        make("item", "A"),
        make("price", "p", customer=ref("customer", "c1")),
    ]  # fmt: skip
    assert [where(place) for place in await placed(world, *records)] == [
        ("1", None, "c1"), ("1", None, "c1"), ("1", "s1", "c1"), ("1", "back", "c1"),
        ("1", "s1", "c1"), ("1", "s1", "c1"), ("1", "s1", "c1"), ("1", None, "c1"),
        ("1", None, "c1"), ("1", None, "c1"), ("1", None, "c1"), ("1", None, "c1"),
        ("1", None, "c1"), ("1", None, "c1"), ("1", None, "c1"), (None, None, "c2"),
        (None, None, "c1"), (None, None, None), (None, None, "c1"),
    ]  # fmt: skip


async def test_the_number_of_calls_does_not_grow_with_the_records() -> None:
    world = World()
    scans = [
        make("milestone", f"{number}-{n}", system="carrier", tracking_number=f"1Z{number}",
             occurred_at=NOW - timedelta(days=4))
        for number in (1, 2, 3) for n in range(20)
    ]  # fmt: skip
    places = await placed(world, *scans)
    assert [where(place) for place in places] == [
        (str(n), f"s{n}", "c2" if n == 3 else "c1") for n in (1, 2, 3) for _ in range(20)
    ]
    assert world.calls == [
        ("erp", "order", "by_key"),
        ("erp", "customer", "by_key"),
        ("wms", "shipment", "tracking_number"),
    ]
    await placed(world, *scans)
    assert len(world.calls) == 3  # where something belongs is remembered


async def test_a_recycled_tracking_number_is_the_shipment_of_its_days() -> None:
    world = World()
    for key, days in (("old", 300), ("near", 20)):
        world.wms.put(
            make("shipment", key, system="wms", order=ref("order", "2"), tracking_number="1ZR",
                 shipped_at=NOW - timedelta(days=days))
        )  # fmt: skip
    scan = make("milestone", "m", system="carrier", tracking_number="1ZR", occurred_at=NOW)
    [place] = await placed(world, scan)
    assert where(place) == ("2", "near", "c1")
    [old] = await placed(world, replace(scan, occurred_at=NOW - timedelta(days=299)))
    assert where(old) == ("2", "old", "c1")


async def test_a_failed_system_concerns_only_what_needs_it() -> None:
    world = World()
    down = SourceUnavailable("wms", "refused")
    world.wms.failure = down
    scan = make("milestone", "m", system="carrier", tracking_number="1Z1", occurred_at=NOW)
    told = await around(world).place([scan, held(world, ORDER)])
    assert told[0] is down
    assert isinstance(told[1], Place) and told[1].order is not None


async def test_what_a_system_does_not_have_is_unknown() -> None:
    world = World()
    told = await around(world).place(
        [
            make("shipment", "x", system="wms", order=ref("order", "none")),
            make("milestone", "m", system="carrier", tracking_number="nobody", occurred_at=NOW),
            make("shipment", "y", system="wms", order=ref("order", "1", system="unconnected")),
            make("order", "n", customer=ref("customer", "none")),
        ]
    )
    assert [type(one) for one in told] == [RecordUnknown, RecordUnknown, Place, Place]
    assert str(told[0]) == "erp told of order 'none' and does not have it"


@pytest.mark.parametrize(("unit", "expected"), [("EU", Place), (None, SourceUnavailable)])
async def test_a_customer_who_cannot_be_read_matters_where_the_unit_is_theirs(
    unit: str | None, expected: type
) -> None:
    world = World()
    world.erp.failing["customer"] = SourceUnavailable("erp", "refused")
    order = make("order", "1", customer=ref("customer", "c1"), business_unit=unit)
    [told] = await around(world).place([order])
    assert isinstance(told, expected)


async def test_a_customer_of_a_system_without_units_has_that_of_its_other_records() -> None:
    world = World()
    account = ref("customer", "a1", system="wms")
    world.hub.references = type("Same", (), {"same_as": lambda _, one: (one, ref("customer", "c1"))
                                             if one == account else (one,)})()  # fmt: skip
    world.wms.nouns = {**world.wms.nouns, "customer": world.erp.nouns["customer"]}
    world.wms.put(make("customer", "a1", system="wms"))
    [place] = await placed(world, make("case", "k", system="crm", customer=account))
    assert place.customer is not None
    assert (place.customer.ref, place.customer.business_unit) == (account, "EU")


async def test_a_record_is_read_past_the_cache_and_remembered() -> None:
    world = World()
    reads = world.open()
    await world.orders(reads, "1")
    changed = make("order", "1", number="SO1-changed", customer=ref("customer", "c1"))
    world.erp.put(changed)
    told = await around(world).read([ORDER, ref("order", "none"), ref("receipt", "x"), ORDER])
    assert told[0] == changed and told[3] == changed and told[1] is None
    assert isinstance(told[2], NotServed)
    assert len([call for call in world.calls if call[1] == "order"]) == 2
    [seen] = await world.orders(world.open(), "1")
    assert seen == changed  # other readers have it too
    assert len([call for call in world.calls if call[1] == "order"]) == 2


async def test_a_read_that_fails_is_the_answer_of_its_keys() -> None:
    world = World()
    world.crm.failure = SourceUnavailable("crm", "refused")
    told = await around(world).read([ORDER, ref("case", "k1", system="crm")])
    assert isinstance(told[0], Record)
    assert isinstance(told[1], OpsHubError) and told[1].code == "SOURCE_UNAVAILABLE"
