"""`/graphql` as an event stream: graphql-sse in its mode of one connection for each operation.

Every `next` of a subscription has its cursor as `id`, which a browser sends back as `Last-Event-ID`
when the connection broke off. A hub that ends breaks the stream off, so that clients come again; it
says `complete` only where there is nothing to come for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from random import randint

from graphql import OperationDefinitionNode

from hub.model.errors import BodyInvalid, OpsHubError, RateLimited, Unauthenticated
from hub.observe import metrics
from hub.security.principal import Principal
from resolvers.answer import OF_EVERY_ANSWER, refusal, send_answer
from resolvers.body import Receive
from resolvers.http import Call, Scope
from resolvers.negotiation import EVENT_STREAM, JSON, check_way
from resolvers.operations import Asked, Ready, Refused
from subscriptions.operation import OpenedStream, Runner, is_subscription
from subscriptions.sockets import Sockets, Transport
from subscriptions.websocket import dropping
from subscriptions.wire import Message, Send, Wire

HEARTBEAT_S = 15.0  # comments, so that nobody on the way takes the stream for dead
RETRY_MS = (1_000, 4_000)  # when a browser comes again; each is told its own, so not all at once

_BEAT = b":\n\n"
_COMPLETE = b"event: complete\ndata:\n\n"

log = logging.getLogger(__name__)


class EventStreams:
    """Opens the event streams of `/graphql`."""

    def __init__(self, runner: Runner, sockets: Sockets) -> None:
        self._runner = runner
        self._sockets = sockets

    def __call__(self, asked: Asked, call: Call) -> EventStream:
        """One that has its place; Unauthenticated, SubscriptionsExceeded."""
        stream = EventStream(self._runner, self._sockets, asked, call)
        self._sockets.enter(stream)
        return stream


class EventStream:
    """One answer; a connection of `subscriptions.sockets`, and the outlet of its stream."""

    transport: Transport = "sse"

    def __init__(self, runner: Runner, sockets: Sockets, asked: Asked, call: Call) -> None:
        self.principal: Principal | None = asked.caller.principal
        self._runner = runner
        self._sockets = sockets
        self._asked = asked
        self._call = call
        self._wire: Wire | None = None
        self._stream: OpenedStream | None = None
        self._drop: Callable[[], None] = partial(log.warning, "nothing to drop yet")
        self._beat_at = sockets.clock()

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The whole answer, until it has ended or the client is gone."""
        metrics.count_socket_operation(self.transport, 1)
        self._drop = dropping(scope)
        try:
            await self._serve(send)
            await _until_gone(receive)
        except (BodyInvalid, RateLimited) as error:  # before anything was sent
            metrics.count_refusal(error.code)
            correlation = self._call.correlation
            await send_answer(send, refusal(error, correlation, JSON), JSON, correlation)
        finally:
            self._gone()
            metrics.count_socket_operation(self.transport, -1)
            self._sockets.leave(self)

    def write(self, payload: bytes, cursor: str | None) -> bool:
        """As an outlet; see `subscriptions.outlet.Outlet`."""
        assert self._wire is not None, "an outlet is open before its stream"
        return self._wire.write(_next(payload, cursor))

    def end(self, error: OpsHubError | None) -> None:
        """As an outlet."""
        failed = None if error is None else self._runner.failed(error, self._asked.caller)
        self._finish(b"" if failed is None else _next(failed.payload, None), is_complete=True)

    def tick(self, now: float) -> int:
        """As a connection; see `subscriptions.sockets.Connection`."""
        wire = self._wire
        if wire is None:
            return 0
        sent, wire.written = wire.written, 0
        if wire.is_stuck(now):
            metrics.count_closed(self.transport, "DROPPED")
            self._gone()
            self._drop()
        elif sent or now - self._beat_at >= HEARTBEAT_S:
            if not sent:
                wire.write(_BEAT)
            self._beat_at = now
        return sent

    def expel(self, error: Unauthenticated) -> None:
        """As a connection: the error is the last event, and there is nothing to come again for."""
        if self._wire is not None and not self._wire.is_over:
            metrics.count_closed(self.transport, error.code)
            self.end(error)
            self._close_stream()

    def go_away(self, come_again_s: float) -> None:
        """As a connection: the stream breaks off, so that its client comes again."""
        metrics.count_closed(self.transport, "GOING_AWAY")
        self._finish(f"retry: {come_again_s * 1000:.0f}\n\n".encode(), is_complete=False)
        self._close_stream()

    async def _serve(self, send: Send) -> None:
        """Prepare, and answer; BodyInvalid and RateLimited: nothing was sent."""
        last = self._call.headers.get("last-event-id") or None
        try:
            ready = self._runner.prepare(self._asked, self._check, last_event_id=last)
            if isinstance(ready, Refused):
                failed = self._runner.refused(ready, self._asked.caller)
                await self._answer(failed.payload, send)
            elif is_subscription(ready):
                self._runner.operations.admit(ready)
                await self._open(ready, send)
            else:
                await self._answer((await self._runner.answer(ready)).payload, send)
        except (BodyInvalid, RateLimited):
            raise
        except Exception as failure:  # the outermost loop of an event stream: masked, and logged
            await self._answer(self._runner.failed(failure, self._asked.caller).payload, send)

    def _check(self, operation: OperationDefinitionNode) -> None:
        check_way(operation, self._call.method, EVENT_STREAM)

    async def _open(self, ready: Ready, send: Send) -> None:
        self._start(send)
        stream = await self._runner.open(ready, self)
        self._stream = stream
        if self._wire is None or self._wire.is_over:
            stream.close()

    async def _answer(self, payload: bytes, send: Send) -> None:
        """One event, and the end."""
        wire = self._wire or self._start(send)
        await wire.put(_next(payload, None))
        self._finish(b"", is_complete=True)

    def _start(self, send: Send) -> Wire:
        wire = self._wire = Wire(send, _body, on_room=self._room, clock=self._sockets.clock)
        correlation = self._call.correlation.encode()
        headers = [
            *OF_EVERY_ANSWER,
            (b"content-type", f"{EVENT_STREAM}; charset=utf-8".encode()),
            (b"x-accel-buffering", b"no"),
            (b"x-correlation-id", correlation),
        ]
        wire.begin({"type": "http.response.start", "status": 200, "headers": headers})
        wire.write(f"retry: {randint(*RETRY_MS)}\n\n".encode())
        if self._sockets.is_draining:
            self.go_away(RETRY_MS[0] / 1000)
        return wire

    def _room(self) -> None:
        if self._stream is not None:
            self._stream.resume()

    def _finish(self, content: bytes, *, is_complete: bool) -> None:
        if self._wire is None:
            return
        body = content + _COMPLETE if is_complete else content
        message = {"type": "http.response.body", "body": body, "more_body": False}
        self._wire.finish(message, is_flushed=True)

    def _gone(self) -> None:
        if self._wire is not None and not self._wire.is_over:
            self._wire.close()
        self._close_stream()

    def _close_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


async def _until_gone(receive: Receive) -> None:
    """Servers also say so once the whole answer was sent."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _next(payload: bytes, cursor: str | None) -> bytes:
    id_ = b"" if cursor is None else b"id: " + cursor.encode() + b"\n"
    return id_ + b"event: next\ndata: " + payload + b"\n\n"


def _body(content: bytes) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": True}
