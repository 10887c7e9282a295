"""Who sees what: a customer only their own, of every noun; forbidden equals missing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from hub.model.case import Visibility
from hub.model.catalog import NOUNS
from hub.model.errors import SourceUnavailable
from hub.model.record import Record, fields_of
from hub.model.values import Money
from hub.reads import relations as r
from hub.reads.owners import HOPS_MAX, OWNERS
from hub.reads.reads import ReadHub
from hub.security.principal import CallerClass, Role
from hub.security.scope import Scope
from tests.support.fake_source import FakeSource, terms
from tests.unit.reads.world import HOUSE, SameAs, World, customer_scope, make, ref

OPEN_TO_ALL = {"item", "inventory_position"}

# one record of each noun that belongs to the owner of the order or return with the key
OWNED: dict[str, dict[str, Any]] = {
    "order": {"customer": ("customer", "c")},
    "order_line": {"order": ("order", "")},
    "customer": {},
    "shipment": {"order": ("order", "")},
    "shipment_line": {"shipment": ("shipment", "s")},
    "milestone": {"shipment": ("shipment", "s")},
    "invoice": {"order": ("order", "")},
    "invoice_line": {"invoice": ("invoice", "i")},
    "credit_memo": {"rma": ("return", "r")},
    "return": {"order": ("order", "")},
    "return_line": {"rma": ("return", "r")},
    "receipt": {"rma": ("return", "r")},
    "inspection": {"rma": ("return", "r")},
    "disposition": {"rma": ("return", "r")},
    "case": {"rma": ("return", "r")},
    "message": {"case": ("case", "k")},
    "price": {"customer": ("customer", "c")},
}


def test_every_noun_has_an_owner_rule_over_real_references() -> None:
    assert set(OWNERS) == set(NOUNS) == set(OWNED) | OPEN_TO_ALL
    for noun, owner in OWNERS.items():
        known = fields_of(NOUNS[noun])
        references = {name for name, field in known.items() if field.kind == "reference"}
        assert set(owner.by) <= references
        assert owner.by or owner.is_open or noun == "customer"
    assert HOPS_MAX > 5


def everything() -> World:
    """Every noun in one system, once for the customer c1 and once for c2."""
    world = World()
    all_nouns = {noun: terms(noun, points_to="erp") for noun in NOUNS}
    world.erp.nouns = all_nouns
    world.erp.records = []
    for owner in ("1", "2"):
        world.erp.put(make("customer", f"c{owner}", business_unit=f"BU{owner}"))
        for noun, by in OWNED.items():
            if noun == "customer":
                continue
            prefix = {"shipment": "s", "invoice": "i", "return": "r", "case": "k"}.get(noun, "")
            values: dict[str, Any] = {
                name: ref(to, f"{start}{owner}") for name, (to, start) in by.items()
            }
            if noun == "message":
                values["visibility"] = Visibility.CUSTOMER
            world.erp.put(make(noun, f"{prefix}{owner}", **values))
        for noun in OPEN_TO_ALL:
            world.erp.put(make(noun, owner, sku="A"))
    return world


def key_of(noun: str, owner: str) -> str:
    starts = {"customer": "c", "shipment": "s", "invoice": "i", "return": "r", "case": "k"}
    return f"{starts.get(noun, '')}{owner}"


@pytest.mark.parametrize("noun", sorted(NOUNS))
async def test_a_customer_sees_only_their_own(noun: str) -> None:
    reads = everything().open(customer_scope("c1"))
    refs = [ref(noun, key_of(noun, "1")), ref(noun, key_of(noun, "2")), ref(noun, "missing")]
    mine, theirs, missing = await reads.record_by_ref(refs)
    assert isinstance(mine, Record)
    assert missing is None
    assert isinstance(theirs, Record) if noun in OPEN_TO_ALL else theirs is None


@pytest.mark.parametrize("noun", sorted(NOUNS))
async def test_an_agent_of_one_business_unit_sees_only_its_records(noun: str) -> None:
    scope = Scope(None, frozenset({"BU1"}), False, frozenset({Role.AGENT}))
    reads = everything().open(scope)
    mine, theirs = await reads.record_by_ref(
        [ref(noun, key_of(noun, "1")), ref(noun, key_of(noun, "2"))]
    )
    assert isinstance(mine, Record)
    assert isinstance(theirs, Record) if noun in OPEN_TO_ALL else theirs is None


@pytest.mark.parametrize("noun", sorted(NOUNS))
async def test_a_partner_sees_nobodys_records(noun: str) -> None:
    partner = Scope(frozenset(), None, False, frozenset({Role.INTEGRATION}))
    [told] = await everything().open(partner).record_by_ref([ref(noun, key_of(noun, "1"))])
    assert isinstance(told, Record) if noun in OPEN_TO_ALL else told is None


async def test_a_list_price_is_everyones() -> None:
    world = everything()
    world.erp.put(make("price", "list", sku="A"))
    [told] = await world.open(customer_scope("c1")).record_by_ref([ref("price", "list")])
    assert isinstance(told, Record)


async def test_the_house_makes_no_call_for_owners_and_customers_make_few() -> None:
    world = World()
    keys = [ref("shipment", f"s{key}", system="wms") for key in (1, 2, 3)]
    await world.open(HOUSE).record_by_ref(keys)
    assert world.calls == [("wms", "shipment", "by_key")]
    told = await world.open(customer_scope("c1")).record_by_ref(keys)
    assert [each is None for each in told] == [False, False, True]
    assert world.calls == [("erp", "order", "by_key"), ("wms", "shipment", "by_key")]
    assert len(world.erp.calls[0].keys) == 3


async def test_an_owner_that_cannot_be_known_is_a_refusal_for_customers_only() -> None:
    world = World()
    world.erp.failure = SourceUnavailable("erp", "refused")
    shipment = [ref("shipment", "s1", system="wms")]
    assert await world.open(customer_scope("c1")).record_by_ref(shipment) == [None]
    [told] = await world.open().record_by_ref(shipment)
    assert isinstance(told, Record)


async def test_relations_hide_internal_messages_and_foreign_records() -> None:
    world = World()
    case = ref("case", "k1", system="crm")
    world.crm.put(
        make("message", "note", system="crm", case=case, visibility=Visibility.INTERNAL),
        make("message", "unmapped", system="crm", case=case),
    )
    theirs = world.open(customer_scope("c1"))
    orders = await world.orders(theirs, "1")
    [cases] = await theirs.related(r.CASES_BY_ORDER, orders)
    [messages] = await theirs.related(r.MESSAGES_BY_CASE, cases.records)
    assert [each.ref.key for each in messages.records] == ["m1"]
    [all_messages] = await world.open().related(r.MESSAGES_BY_CASE, cases.records)
    assert [each.ref.key for each in all_messages.records] == ["m1", "note", "unmapped"]


async def test_a_case_of_another_customer_on_my_order_stays_hidden() -> None:
    world = World()
    world.crm.put(
        make("case", "x", system="crm", order=ref("order", "1"), customer=ref("customer", "c2"))
    )
    theirs = world.open(customer_scope("c1"))
    [cases] = await theirs.related(r.CASES_BY_ORDER, await world.orders(theirs, "1"))
    assert [each.ref.key for each in cases.records] == ["k1"]


async def test_authorization_is_checked_again_on_what_another_request_cached() -> None:
    world = World()
    order = [ref("order", "3")]
    [told] = await world.open().record_by_ref(order)
    assert isinstance(told, Record)
    assert await world.open(customer_scope("c1")).record_by_ref(order) == [None]
    assert len(world.erp.calls) == 1


async def test_a_scan_without_a_shipment_is_nobodys_by_key_and_follows_its_shipment() -> None:
    world = World()
    scan = make("milestone", "a", system="carrier", tracking_number="1Z1",
                occurred_at=world.clock.now())  # fmt: skip
    world.carrier.put(scan)
    theirs = world.open(customer_scope("c1"))
    assert await theirs.record_by_ref([scan.ref]) == [None]
    [shipments] = await theirs.related(r.SHIPMENTS_BY_ORDER, await world.orders(theirs, "1"))
    [scans] = await theirs.milestones(shipments.records)
    assert scans.records == (scan,)


async def test_a_number_asked_by_a_stranger_is_missing() -> None:
    world = World()
    for number in ("SO1", "none"):
        found = await world.open(customer_scope("c2")).records_by_number("order", number)
        assert (found.records, found.failures) == ((), ())
    assert isinstance(world.erp, FakeSource)


async def test_an_account_is_of_the_units_of_the_customers_it_is_linked_with() -> None:
    """A CRM knows no units. An ERP that knows them and tells none of a customer is refused."""
    account, untold = ref("customer", "A-1", system="crm"), ref("customer", "c9")
    world = World(references=SameAs((ref("customer", "c1"), account, untold)))
    without = replace(terms("customer"), fields=frozenset({"number", "name"}))
    world.crm.nouns = {**world.crm.nouns, "customer": without}
    world.crm.put(make("customer", "A-1", system="crm", number="A-1"))
    world.erp.put(make("customer", "c9", number="c9"))
    for unit, is_seen in (("EU", True), ("US", False)):
        reads = world.open(Scope(None, frozenset({unit}), False, frozenset({Role.AGENT})))
        told = await reads.record_by_ref([account, untold])
        assert [isinstance(each, Record) for each in told] == [is_seen, False]


async def test_what_is_missing_costs_as_many_calls_as_what_is_hidden() -> None:
    world = World()
    for scope in (customer_scope("c1"), Scope(None, frozenset({"US"}), False, frozenset())):
        calls = []
        for key in ("s3", "s999"):
            hub = ReadHub(list(world.hub.sources.values()), references=SameAs(),
                          recorded=world.recorded, clock=world.clock)  # fmt: skip
            reads = hub.open(scope, caller=CallerClass.CUSTOMER)
            assert await reads.record_by_ref([ref("shipment", key, system="wms")]) == [None]
            calls.append([(each.system, each.relation) for each in reads.calls])
        assert calls[0] == calls[1] == [("wms", "shipment"), ("erp", "order")]


async def test_an_agent_of_one_business_unit_prices_for_its_customers_only() -> None:
    scope = Scope(None, frozenset({"BU1"}), False, frozenset({Role.AGENT}))
    world = everything()
    for owner in ("1", "2"):
        price = make("price", owner, sku="A", customer=ref("customer", f"c{owner}"),
                     unit_price=Money(Decimal(9), "EUR"))  # fmt: skip
        world.erp.put(price)
    reads = world.open(scope)
    mine = await reads.price(ref("customer", "c1"), "A", Decimal(1))
    assert mine is not None and mine.price.ref.key == "1"
    assert await reads.price(ref("customer", "c2"), "A", Decimal(1)) is None
