"""An order over every system, and what a failure of one of them costs."""

from pathlib import Path

from hub.model.errors import SourceTimeout, SourceUnavailable
from hub.security.principal import Role
from tests.unit.resolvers.shelf import Desk, codes, opened_desk, principal
from tests.unit.resolvers.world import carrier, crm, erp, other_erp, wms

WHOLE_CALLS = 22  # one for each relation and system that can answer it

WHOLE = """{ order(number: "4711") {
    number status holdReason unitCost: lines { unitCost { amount } } shipTo { city }
    customer { name } lines { lineNumber sku item { description } }
    shipments { number lines { orderLine sku quantity { value uom } }
                milestones { code carrier } }
    invoices { number lines { orderLine } creditMemos { number } }
    creditMemos { number rma { number } }
    returns { number lines { requested { value } received { value } item { sku } }
              receipts { number } inspections { number } dispositions { number } }
    cases { number messages { body visibility } }
} }"""


async def test_an_order_is_whole(desk: Desk) -> None:
    data, errors = await desk.ask(WHOLE)
    assert errors == []
    axle = {"description": "Axle"}
    assert data["order"] == {
        "number": "4711", "status": "ON_HOLD", "holdReason": "CREDIT", "shipTo": {"city": "Ulm"},
        "unitCost": [{"unitCost": {"amount": "7.00"}}, {"unitCost": None}],
        "customer": {"name": "Ada"},
        "lines": [
            {"lineNumber": 10, "sku": "A", "item": axle},
            {"lineNumber": 20, "sku": "A", "item": axle},
        ],
        "shipments": [
            {
                "number": "S1",
                "lines": [{"orderLine": 10, "sku": "A", "quantity": {"value": "2", "uom": "EA"}}],
                "milestones": [{"code": "IN_TRANSIT", "carrier": "UPS"}],
            },
            {"number": "S2", "lines": [], "milestones": []},
        ],
        "invoices": [
            {"number": "V1", "lines": [{"orderLine": 10}], "creditMemos": [{"number": "M1"}]}
        ],
        "creditMemos": [{"number": "M1", "rma": {"number": "RMA-1"}}],
        "returns": [
            {
                "number": "RMA-1",
                "lines": [
                    {"requested": {"value": "1"}, "received": {"value": "1"}, "item": {"sku": "A"}}
                ],
                "receipts": [{"number": "E1"}],
                "inspections": [{"number": "Q1"}],
                "dispositions": [{"number": "D1"}],
            }
        ],
        "cases": [
            {
                "number": "K1",
                "messages": [
                    {"body": "private", "visibility": None},
                    {"body": "hello", "visibility": "CUSTOMER"},
                ],
            }
        ],
    }  # fmt: skip


async def test_a_whole_order_asks_each_system_for_each_relation_once(desk: Desk) -> None:
    await desk.ask(WHOLE)
    for shelf in desk.shelves:
        relations = [(noun, field) for noun, field, _ in shelf.asked]
        assert len(relations) == len(set(relations)), (shelf.name, shelf.asked)
    assert sum(len(shelf.asked) for shelf in desk.shelves) == WHOLE_CALLS


async def test_the_identity_and_age_of_a_fact_are_said(desk: Desk) -> None:
    data, _ = await desk.ask(
        """{ order(number: "4711") {
            provenance { system asOf fetchedAt staleness fromCache }
            sourceRefs { system entityType externalId kind } } }"""
    )
    noon = "2026-03-01T12:00:00+00:00"
    assert data["order"] == {
        "provenance": {
            "system": "erp-eu", "asOf": noon, "fetchedAt": noon, "staleness": "FRESH",
            "fromCache": False,
        },
        "sourceRefs": [
            {"system": "erp-eu", "entityType": "order", "externalId": "1", "kind": "ERP"}
        ],
    }  # fmt: skip


async def test_an_unmapped_code_fails_its_field_alone(desk: Desk) -> None:
    data, errors = await desk.ask('{ order(number: "4711") { shipments { number status } } }')
    assert data["order"]["shipments"] == [
        {"number": "S1", "status": "IN_TRANSIT"},
        {"number": "S2", "status": None},
    ]
    (error,) = errors
    assert error["path"] == ["order", "shipments", 1, "status"]
    assert error["message"] == "wms: status = '77' is not mapped; known: 10, 20"
    assert error["extensions"]["code"] == "UNMAPPED_VALUE"


SECTIONS = """{ order(number: "4711") {
    number shipments { number } cases { number } sections { name system state code } } }"""


async def test_a_dead_system_costs_its_own_section(tmp_path: Path) -> None:
    down = wms()
    down.broken["shipment"] = SourceUnavailable("wms", "connection refused")
    async with opened_desk(tmp_path, erp(), other_erp(), down, carrier(), crm()) as desk:
        data, errors = await desk.ask(SECTIONS)
    assert codes(errors) == [("SOURCE_UNAVAILABLE", "wms")]
    assert errors[0]["path"] == ["order", "shipments"]
    order = data["order"]
    assert (order["shipments"], order["cases"]) == (None, [{"number": "K1"}])
    assert {
        "name": "shipments",
        "system": "wms",
        "state": "FAILED",
        "code": "SOURCE_UNAVAILABLE",
    } in order["sections"]
    assert {"name": "cases", "system": "crm", "state": "AVAILABLE", "code": None} in order[
        "sections"
    ]


