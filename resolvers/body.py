"""The request in an HTTP body or query string: read under a limit, parsed strictly.

Strict means that two readers of one body cannot see two requests: no member twice, no member that
is not understood, no NaN, no number that silently loses digits.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers

from hub.model.errors import BodyInvalid

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

BODY_TIMEOUT_S = 10.0  # how long a client may take to send its body
JSON_MARKS_MAX = 20_000  # of { [ and , in a body: a request may name 2,000 values and 2,000 tokens
JSON_DEPTH_MAX = 64  # objects and lists within each other; input types nest 4 deep
QUERY_STRING_MAX = 16_384  # bytes of a query string
QUERY_PARAMETERS_MAX = 16  # parameters of a query string

_TEXTS = ("query", "operationName", "documentId")
_OBJECTS = ("variables", "extensions")
_ALSO = {"id": "documentId"}  # how some clients spell it
_MEMBERS = (*_TEXTS, *_OBJECTS, *_ALSO)


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One operation as the client asks for it. `members` are those that were sent and not null.

    At least one of `query`, `documentId` and `extensions` is there.
    """

    members: Mapping[str, Any]

    @property
    def query(self) -> str | None:
        return self.members.get("query")

    @property
    def variables(self) -> Mapping[str, Any]:
        return self.members.get("variables") or {}

    @property
    def operation_name(self) -> str | None:
        return self.members.get("operationName") or None


async def read_body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """The whole body. 413 as soon as more than `limit` bytes are announced or have come."""
    announced = headers.get("content-length", "0")
    if not (announced.isascii() and announced.isdigit()):
        raise BodyInvalid("Content-Length is no number")
    if len(announced) > 20 or int(announced) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _received(receive, limit)
    except TimeoutError:
        raise BodyInvalid(
            f"the body was not complete after {BODY_TIMEOUT_S:g} s; send it faster", status=408
        ) from None


async def _received(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BodyInvalid("the client went away before its body was complete")
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(limit: int) -> BodyInvalid:
    return BodyInvalid(f"the body is larger than {limit} bytes; send less", status=413)


def read_request(body: bytes) -> GraphQLRequest:
    """The request in a JSON body; BodyInvalid says which part is not as expected."""
    parsed = strict_json(body, "the body")
    if isinstance(parsed, list):
        raise BodyInvalid(
            "the body is a list: batches are not served; send one operation in each request"
        )
    if not isinstance(parsed, dict):
        raise BodyInvalid(f"the body is {_kind(parsed)}; expected an object with 'query'")
    return request_of(parsed)


def read_query_string(query_string: bytes) -> GraphQLRequest:
    """The request in a query string, where variables and extensions are JSON as text."""
    if len(query_string) > QUERY_STRING_MAX:
        raise BodyInvalid(f"the query string is longer than {QUERY_STRING_MAX} bytes", status=414)
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=QUERY_PARAMETERS_MAX,
        )
    except ValueError:
        raise BodyInvalid("the query string cannot be read; send the request by POST") from None
    members: dict[str, Any] = _once(pairs)
    for name in _OBJECTS:
        if name in members:
            members[name] = strict_json(members[name].encode(), f"{name!r}")
    return request_of(members)


def strict_json(text: bytes, what: str) -> Any:
    """JSON in UTF-8 with no member twice and at most 64 levels; whole numbers keep all digits.

    1 MB of `[],[],…` would take 400 ms to read; what is let through here takes 15 ms at most.
    """
    brackets = text.count(b"{") + text.count(b"[")
    if brackets + text.count(b",") > JSON_MARKS_MAX:
        raise BodyInvalid(f"{what} has more than {JSON_MARKS_MAX:,} values; send fewer", status=413)
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BodyInvalid(f"{what} is not JSON in UTF-8: {error}") from None
    # Only a text with that many brackets can be that deep; most have fewer than ten.
    if brackets > JSON_DEPTH_MAX and not _is_flat_enough(parsed):
        raise BodyInvalid(f"{what} nests deeper than {JSON_DEPTH_MAX} levels")
    # orjson keeps the last of two members, and makes floats of whole numbers above 64 bits.
    return json.loads(text, object_pairs_hook=_once)


def _is_flat_enough(parsed: Any) -> bool:
    level = [parsed]
    for _ in range(JSON_DEPTH_MAX):
        within = chain.from_iterable(
            each.values() if isinstance(each, dict) else each for each in level
        )
        level = [each for each in within if isinstance(each, dict | list)]
        if not level:
            return True
    return False


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs as a dict; BodyInvalid where a name comes twice."""
    members = dict(pairs)
    if len(members) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise BodyInvalid(f"{twice[:80]!r} is there more than once; send it once")
    return members


def request_of(parsed: Mapping[str, Any]) -> GraphQLRequest:
    """The request these members are; BodyInvalid says which is not as expected."""
    unknown = [name for name in parsed if name not in _MEMBERS]
    if unknown:
        raise BodyInvalid(
            f"{unknown[0][:80]!r} is no member of a request; expected {', '.join(_MEMBERS)}"
        )
    members: dict[str, Any] = {}
    for name, value in parsed.items():
        if value is None:
            continue
        name = _ALSO.get(name, name)
        _check_kind(name, value)
        if name in members:
            raise BodyInvalid(f"{name!r} and another spelling of it; send one of them")
        members[name] = value
    if not members.keys() & {"documentId", "extensions"} and not members.get("query", "").strip():
        raise BodyInvalid("'query' is missing or empty; expected a GraphQL document as text")
    return GraphQLRequest(members)


def _check_kind(name: str, value: object) -> None:
    kind, expected = (str, "text") if name in _TEXTS else (dict, "an object")
    if not isinstance(value, kind):
        raise BodyInvalid(f"{name!r} is {_kind(value)}; expected {expected} or null")


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
