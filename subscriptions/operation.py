"""One operation on an open connection: prepared as over HTTP, then run, or opened as a stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import uniform
from typing import Any, Protocol

import orjson
from graphql import OperationType

from hub.model.errors import OpsHubError, StoreUnavailable
from hub.observe import metrics
from hub.observe.spans import name_operation, request_span
from hub.security.principal import Principal
from resolvers.answer import is_request_error
from resolvers.body import GraphQLRequest
from resolvers.engine import Request
from resolvers.errors import Wire as WireError
from resolvers.errors import wire_errors
from resolvers.operations import Asked, Caller, Check, Operations, Ready, Refused
from subscriptions.outlet import Outlet
from subscriptions.resuming import resumed

OPEN_WITHIN_S = 5.0  # how long a stream may take to open while the store is away
OPEN_AGAIN_S = (0.2, 0.6)  # between two tries


class OpenedStream(Protocol):
    """The stream's side of a subscription."""

    def resume(self) -> None: ...

    def close(self) -> None: ...


class Streams(Protocol):
    """What opens streams; `subscriptions.stream.Streams`."""

    async def open(
        self, request: Request, principal: Principal, outlet: Outlet, *, correlation_id: str
    ) -> OpenedStream:
        """The open stream; raises OpsHubError, and then nothing was written."""
        ...


@dataclass(frozen=True, slots=True)
class Ran:
    """What a query or mutation came to: one encoded answer."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """An operation that did not run, or a stream that ended: its errors as clients see them."""

    errors: list[WireError]
    extensions: dict[str, Any]

    @property
    def payload(self) -> bytes:
        """As an answer without data."""
        body: dict[str, Any] = {"errors": self.errors}
        return orjson.dumps(body | {"extensions": self.extensions} if self.extensions else body)


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs operations. `streams` is None where the schema has no subscriptions."""

    operations: Operations
    streams: Streams | None

    async def run(
        self,
        request: GraphQLRequest,
        caller: Caller,
        outlet: Outlet,
        *,
        opened: Callable[[OpenedStream], None],
    ) -> Ran | Failed | None:
        """None where a stream was `opened`; an operation that cannot run is never raised."""
        try:
            with request_span("GET", "/graphql") as current:
                asked = self.operations.ask(request, caller)
                ready = self.operations.prepare(asked, lambda operation: None)
                if isinstance(ready, Refused):
                    return self.refused(ready, caller)
                name_operation(current, ready.kind, request.operation_name)
                if is_subscription(ready):
                    self.operations.admit(ready)
                    opened(await self.open(ready, outlet))
                    return None
                return await self.answer(ready)
        except OpsHubError as error:
            return self.failed(error, caller)

    def prepare(self, asked: Asked, check: Check, *, last_event_id: str | None) -> Ready | Refused:
        """Ready to run; a subscription goes on after that id, which is a cursor."""
        ready = self.operations.prepare(asked, check)
        if isinstance(ready, Refused) or last_event_id is None or not is_subscription(ready):
            return ready
        may_introspect = self.operations.may_introspect(asked.caller.principal)
        again = resumed(
            self.operations.engine,
            ready.prepared,
            asked.document.text,
            cursor=last_event_id,
            may_introspect=may_introspect,
        )
        if isinstance(again, list):
            return Refused(again, {})
        return Ready(asked, again, ready.entered, ready.extensions)

    async def open(self, ready: Ready, outlet: Outlet) -> OpenedStream:
        """The stream of a subscription that is admitted; OpsHubError.

        A hub that has just started, or whose store has gone for a moment, is given a few seconds:
        clients come back all at once, and an operation that fails is not tried again by them.
        """
        assert self.streams is not None, "a schema with subscriptions has streams"
        caller, began = ready.asked.caller, time.monotonic()
        while True:
            try:
                return await self.streams.open(
                    ready.prepared, caller.principal, outlet, correlation_id=caller.correlation
                )
            except StoreUnavailable:
                if time.monotonic() - began >= OPEN_WITHIN_S:
                    raise
            await asyncio.sleep(uniform(*OPEN_AGAIN_S))

    async def answer(self, ready: Ready) -> Ran | Failed:
        """The whole answer of a query or mutation; RateLimited or DocumentTooLarge."""
        caller, started = ready.asked.caller, time.perf_counter()
        result, extensions = await self.operations.run(ready)
        self.operations.observe(
            ready.kind, caller.principal, result, seconds=time.perf_counter() - started
        )
        if is_request_error(result):
            return self.refused(Refused(list(result.errors or ()), extensions), caller)
        told: dict[str, Any] = {"correlationId": caller.correlation, **extensions}
        body: dict[str, Any] = {"data": result.data, "extensions": told}
        if result.errors:
            body["errors"], omitted = wire_errors(result.errors, caller.correlation)
            if omitted:
                told["errorsOmitted"] = omitted
        return Ran(orjson.dumps(body))

    def refused(self, refused: Refused, caller: Caller) -> Failed:
        """A document that cannot run, counted."""
        return self._failed(refused.errors, caller, refused.extensions)

    def failed(self, error: Exception, caller: Caller) -> Failed:
        """An operation that was turned away, counted; a defect is masked, its text in the log."""
        return self._failed([error], caller, {})

    def _failed(self, errors: list[Any], caller: Caller, extensions: dict[str, Any]) -> Failed:
        wires, _ = wire_errors(errors, caller.correlation)
        codes = {each["extensions"]["code"] for each in wires}
        for code in codes:
            metrics.count_refusal(code)
        if self.operations.counted is not None:
            self.operations.counted.refused(caller.principal, codes)
        return Failed(wires, {"correlationId": caller.correlation, **extensions})


def is_subscription(ready: Ready) -> bool:
    return ready.prepared.operation.operation is OperationType.SUBSCRIPTION
