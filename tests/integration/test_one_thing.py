"""The demo's systems know the same things under different keys: whoever asks meets each once."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

import pytest

from hub.model.correlation import derived_correlation_id
from hub.model.ids import decode_id, encode_id
from hub.model.values import Ref
from hub.security.principal import Role
from tests.integration.scoped_hub import EU_UNIT, HOUSE, US_UNIT, ScopedHub, principal

pytestmark = pytest.mark.asyncio(loop_scope="session")

SKU = "BRG-04-398"  # in both ERPs


async def _hits(scoped: ScopedHub, text: str) -> list[dict[str, Any]]:
    document = """query($t: String!) { search(text: $t, first: 50) { hits { node { id
        ... on Sourced { sourceRefs { system externalId } } } } } }"""
    answer = await scoped.ask(HOUSE, document, t=text)
    assert answer["errors"] == []
    hits: list[dict[str, Any]] = answer["data"]["search"]["hits"]
    return hits


async def test_a_party_of_two_systems_is_one_hit(scoped: ScopedHub) -> None:
    whole = (await _hits(scoped, "Lindqvist Drives"))[0]
    assert decode_id(whole["node"]["id"]) == Ref("customer", "erp-eu", "C1054")
    shared = {(each["system"], each["externalId"]) for each in whole["node"]["sourceRefs"]}
    assert shared >= {("erp-eu", "C1054"), ("crm", "A-3FK5YY")}
    for text in ("Lindqvist", "Drives", SKU):
        groups = [str(hit["node"]["sourceRefs"]) for hit in await _hits(scoped, text)]
        assert len(groups) == len(set(groups)) > 0, text


async def test_an_item_of_both_erps_answers_to_its_sku(scoped: ScopedHub) -> None:
    document = "query($s: String!) { item(sku: $s) { id sourceRefs { system } } }"
    answer = await scoped.ask(HOUSE, document, s=SKU)
    assert answer["errors"] == []
    assert decode_id(answer["data"]["item"]["id"]).system == "erp-eu"
    assert [each["system"] for each in answer["data"]["item"]["sourceRefs"]] == ["erp-eu", "erp-us"]


async def test_candidates_say_which_order_is_which(scoped: ScopedHub) -> None:
    answer = await scoped.ask(HOUSE, '{ order(number: "100123") { id } }')
    found = answer["errors"][0]["extensions"]["candidates"]
    assert [each["system"] for each in found] == ["erp-eu", "erp-us"]
    document = "query($id: ID!) { order(id: $id) { placedAt customer { name } } }"
    for each in found:
        order = (await scoped.ask(HOUSE, document, id=each["id"]))["data"]["order"]
        placed_on = order["placedAt"][:10]
        assert each["description"] == f"placed {placed_on}, {order['customer']['name']}"
        assert encode_id(Ref("order", each["system"], each["externalId"])) == each["id"]


async def test_an_order_and_its_timeline_have_one_correlation_id(scoped: ScopedHub) -> None:
    document = """query($id: ID!, $of: String) { order(id: $id) { correlationId
        timeline(correlationId: $of) { totalCount nodes { correlationId } } } }"""
    for whose in (scoped.eu, scoped.us):
        answer = await scoped.ask(HOUSE, document, id=whose.ids["order"])
        order = answer["data"]["order"]
        expected = derived_correlation_id(whose.ref("order"))  # the demo's ERPs hold none
        assert order["correlationId"] == expected
        assert {node["correlationId"] for node in order["timeline"]["nodes"]} == {expected}
        assert order["timeline"]["totalCount"] > 0
        chosen = await scoped.ask(HOUSE, document, id=whose.ids["order"], of=expected)
        assert chosen["data"]["order"] == order


async def test_the_american_unit_sees_its_customers_and_the_european_does_not(
    scoped: ScopedHub,
) -> None:
    document = "query($n: String) { customer(number: $n) { businessUnit sourceRefs { system } } }"
    number = scoped.us.numbers["customer"]
    mine = await scoped.ask(principal(Role.AGENT, unit=US_UNIT), document, n=number)
    assert mine["errors"] == []
    assert mine["data"]["customer"]["businessUnit"] == US_UNIT
    theirs = await scoped.ask(principal(Role.AGENT, unit=EU_UNIT), document, n=number)
    assert theirs["data"] == {"customer": None}
    assert [each["extensions"]["code"] for each in theirs["errors"]] == ["NOT_FOUND"]


async def test_a_recycled_tracking_number_says_when_each_shipment_left(scoped: ScopedHub) -> None:
    north = next(each.database for each in scoped.demo.systems if each.name == "wms-north")
    with contextlib.closing(sqlite3.connect(north)) as database:
        number, carrier = database.execute(
            "SELECT trackingNo, carrier FROM shipments WHERE trackingNo IS NOT NULL "
            "GROUP BY trackingNo, carrier HAVING count(*) > 1 ORDER BY trackingNo"
        ).fetchone()
    document = "query($c: String, $n: String) { shipment(carrier: $c, trackingNumber: $n) { id } }"
    answer = await scoped.ask(HOUSE, document, c=carrier, n=number)
    assert answer["data"] == {"shipment": None}
    [error] = answer["errors"]
    assert error["message"].startswith(f"tracking number '{number}' names 2 records, in wms-north;")
    of_one = "query($id: ID) { shipment(id: $id) { shippedAt order { number } } }"
    for each in error["extensions"]["candidates"]:
        found = (await scoped.ask(HOUSE, of_one, id=each["id"]))["data"]["shipment"]
        shipped_on, order = found["shippedAt"][:10], found["order"]["number"]
        assert each["description"] == f"shipped {shipped_on}, order {order}"
