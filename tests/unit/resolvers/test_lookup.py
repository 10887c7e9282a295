"""Roots: one thing by one of its names; what is not found says so, and nothing more."""

from pathlib import Path
from typing import Any

import pytest

from hub.model.errors import SourceTimeout
from hub.model.ids import encode_id
from hub.model.values import Ref
from hub.security.principal import Role
from tests.unit.resolvers.shelf import Desk, codes, opened_desk, principal
from tests.unit.resolvers.world import (
    CASE,
    CUSTOMER,
    ORDER,
    RMA,
    SHIPMENT,
    company,
    crm,
    erp,
    other_erp,
)

UNKNOWN = encode_id(Ref("order", "erp-eu", "404"))

FOUND: list[tuple[str, str]] = [
    ('order(number: "4711") { number }', "4711"),
    (f'order(id: "{encode_id(ORDER)}") {{ number }}', "4711"),
    ('order(sourceRef: { system: "erp-eu", externalId: "1" }) { number }', "4711"),
    ('customer(number: "100") { number }', "100"),
    (f'customer(id: "{encode_id(CUSTOMER)}") {{ number }}', "100"),
    ('item(sku: "A") { number: sku }', "A"),
    (f'shipment(id: "{encode_id(SHIPMENT)}") {{ number }}', "S1"),
    ('shipment(carrier: "ups", trackingNumber: "1Z9") { number }', "S1"),
    ('rma(number: "RMA-1") { number }', "RMA-1"),
    (f'rma(id: "{encode_id(RMA)}") {{ number }}', "RMA-1"),
    ('case(number: "K1") { number }', "K1"),
    (f'case(id: "{encode_id(CASE)}") {{ number }}', "K1"),
    (f'node(id: "{encode_id(CASE)}") {{ ... on Case {{ number }} }}', "K1"),
]


@pytest.mark.parametrize(("field", "number"), FOUND)
async def test_it_is_found(desk: Desk, field: str, number: str) -> None:
    data, errors = await desk.ask(f"{{ found: {field} }}")
    assert errors == []
    assert data == {"found": {"number": number}}


REFUSED: list[tuple[str, str, str]] = [
    ("order { id }", "INPUT_INVALID", "received 'none'; expected exactly one of them"),
    ('order(number: "1", id: "x") { id }', "INPUT_INVALID", "received 'id, number'"),
    ('order(number: " ") { id }', "INPUT_INVALID", "expected 1 to 100 characters"),
    ('order(id: "nonsense") { id }', "ID_INVALID", "expected an id this hub has issued"),
    (f'rma(id: "{encode_id(ORDER)}") {{ id }}', "ID_INVALID", "this is the id of a order"),
    ('node(id: "eHg") { id }', "ID_INVALID", "expected an id this hub has issued"),
    ('order(number: "404") { id }', "NOT_FOUND", "no order '404' in any connected system"),
    (f'order(id: "{UNKNOWN}") {{ id }}', "NOT_FOUND", f"no order '{UNKNOWN}'"),
    ('order(sourceRef: { system: "x", externalId: "1" }) { id }', "NOT_FOUND", "'x:1'"),
    ('shipment(carrier: "ups") { id }', "INPUT_INVALID", "carrier and trackingNumber together"),
    ('shipment(carrier: "dhl", trackingNumber: "1Z9") { id }', "NOT_FOUND", "'1Z9'"),
    ('price(customer: "x", sku: "A", quantity: "1") { sku }', "ID_INVALID", "expected an id"),
    ('search(text: "") { hits { rank } }', "INPUT_INVALID", "expected 1 to 200 characters"),
    ('search(text: "x", first: 51) { hits { rank } }', "INPUT_INVALID", "expected 1 to 50"),
]


