"""Bad input: a clear coded answer each time, never a traceback and never a 500."""

from typing import Any

import httpx2
import pytest

from tests.e2e.hub_process import RunningHub

pytestmark = pytest.mark.timeout(120)

BODIES: list[tuple[bytes, int]] = [
    (b"", 400), (b"{", 400), (b"[]", 400), (b"[[]]", 400), (b"[null]", 400), (b'"x"', 400),
    (b"null", 400), (b"1", 400), (b"{}", 400), (b'{"query": 1}', 400), (b'{"query": ""}', 400),
    (b'{"query": "{ systems { name } }", "variables": []}', 400),
    (b'{"query": "{ systems { name } }", "operationName": 1}', 400), (b"\xff\xfe", 400),
    (b'{"query": "\xff"}', 400), (b'{"query": "' + b"x" * 1_000_001 + b'"}', 413),
]  # fmt: skip


def _send(hub: RunningHub, body: bytes, **headers: str) -> httpx2.Response:
    sent = {"Authorization": f"Bearer {hub.token('agent')}", "Content-Type": "application/json"}
    return httpx2.post(f"{hub.url}/graphql", content=body, headers=sent | headers, timeout=15)


@pytest.mark.parametrize(("body", "status"), BODIES, ids=[repr(each[0][:24]) for each in BODIES])
def test_a_malformed_body_is_refused(demo_hub: RunningHub, body: bytes, status: int) -> None:
    response = _send(demo_hub, body)
    assert response.status_code == status
    answer = response.json()
    assert "data" not in answer
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BODY_INVALID"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415), ({"Content-Encoding": "gzip"}, 415),
        ({"Accept": "text/html"}, 406), ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer x.y.z"}, 401), ({"Authorization": "Basic eDp5"}, 401),
    ],
)  # fmt: skip
def test_a_wrong_header_is_refused(
    demo_hub: RunningHub, headers: dict[str, str], status: int
) -> None:
    response = _send(demo_hub, b'{"query": "{ __typename }"}', **headers)
    assert response.status_code == status
    assert len(response.json()["errors"]) == 1


def test_other_methods_are_refused(demo_hub: RunningHub) -> None:
    response = httpx2.get(f"{demo_hub.url}/graphql?query=%7B__typename%7D", timeout=15)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


DOCUMENTS: list[tuple[str, dict[str, Any], str]] = [
    ("{", {}, "DOCUMENT_INVALID"),
    ("{ nothing }", {}, "DOCUMENT_INVALID"),
    ("query ($n: Int!) { order(number: $n) { number } }", {"n": 1}, "DOCUMENT_INVALID"),
    ("query ($n: String!) { order(number: $n) { number } }", {}, "DOCUMENT_INVALID"),
    ("query ($n: String!) { order(number: $n) { number } }", {"n": 1}, "DOCUMENT_INVALID"),
    ("query A { __typename } query B { __typename }", {}, "DOCUMENT_INVALID"),
    ("subscription { nothing }", {}, "DOCUMENT_INVALID"),
]


@pytest.mark.parametrize(("document", "variables", "code"), DOCUMENTS)
def test_a_document_that_cannot_run_is_refused(
    demo_hub: RunningHub, document: str, variables: dict[str, Any], code: str
) -> None:
    body = {"query": document, "variables": variables}
    plain = demo_hub.post(body)
    strict = demo_hub.post(body, Accept="application/graphql-response+json")
    assert (plain.status_code, strict.status_code) == (200, 400)
    for response in (plain, strict):
        answer = response.json()
        assert "data" not in answer
        assert {error["extensions"]["code"] for error in answer["errors"]} == {code}


FIELDS: list[tuple[str, dict[str, Any], str]] = [
    ('{ order(id: "nonsense") { number } }', {}, "ID_INVALID"),
    ("{ order { number } }", {}, "INPUT_INVALID"),
    ('{ order(number: "no such number") { number } }', {}, "NOT_FOUND"),
    ('{ rma(number: "no such number") { number } }', {}, "NOT_FOUND"),
    ('{ case(number: "no such number") { number } }', {}, "NOT_FOUND"),
]


@pytest.mark.parametrize(("document", "variables", "code"), FIELDS)
def test_a_field_that_cannot_be_answered_says_why(
    demo_hub: RunningHub, document: str, variables: dict[str, Any], code: str
) -> None:
    answer = demo_hub.ask(f"{document[:-1]} systems {{ name }} }}", **variables)
    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
    assert len(answer["data"]["systems"]) == 6, "the rest of the answer stands"


def test_an_id_of_another_noun_is_refused(demo_hub: RunningHub) -> None:
    number = demo_hub.demo["orders"]["delivered"]
    found = demo_hub.ask("query ($n: String!) { order(number: $n) { id } }", n=number)
    answer = demo_hub.ask(
        "query ($id: ID!) { rma(id: $id) { number } }", id=found["data"]["order"]["id"]
    )
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["ID_INVALID"]


def test_the_log_has_no_traceback(demo_hub: RunningHub) -> None:
    for body, _ in BODIES:
        _send(demo_hub, body)
    assert "Traceback" not in demo_hub.log.read_text()
