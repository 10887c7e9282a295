"""`/graphql` over WebSocket: the handshake, and the words of one client one after another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers

from hub.model.errors import Forbidden, OpsHubError
from hub.observe import metrics
from resolvers.negotiation import Origins
from subscriptions.protocol import SUBPROTOCOL, Closing, Code, read_word
from subscriptions.session import Parts, Session
from subscriptions.wire import Message, Send, Wire

MESSAGES_PER_S_MAX = 100.0  # of one client; as many may come at once
ABORT = "opshub.abort"
"""The server's extension: ends the connection without waiting for what is not read."""
WRITE_TEXT = "opshub.write_text"
"""The server's extension: sends a text message at once, or says False."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

log = logging.getLogger(__name__)


class Pace:
    """Whether a client keeps to MESSAGES_PER_S_MAX."""

    def __init__(self, now: float) -> None:
        self._left = MESSAGES_PER_S_MAX
        self._at = now

    def keeps(self, now: float) -> bool:
        """Count one message."""
        earned = (now - self._at) * MESSAGES_PER_S_MAX
        self._left = min(MESSAGES_PER_S_MAX, self._left + earned) - 1
        self._at = now
        return self._left >= 0


class WebSocketEndpoint:
    """The ASGI application of one route."""

    def __init__(self, parts: Parts, *, origins: Origins) -> None:
        self._parts = parts
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        headers = Headers(scope=scope)
        refused = self._refused(headers)
        if refused is not None:
            await _refuse(scope, send, *refused)
            return
        if SUBPROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            reason = f"expected the subprotocol {SUBPROTOCOL}"
            metrics.count_closed("websocket", str(int(Code.SUBPROTOCOL)))
            await send({"type": "websocket.close", "code": int(Code.SUBPROTOCOL), "reason": reason})
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        await self._converse(scope, receive, send, headers)

    def _refused(self, headers: Headers) -> tuple[int, str] | None:
        """Status and reason of what is not even a socket."""
        try:
            self._origins.check(headers)
        except Forbidden as error:
            metrics.count_refusal(error.code)
            return 403, str(error)
        if not self._parts.sockets.has_place:
            return 503, "no connection is free; come again later"
        return None

    async def _converse(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        session: Session
        wire = Wire(
            send,
            _text,
            on_room=lambda: session.room(),
            clock=self._parts.sockets.clock,
            at_once=scope.get("extensions", {}).get(WRITE_TEXT),
        )
        session = Session(self._parts, wire, headers, drop=dropping(scope))
        try:
            self._parts.sockets.enter(session)
            await self._listen(session, receive)
        except OpsHubError as error:
            session.close(Code.AGAIN_LATER, str(error))
        except Exception:  # the outermost loop of a socket
            log.exception("a socket failed")
            session.close(Code.DEFECT, "the hub failed here")
        finally:
            self._parts.sockets.leave(session)
            session.end_operations()

    async def _listen(self, session: Session, receive: Receive) -> None:
        """Until the peer is gone, or the server has sent our close."""
        clock = self._parts.sockets.clock
        pace = Pace(clock())
        while (message := await receive())["type"] == "websocket.receive":
            if session.wire.is_over:
                continue
            try:
                if not pace.keeps(clock()):
                    limit = f"at most {MESSAGES_PER_S_MAX:g} a second"
                    raise Closing(Code.TOO_MANY, f"too many messages: {limit}")
                session.take(read_word(message))
            except Closing as closing:
                session.close(closing.code, closing.reason)
            await session.wire.room()  # who does not read is not read
        if not session.wire.is_over:
            session.wire.close()


def dropping(scope: Scope) -> Callable[[], None]:
    """Ends the connection of a scope at once; without the server's help by ending its task."""
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is not None:
        return lambda: abort()
    task = asyncio.current_task()
    assert task is not None, "a server runs each connection in a task"

    def cancel() -> None:
        task.cancel()

    return cancel


def _text(content: bytes) -> Message:
    return {"type": "websocket.send", "text": content.decode()}


async def _refuse(scope: Scope, send: Send, status: int, reason: str) -> None:
    """Refuse the handshake; with a reason where the server can say one."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": reason.encode()})
