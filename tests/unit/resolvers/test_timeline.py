"""The timeline of an order: one total order, a type for each category, pages that join up."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.model.correlation import derived_correlation_id
from hub.model.errors import SourceTimeout
from hub.model.timeline import TimelineCategory
from hub.security.principal import Role
from resolvers.schema import build_schema
from resolvers.timeline import ENTRY_TYPES
from tests.unit.resolvers.shelf import NOON, Desk, codes, opened_desk, principal
from tests.unit.resolvers.world import ORDER, carrier, crm, erp, wms

TIMELINE = """query($first: Int, $after: String, $last: Int, $before: String) {
    order(number: "4711") { timeline(first: $first, after: $after, last: $last, before: $before) {
        totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        nodes { id type } edges { cursor node { id } } } } }"""


async def test_every_category_has_its_type() -> None:
    schema: Any = build_schema()._schema
    interface = schema.type_map["TimelineEntry"]
    names = {type_.name for type_ in schema.get_possible_types(interface)}
    assert names == {f"{category.value.title()}Entry" for category in TimelineCategory}
    assert len(ENTRY_TYPES) == len(TimelineCategory)


async def test_every_system_tells_its_part(desk: Desk) -> None:
    data, errors = await desk.ask(
        """{ order(number: "4711") { timeline { nodes {
            __typename system type category severity visibility occurredAt actor { type }
            subject { system entityType externalId kind }
            ... on ShipmentEntry { shipment { number } } ... on ReturnEntry { rma { number } }
            ... on CaseEntry { case { number } }
            ... on FinanceEntry { invoice { number } creditMemo { number } money { amount } }
        } } } }"""
    )
    assert errors == []
    nodes = data["order"]["timeline"]["nodes"]
    told = {(node["__typename"], node["system"], node["type"]) for node in nodes}
    assert told >= {
        ("OrderEntry", "erp-eu", "order.placed"), ("FinanceEntry", "erp-eu", "invoice.posted"),
        ("ReturnEntry", "erp-eu", "return.requested"), ("CaseEntry", "crm", "case.opened"),
        ("ShipmentEntry", "ups", "shipment.in_transit"),
        ("ShipmentEntry", "wms", "shipment.shipped"),
    }  # fmt: skip
    by_type = {node["type"]: node for node in nodes}
    assert by_type["return.requested"]["rma"] == {"number": "RMA-1"}
    assert by_type["invoice.posted"]["invoice"] == {"number": "V1"}
    assert by_type["invoice.posted"]["creditMemo"] is None
    assert by_type["case.opened"]["case"] == {"number": "K1"}
    assert by_type["shipment.shipped"]["shipment"] == {"number": "S1"}
    assert by_type["shipment.shipped"]["subject"] == {
        "system": "wms", "entityType": "shipment", "externalId": "S1", "kind": "WMS",
    }  # fmt: skip


async def test_pages_join_up(desk: Desk) -> None:
    whole, _ = await desk.ask(TIMELINE, first=100)
    everything = [node["id"] for node in whole["order"]["timeline"]["nodes"]]
    assert whole["order"]["timeline"]["totalCount"] == len(everything) == len(set(everything)) > 6
    walked: list[str] = []
    after: str | None = None
    for _ in range(len(everything)):
        data, errors = await desk.ask(TIMELINE, first=3, after=after)
        assert errors == []
        page = data["order"]["timeline"]
        assert [edge["node"]["id"] for edge in page["edges"]] == [n["id"] for n in page["nodes"]]
        walked += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert walked == everything


async def test_the_last_page_is_the_oldest(desk: Desk) -> None:
    whole, _ = await desk.ask(TIMELINE, first=100)
    tail, errors = await desk.ask(TIMELINE, last=2)
    assert errors == []
    page = tail["order"]["timeline"]
    assert page["nodes"] == whole["order"]["timeline"]["nodes"][-2:]
    assert (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) == (True, False)


FILTERS: list[tuple[str, set[str]]] = [
    ("categories: [CASE]", {"case.opened", "case.message"}),
    ('types: ["order.placed"]', {"order.placed"}),
    ('systems: ["ups"]', {"shipment.in_transit"}),
    ('text: "RMA-1"', {"return.requested"}),
    (f'since: "{(NOON + timedelta(seconds=1)).isoformat()}"', set()),
    (f'until: "{NOON.isoformat()}"', set()),
]


@pytest.mark.parametrize(("argument", "types"), FILTERS)
async def test_filters(desk: Desk, argument: str, types: set[str]) -> None:
    data, errors = await desk.ask(
        f'{{ order(number: "4711") {{ timeline({argument}) {{ nodes {{ type }} }} }} }}'
    )
    assert errors == []
    assert {node["type"] for node in data["order"]["timeline"]["nodes"]} == types


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("first: 0", "first: received '0'; expected 1 to 100"),
        ("last: 101", "last: received '101'; expected 1 to 100"),
        ("first: 1, last: 1", "first, last: received '1, 1'; expected one of them"),
        ('subject: "x"', "id 'x' is not valid: expected an id this hub has issued"),
    ],
)
async def test_a_page_out_of_bounds_is_refused(desk: Desk, argument: str, says: str) -> None:
    data, errors = await desk.ask(
        f'{{ order(number: "4711") {{ number timeline({argument}) {{ totalCount }} }} }}'
    )
    assert data["order"] == {"number": "4711", "timeline": None}
    assert [error["message"] for error in errors] == [says]


async def test_an_unknown_system_is_no_filter(desk: Desk) -> None:
    data, errors = await desk.ask(
        '{ order(number: "4711") { number timeline(systems: ["wms", "nope"]) { totalCount } } }'
    )
    assert data["order"] == {"number": "4711", "timeline": None}
    assert codes(errors) == [("INPUT_INVALID", None)]
    assert errors[0]["message"] == (
        "systems: received 'nope'; expected one of crm, erp-eu, erp-us, ups, wms"
    )


async def test_every_entry_has_the_correlation_id_of_its_order(desk: Desk) -> None:
    ask = """query($id: String) { order(number: "4711") { correlationId
        timeline(correlationId: $id) { totalCount nodes { correlationId } } } }"""
    data, errors = await desk.ask(ask)
    own = derived_correlation_id(ORDER)
    timeline = data["order"]["timeline"]
    assert (errors, data["order"]["correlationId"]) == ([], own)
    assert {node["correlationId"] for node in timeline["nodes"]} == {own}
    chosen, _ = await desk.ask(ask, id=own)
    assert chosen["order"]["timeline"] == timeline
    none, _ = await desk.ask(ask, id="order-of-somebody-else")
    assert none["order"]["timeline"] == {"totalCount": 0, "nodes": []}


async def test_what_arrived_is_told_beside_the_failure(tmp_path: Path) -> None:
    down = crm()
    down.broken["case"] = SourceTimeout("crm", "no answer")
    async with opened_desk(tmp_path, erp(), wms(), carrier(), down) as desk:
        data, errors = await desk.ask('{ order(number: "4711") { timeline { nodes { system } } } }')
    assert codes(errors) == [("SOURCE_TIMEOUT", "crm")]
    systems = {node["system"] for node in data["order"]["timeline"]["nodes"]}
    assert systems == {"erp-eu", "wms", "ups"}


async def test_a_customer_reads_only_what_is_for_customers(desk: Desk) -> None:
    ada = principal(Role.CUSTOMER, customers=[("erp-eu", "C1")])
    data, errors = await desk.ask(
        '{ order(number: "4711") { timeline { nodes { visibility type } } } }', who=ada
    )
    assert errors == []
    nodes = data["order"]["timeline"]["nodes"]
    assert {node["visibility"] for node in nodes} == {"CUSTOMER"}
