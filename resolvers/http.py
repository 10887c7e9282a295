"""The GraphQL endpoint: bare ASGI, because a framework's view costs 0.14 ms a request.

GraphQL over HTTP: POST with a JSON body; the answer is `application/graphql-response+json` or
`application/json` by Accept. A request that is none (malformed body, wrong method, no token) is a
4xx with `errors` and no `data`; a document that fails validation likewise, but 200 for clients that
accept only `application/json`. Whatever sources do, the status is 200 and never a 5xx.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from graphql import ExecutionResult, GraphQLError
from starlette.datastructures import Headers

from hub.model.errors import BodyInvalid, DeadlineExceeded, OpsHubError, Unauthenticated
from hub.observe import metrics
from hub.observe.correlation import correlated
from hub.observe.spans import answered, request_span
from hub.observe.tracing import extract
from hub.security.principal import Principal, caller_class
from resolvers.context import Context
from resolvers.engine import Engine
from resolvers.errors import wire_errors
from resolvers.negotiation import (
    GRAPHQL_RESPONSE,
    JSON,
    GraphQLRequest,
    MediaType,
    answer_type,
    check_content,
    read_request,
)

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PERSONAL = (b"cache-control", b"no-store, private")


class OpenContext(Protocol):
    """Opens what resolvers see, for one request of one principal."""

    def __call__(self, principal: Principal, correlation_id: str) -> Context: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: `body` is the GraphQL response object."""

    status: int
    body: dict[str, Any]
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class GraphQLEndpoint:
    """`/graphql`. `deadline_s` gives the time a principal's whole request may take."""

    engine: Engine
    authenticate: Callable[[str | None], Principal]
    open_context: OpenContext
    deadline_s: Callable[[Principal], float]
    body_max: int  # bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        with (
            correlated(headers.get("x-correlation-id")) as correlation,
            extract(headers),
            request_span(scope["method"], "/graphql") as current,
        ):
            media, answer = await self._answer_or_refusal(scope, headers, receive, correlation)
            answered(current, answer.status, correlation)
            await _send(send, answer, media, correlation)
            log.info("answered", extra={"status": answer.status})

    async def _answer_or_refusal(
        self, scope: Scope, headers: Headers, receive: Receive, correlation: str
    ) -> tuple[MediaType, Answer]:
        media: MediaType = JSON
        try:
            media = answer_type(headers.get("accept"))
            return media, await self._answer(scope, headers, receive, media, correlation)
        except OpsHubError as error:
            metrics.count_refusal(error.code)
            return media, _refusal(error, correlation)
        except Exception as error:  # the outermost loop: a defect is masked, never a traceback
            return media, Answer(500, _without_data([error], correlation))

    async def _answer(
        self, scope: Scope, headers: Headers, receive: Receive, media: MediaType, correlation: str
    ) -> Answer:
        if scope["method"] != "POST":
            raise BodyInvalid(f"method {scope['method']} is not served; use POST", status=405)
        principal = self.authenticate(headers.get("authorization"))
        check_content(headers.get("content-type"), headers.get("content-encoding"))
        request = read_request(await _body(receive, headers, self.body_max))
        return await self._execute(request, principal, media, correlation)

    async def _execute(
        self, request: GraphQLRequest, principal: Principal, media: MediaType, correlation: str
    ) -> Answer:
        started = time.perf_counter()
        result = await self._result(request, principal, correlation)
        seconds = time.perf_counter() - started
        caller = caller_class(principal).value
        metrics.observe_request(
            self._operation_type(request), caller, outcome=_outcome(result), seconds=seconds
        )
        if _is_request_error(result):
            status = 400 if media == GRAPHQL_RESPONSE else 200
            return Answer(status, _without_data(result.errors, correlation))
        return Answer(200, _body_of(result.data, result.errors, correlation))

    async def _result(
        self, request: GraphQLRequest, principal: Principal, correlation: str
    ) -> ExecutionResult:
        limit_s = self.deadline_s(principal)
        try:
            async with asyncio.timeout(limit_s):
                return await self.engine.execute(
                    request.query,
                    variables=request.variables,
                    operation_name=request.operation_name,
                    context=self.open_context(principal, correlation),
                )
        except TimeoutError:
            late = DeadlineExceeded(limit_s)
            return ExecutionResult(None, [GraphQLError(str(late), path=[], original_error=late)])

    def _operation_type(self, request: GraphQLRequest) -> str:
        plan = self.engine.plan(request.query)
        operation = None if isinstance(plan, list) else plan.operation(request.operation_name)
        if operation is None or isinstance(operation, GraphQLError):
            return "none"
        return operation.operation.value


def _is_request_error(result: ExecutionResult) -> bool:
    """Refused before anything ran: an error of a field has a path, one of the request has none."""
    return result.data is None and all(error.path is None for error in result.errors or ())


def _outcome(result: ExecutionResult) -> str:
    if not result.errors:
        return "ok"
    return "refused" if _is_request_error(result) else "partial"


def _body_of(data: Any, errors: Any, correlation: str) -> dict[str, Any]:
    extensions: dict[str, Any] = {"correlationId": correlation}
    body: dict[str, Any] = {"data": data, "extensions": extensions}
    if errors:
        body["errors"], omitted = wire_errors(errors, correlation)
        if omitted:
            extensions["errorsOmitted"] = omitted
    return body


def _without_data(errors: Any, correlation: str) -> dict[str, Any]:
    """A request that was not executed has errors and no `data` at all."""
    body = _body_of(None, errors, correlation)
    del body["data"]
    return body


def _refusal(error: OpsHubError, correlation: str) -> Answer:
    """The answer to what is no GraphQL request."""
    body = _without_data([error], correlation)
    if isinstance(error, Unauthenticated):
        return Answer(401, body, ((b"www-authenticate", b'Bearer realm="opshub"'),))
    if isinstance(error, BodyInvalid):
        allow = ((b"allow", b"POST"),) if error.status == 405 else ()
        return Answer(error.status, body, allow)
    return Answer(400, body)


async def _body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """The whole body; 413 as soon as more than `limit` bytes are announced or have come."""
    announced = headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
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


async def _send(send: Send, answer: Answer, media: MediaType, correlation: str) -> None:
    content = orjson.dumps(answer.body)
    head = [
        (b"content-type", f"{media}; charset=utf-8".encode()),
        (b"content-length", str(len(content)).encode()),
        (b"x-correlation-id", correlation.encode()),
        _PERSONAL,
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": head})
    await send({"type": "http.response.body", "body": content})
