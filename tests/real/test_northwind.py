"""Northwind, connected by `northwind.yaml` alone, from SQLite and from PostgreSQL."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from hub.model.values import Ref
from tests.real import facts, files
from tests.real.hub import Ask, all_nodes, running_hub
from tests.real.load import database_url

SYSTEMS = Path(__file__).with_name("northwind.yaml")
OFFICE_TIME = ZoneInfo("America/Los_Angeles")

pytestmark = [files.needs_northwind, pytest.mark.asyncio(loop_scope="module")]

ORDER = """on Order {
    number status placedAt completedAt
    total { amount currency }
    customer { number name }
    lines {
        lineNumber sku description
        ordered { value uom } unitPrice { amount } amount { amount }
        item { sku }
    }
    shipments { number carrier shippedAt }
    sections { name state }
}"""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """One of the two databases, loaded."""
    return database_url(request.getfixturevalue(f"northwind_{request.param}"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ask(url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ask]:
    """A hub over that database."""
    environment = {"NORTHWIND_URL": url}
    data_dir = tmp_path_factory.mktemp("hub")
    async with running_hub(SYSTEMS, environment, data_dir=data_dir) as running:
        yield running


def _midnight(day: str) -> datetime | None:
    """The instant a day begins in the office, in UTC; None for an empty cell."""
    if not day:
        return None
    return datetime.fromisoformat(day).replace(tzinfo=OFFICE_TIME).astimezone(UTC)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _told(order: Mapping[str, Any]) -> tuple[object, ...]:
    """The facts of an order as the hub tells them, in the shape of `_expected`."""
    return (
        order["number"],
        order["status"],
        _instant(order["placedAt"]),
        _instant(order["completedAt"]),
        (Decimal(order["total"]["amount"]), order["total"]["currency"]),
        (order["customer"]["number"], order["customer"]["name"]),
    )


def _expected(number: str) -> tuple[object, ...]:
    northwind = facts.northwind()
    row = northwind.orders[number]
    customer = northwind.customers[row["CustomerID"]]
    return (
        number,
        "COMPLETED" if row["ShippedDate"] else "CONFIRMED",
        _midnight(row["OrderDate"]),
        _midnight(row["ShippedDate"]),
        (northwind.total(number), "USD"),
        (row["CustomerID"], customer["CompanyName"]),
    )


def _expected_lines(number: str) -> list[tuple[object, ...]]:
    northwind = facts.northwind()
    lines = sorted(northwind.lines[number], key=lambda line: int(line.product))
    return [
        (
            place,
            line.product,
            northwind.products[line.product]["ProductName"],
            (Decimal(line.quantity), "EA"),
            line.unit_price,
            line.amount,
            line.product,
        )
        for place, line in enumerate(lines, 1)
    ]


def _told_lines(order: Mapping[str, Any]) -> list[tuple[object, ...]]:
    return [
        (
            line["lineNumber"],
            line["sku"],
            line["description"],
            (Decimal(line["ordered"]["value"]), line["ordered"]["uom"]),
            Decimal(line["unitPrice"]["amount"]),
            Decimal(line["amount"]["amount"]),
            line["item"]["sku"],
        )
        for line in order["lines"]
    ]


async def test_every_order_is_told_as_the_files_say(ask: Ask) -> None:
    numbers = list(facts.northwind().orders)
    orders = await all_nodes(ask, [Ref("order", "northwind", each) for each in numbers], ORDER)
    assert len(orders) == 830
    assert [_told(order) for order in orders] == [_expected(number) for number in numbers]
    assert sum(len(order["lines"]) for order in orders) == 2_155
    assert {each["number"]: _told_lines(each) for each in orders} == {
        number: _expected_lines(number) for number in numbers
    }


async def test_an_order_is_found_by_its_number_with_its_shipment(ask: Ask) -> None:
    answer = await ask(
        """query One($number: String!) {
            order(number: $number) { number shipments { number carrier shippedAt } }
        }""",
        {"number": "10248"},
    )
    shipped_at = _midnight("1996-07-16")
    assert shipped_at is not None
    (shipment,) = answer["data"]["order"]["shipments"]
    assert "errors" not in answer
    assert (shipment["number"], shipment["carrier"]) == ("10248", "Federal Shipping")
    assert _instant(shipment["shippedAt"]) == shipped_at


async def test_an_order_that_has_not_shipped_has_no_shipment(ask: Ask) -> None:
    unshipped = [n for n, row in facts.northwind().orders.items() if not row["ShippedDate"]]
    refs = [Ref("order", "northwind", number) for number in unshipped]
    orders = await all_nodes(ask, refs, ORDER)
    assert len(orders) == 21
    assert [order["shipments"] for order in orders] == [[]] * 21


async def test_customers_who_never_ordered_are_there_too(ask: Ask) -> None:
    rows = facts.northwind().customers
    refs = [Ref("customer", "northwind", key) for key in rows]
    customers = await all_nodes(
        ask, refs, "on Customer { number name address { city postalCode country } }"
    )
    assert len(customers) == 91
    assert [
        (each["number"], each["name"], each["address"]["city"], each["address"]["postalCode"])
        for each in customers
    ] == [
        (key, row["CompanyName"], row["City"], row["PostalCode"] or None)
        for key, row in rows.items()
    ]


async def test_a_number_nobody_knows_is_no_order(ask: Ask) -> None:
    answer = await ask('{ order(number: "99999") { number } }', {})
    assert answer["data"] == {"order": None}


async def test_stock_is_what_the_product_table_says(ask: Ask) -> None:
    answer = await ask(
        """{ availability(skus: ["11", "5"]) {
            sku location systems availableToSell { value uom } buckets { onHand { value } }
        } }""",
        {},
    )
    products = facts.northwind().products
    assert "errors" not in answer
    assert [
        (each["sku"], each["location"], each["systems"], each["buckets"]["onHand"]["value"])
        for each in answer["data"]["availability"]
    ] == [(sku, "MAIN", ["northwind"], products[sku]["UnitsInStock"]) for sku in ("11", "5")]
    assert answer["data"]["availability"][0]["availableToSell"] == {"value": "22", "uom": "EA"}
