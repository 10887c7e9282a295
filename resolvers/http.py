"""The GraphQL endpoint: bare ASGI, because a framework's view costs 0.14 ms a request.

GraphQL over HTTP: POST with a JSON body; the answer is `application/graphql-response+json` or
`application/json` by Accept. A request that is none (malformed body, wrong method, no token) is a
4xx with `errors` and no `data`; a document that fails validation likewise, but 200 for clients that
accept only `application/json`. Whatever sources do, the status is 200 and never a 5xx.

GET reads nothing: URLs are logged and kept on their way. With a token it answers questions about
the schema itself (`__typename`, `__type`, `__schema`), which probes and tools send.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from graphql import ExecutionResult, GraphQLError
from opentelemetry.trace import Span
from starlette.datastructures import Headers

from hub.model.errors import DeadlineExceeded, OpsHubError
from hub.observe import metrics
from hub.observe.correlation import correlated
from hub.observe.spans import answered, name_operation, request_span
from hub.observe.tracing import extract
from hub.security.principal import Principal, caller_class
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
from resolvers.context import Context
from resolvers.cost import Toll
from resolvers.counted import CountedRequests
from resolvers.engine import Engine, Request
from resolvers.negotiation import (
    JSON,
    MediaType,
    Origins,
    answer_type,
    check_content,
    check_method,
    check_once,
    check_way,
)
from resolvers.persisted import Documents, ResolvedDocument
from resolvers.usage import Usage
from resolvers.usage_clients import client_of
from resolvers.usage_deprecations import as_extensions

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]


class OpenContext(Protocol):
    """Opens what resolvers see, for one request of one principal."""

    def __call__(self, principal: Principal, correlation_id: str) -> Context: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request as it arrived, its span, and the correlation id it runs under."""

    method: str
    query_string: bytes
    headers: Headers
    receive: Receive
    correlation: str
    span: Span


@dataclass(frozen=True, slots=True)
class Asked:
    """What a principal asks: a document that is found, with variables and operation name."""

    principal: Principal
    request: GraphQLRequest
    document: ResolvedDocument
    call: Call
    media: MediaType