@pytest.mark.parametrize(("field", "code", "says"), REFUSED)
async def test_it_is_refused(desk: Desk, field: str, code: str, says: str) -> None:
    data, errors = await desk.ask(f"{{ found: {field} me {{ subject }} }}")
    assert data == {"found": None, "me": {"subject": "sam"}}
    assert codes(errors) == [(code, None)]
    assert says in errors[0]["message"]


async def test_two_systems_with_the_same_number_are_two_orders(desk: Desk) -> None:
    data, errors = await desk.ask('{ order(number: "4712") { number } }')
    assert data == {"order": None}
    assert errors[0]["extensions"]["code"] == "NUMBER_AMBIGUOUS"
    assert errors[0]["extensions"]["candidates"] == [
        {"system": "erp-eu", "id": encode_id(Ref("order", "erp-eu", "2"))},
        {"system": "erp-us", "id": encode_id(Ref("order", "erp-us", "9"))},
    ]


async def test_what_is_forbidden_and_what_is_missing_are_the_same(desk: Desk) -> None:
    eve = principal(Role.CUSTOMER, customers=[("erp-eu", "C9")])
    answers: list[Any] = []
    for number in ("4711", "9999"):
        data, errors = await desk.ask(
            "query($n: String!) { order(number: $n) { id } }", who=eve, n=number
        )
        answers.append((data, str(errors).replace(number, "…")))
    assert answers[0] == answers[1]


async def test_a_number_is_not_missing_while_a_system_is_silent(tmp_path: Path) -> None:
    silent = other_erp()
    silent.broken["order"] = SourceTimeout("erp-us", "no answer")
    async with opened_desk(tmp_path, erp(), silent, crm()) as desk:
        found, said = await desk.ask('{ order(number: "4711") { number } }')
        missing, why = await desk.ask('{ order(number: "404") { number } }')
    assert found == {"order": {"number": "4711"}}
    assert missing == {"order": None}
    assert codes(said) == codes(why) == [("SOURCE_TIMEOUT", "erp-us")]


async def test_orders_are_aligned_with_their_ids(desk: Desk) -> None:
    ids = [UNKNOWN, encode_id(ORDER), encode_id(RMA), encode_id(ORDER)]
    data, errors = await desk.ask("query($ids: [ID!]!) { orders(ids: $ids) { number } }", ids=ids)
    assert data["orders"] == [None, {"number": "4711"}, None, {"number": "4711"}]
    assert sorted((error["path"][1], error["extensions"]["code"]) for error in errors) == [
        (0, "NOT_FOUND"), (2, "ID_INVALID"),
    ]  # fmt: skip


async def test_too_many_ids_are_refused(desk: Desk) -> None:
    ids = [encode_id(ORDER)] * 101
    data, errors = await desk.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert data == {"nodes": None}
    assert errors[0]["message"] == "ids: received '101 values'; expected at most 100"


async def test_every_noun_is_a_node(desk: Desk) -> None:
    refs = [record.ref for shelf in company() for record in shelf.records]
    data, errors = await desk.ask(
        "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
        ids=[encode_id(ref) for ref in refs],
    )
    assert errors == []
    assert [each["id"] for each in data["nodes"]] == [encode_id(ref) for ref in refs]
    assert {each["__typename"] for each in data["nodes"]} == {
        "Order", "OrderLine", "Item", "Customer", "Invoice", "InvoiceLine", "CreditMemo", "Rma",
        "RmaLine", "Shipment", "ShipmentLine", "Receipt", "Inspection", "Disposition",
        "InventoryPosition", "Milestone", "Case", "CaseMessage",
    }  # fmt: skip


async def test_search_answers_with_nodes(desk: Desk) -> None:
    data, errors = await desk.ask(
        '{ search(text: "RMA-1") { hits { field value rank node { __typename id } } } }'
    )
    assert errors == []
    assert data["search"]["hits"] == [
        {
            "field": "number", "value": "RMA-1", "rank": 0,
            "node": {"__typename": "Rma", "id": encode_id(RMA)},
        }
    ]  # fmt: skip