async def test_what_arrived_is_shown_beside_the_failure(tmp_path: Path) -> None:
    south = wms()
    south.name = "wms-south"
    south.broken["shipment"] = SourceTimeout("wms-south", "no answer")
    async with opened_desk(tmp_path, erp(), wms(), south) as desk:
        data, errors = await desk.ask('{ order(number: "4711") { shipments { number } } }')
    assert data["order"]["shipments"] == [{"number": "S1"}, {"number": "S2"}]
    assert codes(errors) == [("SOURCE_TIMEOUT", "wms-south")]
    assert errors[0]["path"] == ["order", "shipments"]


async def test_all_systems_of_a_section_failed(tmp_path: Path) -> None:
    north, south = wms(), wms()
    south.name = "wms-south"
    for each in (north, south):
        each.broken["shipment"] = SourceTimeout(each.name, "no answer")
    async with opened_desk(tmp_path, erp(), north, south) as desk:
        data, errors = await desk.ask('{ order(number: "4711") { shipments { number } } }')
    assert data["order"]["shipments"] is None
    assert sorted(codes(errors)) == [("SOURCE_TIMEOUT", "wms"), ("SOURCE_TIMEOUT", "wms-south")]


async def test_a_section_no_system_serves_is_an_explained_null(tmp_path: Path) -> None:
    async with opened_desk(tmp_path, erp()) as desk:
        data, errors = await desk.ask(SECTIONS)
    assert errors == []
    order = data["order"]
    assert (order["shipments"], order["cases"]) == (None, None)
    missing = {"system": None, "state": "NOT_CONFIGURED", "code": "NOT_SERVED"}
    shown = [row for row in order["sections"] if row["system"] is None]
    assert shown == [{"name": "cases"} | missing, {"name": "shipments"} | missing]


async def test_an_invoice_explains_its_sections_too(desk: Desk) -> None:
    data, errors = await desk.ask(
        '{ order(number: "4711") { invoices { order { number } creditMemos { number }'
        " sections { name system state code } } } }"
    )
    assert errors == []
    told: dict[str, str | None] = {"system": "erp-eu", "state": "AVAILABLE", "code": None}
    assert data["order"]["invoices"][0]["sections"] == [
        told | {"name": name} for name in ("invoice", "creditMemos", "order")
    ]


STATUSES = '{ order(number: "4711") { fulfillmentStatus returnStatus financialStatus } }'


async def test_derived_statuses(desk: Desk) -> None:
    data, errors = await desk.ask(STATUSES)
    assert errors == []
    assert data["order"] == {
        "fulfillmentStatus": "PARTIALLY_SHIPPED",
        "returnStatus": "PARTIALLY_RETURNED",
        "financialStatus": "PARTIALLY_CREDITED",
    }


async def test_a_derived_status_is_not_guessed_without_its_inputs(tmp_path: Path) -> None:
    down = wms()
    down.broken["shipment"] = SourceTimeout("wms", "no answer")
    async with opened_desk(tmp_path, erp(), down) as desk:
        data, errors = await desk.ask(STATUSES)
    assert data["order"]["fulfillmentStatus"] is None
    assert data["order"]["financialStatus"] == "PARTIALLY_CREDITED"
    assert codes(errors) == [("SOURCE_TIMEOUT", "wms")]


async def test_a_derived_status_is_read_only_when_asked_for(desk: Desk) -> None:
    await desk.ask('{ order(number: "4711") { number } }')
    erp_shelf = desk.shelves[0]
    assert erp_shelf.asked == [("order", "number", 1)]


async def test_fifty_orders_cost_the_calls_of_one(desk: Desk) -> None:
    data, _ = await desk.ask('{ a: order(number: "4711") { id } b: search(text: "4712", first: 9)'
                             " { hits { node { id } } } }")  # fmt: skip
    ids = [data["a"]["id"], *(hit["node"]["id"] for hit in data["b"]["hits"])]
    query = "query($ids: [ID!]!) { orders(ids: $ids) { number shipments { number } } }"
    before = len(desk.shelves[2].asked)
    found, errors = await desk.ask(query, ids=ids * 10)
    assert errors == []
    assert len(found["orders"]) == 10 * len(ids)
    assert len(desk.shelves[2].asked) - before == 1


CASES = """{ order(number: "4711") { holdReason cases { assignee messages { body } }
    attributes { key } two: attributes(keys: ["dock", "none"]) { key value type system }
    customer { segment credit { limit { amount } exposure { amount } available { amount } onHold } }
} }"""


async def test_the_house_sees_what_is_internal(desk: Desk) -> None:
    data, errors = await desk.ask(CASES)
    assert errors == []
    assert data["order"]["attributes"] == [{"key": "credit_note"}, {"key": "dock"}]
    assert data["order"]["two"] == [
        {"key": "dock", "value": "7", "type": "STRING", "system": "erp-eu"}
    ]
    assert data["order"]["customer"] == {
        "segment": "B",
        "credit": {
            "limit": {"amount": "500"}, "exposure": {"amount": "620.50"},
            "available": {"amount": "-120.50"}, "onHold": True,
        },
    }  # fmt: skip


async def test_a_customer_does_not(desk: Desk) -> None:
    ada = principal(Role.CUSTOMER, customers=[("erp-eu", "C1")])
    data, errors = await desk.ask(CASES, who=ada)
    assert codes(errors) == [("FORBIDDEN", None)] * 4
    assert sorted(error["path"][-1] for error in errors) == [
        "assignee", "credit", "holdReason", "segment",
    ]  # fmt: skip
    order = data["order"]
    assert order["attributes"] == [{"key": "dock"}]
    assert order["cases"] == [{"assignee": None, "messages": [{"body": "hello"}]}]
