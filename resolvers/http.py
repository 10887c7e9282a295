"""The GraphQL endpoint: bare ASGI, because a framework's view costs 0.14 ms a request.

GraphQL over HTTP: POST with a JSON body; the answer is `application/graphql-response+json` or
`application/json` by Accept. A request that is none (malformed body, wrong method, no token) is a
4xx with `errors` and no `data`; a document that fails validation likewise, but 200 for clients that
accept only `application/json`. Whatever sources do, the status is 200 and never a 5xx.

Where the client accepts `text/event-stream`, whoever is known and asks in good form is handed to
`event_streams`; subscriptions are served only there and over sockets.

GET reads nothing: URLs are logged and kept on their way. With a token it answers questions about
the schema itself (`__typename`, `__type`, `__schema`), which probes and tools send.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from graphql import ExecutionResult, OperationDefinitionNode
from opentelemetry.trace import Span
from starlette.datastructures import Headers

from hub.model.errors import OpsHubError
from hub.observe import metrics
from hub.observe.correlation import correlated
from hub.observe.spans import answered, name_operation, request_span
from hub.observe.tracing import extract
from hub.security.principal import Principal
from resolvers.answer import (
    Answer,
    Send,
    defect,
    is_request_error,
    options,
    refusal,
    refused_document,
    send_answer,
    with_data,
)
from resolvers.body import GraphQLRequest, Receive, read_body, read_query_string, read_request
from resolvers.cost import Toll
from resolvers.counted import CountedRequests
from resolvers.engine import Engine
from resolvers.negotiation import (
    EVENT_STREAM,
    JSON,
    MediaType,
    Origins,
    answer_type,
    check_content,
    check_method,
    check_once,
    check_way,
)
from resolvers.operations import Asked, Caller, OpenContext, Operations, Refused
from resolvers.persisted import Documents
from resolvers.usage import Usage
from resolvers.usage_clients import client_of

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request as it arrived, its span, and the correlation id it runs under."""

    method: str
    query_string: bytes
    headers: Headers
    receive: Receive
    correlation: str
    span: Span


class EventStream(Protocol):
    """The answer to one request, as events."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class EventStreams(Protocol):
    """Opens them; OpsHubError where there may be no more of them."""

    def __call__(self, asked: Asked, call: Call) -> EventStream: ...


@dataclass(frozen=True, slots=True)
class GraphQLEndpoint:
    """`/graphql`. `deadline_s` gives the time a principal's whole request may take.

    Without `usage` and `counted` nothing is counted, without `toll` nothing is charged. Without
    `event_streams` there are none.
    """

    engine: Engine
    authenticate: Callable[[str | None], Principal]
    open_context: OpenContext
    deadline_s: Callable[[Principal], float]
    body_max: int  # bytes
    may_introspect: Callable[[Principal], bool]
    origins: Origins
    documents: Documents
    toll: Toll | None = None
    usage: Usage | None = None
    counted: CountedRequests | None = None
    event_streams: EventStreams | None = None
    operations: Operations = field(init=False)

    def __post_init__(self) -> None:
        operations = Operations(
            self.engine,
            self.open_context,
            self.deadline_s,
            self.may_introspect,
            self.documents,
            toll=self.toll,
            usage=self.usage,
            counted=self.counted,
        )
        object.__setattr__(self, "operations", operations)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        with correlated(headers.get("x-correlation-id")) as correlation:
            with extract(headers), request_span(scope["method"], "/graphql") as current:
                call = Call(
                    scope["method"], scope["query_string"], headers, receive, correlation, current
                )
                media, answer = await self._answer_or_refusal(call)
                if isinstance(answer, Answer):
                    answered(current, answer.status, correlation)
                    await send_answer(send, answer, media, correlation)
                    log.info("answered", extra=answer.noted)
                    return
            # Beyond the span, which would last as long as somebody listens.
            await answer.serve(scope, receive, send)

    async def _answer_or_refusal(self, call: Call) -> tuple[MediaType, Answer | EventStream]:
        media: MediaType = JSON
        try:
            if call.method == "OPTIONS":
                return media, options()
            check_method(call.method, call.query_string, call.headers)
            self.origins.check(call.headers)
            check_once(call.headers)
            accept = ", ".join(call.headers.getlist("accept"))
            media = answer_type(accept, streams=self.event_streams is not None)
            principal = self.authenticate(call.headers.get("authorization"))
            return media, await self._answer_to(principal, call, media)
        except OpsHubError as error:
            metrics.count_refusal(error.code)
            return JSON if media == EVENT_STREAM else media, refusal(error, call.correlation, media)
        except Exception as error:  # the outermost loop: a defect is masked, never a traceback
            return JSON if media == EVENT_STREAM else media, defect(error, call.correlation)

    async def _answer_to(
        self, principal: Principal, call: Call, media: MediaType
    ) -> Answer | EventStream:
        """What somebody who is known gets; refusals are counted under their name."""
        try:
            caller = Caller(principal, client_of(call.headers, principal.subject), call.correlation)
            asked = self.operations.ask(await self._request(call), caller)
            if media == EVENT_STREAM and self.event_streams is not None:
                return self.event_streams(asked, call)
            answer = await self._answer(asked, call, media)
        except OpsHubError as error:
            if media == EVENT_STREAM:
                self._count_refused(principal, (error.code,))
                raise
            metrics.count_refusal(error.code)
            answer = refusal(error, call.correlation, media)
        self._count_refused(principal, answer.codes)
        return answer

    def _count_refused(self, principal: Principal, codes: tuple[str, ...]) -> None:
        if self.counted is not None:
            self.counted.refused(principal, codes)

    async def _request(self, call: Call) -> GraphQLRequest:
        if call.method == "GET":
            return read_query_string(call.query_string)
        check_content(call.headers.get("content-type"), call.headers.get("content-encoding"))
        return read_request(await read_body(call.receive, call.headers, self.body_max))

    async def _answer(self, asked: Asked, call: Call, media: MediaType) -> Answer:
        started = time.perf_counter()
        ready = self.operations.prepare(asked, partial(_check, asked, call))
        if isinstance(ready, Refused):
            kind, result, extensions = "none", ExecutionResult(None, ready.errors), ready.extensions
        else:
            kind = ready.kind
            result, extensions = await self.operations.run(ready)
        answer = _answer_of(result, call, media, extensions)
        if is_request_error(result):
            for code in answer.codes:
                metrics.count_refusal(code)
        self.operations.observe(
            kind, asked.caller.principal, result, seconds=time.perf_counter() - started
        )
        return answer


def _check(asked: Asked, call: Call, operation: OperationDefinitionNode) -> None:
    check_way(operation, call.method, JSON)
    name_operation(call.span, operation.operation.value, asked.request.operation_name)


def _answer_of(
    result: ExecutionResult, call: Call, media: MediaType, extensions: dict[str, Any]
) -> Answer:
    errors = result.errors or []
    if is_request_error(result):
        return refused_document(errors, call.correlation, media, extensions=extensions)
    return with_data(result.data, errors, call.correlation, extensions)
