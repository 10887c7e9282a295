"""What a body may be, and how each other one is refused."""

import asyncio
from contextlib import suppress
from time import process_time
from typing import Any

import orjson
import pytest
from starlette.datastructures import Headers

from hub.model.errors import BodyInvalid
from resolvers import body as body_module
from resolvers.body import JSON_DEPTH_MAX, read_body, read_query_string, read_request

QUERY = "{ __typename }"


def test_a_whole_request_is_read() -> None:
    request = read_request(
        orjson.dumps(
            {
                "query": QUERY, "variables": {"n": 1}, "operationName": "A",
                "extensions": {"some": "value"}, "id": "abc",
            }
        )
    )  # fmt: skip
    assert (request.query, request.variables, request.operation_name) == (QUERY, {"n": 1}, "A")
    assert request.members["documentId"] == "abc"
    assert "id" not in request.members


@pytest.mark.parametrize("member", ["variables", "operationName", "extensions", "documentId", "id"])
def test_null_is_as_good_as_absent(member: str) -> None:
    request = read_request(orjson.dumps({"query": QUERY, member: None}))
    assert request.members == {"query": QUERY}


def test_a_document_may_be_named_instead_of_sent() -> None:
    assert read_request(b'{"documentId": "abc"}').query is None
    assert read_request(b'{"extensions": {"persistedQuery": {}}}').query is None


def test_whole_numbers_keep_all_digits() -> None:
    digits = "123456789012345678901234567890"
    request = read_request(f'{{"query": "q", "variables": {{"n": {digits}}}}}'.encode())
    assert request.variables["n"] == int(digits)


REFUSED: list[tuple[bytes, str]] = [
    (b"", "is not JSON"), (b"{", "is not JSON"), (b"nul", "is not JSON"),
    (b'{"query": "\xff"}', "is not JSON"), (b"\xef\xbb\xbf{}", "byte order mark"),
    (QUERY.encode("utf-16"), "is not JSON"), (b'{"query": "\\ud800"}', "is not JSON"),
    (b'{"query": "q", "variables": {"n": NaN}}', "is not JSON"),
    (b'{"query": "q", "variables": {"n": -Infinity}}', "is not JSON"),
    (b'{"query": "q", "variables": {"n": 1e999}}', "is not JSON"),
    (b'{"query": "q", "variables": {"n": ' + b"1" * 5_000 + b"}}", "is not JSON"),
    (b"[" * 19_000, "is not JSON"),
    (b'{"query": "q", "variables": {"n": ' + b"[" * 63 + b"]" * 63 + b"}}", "deeper than 64"),
    (b'{"query": "q", "variables": ' + b'{"a":' * 500 + b"1" + b"}" * 501, "deeper than 64"),
    (b"null", "the body is null"), (b"1", "the body is a number"), (b'"x"', "the body is text"),
    (b"[]", "batches are not served"), (b'[{"query": "q"}]', "batches are not served"),
    (b"[null]", "batches are not served"), (b"{}", "'query' is missing"),
    (b'{"query": null}', "'query' is missing"), (b'{"query": " \\n"}', "'query' is missing"),
    (b'{"query": 1}', "'query' is a number; expected text"),
    (b'{"query": ["q"]}', "'query' is a list"), (b'{"query": false}', "'query' is a boolean"),
    (b'{"query": "q", "variables": []}', "'variables' is a list; expected an object"),
    (b'{"query": "q", "variables": "{}"}', "'variables' is text"),
    (b'{"query": "q", "extensions": 0}', "'extensions' is a number"),
    (b'{"query": "q", "operationName": {}}', "'operationName' is an object"),
    (b'{"query": "q", "documentId": 7}', "'documentId' is a number"),
    (b'{"query": "q", "batch": 1}', "'batch' is no member of a request; expected query,"),
    (b'{"query": "q", "": 1}', "'' is no member"),
    (b'{"query": "q", "query": "r"}', "'query' is there more than once"),
    (b'{"query": "q", "\\u0071uery": "r"}', "'query' is there more than once"),
    (b'{"query": "q", "variables": {"a": {"b": 1, "b": 2}}}', "'b' is there more than once"),
    (b'{"id": "a", "documentId": "b"}', "another spelling"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "message"), REFUSED, ids=[repr(each[0][:40]) for each in REFUSED])
def test_any_other_body_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(BodyInvalid) as refused:
        read_request(body)
    assert refused.value.status == 400
    assert message in str(refused.value)
    assert len(str(refused.value)) < 300


