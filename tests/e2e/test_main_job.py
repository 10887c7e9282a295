"""The main job: an order, whole, from ERP, WMS, CRM and carrier, asked as a user asks."""

import sqlite3
from typing import Any

import httpx2
import pytest

from tests.e2e.hub_process import RunningHub

pytestmark = pytest.mark.timeout(120)  # the first test starts the hub and six systems

ORDER_DESK = """
query OrderDesk($number: String!) {
  order(number: $number) {
    id number status placedAt total { amount currency } poNumber
    customer { number name credit { limit { amount } onHold } }
    lines { lineNumber sku ordered { value uom } unitPrice { amount currency }
            item { description } }
    shipments { number status carrier trackingNumber
                lines { orderLine sku quantity { value } }
                milestones { code occurredAt } }
    invoices { number total { amount currency } lines { lineNumber amount { amount } } }
    creditMemos { number total { amount currency } }
    returns { number status lines { sku requested { value } }
              receipts { number quantity { value } } inspections { verdict condition }
              dispositions { code quantity { value } } }
    cases { number status messages { body visibility } }
    timeline(first: 50) { nodes { __typename occurredAt system title } pageInfo { hasNextPage } }
    sections { name system state staleness code }
  }
}
"""


def _errors(answer: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [
        (error["extensions"]["code"], error["extensions"].get("system"))
        for error in answer.get("errors", [])
    ]


def test_an_order_is_whole(demo_hub: RunningHub) -> None:
    answer = demo_hub.ask(ORDER_DESK, number=demo_hub.demo["orders"]["returned_mixed"])
    assert _errors(answer) == []
    order = answer["data"]["order"]
    for edge in ("customer", "lines", "shipments", "invoices", "creditMemos", "returns", "cases"):
        assert order[edge] is not None, edge
    assert sorted(each["code"] for each in order["returns"][0]["dispositions"]) == [
        "MISSING", "RESTOCK", "SCRAP",
    ]  # fmt: skip
    sections = {(row["name"], row["system"]): row["state"] for row in order["sections"]}
    assert set(sections.values()) == {"AVAILABLE"}
    assert {"lines", "shipments", "invoices", "returns", "cases", "customer"} <= {
        name for name, _ in sections
    }
    assert {system for _, system in sections} >= {"erp-eu", "wms-north", "wms-south", "crm"}


def test_the_order_is_what_the_erp_holds(demo_hub: RunningHub) -> None:
    number = demo_hub.demo["orders"]["delivered"]
    with sqlite3.connect(demo_hub.demo["systems"]["erp-eu"]["database"]) as erp:
        value, currency, lines = erp.execute(
            "SELECT orvl, orcr, (SELECT count(*) FROM ordlin WHERE ordlin.orno = ordhdr.orno) "
            "FROM ordhdr WHERE orno = ?",
            (number,),
        ).fetchone()
    order = demo_hub.ask(
        "query ($n: String!) { order(number: $n) { total { amount currency } lines { sku } } }",
        n=number,
    )["data"]["order"]
    assert float(order["total"]["amount"]) == pytest.approx(float(value), abs=0.001)
    assert order["total"]["currency"] == currency
    assert len(order["lines"]) == lines


def test_an_ambiguous_number_answers_with_its_candidates(demo_hub: RunningHub) -> None:
    number = demo_hub.demo["orders"]["ambiguous"]
    answer = demo_hub.ask("query ($n: String!) { order(number: $n) { number } }", n=number)
    assert answer["data"] == {"order": None}
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "NUMBER_AMBIGUOUS"
    candidates = error["extensions"]["candidates"]
    assert [each["system"] for each in candidates] == ["erp-eu", "erp-us"]
    for candidate in candidates:
        found = demo_hub.ask(
            "query ($id: ID!) { order(id: $id) { number provenance { system } } }",
            id=candidate["id"],
        )
        assert found["data"]["order"] == {
            "number": number,
            "provenance": {"system": candidate["system"]},
        }


def test_one_order_may_ship_from_two_warehouses(demo_hub: RunningHub) -> None:
    number = demo_hub.demo["orders"]["two_warehouses"]
    answer = demo_hub.ask(
        "query ($n: String!) { order(number: $n) { shipments { provenance { system } } } }",
        n=number,
    )
    systems = {each["provenance"]["system"] for each in answer["data"]["order"]["shipments"]}
    assert systems == {"wms-north", "wms-south"}


def test_an_unmapped_status_is_a_coded_error_and_the_rest_stands(demo_hub: RunningHub) -> None:
    number = demo_hub.demo["orders"]["unmapped_status"]
    answer = demo_hub.ask(
        "query ($n: String!) { order(number: $n) { number shipments { number status } } }",
        n=number,
    )
    assert _errors(answer) == [("UNMAPPED_VALUE", "wms-south")]
    assert "77" in answer["errors"][0]["message"]
    order = answer["data"]["order"]
    assert order["number"] == number
    assert [each["status"] for each in order["shipments"]].count(None) == 1


def test_a_customer_sees_only_their_own_orders(demo_hub: RunningHub) -> None:
    """A foreign order and a missing one give the same bytes but for the correlation id."""
    customer = demo_hub.demo["customers"][0]
    numbers = demo_hub.demo["orders"]
    ask = "query ($n: String!) { order(number: $n) { number } }"
    foreign = demo_hub.ask(ask, token=demo_hub.demo["tokens"][customer], n=numbers["delivered"])
    missing = demo_hub.ask(ask, token=demo_hub.demo["tokens"][customer], n="999999999")
    assert foreign["data"] == missing["data"] == {"order": None}
    assert _errors(foreign) == _errors(missing) == [("NOT_FOUND", None)]


def test_search_finds_by_any_number(demo_hub: RunningHub) -> None:
    number = demo_hub.demo["orders"]["delivered"]
    answer = demo_hub.ask(
        "query ($t: String!) { search(text: $t, first: 5) {"
        " hits { field value node { __typename ... on Order { number } } } } }",
        t=number,
    )
    first = answer["data"]["search"]["hits"][0]
    assert first["node"] == {"__typename": "Order", "number": number}


def test_the_first_screen_and_the_probes_answer(demo_hub: RunningHub) -> None:
    def get(path: str) -> httpx2.Response:
        house = {"Authorization": f"Bearer {demo_hub.token('operator')}"}
        return httpx2.get(demo_hub.url + path, headers=house, timeout=10)

    assert "opshub" in get("/").text
    assert get("/first-screen.js").status_code == 200
    assert get("/livez").json() == {"status": "live"}
    ready = get("/readyz?verbose").json()
    assert ready["status"] == "ready"
    assert len(ready["systems"]) == 6
    assert "opshub_source_calls_total" in get("/metrics").text


def test_systems_are_data(demo_hub: RunningHub) -> None:
    systems = demo_hub.ask("{ systems { name role kind } }")["data"]["systems"]
    assert sorted((each["name"], each["role"], each["kind"]) for each in systems) == [
        ("carrier", "CARRIER", "rest"), ("crm", "CRM", "rest"), ("erp-eu", "ERP", "sql"),
        ("erp-us", "ERP", "rest"), ("wms-north", "WMS", "rest"), ("wms-south", "WMS", "rest"),
    ]  # fmt: skip
