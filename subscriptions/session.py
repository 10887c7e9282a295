"""One socket: what its client says, the operations that run on it, and its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hub.model.errors import OpsHubError, SubscriptionsExceeded, Unauthenticated
from hub.observe import metrics
from hub.observe.correlation import correlated, new_correlation_id
from hub.security.principal import Principal
from resolvers.body import GraphQLRequest
from resolvers.operations import Caller
from resolvers.usage_clients import CLIENT_HEADERS, client_of
from subscriptions.operation import Failed, OpenedStream, Runner
from subscriptions.protocol import (
    ACK,
    NEXT_TAIL,
    PING,
    Closing,
    Code,
    Complete,
    Init,
    Ping,
    Pong,
    Subscribe,
    Word,
    closing_of,
    complete,
    error,
    next_head,
    pong,
)
from subscriptions.sockets import Sockets, Transport
from subscriptions.wire import Wire

INIT_WITHIN_S = 5.0
OPERATIONS_MAX = 50  # of one socket, at once
PING_EVERY_S = 20.0
PINGS_MISSED_MAX = 2

log = logging.getLogger(__name__)

Authenticate = Callable[[str | None], Principal]


@dataclass(frozen=True, slots=True)
class Parts:
    """What every socket needs of the hub."""

    authenticate: Authenticate
    runner: Runner
    sockets: Sockets


@dataclass(eq=False, slots=True)
class Operation:
    """One operation of a socket, and the outlet of its stream."""

    session: Session
    id: str
    caller: Caller
    head: bytes = field(init=False)
    stream: OpenedStream | None = None
    task: asyncio.Task[None] | None = None
    is_over: bool = False

    def __post_init__(self) -> None:
        self.head = next_head(self.id)

    def write(self, payload: bytes, cursor: str | None) -> bool:
        """As an outlet; see `subscriptions.outlet.Outlet`."""
        return self.is_over or self.session.wire.write(self.head + payload + NEXT_TAIL)

    def end(self, error: OpsHubError | None) -> None:
        """As an outlet."""
        self.session.ended(self, error)

    def opened(self, stream: OpenedStream) -> None:
        self.stream = stream
        if self.is_over:
            stream.close()

    def close(self) -> None:
        """Nothing of it is sent any more."""
        self.is_over = True
        if self.stream is not None:
            self.stream.close()
        elif self.task is not None:
            self.task.cancel()


class Session:
    """`headers` are those of the handshake; `drop` ends the connection without a word."""

    transport: Transport = "websocket"

    def __init__(
        self, parts: Parts, wire: Wire, headers: Mapping[str, str], *, drop: Callable[[], None]
    ) -> None:
        self.wire = wire
        self.principal: Principal | None = None
        self._parts = parts
        self._headers = headers
        self._drop = drop
        self._clock = parts.sockets.clock
        self._opened_at = self._pinged_at = self._clock()
        self._unanswered = 0
        self._is_acknowledged = False
        self._operations: dict[str, Operation] = {}

    def take(self, word: Word) -> None:
        """Do what the client says; Closing where it may not say so."""
        match word:
            case Subscribe():
                self._subscribe(word)
            case Complete():
                self._completed(word.id)
            case Ping():
                self.wire.force(pong(word.payload))
            case Pong():
                self._unanswered = 0
            case Init():
                self._init(word)

    def close(self, code: Code, reason: str) -> None:
        """Close with a code, and end all operations; a second time nothing happens."""
        if self.wire.is_over:
            return
        metrics.count_closed(self.transport, str(int(code)))
        self.wire.finish({"type": "websocket.close", "code": int(code), "reason": reason})
        self.end_operations()

    def end_operations(self) -> None:
        operations, self._operations = self._operations, {}
        for operation in operations.values():
            operation.close()
        metrics.count_socket_operation(self.transport, -len(operations))

    def tick(self, now: float) -> int:
        """As a connection; see `subscriptions.sockets.Connection`."""
        sent, self.wire.written = self.wire.written, 0
        if self.wire.is_stuck(now):
            metrics.count_closed(self.transport, "DROPPED")
            self.wire.close()
            self.end_operations()
            self._drop()
        elif not self._is_acknowledged:
            if now - self._opened_at >= INIT_WITHIN_S:
                self.close(Code.INIT_TIMEOUT, f"no connection_init within {INIT_WITHIN_S:g} s")
        elif now - self._pinged_at >= PING_EVERY_S:
            self._ping(now)
        return sent

    def expel(self, error: Unauthenticated) -> None:
        """As a connection."""
        closing = closing_of(error)
        self.close(closing.code, closing.reason)

    def go_away(self, come_again_s: float) -> None:
        """As a connection."""
        reason = f"the hub restarts; reconnect in {come_again_s:.1f} s and resume by your cursor"
        self.close(Code.GOING_AWAY, reason)

    def room(self) -> None:
        """The wire takes more: streams in turn, so that none is always first."""
        for operation in list(self._operations.values()):
            if operation.stream is not None and self.wire.has_room:
                # Behind the others the next time.
                self._operations[operation.id] = self._operations.pop(operation.id, operation)
                operation.stream.resume()

    def ended(self, operation: Operation, failure: OpsHubError | None) -> None:
        """A stream is over."""
        if operation.is_over:
            return
        if failure is None:
            self._end(operation, complete(operation.id))
        else:
            failed = self._parts.runner.failed(failure, operation.caller)
            self._end(operation, error(operation.id, failed.errors))

    def _init(self, word: Init) -> None:
        if self.principal is not None:
            raise Closing(Code.TOO_MANY, "connection_init came twice")
        told = {name.lower(): each for name, each in word.payload.items()}
        token = told.get("authorization")
        header = self._headers.get("authorization")
        try:
            principal = self._parts.authenticate(token if isinstance(token, str) else header)
            self._parts.sockets.name(self, principal)
        except Unauthenticated as refused:
            raise closing_of(refused) from None
        except SubscriptionsExceeded as full:
            raise Closing(Code.AGAIN_LATER, str(full)) from None
        names = {name: told[name] for name in CLIENT_HEADERS if isinstance(told.get(name), str)}
        self._headers = {**self._headers, **names}
        self._is_acknowledged = True
        self._pinged_at = self._clock()
        self.wire.force(ACK)

    def _subscribe(self, word: Subscribe) -> None:
        principal = self.principal
        if principal is None:
            raise Closing(Code.NOT_ACKNOWLEDGED, "subscribe came before connection_ack")
        if word.id in self._operations:
            raise Closing(Code.DUPLICATE_ID, f"Subscriber for {word.id} already exists")
        client = client_of(self._headers, principal.subject)
        caller = Caller(principal, client, new_correlation_id())
        if len(self._operations) >= OPERATIONS_MAX:
            full = SubscriptionsExceeded("operations of one socket", limit=OPERATIONS_MAX)
            self.wire.force(error(word.id, self._parts.runner.failed(full, caller).errors))
            return
        operation = Operation(self, word.id, caller)
        self._operations[word.id] = operation
        metrics.count_socket_operation(self.transport, 1)
        operation.task = asyncio.create_task(self._run(operation, word.request), name="operation")

    async def _run(self, operation: Operation, request: GraphQLRequest) -> None:
        runner, caller = self._parts.runner, operation.caller
        with correlated(caller.correlation):
            try:
                ran = await runner.run(request, caller, operation, opened=operation.opened)
            except Exception as failure:  # the outermost loop of an operation: masked, and logged
                ran = runner.failed(failure, caller)
        operation.task = None
        if ran is None or operation.is_over:
            return
        if isinstance(ran, Failed):
            self._end(operation, error(operation.id, ran.errors))
            return
        await self.wire.put(operation.head + ran.payload + NEXT_TAIL)
        if not operation.is_over:
            self._end(operation, complete(operation.id))

    def _end(self, operation: Operation, word: bytes) -> None:
        operation.is_over = True
        if self._operations.get(operation.id) is operation:
            del self._operations[operation.id]
            metrics.count_socket_operation(self.transport, -1)
        self.wire.force(word)

    def _completed(self, id_: str) -> None:
        """The client wants no more of it; it may also just have ended."""
        operation = self._operations.pop(id_, None)
        if operation is not None:
            metrics.count_socket_operation(self.transport, -1)
            operation.close()

    def _ping(self, now: float) -> None:
        if self._unanswered >= PINGS_MISSED_MAX:
            self.close(Code.AGAIN_LATER, f"{self._unanswered} pings were not answered")
            return
        self._pinged_at = now
        self._unanswered += 1
        self.wire.force(PING)