@dataclass(frozen=True, slots=True)
class GraphQLEndpoint:
    """`/graphql`. `deadline_s` gives the time a principal's whole request may take.

    Without `usage` and `counted` nothing is counted, without `toll` nothing is charged.
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        with (
            correlated(headers.get("x-correlation-id")) as correlation,
            extract(headers),
            request_span(scope["method"], "/graphql") as current,
        ):
            call = Call(
                scope["method"], scope["query_string"], headers, receive, correlation, current
            )
            media, answer = await self._answer_or_refusal(call)
            answered(current, answer.status, correlation)
            await send_answer(send, answer, media, correlation)
            log.info("answered", extra=answer.noted)

    async def _answer_or_refusal(self, call: Call) -> tuple[MediaType, Answer]:
        media: MediaType = JSON
        try:
            if call.method == "OPTIONS":
                return media, options()
            check_method(call.method, call.query_string, call.headers)
            self.origins.check(call.headers)
            check_once(call.headers)
            media = answer_type(", ".join(call.headers.getlist("accept")))
            principal = self.authenticate(call.headers.get("authorization"))
            return media, await self._answer_to(principal, call, media)
        except OpsHubError as error:
            metrics.count_refusal(error.code)
            return media, refusal(error, call.correlation, media)
        except Exception as error:  # the outermost loop: a defect is masked, never a traceback
            return media, defect(error, call.correlation)

    async def _answer_to(self, principal: Principal, call: Call, media: MediaType) -> Answer:
        """What somebody who is known gets; refusals are counted under their name."""
        try:
            answer = await self._answer(await self._asked(principal, call, media))
        except OpsHubError as error:
            metrics.count_refusal(error.code)
            answer = refusal(error, call.correlation, media)
        if self.counted is not None:
            self.counted.refused(principal, answer.codes)
        return answer

    async def _asked(self, principal: Principal, call: Call, media: MediaType) -> Asked:
        if call.method == "GET":
            request = read_query_string(call.query_string)
        else:
            check_content(call.headers.get("content-type"), call.headers.get("content-encoding"))
            request = read_request(await read_body(call.receive, call.headers, self.body_max))
        document = self.documents.resolve(request.members, principal)
        return Asked(principal, request, document, call, media)

    async def _answer(self, asked: Asked) -> Answer:
        started = time.perf_counter()
        may_introspect = self.may_introspect(asked.principal)
        entered = self._entered(asked, may_introspect=may_introspect)
        prepared = self.engine.request(
            asked.document.text,
            variables=asked.request.variables,
            operation_name=asked.request.operation_name,
            may_introspect=may_introspect,
        )
        if isinstance(prepared, list):
            kind, result = "none", ExecutionResult(None, prepared)
            extensions = self._turned_away(asked.principal, entered)
        else:
            kind = prepared.operation.operation.value
            result, extensions = await self._run(prepared, asked, entered=entered)
        answer = _answer_of(result, asked, extensions)
        if is_request_error(result):
            for code in answer.codes:
                metrics.count_refusal(code)
        metrics.observe_request(
            kind,
            caller_class(asked.principal).value,
            outcome=_outcome(result),
            seconds=time.perf_counter() - started,
        )
        return answer

    def _entered(self, asked: Asked, *, may_introspect: bool) -> float:
        """The units charged before a document is parsed that is not remembered."""
        if self.toll is None:
            return 0.0
        is_known = self.engine.knows(asked.document.text, may_introspect=may_introspect)
        return self.toll.enter(asked.principal, is_known=is_known)

    def _turned_away(self, principal: Principal, entered: float) -> dict[str, Any]:
        return {"cost": self.toll.turn_away(principal, entered)} if self.toll is not None else {}

    async def _run(
        self, prepared: Request, asked: Asked, *, entered: float
    ) -> tuple[ExecutionResult, dict[str, Any]]:
        """The result of a valid request, and what the answer's extensions say of it."""
        has_streams = self.engine.graphql_schema.subscription_type is not None
        check_way(prepared.operation, asked.call.method, has_streams=has_streams)
        self.documents.keep(asked.document)
        name_operation(
            asked.call.span, prepared.operation.operation.value, asked.request.operation_name
        )
        extensions = self._counted(prepared, asked)
        if self.counted is not None:
            self.counted.ran(asked.principal, prepared)
        context = self.open_context(asked.principal, asked.call.correlation)
        if self.toll is None:
            return await self._in_time(prepared, asked.principal, context), extensions
        admission = self.toll.admit(prepared, asked.principal, entered=entered)
        try:
            result = await self._in_time(prepared, asked.principal, context)
        finally:
            extensions["cost"] = self.toll.settle(admission, context.reads)
        return result, extensions

    def _counted(self, prepared: Request, asked: Asked) -> dict[str, Any]:
        """Count who asks; warnings of the document and deprecations it uses, where there are."""
        extensions: dict[str, Any] = {}
        if asked.document.warnings:
            extensions["warnings"] = [dict(each) for each in asked.document.warnings]
        if self.usage is None:
            return extensions
        used = self.usage.seen(
            client_of(asked.call.headers, asked.principal.subject),
            asked.document,
            prepared.plan,
            operation_name=asked.request.operation_name,
            variables=asked.request.variables,
        )
        return extensions | {"deprecations": as_extensions(used)} if used else extensions

    async def _in_time(
        self, prepared: Request, principal: Principal, context: Context
    ) -> ExecutionResult:
        limit_s = self.deadline_s(principal)
        try:
            async with asyncio.timeout(limit_s):
                return await self.engine.run(prepared, context)
        except TimeoutError:
            late = DeadlineExceeded(limit_s)
            return ExecutionResult(None, [GraphQLError(str(late), original_error=late)])


def _answer_of(result: ExecutionResult, asked: Asked, extensions: dict[str, Any]) -> Answer:
    errors, correlation = result.errors or [], asked.call.correlation
    if is_request_error(result):
        return refused_document(errors, correlation, asked.media, extensions=extensions)
    return with_data(result.data, errors, correlation, extensions)


def _outcome(result: ExecutionResult) -> str:
    if not result.errors:
        return "ok"
    return "refused" if is_request_error(result) else "partial"
