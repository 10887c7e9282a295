"""Which answer a client accepts, which headers and origins are refused."""

import pytest
from starlette.datastructures import Headers

from hub.model.errors import BodyInvalid, Forbidden
from resolvers.negotiation import (
    GRAPHQL_RESPONSE,
    JSON,
    Origins,
    answer_type,
    check_content,
    check_once,
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON), ("", JSON), ("*/*", JSON), ("application/*", JSON), (JSON, JSON),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE), (f"{GRAPHQL_RESPONSE};q=0.8, {JSON}", JSON),
        (f"{GRAPHQL_RESPONSE}, {JSON};q=0.9", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, {JSON}", GRAPHQL_RESPONSE),
        (f"{JSON}, {GRAPHQL_RESPONSE}", JSON), (f"*/*, {GRAPHQL_RESPONSE}", GRAPHQL_RESPONSE),
        (f"text/html, {JSON};q=0.1", JSON), (f"{JSON};q=0, */*;q=0.1", GRAPHQL_RESPONSE),
        (f"{JSON};charset=utf-8;q=0.5, {GRAPHQL_RESPONSE};q=0.6", GRAPHQL_RESPONSE),
        (f"application/*;q=0.2, {GRAPHQL_RESPONSE};q=0.1", JSON),
        ("APPLICATION/JSON;Q=1.000", JSON),
        (f"{JSON};q=nan, {GRAPHQL_RESPONSE};q=0.001", GRAPHQL_RESPONSE),
    ],
)  # fmt: skip
def test_the_best_accepted_type_answers(accept: str | None, expected: str) -> None:
    assert answer_type(accept) == expected


@pytest.mark.parametrize(
    "accept",
    ["text/html", f"{JSON};q=0", "*/*;q=0", "application/*;q=0.0", f"{JSON};q=7", f"{JSON};q=-1",
     f"{JSON};q=inf", "text/event-stream", ",", ";", "multipart/mixed"],
)  # fmt: skip
def test_a_client_that_accepts_neither_is_told_so(accept: str) -> None:
    with pytest.raises(BodyInvalid) as refused:
        answer_type(accept)
    assert refused.value.status == 406


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"',
     "application/json; charset=utf8; x=y"],
)  # fmt: skip
def test_json_in_utf_8_is_read(content_type: str) -> None:
    check_content(content_type, None)
    check_content(content_type, "identity")


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        (None, None), ("", None), ("text/plain", None), ("application/graphql", None),
        ("application/x-www-form-urlencoded", None), ("multipart/form-data; boundary=x", None),
        ("application/json; charset=utf-16", None), ("application/json; charset=latin1", None),
        ("application/json", "gzip"), ("application/json", "br"), ("application/json", "gzip, br"),
    ],
)  # fmt: skip
def test_anything_else_is_unsupported(content_type: str | None, encoding: str | None) -> None:
    with pytest.raises(BodyInvalid) as refused:
        check_content(content_type, encoding)
    assert refused.value.status == 415


def test_a_header_that_decides_comes_once() -> None:
    twice = [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")]
    with pytest.raises(BodyInvalid, match="authorization came more than once"):
        check_once(Headers(raw=twice))
    check_once(Headers(raw=[*twice[:1], (b"accept", b"a/b"), (b"accept", b"c/d")]))


ALLOWED = Origins(frozenset({"https://desk.example"}))


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"origin": "https://desk.example", "host": "hub"},
        {"origin": "http://hub:8400", "host": "hub:8400"},
        {"origin": "https://HUB", "host": "hub"},  # a proxy that ends TLS
    ],
)  # fmt: skip
def test_a_page_that_may_call_is_let_through(headers: dict[str, str]) -> None:
    ALLOWED.check(Headers(headers))


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", "http://desk.example", "https://desk.example:444",
     "https://desk.example.evil.example", "file://hub", "http://hub.evil.example", "http://[",
     "http://", "hub", "http://hub@evil.example"],
)  # fmt: skip
def test_a_page_of_elsewhere_is_refused(origin: str) -> None:
    with pytest.raises(Forbidden, match="may not call this hub"):
        ALLOWED.check(Headers({"origin": origin, "host": "hub"}))


def test_a_request_without_host_has_no_own_origin() -> None:
    with pytest.raises(Forbidden):
        ALLOWED.check(Headers({"origin": "http://"}))
