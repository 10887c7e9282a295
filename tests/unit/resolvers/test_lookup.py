"""Roots: one thing by one of its names; what is not found says so, and nothing more."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.model.case import Case
from hub.model.customer import Customer
from hub.model.errors import SourceTimeout
from hub.model.ids import encode_id
from hub.model.inventory import Item
from hub.model.order import Order
from hub.model.returns import Return
from hub.model.shipment import Shipment
from hub.model.values import Ref
from hub.security.principal import Role
from hub.store.reference_acts import Act
from tests.unit.resolvers.shelf import NOON, Desk, Shelf, codes, opened_desk, principal, told
from tests.unit.resolvers.world import (
    CASE,
    CUSTOMER,
    ERP,
    ORDER,
    RMA,
    SHIPMENT,
    company,
    crm,
    erp,
    other_erp,
    wms,
)

UNKNOWN = encode_id(Ref("order", "erp-eu", "404"))

FOUND: list[tuple[str, str]] = [
    ('order(number: "4711") { number }', "4711"),
    (f'order(id: "{encode_id(ORDER)}") {{ number }}', "4711"),
    ('order(sourceRef: { system: "erp-eu", externalId: "1" }) { number }', "4711"),
    ('customer(number: "100") { number }', "100"),
    ('customer(sourceRef: { system: "erp-eu", externalId: "C1" }) { number }', "100"),
    ('item(sourceRef: { system: "erp-eu", externalId: "I1" }) { number: sku }', "A"),
    ('shipment(sourceRef: { system: "wms", externalId: "S1" }) { number }', "S1"),
    ('rma(sourceRef: { system: "erp-eu", externalId: "R1" }) { number }', "RMA-1"),
    ('case(sourceRef: { system: "crm", externalId: "K1" }) { number }', "K1"),
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
    (
        f'rma(id: "{encode_id(ORDER)}") {{ id }}',
        "ID_INVALID",
        "expected an id of noun return; this one is of order",
    ),
    ('node(id: "eHg") { id }', "ID_INVALID", "expected an id this hub has issued"),
    ('order(number: "404") { id }', "NOT_FOUND", "no order '404' in any connected system"),
    (f'order(id: "{UNKNOWN}") {{ id }}', "NOT_FOUND", f"no order '{UNKNOWN}'"),
    ('order(sourceRef: { system: "erp-us", externalId: "1" }) { id }', "NOT_FOUND", "'erp-us:1'"),
    (
        'order(sourceRef: { system: "erp-usx", externalId: "1" }) { id }',
        "INPUT_INVALID",
        "sourceRef.system: received 'erp-usx'; expected one of crm, erp-eu, erp-us, ups, wms",
    ),
    (
        'case(id: "x", sourceRef: { system: "crm", externalId: "K1" }) { id }',
        "INPUT_INVALID",
        "id, number, sourceRef: received 'id, sourceRef'; expected exactly one of them",
    ),
    ('shipment(carrier: "ups") { id }', "INPUT_INVALID", "carrier and trackingNumber together"),
    ("shipment { id }", "INPUT_INVALID", "received 'none'; expected id or sourceRef alone"),
    (
        'shipment(carrier: "ups", sourceRef: { system: "wms", externalId: "S1" }) { id }',
        "INPUT_INVALID",
        "id, sourceRef, carrier, trackingNumber: received 'sourceRef, carrier'",
    ),
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
    assert errors[0]["message"] == (
        "order number '4712' names 2 records, in erp-eu, erp-us; "
        "ask for one of the candidates by its id, or by sourceRef"
    )
    assert errors[0]["extensions"]["candidates"] == [
        candidate(Ref("order", "erp-eu", "2"), None),
        candidate(Ref("order", "erp-us", "9"), "placed 2026-03-01, Ada US"),
    ]
    for each in errors[0]["extensions"]["candidates"]:
        given = {"system": each["system"], "externalId": each["externalId"]}
        chosen, said = await desk.ask(
            "query($of: SourceRefInput) { order(sourceRef: $of) { id } }", of=given
        )
        assert (chosen, said) == ({"order": {"id": each["id"]}}, [])


def candidate(ref: Ref, description: str | None) -> dict[str, Any]:
    return {
        "system": ref.system, "externalId": ref.key, "id": encode_id(ref),
        "description": description,
    }  # fmt: skip


async def test_a_recycled_tracking_number_says_which_shipment_is_which(tmp_path: Path) -> None:
    north = wms()
    north.records = [
        *north.records,
        told(Shipment, "wms", "S9", number="S9", order=Ref("order", ERP, "2"), carrier="UPS",
             tracking_number="1Z9", shipped_at=NOON - timedelta(days=200)),
    ]  # fmt: skip
    async with opened_desk(tmp_path, erp(), north) as desk:
        ask = '{ shipment(carrier: "UPS", trackingNumber: "1Z9") { number } }'
        data, errors = await desk.ask(ask)
    assert data == {"shipment": None}
    assert errors[0]["message"].startswith("tracking number '1Z9' names 2 records, in wms; ask")
    assert errors[0]["extensions"]["candidates"] == [
        candidate(SHIPMENT, "shipped 2026-03-01, order 4711"),
        candidate(Ref("shipment", "wms", "S9"), "shipped 2025-08-13, order 4712"),
    ]


@pytest.mark.parametrize(
    ("noun", "field", "descriptions"),
    [
        (Customer, "customer(number", ["Ada", None]),
        (Return, "rma(number", ["requested 2026-03-01, Ada", None]),
        (Case, "case(number", ["Where is it?, opened 2026-03-01, Ada", None]),
        (Item, "item(sku", ["Axle", None]),
    ],
)
async def test_each_candidate_has_something_to_choose_by(
    tmp_path: Path, noun: type[Any], field: str, descriptions: list[str | None]
) -> None:
    known = {Customer: (CUSTOMER, "100"), Return: (RMA, "RMA-1"), Case: (CASE, "K1"),
             Item: (Ref("item", ERP, "I1"), "A")}  # fmt: skip
    ref, number = known[noun]
    name = "sku" if noun is Item else "number"
    twin = told(noun, "twin", "T", **{name: number})
    async with opened_desk(tmp_path, erp(), crm(), Shelf("twin", "erp", [twin], (noun,))) as desk:
        data, errors = await desk.ask(f'{{ found: {field}: "{number}") {{ id }} }}')
    assert data == {"found": None}
    assert errors[0]["extensions"]["candidates"] == [
        candidate(of, words) for of, words in zip((ref, twin.ref), descriptions, strict=True)
    ]


async def test_a_candidate_is_told_without_what_could_not_be_read(tmp_path: Path) -> None:
    silent = erp()
    silent.broken["customer"] = SourceTimeout(ERP, "no answer")
    async with opened_desk(tmp_path, silent, other_erp()) as desk:
        twin = told(Order, "erp-us", "10", number="4711", placed_at=NOON)
        desk.shelves[1].records = [*desk.shelves[1].records, twin]
        _, errors = await desk.ask('{ order(number: "4711") { id } }')
    assert [each["description"] for each in errors[0]["extensions"]["candidates"]] == [
        "placed 2026-03-01", "placed 2026-03-01",
    ]  # fmt: skip


async def test_linked_records_of_one_number_are_one(desk: Desk) -> None:
    await desk.references.link(
        [Ref("order", "erp-us", "9"), Ref("order", ERP, "2")], act=Act("sam", "one order")
    )
    data, errors = await desk.ask('{ order(number: "4712") { provenance { system } } }')
    assert (data, errors) == ({"order": {"provenance": {"system": ERP}}}, [])


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
