"""GraphQL over HTTP at the edge: methods, origins, media types; what a caller must send us."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from graphql import FieldNode, OperationDefinitionNode, OperationType
from starlette.datastructures import Headers

from hub.model.errors import BodyInvalid, Forbidden

MediaType = Literal["application/graphql-response+json", "application/json", "text/event-stream"]
GRAPHQL_RESPONSE: MediaType = "application/graphql-response+json"
JSON: MediaType = "application/json"
EVENT_STREAM: MediaType = "text/event-stream"

_ACCEPT_RANGES_MAX = 50  # ranges of one Accept header; browsers send under 10
_OFFERED: tuple[MediaType, ...] = (JSON, GRAPHQL_RESPONSE)
_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?", re.ASCII)
_UTF_8 = ("utf-8", "utf8")
# Two of one of these would let two readers of a request see two different requests.
_AT_MOST_ONCE = ("authorization", "content-type", "content-encoding", "content-length", "origin")


@dataclass(frozen=True, slots=True)
class Origins:
    """The web origins that may call: those of the settings, and pages of the hub itself."""

    allowed: frozenset[str] = frozenset()

    def check(self, headers: Headers) -> None:
        """Forbidden where a browser sends the request for a page of another origin.

        A preflight does not protect by itself: browsers send what they call simple without one.
        """
        origin = headers.get("origin")
        if origin is None or origin in self.allowed or _is_own(origin, headers.get("host", "")):
            return
        raise Forbidden(
            f"Origin {origin[:80]!r} may not call this hub; "
            "its operators list web origins in OPSHUB_CORS_ORIGINS"
        )


def _is_own(origin: str, host: str) -> bool:
    """Whether the page came from where the request goes. The scheme may be a TLS proxy's."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower() != ""


def check_method(method: str, query_string: bytes, headers: Headers) -> None:
    """POST; GET with a token and a question in its URL, which no browser sends by itself."""
    if method == "POST":
        return
    if method == "GET" and query_string and "authorization" in headers:
        return
    raise BodyInvalid(f"method {method[:20]} is not served; use POST", status=405)


def check_way(operation: OperationDefinitionNode, method: str, media: MediaType) -> None:
    """BodyInvalid where the operation is not for this way of asking."""
    is_subscription = operation.operation is OperationType.SUBSCRIPTION
    if is_subscription and media != EVENT_STREAM:
        raise BodyInvalid(
            "a subscription is answered by a stream: send Accept: text/event-stream, or open a "
            "WebSocket here with the subprotocol graphql-transport-ws",
            status=406,
        )
    if method == "GET" and not is_subscription and not _is_about_the_schema(operation):
        raise BodyInvalid(
            "GET answers only questions about the schema itself; use POST", status=405
        )


def _is_about_the_schema(operation: OperationDefinitionNode) -> bool:
    selected = operation.selection_set.selections
    return operation.operation is OperationType.QUERY and all(
        isinstance(each, FieldNode) and each.name.value.startswith("__") for each in selected
    )


def answer_type(accept: str | None, *, streams: bool = False) -> MediaType:
    """The media type to answer in; BodyInvalid with status 406 where the client takes none.

    The highest q wins; at equal q the more specific range, then the order the client wrote. An
    event stream, where there are `streams`, is only for a client that names it.
    """
    if accept is None or not accept.strip():
        return JSON
    ranges = [_media_range(part) for part in accept.split(",", _ACCEPT_RANGES_MAX)]
    offered = (*_OFFERED, EVENT_STREAM) if streams else _OFFERED
    best = max(offered, key=lambda each: _preference(each, ranges))
    if _preference(best, ranges)[0] <= 0:
        raise BodyInvalid(
            f"Accept {accept[:80]!r} allows no answer this endpoint gives; "
            f"expected {GRAPHQL_RESPONSE} or {JSON}",
            status=406,
        )
    return best


def _media_range(part: str) -> tuple[str, float]:
    """The range and its q; what is no q, such as NaN or 7, wants nothing."""
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((value[2:].strip() for value in parameters if value.startswith("q=")), "1")
    return name, float(quality) if _QUALITY.fullmatch(quality) else 0.0


def _preference(offered: MediaType, ranges: list[tuple[str, float]]) -> tuple[float, int, int]:
    """(q, specificity, nearness to the front) of the best range that covers the media type."""
    specificity: dict[str, int] = {offered: 2}
    if offered != EVENT_STREAM:
        specificity |= {"application/*": 1, "*/*": 0}
    covering = [
        (specificity[name], quality, -place)
        for place, (name, quality) in enumerate(ranges)
        if name in specificity
    ]
    if not covering:
        return (0.0, 0, 0)
    specific, quality, place = max(covering)  # the most specific range speaks for the type
    return (quality, specific, place)


def check_once(headers: Headers) -> None:
    """BodyInvalid where a header that decides something came twice."""
    for name in _AT_MOST_ONCE:
        if len(headers.getlist(name)) > 1:
            raise BodyInvalid(f"the header {name} came more than once; send it once")


def check_content(content_type: str | None, content_encoding: str | None) -> None:
    """Only plain UTF-8 JSON is read: a compressed or form body is 415 before it is parsed."""
    name, *parameters = (piece.strip().lower() for piece in (content_type or "").split(";"))
    charset = next(
        (value[8:].strip('"') for value in parameters if value.startswith("charset=")), "utf-8"
    )
    if name != JSON or charset not in _UTF_8:
        received = (content_type or "nothing")[:80]
        raise BodyInvalid(
            f"Content-Type: received {received!r}; expected application/json in UTF-8", status=415
        )
    if (content_encoding or "identity").strip().lower() != "identity":
        raise BodyInvalid(
            "Content-Encoding: compressed bodies are not read; send it plain", status=415
        )
