"""One operation of a principal, by whichever way it came: found, counted, charged and run.

    asked = operations.ask(request, caller)           # OpsHubError: not a document it may run
    ready = operations.prepare(asked, check)          # RateLimited; or Refused by its document
    result, extensions = await operations.run(ready)  # RateLimited or DocumentTooLarge: nothing ran

A subscription is charged by `admit` what it is estimated to cost, and then runs elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from graphql import ExecutionResult, GraphQLError, OperationDefinitionNode

from hub.model.errors import DeadlineExceeded
from hub.observe import metrics
from hub.security.principal import Principal, caller_class
from resolvers.answer import is_request_error
from resolvers.body import GraphQLRequest
from resolvers.context import Context
from resolvers.cost import Toll
from resolvers.counted import CountedRequests
from resolvers.engine import Engine, Request
from resolvers.persisted import Documents, ResolvedDocument
from resolvers.usage import Usage
from resolvers.usage_clients import Client
from resolvers.usage_deprecations import as_extensions

Check = Callable[[OperationDefinitionNode], None]
"""Raises BodyInvalid where the operation is not for the way it came."""


class OpenContext(Protocol):
    """Opens what resolvers see, for one request of one principal."""

    def __call__(self, principal: Principal, correlation_id: str) -> Context: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, by which program, and the correlation id the request runs under."""

    principal: Principal
    client: Client
    correlation: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: a document that is found, with variables and operation name."""

    caller: Caller
    request: GraphQLRequest
    document: ResolvedDocument


@dataclass(frozen=True, slots=True)
class Ready:
    """A valid operation that is counted and not yet charged, but for what it has `entered` with.

    `extensions` are warnings of its document and the deprecations it uses.
    """

    asked: Asked
    prepared: Request
    entered: float
    extensions: dict[str, Any]

    @property
    def kind(self) -> str:
        return self.prepared.operation.operation.value


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that cannot run, and why; `extensions` say what the refusal cost."""

    errors: list[GraphQLError]
    extensions: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operations:
    """Without `usage` and `counted` nothing is counted, without `toll` nothing is charged."""

    engine: Engine
    open_context: OpenContext
    deadline_s: Callable[[Principal], float]
    may_introspect: Callable[[Principal], bool]
    documents: Documents
    toll: Toll | None = None
    usage: Usage | None = None
    counted: CountedRequests | None = None

    def ask(self, request: GraphQLRequest, caller: Caller) -> Asked:
        """The document that is meant; raises what `Documents.resolve` does."""
        document = self.documents.resolve(request.members, caller.principal)
        return Asked(caller, request, document)

    def prepare(self, asked: Asked, check: Check) -> Ready | Refused:
        """The operation, ready to run. RateLimited where not even its parsing is paid for."""
        principal = asked.caller.principal
        may_introspect = self.may_introspect(principal)
        entered = self._entered(asked, may_introspect=may_introspect)
        prepared = self.engine.request(
            asked.document.text,
            variables=asked.request.variables,
            operation_name=asked.request.operation_name,
            may_introspect=may_introspect,
        )
        if isinstance(prepared, list):
            return Refused(prepared, self._turned_away(principal, entered))
        check(prepared.operation)
        self.documents.keep(asked.document)
        extensions = self._counted(prepared, asked)
        if self.counted is not None:
            self.counted.ran(principal, prepared)
        return Ready(asked, prepared, entered, extensions)

    async def run(self, ready: Ready) -> tuple[ExecutionResult, dict[str, Any]]:
        """The result of a query or mutation, and what the answer's extensions say of it."""
        caller, extensions = ready.asked.caller, dict(ready.extensions)
        context = self.open_context(caller.principal, caller.correlation)
        if self.toll is None:
            return await self._in_time(ready.prepared, caller.principal, context), extensions
        admission = self.toll.admit(ready.prepared, caller.principal, entered=ready.entered)
        try:
            result = await self._in_time(ready.prepared, caller.principal, context)
        finally:
            extensions["cost"] = self.toll.settle(admission, context.reads)
        return result, extensions

    def admit(self, ready: Ready) -> None:
        """Charge a subscription its estimate; RateLimited or DocumentTooLarge: do not open it."""
        if self.toll is not None:
            self.toll.admit(ready.prepared, ready.asked.caller.principal, entered=ready.entered)

    def observe(
        self, kind: str, principal: Principal, result: ExecutionResult, *, seconds: float
    ) -> None:
        """One operation has been answered; `kind` is its type, `none` where it has none."""
        metrics.observe_request(
            kind, caller_class(principal).value, outcome=_outcome(result), seconds=seconds
        )

    def _entered(self, asked: Asked, *, may_introspect: bool) -> float:
        """The units charged before a document is parsed that is not remembered."""
        if self.toll is None:
            return 0.0
        is_known = self.engine.knows(asked.document.text, may_introspect=may_introspect)
        return self.toll.enter(asked.caller.principal, is_known=is_known)

    def _turned_away(self, principal: Principal, entered: float) -> dict[str, Any]:
        return {"cost": self.toll.turn_away(principal, entered)} if self.toll is not None else {}

    def _counted(self, prepared: Request, asked: Asked) -> dict[str, Any]:
        """Count who asks; warnings of the document and deprecations it uses, where there are."""
        extensions: dict[str, Any] = {}
        if asked.document.warnings:
            extensions["warnings"] = [dict(each) for each in asked.document.warnings]
        if self.usage is None:
            return extensions
        used = self.usage.seen(
            asked.caller.client,
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


def _outcome(result: ExecutionResult) -> str:
    if not result.errors:
        return "ok"
    return "refused" if is_request_error(result) else "partial"
