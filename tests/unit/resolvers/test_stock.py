"""Items, stock, availability and prices."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from hub.model.errors import SourceTimeout
from hub.model.ids import encode_id
from hub.model.inventory import Price
from hub.model.values import Quantity
from hub.security.principal import Role
from tests.unit.resolvers.shelf import Desk, codes, opened_desk, principal, told
from tests.unit.resolvers.world import CUSTOMER, ERP, erp, euros, wms


@pytest.fixture
async def stocked(tmp_path: Path) -> AsyncIterator[Desk]:
    shop = erp()
    shop.records = [
        *shop.records,
        told(Price, ERP, "L1", sku="A", unit_price=euros("12.00"), price_list="LIST"),
        told(Price, ERP, "L2", sku="A", unit_price=euros("9.50"), customer=CUSTOMER,
             minimum_quantity=Quantity(Decimal(10), "EA")),
    ]  # fmt: skip
    shop.serves = (*shop.serves, Price)
    async with opened_desk(tmp_path, shop, wms()) as desk:
        yield desk


async def test_an_item_has_its_stock(stocked: Desk) -> None:
    data, errors = await stocked.ask(
        """{ item(sku: "A") { description unitCost { amount }
            positions { location onHand { value } damaged { value } safetyStock { value }
                        item { sku } provenance { system } } } }"""
    )
    assert errors == []
    assert data["item"] == {
        "description": "Axle",
        "unitCost": {"amount": "7.00"},
        "positions": [
            {
                "location": "U1", "onHand": {"value": "9"}, "damaged": {"value": "2"},
                "safetyStock": None, "item": {"sku": "A"}, "provenance": {"system": "wms"},
            }
        ],
    }  # fmt: skip


async def test_an_item_says_who_told_its_stock_and_who_could_not(tmp_path: Path) -> None:
    silent = wms()
    silent.name = "wms-south"
    silent.broken["inventory_position"] = SourceTimeout("wms-south", "no answer")
    ask = """{ item(sku: "A") { positions { location }
        sections { name system state staleness code } } }"""
    async with opened_desk(tmp_path, erp(), wms(), silent) as desk:
        data, errors = await desk.ask(ask)
    assert codes(errors) == [("SOURCE_TIMEOUT", "wms-south")]
    assert data["item"] == {
        "positions": [{"location": "U1"}],
        "sections": [
            {"name": "item", "system": ERP, "state": "AVAILABLE", "staleness": "FRESH",
             "code": None},
            {"name": "positions", "system": "wms", "state": "AVAILABLE", "staleness": "FRESH",
             "code": None},
            {"name": "positions", "system": "wms-south", "state": "FAILED",
             "staleness": "UNAVAILABLE", "code": "SOURCE_TIMEOUT"},
        ],
    }  # fmt: skip


AVAILABILITY = """{ availability(skus: ["A", "none"]) {
    sku location systems mode reasons availableToSell { value uom } staleness code
    buckets { onHand { value } damaged { value } unknownBuckets } } }"""


async def test_availability_is_a_statement_with_its_inputs(stocked: Desk) -> None:
    data, errors = await stocked.ask(AVAILABILITY)
    assert errors == []
    assert data["availability"][0] == {
        "sku": "A", "location": "U1", "systems": ["wms"], "staleness": "FRESH", "code": None,
        "mode": "CONSERVATIVE",
        "reasons": [
            "HARD_ALLOCATED_UNKNOWN", "SOFT_RESERVED_UNKNOWN", "QUALITY_HOLD_UNKNOWN",
            "RETURNS_QUARANTINE_UNKNOWN", "SAFETY_STOCK_UNKNOWN",
        ],
        # 9 on hand less 2 damaged, less a tenth of what is on hand, in whole pieces
        "availableToSell": {"value": "6", "uom": "EA"},
        "buckets": {
            "onHand": {"value": "9"}, "damaged": {"value": "2"},
            "unknownBuckets": [
                "hardAllocated", "qualityHold", "returnsQuarantine", "softReserved",
                "safetyStock", "inbound", "backorderDemand",
            ],
        },
    }  # fmt: skip


async def test_availability_of_a_silent_system_is_unknown(tmp_path: Path) -> None:
    silent = wms()
    silent.broken["inventory_position"] = SourceTimeout("wms", "no answer")
    async with opened_desk(tmp_path, erp(), silent) as desk:
        data, _ = await desk.ask(AVAILABILITY)
    row = data["availability"][0]
    assert (row["mode"], row["availableToSell"], row["code"]) == ("UNKNOWN", None, "SOURCE_TIMEOUT")


PRICE = """query($customer: ID!, $quantity: Decimal!) {
    price(customer: $customer, sku: "A", quantity: $quantity) {
        sku quantity isOwn unitPrice { amount currency } row { customer { name } } } }"""


@pytest.mark.parametrize(("quantity", "amount", "is_own"), [("1", "12.00", False),
                                                            ("10.5", "9.50", True)])  # fmt: skip
async def test_the_price_that_holds(
    stocked: Desk, quantity: str, amount: str, is_own: bool
) -> None:
    data, errors = await stocked.ask(PRICE, customer=encode_id(CUSTOMER), quantity=quantity)
    assert errors == []
    assert data["price"] == {
        "sku": "A", "quantity": quantity, "isOwn": is_own,
        "unitPrice": {"amount": amount, "currency": "EUR"},
        "row": {"customer": {"name": "Ada"} if is_own else None},
    }  # fmt: skip


async def test_a_price_nobody_has_is_not_found(stocked: Desk) -> None:
    data, errors = await stocked.ask(
        'query($c: ID!) { price(customer: $c, sku: "Z", quantity: 1) { sku } }',
        c=encode_id(CUSTOMER),
    )
    assert data == {"price": None}
    assert codes(errors) == [("NOT_FOUND", None)]


async def test_no_price_for_nothing(stocked: Desk) -> None:
    _, errors = await stocked.ask(PRICE, customer=encode_id(CUSTOMER), quantity="0")
    assert errors[0]["message"] == "quantity: received '0'; expected more than zero"


async def test_a_customer_does_not_see_the_cost_and_the_buckets(stocked: Desk) -> None:
    ada = principal(Role.CUSTOMER, customers=[("erp-eu", "C1")])
    data, errors = await stocked.ask(
        """{ item(sku: "A") { unitCost { amount } positions { onHand { value } damaged { value } } }
             availability(skus: ["A"]) { availableToSell { value } buckets { damaged { value } } }
        }""",
        who=ada,
    )
    assert {code for code, _ in codes(errors)} == {"FORBIDDEN"}
    assert data["item"] == {
        "unitCost": None, "positions": [{"onHand": {"value": "9"}, "damaged": None}],
    }  # fmt: skip
    assert data["availability"][0]["buckets"] == {"damaged": None}
