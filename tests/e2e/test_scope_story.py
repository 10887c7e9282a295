"""A customer in a portal follows their own order over HTTP, and sees nothing else."""

from __future__ import annotations

from typing import Any

import httpx2
import orjson
import pytest

from hub.model.ids import decode_id, encode_id
from tests.e2e.hub_process import RunningHub

pytestmark = pytest.mark.timeout(120)  # the first test starts the hub and six systems

MINE = """query($number: String!) { order(number: $number) {
  id number customer { number } shipments { id number } invoices { id } timeline(first: 50) {
    nodes { visibility } } cases { messages { visibility } } } }"""
INSIDE = """query($number: String!) { order(number: $number) { number salesPerson holdReason
  customer { name segment credit { limit { amount } } } lines { sku unitCost { amount } } } }"""
ONE = "query($v: ID!) { f: node(id: $v) { id __typename } }"


def _post(hub: RunningHub, document: str, **variables: Any) -> httpx2.Response:
    return hub.post({"query": document, "variables": variables}, role=hub.demo["customers"][0])


def _foreign_order(hub: RunningHub) -> str:
    """An order of somebody else, as the house reads it."""
    number = hub.demo["orders"]["returned_mixed"]
    order = hub.ask("query($n: String!) { order(number: $n) { id } }", n=number)["data"]["order"]
    return str(order["id"])


def test_the_own_order_is_there_without_what_is_internal(demo_hub: RunningHub) -> None:
    number = demo_hub.demo["orders"]["first_customers"]
    response = _post(demo_hub, MINE, number=number)
    order = response.json()["data"]["order"]
    assert order["number"] == number
    assert order["shipments"] and order["invoices"]
    assert {each["visibility"] for each in order["timeline"]["nodes"]} == {"CUSTOMER"}
    assert "no-store" in response.headers["cache-control"]
    inside = _post(demo_hub, INSIDE, number=number).json()
    told = inside["data"]["order"]
    assert (told["salesPerson"], told["holdReason"]) == (None, None)
    assert (told["customer"]["segment"], told["customer"]["credit"]) == (None, None)
    assert {line["unitCost"] for line in told["lines"]} == {None}
    assert {each["extensions"]["code"] for each in inside["errors"]} == {"FORBIDDEN"}


def test_another_customers_order_is_missing(demo_hub: RunningHub) -> None:
    """Byte by byte but for the id that was asked for, and the correlation id."""
    foreign = _foreign_order(demo_hub)
    number = demo_hub.demo["orders"]["returned_mixed"]
    ask = "query($n: String!) { order(number: $n) { id } search(text: $n) { hits { value } } }"
    _post(demo_hub, ask, n="199998")  # a document's first time costs its asker 20 units more
    assert _without(_post(demo_hub, ask, n=number), number) == _without(
        _post(demo_hub, ask, n="199999"), "199999"
    )
    forged = "AAAA" + foreign[4:]
    assert _post(demo_hub, ONE, v=forged).json()["errors"][0]["extensions"]["code"] == "ID_INVALID"
    missing = _missing_like(foreign)
    answers = [_without(_post(demo_hub, ONE, v=each), each) for each in (foreign, missing)]
    assert answers[0] == answers[1]
    assert b'"NOT_FOUND"' in answers[0]


def _missing_like(id_: str) -> str:
    return encode_id(decode_id(id_)._replace(key="199999"))


def _without(response: httpx2.Response, asked: str) -> bytes:
    """The whole answer, with placeholders for the asked name and the correlation id."""
    body = response.json()
    correlation = response.headers["x-correlation-id"]
    # what is left of the budget grows with the time between two requests
    body["extensions"]["cost"].pop("remaining")
    wire = orjson.dumps([response.status_code, body])
    return wire.replace(asked.encode(), b"<asked>").replace(correlation.encode(), b"<id>")


def test_what_is_of_the_house_is_refused_as_a_whole(demo_hub: RunningHub) -> None:
    for document in (
        "{ systems { name } }",
        '{ unmatchedReferences(noun: "customer") { externalId } }',
        "{ auditEntries { totalCount } }",
    ):
        response = _post(demo_hub, document)
        codes = {each["extensions"]["code"] for each in response.json()["errors"]}
        assert codes <= {"FORBIDDEN", "DOCUMENT_INVALID"}, document
        assert not any((response.json().get("data") or {}).values())
