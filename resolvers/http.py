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
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
)
from starlette.datastructures import Headers

from hub.model.errors import BodyInvalid, DeadlineExceeded, DocumentInvalid, OpsHubError
from hub.observe import metrics
from hub.observe.correlation import correlated
from hub.observe.spans import answered, request_span
from hub.observe.tracing import extract
from hub.security.principal import Principal, caller_class
from resolvers.answer import (
    Answer,
    Send,
    defect,
    options,
    refusal,
    refused_document,
    send_answer,
    with_data,
)
from resolvers.body import GraphQLRequest, Receive, read_body, read_query_string, read_request
from resolvers.context import Context
from resolvers.engine import Engine
from resolvers.negotiation import (
    JSON,
    MediaType,
    Origins,
    answer_type,
    check_content,
    check_once,
)
from resolvers.persisted import Documents, ResolvedDocument
from resolvers.persisted_manifest import ManifestFile
from resolvers.persisted_steps import Steps

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]


class OpenContext(Protocol):
    """Opens what resolvers see, for one request of one principal."""

    def __call__(self, principal: Principal, correlation_id: str) -> Context: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request as it arrived, and the correlation id it runs under."""

    method: str
    query_string: bytes
    headers: Headers
    receive: Receive
    correlation: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a principal asks: a document that is found, with variables and operation name."""

    principal: Principal
    request: GraphQLRequest
    document: ResolvedDocument
    correlation: str


def documents_as_sent() -> Documents:
    """No manifest: every text runs, and texts sent with their hash are found again."""
    return Documents(ManifestFile(None), Steps({}), count_unknown=lambda _: None)


@dataclass(frozen=True, slots=True)
class GraphQLEndpoint:
    """`/graphql`. `deadline_s` gives the time a principal's whole request may take."""

    engine: Engine
    authenticate: Callable[[str | None], Principal]
    open_context: OpenContext
    deadline_s: Callable[[Principal], float]
    body_max: int  # bytes
    origins: Origins = field(default_factory=Origins)
    documents: Documents = field(default_factory=documents_as_sent)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        with (
            correlated(headers.get("x-correlation-id")) as correlation,
            extract(headers),
            request_span(scope["method"], "/graphql") as current,
        ):
            call = Call(scope["method"], scope["query_string"], headers, receive, correlation)
            media, answer = await self._answer_or_refusal(call)
            answered(current, answer.status, correlation)
            await send_answer(send, answer, media, correlation)
            log.info("answered", extra=_noted(answer))

    async def _answer_or_refusal(self, call: Call) -> tuple[MediaType, Answer]:
        media: MediaType = JSON
        try:
            if call.method == "OPTIONS":
                return media, options()
            _check_method(call)
            self.origins.check(call.headers)
            check_once(call.headers)
            media = answer_type(", ".join(call.headers.getlist("accept")))
            return media, await self._answer(call, media)
        except OpsHubError as error:
            metrics.count_refusal(error.code)
            return media, refusal(error, call.correlation, media)
        except Exception as error:  # the outermost loop: a defect is masked, never a traceback
            return media, defect(error, call.correlation)

    async def _answer(self, call: Call, media: MediaType) -> Answer:
        principal = self.authenticate(call.headers.get("authorization"))
        request = await self._request(call)
        document = self.documents.resolve(request.members, principal)
        asked = Asked(principal, request, document, call.correlation)
        started = time.perf_counter()
        operation = self._operation(asked)
        if isinstance(operation, list):
            result = ExecutionResult(None, operation)
        else:
            self._check_operation(operation, call.method)
            self.documents.keep(document)
            result = await self._result(asked)
        seconds = time.perf_counter() - started
        caller = caller_class(principal).value
        metrics.observe_request(
            _type_of(operation), caller, outcome=_outcome(result), seconds=seconds
        )
        return _answer_of(result, asked, media)

    async def _request(self, call: Call) -> GraphQLRequest:
        if call.method == "GET":
            return read_query_string(call.query_string)
        check_content(call.headers.get("content-type"), call.headers.get("content-encoding"))
        return read_request(await read_body(call.receive, call.headers, self.body_max))

    def _operation(self, asked: Asked) -> OperationDefinitionNode | list[GraphQLError]:
        try:
            plan = self.engine.plan(asked.document.text)
        except RecursionError:
            raise DocumentInvalid("the document nests too deeply; ask for less at once") from None
        if isinstance(plan, list):
            return plan
        operation = plan.operation(asked.request.operation_name)
        return [operation] if isinstance(operation, GraphQLError) else operation

    def _check_operation(self, operation: OperationDefinitionNode, method: str) -> None:
        """BodyInvalid where the operation is not for this way of asking."""
        if method == "GET" and not _is_about_the_schema(operation):
            raise BodyInvalid(
                "GET answers only questions about the schema itself; use POST", status=405
            )
        has_streams = self.engine.graphql_schema.subscription_type is not None
        if operation.operation is OperationType.SUBSCRIPTION and has_streams:
            raise BodyInvalid(
                "a subscription is answered by a stream; open a WebSocket here "
                "with the subprotocol graphql-transport-ws",
                status=406,
            )

    async def _result(self, asked: Asked) -> ExecutionResult:
        limit_s = self.deadline_s(asked.principal)
        try:
            async with asyncio.timeout(limit_s):
                return await self.engine.execute(
                    asked.document.text,
                    variables=asked.request.variables,
                    operation_name=asked.request.operation_name,
                    context=self.open_context(asked.principal, asked.correlation),
                )
        except TimeoutError:
            late = DeadlineExceeded(limit_s)
            return ExecutionResult(None, [GraphQLError(str(late), path=[], original_error=late)])


def _check_method(call: Call) -> None:
    """POST; GET with a token and a question in its URL, which no browser sends by itself."""
    if call.method == "POST":
        return
    if call.method == "GET" and call.query_string and "authorization" in call.headers:
        return
    raise BodyInvalid(f"method {call.method[:20]} is not served; use POST", status=405)


def _is_about_the_schema(operation: OperationDefinitionNode) -> bool:
    selected = operation.selection_set.selections
    return operation.operation is OperationType.QUERY and all(
        isinstance(each, FieldNode) and each.name.value.startswith("__") for each in selected
    )


def _answer_of(result: ExecutionResult, asked: Asked, media: MediaType) -> Answer:
    errors = result.errors or []
    if _is_request_error(result):
        return refused_document(errors, asked.correlation, media)
    warnings = [dict(each) for each in asked.document.warnings]
    extensions = {"warnings": warnings} if warnings else {}
    return with_data(result.data, errors, asked.correlation, extensions)


def _is_request_error(result: ExecutionResult) -> bool:
    """Refused before anything ran: an error of a field has a path, one of the request has none."""
    return result.data is None and all(error.path is None for error in result.errors or ())


def _outcome(result: ExecutionResult) -> str:
    if not result.errors:
        return "ok"
    return "refused" if _is_request_error(result) else "partial"


def _type_of(operation: OperationDefinitionNode | list[GraphQLError]) -> str:
    return "none" if isinstance(operation, list) else operation.operation.value


def _noted(answer: Answer) -> dict[str, Any]:
    """What the one log line of a request says of its answer."""
    noted: dict[str, Any] = {"status": answer.status}
    return noted | {"codes": list(answer.codes)} if answer.codes else noted
