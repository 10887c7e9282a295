"""Answers on the wire: the response object, its status, and headers that keep it private."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import orjson
from graphql import ExecutionResult

from hub.model.errors import (
    BodyInvalid,
    DeadlineExceeded,
    DocumentInvalid,
    DocumentTooLarge,
    Forbidden,
    IntrospectionDisabled,
    OpsHubError,
    PersistedError,
    RateLimited,
    RequestError,
    SubscriptionsExceeded,
    Unauthenticated,
)
from resolvers.errors import wire_errors
from resolvers.negotiation import JSON, MediaType

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
HttpHeaders = tuple[tuple[bytes, bytes], ...]

ALLOWED_METHODS = b"POST"

_OF_THE_DOCUMENT = (DocumentInvalid, DocumentTooLarge, IntrospectionDisabled, PersistedError)
OF_EVERY_ANSWER: HttpHeaders = (
    (b"cache-control", b"no-store, private"),
    (b"vary", b"Accept, Authorization, Origin"),
    (b"x-content-type-options", b"nosniff"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: `body` is the GraphQL response object, None where there is none."""

    status: int
    body: dict[str, Any] | None
    headers: HttpHeaders = ()
    codes: tuple[str, ...] = field(default=(), kw_only=True)  # of its errors

    @property
    def noted(self) -> dict[str, Any]:
        """What the one log line of a request says of its answer."""
        noted: dict[str, Any] = {"status": self.status}
        return noted | {"codes": list(self.codes)} if self.codes else noted


def is_request_error(result: ExecutionResult) -> bool:
    """Refused before anything ran: an error of a field has a path, one of the request has none.

    What ran out of time did run, and has no path either.
    """
    return result.data is None and all(
        error.path is None and not isinstance(error.original_error, DeadlineExceeded)
        for error in result.errors or ()
    )


def with_data(
    data: Any, errors: Sequence[Exception], correlation: str, extensions: Mapping[str, Any]
) -> Answer:
    """An operation ran: 200, whatever its fields came to."""
    body = {"data": data} | _errors_of(errors, correlation, extensions)
    return Answer(200, body, codes=_codes(body))


def refused_document(
    errors: Sequence[Exception],
    correlation: str,
    media: MediaType,
    *,
    extensions: Mapping[str, Any] | None = None,
) -> Answer:
    """Nothing ran: no `data` at all. 200 only for clients that take nothing but plain JSON."""
    body = _errors_of(errors, correlation, extensions or {})
    return Answer(200 if media == JSON else 400, body, codes=_codes(body))


def refusal(error: OpsHubError, correlation: str, media: MediaType) -> Answer:
    """The answer to a request that was turned away before an operation was found in it."""
    if isinstance(error, _OF_THE_DOCUMENT):
        return refused_document([error], correlation, media)
    extensions = _cost_of(error) if isinstance(error, RateLimited) else {}
    body = _errors_of([error], correlation, extensions)
    status, headers = status_of(error)
    return Answer(status, body, headers, codes=_codes(body))


def status_of(error: OpsHubError) -> tuple[int, HttpHeaders]:
    """The HTTP status of a refusal, and the headers that belong to it."""
    if isinstance(error, Unauthenticated):
        return 401, ((b"www-authenticate", b'Bearer realm="opshub"'),)
    if isinstance(error, Forbidden):
        return 403, ()
    if isinstance(error, BodyInvalid):
        return error.status, ((b"allow", ALLOWED_METHODS),) if error.status == 405 else ()
    if isinstance(error, RateLimited):
        return 429, ((b"retry-after", str(max(1, ceil(error.retry_after_s))).encode()),)
    if isinstance(error, SubscriptionsExceeded):
        return 429, ((b"retry-after", b"1"),)
    if isinstance(error, RequestError):
        return 400, ()
    return (503, ((b"retry-after", b"1"),)) if error.retryable else (500, ())


def defect(error: Exception, correlation: str) -> Answer:
    """A defect of the hub, masked; its text goes to the log."""
    body = _errors_of([error], correlation, {})
    return Answer(500, body, codes=_codes(body))


def options() -> Answer:
    """What may be sent here."""
    return Answer(204, None, ((b"allow", ALLOWED_METHODS),))


def _cost_of(error: RateLimited) -> dict[str, Any]:
    return {"cost": {"requested": error.requested, "actual": 0, "remaining": error.remaining}}


def _errors_of(
    errors: Sequence[Exception], correlation: str, extensions: Mapping[str, Any]
) -> dict[str, Any]:
    told: dict[str, Any] = {"correlationId": correlation, **extensions}
    body: dict[str, Any] = {"extensions": told}
    if errors:
        body["errors"], omitted = wire_errors(errors, correlation)
        if omitted:
            told["errorsOmitted"] = omitted
    return body


def _codes(body: Mapping[str, Any]) -> tuple[str, ...]:
    errors: Iterable[Mapping[str, Any]] = body.get("errors", ())
    return tuple(sorted({error["extensions"]["code"] for error in errors}))


def _encoded(answer: Answer, correlation: str) -> tuple[Answer, bytes]:
    """The body as JSON; what JSON cannot hold (half a surrogate pair) is a defect of the hub."""
    try:
        return answer, orjson.dumps(answer.body)
    except orjson.JSONEncodeError as error:
        broken = defect(error, correlation)
        return broken, orjson.dumps(broken.body)


async def send_answer(send: Send, answer: Answer, media: MediaType, correlation: str) -> None:
    """The answer as one message; with a body it says its length."""
    content = b""
    if answer.body is not None:
        answer, content = _encoded(answer, correlation)
    head = [*OF_EVERY_ANSWER, (b"x-correlation-id", correlation.encode()), *answer.headers]
    if answer.body is not None:
        head.append((b"content-type", f"{media}; charset=utf-8".encode()))
        head.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": head})
    await send({"type": "http.response.body", "body": content})
