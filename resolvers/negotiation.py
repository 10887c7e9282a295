"""GraphQL over HTTP at the edge: which answer a client accepts, and what its body asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from hub.model.errors import BodyInvalid

MediaType = Literal["application/graphql-response+json", "application/json"]
GRAPHQL_RESPONSE: MediaType = "application/graphql-response+json"
JSON: MediaType = "application/json"

_ACCEPT_MAX = 1_000  # characters; browsers send under 200
_OFFERED: tuple[MediaType, ...] = (JSON, GRAPHQL_RESPONSE)


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One operation as the client sent it."""

    query: str
    variables: dict[str, Any] = field(default_factory=dict)
    operation_name: str | None = None


def answer_type(accept: str | None) -> MediaType:
    """The media type to answer in; BodyInvalid with status 406 where the client takes neither.

    The highest q wins; at equal q the more specific range, then the order the client wrote.
    """
    if accept is None or not accept.strip():
        return JSON
    ranges = [_media_range(part) for part in accept[:_ACCEPT_MAX].split(",")]
    best = max(_OFFERED, key=lambda offered: _preference(offered, ranges))
    if _preference(best, ranges)[0] <= 0:
        raise BodyInvalid(
            f"Accept {accept[:80]!r} allows no answer this endpoint gives; "
            f"expected {GRAPHQL_RESPONSE} or {JSON}",
            status=406,
        )
    return best


def _media_range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        return name, float(quality)
    except ValueError:
        return name, 0.0


def _preference(offered: MediaType, ranges: list[tuple[str, float]]) -> tuple[float, int, int]:
    """(q, specificity, nearness to the front) of the best range that covers the media type."""
    specificity = {offered: 2, "application/*": 1, "*/*": 0}
    covering = [
        (specificity[name], quality, -place)
        for place, (name, quality) in enumerate(ranges)
        if name in specificity
    ]
    if not covering:
        return (0.0, 0, 0)
    specific, quality, place = max(covering)  # the most specific range speaks for the type
    return (quality, specific, place)


def check_content(content_type: str | None, content_encoding: str | None) -> None:
    """Only plain UTF-8 JSON is read: a compressed or form body is 415 before it is parsed."""
    name, *parameters = (piece.strip().lower() for piece in (content_type or "").split(";"))
    charset = next(
        (value[8:].strip('"') for value in parameters if value[:8] == "charset="), "utf-8"
    )
    if name != JSON or charset not in ("utf-8", "utf8"):
        received = (content_type or "nothing")[:80]
        raise BodyInvalid(
            f"Content-Type: received {received!r}; expected application/json", status=415
        )
    if (content_encoding or "identity").lower() != "identity":
        raise BodyInvalid("Content-Encoding: compressed bodies are not read", status=415)


def read_request(body: bytes) -> GraphQLRequest:
    """The request in a JSON body; BodyInvalid says which part is not as expected."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyInvalid(f"the body is not JSON in UTF-8: {error}") from error
    if not isinstance(parsed, dict):
        raise BodyInvalid(f"the body is {_kind(parsed)}; expected an object with 'query'")
    query = parsed.get("query")
    if not isinstance(query, str) or not query.strip():
        raise BodyInvalid(f"'query' is {_kind(query)}; expected a GraphQL document as text")
    return GraphQLRequest(
        query=query,
        variables=_optional(parsed, "variables", dict, "an object") or {},
        operation_name=_optional(parsed, "operationName", str, "text") or None,
    )


def _optional(parsed: dict[str, Any], name: str, kind: type, expected: str) -> Any:
    value = parsed.get(name)
    if value is not None and not isinstance(value, kind):
        raise BodyInvalid(f"{name!r} is {_kind(value)}; expected {expected} or null")
    return value


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