LARGE = {
    "lists": b"[" + b"[]," * 333_000 + b"0]",
    "objects": b"[" + b'{"a":1},' * 125_000 + b"0]",
    "deep lists": b"[" + (b"[" * 60 + b"]" * 60 + b",") * 8_000 + b"0]",
    "many members": b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}",
    "open": b"[" * 999_000,
    "few marks, all used": b"[" + b"[]," * 9_900 + b"0]",
    "deep, all marks used": b"[" + (b"[" * 60 + b"]" * 60 + b",") * 330 + b"0]",
    "long whole number": b"[" + b"1" * 999_000 + b"]",
    "one member twice": b"{" + b'"query":"q",' * 19_000 + b'"query":"q"}',
}


@pytest.mark.parametrize("variables", LARGE.values(), ids=LARGE)
def test_a_body_of_a_megabyte_costs_little(variables: bytes) -> None:
    body = b'{"query": "q", "extensions": {}, "variables": {"a": ' + variables + b"}}"
    took = []
    for _ in range(3):
        started = process_time()
        with suppress(BodyInvalid):
            read_request(body)
        took.append(process_time() - started)
    assert min(took) < 0.05


def test_the_deepest_body_that_is_read_is_64_levels() -> None:
    inner = JSON_DEPTH_MAX - 2
    body = b'{"query": "q", "variables": {"n": ' + b"[" * inner + b"]" * inner + b"}}"
    assert len(str(read_request(body).variables["n"])) == 2 * inner


def test_a_query_string_is_a_request_too() -> None:
    request = read_query_string(b"query=%7B+a+%7D&variables=%7B%22n%22%3A1%7D&operationName=A")
    assert (request.query, request.variables, request.operation_name) == ("{ a }", {"n": 1}, "A")


@pytest.mark.parametrize(
    ("query_string", "status"),
    [
        (b"query=a&query=b", 400), (b"query=a&variables=[", 400), (b"query=a&x=1", 400),
        (b"query=%ff", 400), (b"query=\xff", 400), (b"query=", 400), (b"&" * 20, 400),
        (b"query=a&variables=[1]", 400), (b"query=" + b"a" * 20_000, 414),
    ],
)  # fmt: skip
def test_any_other_query_string_is_refused(query_string: bytes, status: int) -> None:
    with pytest.raises(BodyInvalid) as refused:
        read_query_string(query_string)
    assert refused.value.status == status


class Client:
    """Sends its pieces and counts how many were taken."""

    def __init__(self, *pieces: bytes, is_gone: bool = False) -> None:
        self.pieces = list(pieces)
        self.taken = 0
        self.is_gone = is_gone

    async def __call__(self) -> dict[str, Any]:
        if self.taken == len(self.pieces):
            if self.is_gone:
                return {"type": "http.disconnect"}
            await asyncio.Event().wait()
        self.taken += 1
        more = self.taken < len(self.pieces) or self.is_gone
        return {"type": "http.request", "body": self.pieces[self.taken - 1], "more_body": more}


async def test_a_body_in_pieces_is_one_body() -> None:
    assert await read_body(Client(b"ab", b"", b"c"), Headers({}), 3) == b"abc"


async def test_a_body_over_the_limit_is_refused_while_it_is_read() -> None:
    client = Client(*[b"x" * 10] * 100)
    with pytest.raises(BodyInvalid, match="larger than 25 bytes") as refused:
        await read_body(client, Headers({}), 25)
    assert (refused.value.status, client.taken) == (413, 3)


@pytest.mark.parametrize(
    ("announced", "status"),
    [("26", 413), ("9" * 5_000, 413), ("-1", 400), ("1e3", 400), ("", 400), ("\u00b2", 400)],
)
async def test_an_announced_length_is_judged_before_anything_is_read(
    announced: str, status: int
) -> None:
    client = Client(b"x")
    with pytest.raises(BodyInvalid) as refused:
        await read_body(client, Headers({"content-length": announced}), 25)
    assert (refused.value.status, client.taken) == (status, 0)


async def test_a_client_that_leaves_is_noticed() -> None:
    with pytest.raises(BodyInvalid, match="went away"):
        await read_body(Client(b"{", is_gone=True), Headers({}), 25)


async def test_a_client_that_stalls_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "BODY_TIMEOUT_S", 0.05)
    with pytest.raises(BodyInvalid, match="not complete after") as refused:
        await read_body(Client(), Headers({}), 25)
    assert refused.value.status == 408
