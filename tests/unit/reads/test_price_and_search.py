"""The best price, and the search over numbers and names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from hub.model.errors import InputInvalid, SourceUnavailable
from hub.model.inventory import Price
from hub.model.values import Money, Quantity
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


def money(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def pieces(count: int) -> Quantity:
    return Quantity(Decimal(count), "EA")


async def test_the_best_price() -> None:
    world = World()
    world.erp.put(
        make("price", "list", sku="A", unit_price=money("10")),
        make("price", "own", sku="A", unit_price=money("9"), customer=ref("customer", "c1")),
        make("price", "own10", sku="A", unit_price=money("8"), customer=ref("customer", "c1"),
             minimum_quantity=pieces(10)),
        make("price", "old", sku="A", unit_price=money("1"), customer=ref("customer", "c1"),
             valid_to=(NOW - timedelta(days=1)).date()),
        make("price", "other", sku="A", unit_price=money("2"), customer=ref("customer", "c2")),
    )  # fmt: skip
    reads = world.open(customer_scope("c1"))
    found = [await reads.price(ref("customer", "c1"), "A", Decimal(count)) for count in (1, 10)]
    assert [(each.price.ref.key, each.is_own) for each in found if each] == [
        ("own", True), ("own10", True)
    ]  # fmt: skip
    assert await reads.price(ref("customer", "c2"), "A", Decimal(1)) is None
    house = await world.open().price(ref("customer", "c3"), "A", Decimal(1))
    assert house is not None and (house.price, house.is_own) == (
        Price(ref=ref("price", "list"), as_of=NOW, fetched_at=NOW, sku="A",
              unit_price=money("10")), False
    )  # fmt: skip
    assert await reads.price(ref("customer", "c1"), "B", Decimal(1)) is None


async def test_search_ranks_scopes_and_names_who_failed() -> None:
    world = World()
    world.erp.put(
        make("order", "10", number="77", customer=ref("customer", "c2"), po_number="SO1"),
        make("return", "r9", number="SO1", customer=ref("customer", "c1")),
    )
    world.crm.failure = SourceUnavailable("crm", "refused")
    found = await world.open().search(" SO1 ", 10)
    assert [(hit.record.ref.noun, hit.record.ref.key, hit.field) for hit in found.hits] == [
        ("order", "1", "number"), ("return", "r9", "number"), ("order", "10", "po_number")
    ]  # fmt: skip
    assert [error.system for error in found.failures] == ["crm"]
    theirs = await world.open(customer_scope("c1")).search("SO1", 10)
    assert [hit.record.ref.key for hit in theirs.hits] == ["1", "r9"]
    assert len((await world.open().search("SO1", 1)).hits) == 1
    for text, limit in (("x", 10), ("y" * 101, 10), ("SO1", 0), ("SO1", 101)):
        with pytest.raises(InputInvalid):
            await world.open().search(text, limit)


async def test_search_by_part_of_a_name_and_the_scope_pushed_down() -> None:
    clock = FakeClock()
    searchable = terms("customer", searchable=frozenset({"name"}))
    # the order's number is asked for whole, by index; its other texts are only found by part
    orders = replace(
        terms("order", points_to="erp", searchable=frozenset({"number", "po_number"})),
        asked_by=frozenset({"number", "customer"}),
    )
    erp = FakeSource("erp", {"customer": searchable, "order": orders})
    erp.put(
        make("customer", "c1", name="Acme GmbH"), make("customer", "c2", name="New Acme"),
        make("order", "1", number="ACME-1", customer=ref("customer", "c2")),
        make("order", "2", po_number="ACME-2", customer=ref("customer", "c2")),
    )  # fmt: skip
    hub = ReadHub([erp], references=SameAs(), recorded=RecordedEntries(), clock=clock)
    found = await hub.open(HOUSE, caller=CallerClass.AGENT).search("acme", 10)
    assert [(hit.record.ref.key, hit.rank) for hit in found.hits] == [
        ("2", 1), ("c1", 1), ("c2", 2)
    ]  # fmt: skip
    [whole] = (await hub.open(HOUSE, caller=CallerClass.AGENT).search("ACME-1", 10)).hits
    assert (whole.record.ref.key, whole.rank) == ("1", 0)
    erp.calls.clear()
    theirs = await hub.open(customer_scope("c1"), caller=CallerClass.CUSTOMER).search("acme", 10)
    assert [hit.record.ref.key for hit in theirs.hits] == ["c1"]
    pushed = [call for call in erp.calls if call.operation == "list"]
    assert [[each.field for each in call.keys] for call in pushed] == [["po_number", "customer"]]
