"""uvicorn's connections, with what the hub needs of them besides.

An application can end a connection at once, whatever was not read. A socket that is closed for a
message of a wrong size or coding hears the code of its own protocol, and has the time to. Nothing
of a handshake is logged: its URL is the caller's word.
"""

from __future__ import annotations

import logging
import socket
from asyncio import BaseTransport, Transport
from struct import Struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode
from websockets.protocol import State
from websockets.server import ServerProtocol

from subscriptions.protocol import Code
from subscriptions.websocket import ABORT, WRITE_TEXT

LINGER_S = 2.0
"""How long what a client goes on sending is thrown away after its socket was failed: a connection
that is closed with unread bytes is reset, and the client never reads why."""

UNSENT_BYTES_MAX = 131_072
"""Bytes of one connection that the system keeps and has not sent; by itself it keeps 4 MB, and who
does not read would look like a reader for that long."""

_TEXT = 0x81  # a whole text message in one frame
_HEAD_16, _HEAD_64 = Struct("!BBH"), Struct("!BBQ")


class _Frames(ServerProtocol):
    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        if code == CloseCode.MESSAGE_TOO_BIG:
            code, reason = int(Code.MALFORMED), "the message is too large"
        super().fail(code, reason)


class SocketConnection(WebSocketsSansIOProtocol):
    """One WebSocket."""

    def __init__(self, config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = logging.getLogger("uvicorn.error.socket")
        self.logger.setLevel(logging.WARNING)
        self.conn = _Frames(max_size=config.ws_max_size, logger=self.logger)

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        _bound_unsent(transport)

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # it has none where the handshake is refused
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[ABORT] = self.transport.abort
            extensions[WRITE_TEXT] = self.write_text

    async def send(self, message: Any) -> None:
        """A handshake that was answered with another response is complete, and no failure."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True

    def write_text(self, content: bytes) -> bool:
        """Send one text message, as `websocket.send` would and for a third less; False: not now.

        A server's frames are not masked and we compress none, so a frame is a head and the bytes.
        """
        if (
            self.close_sent
            or not self.writable.is_set()
            or self.conn.state is not State.OPEN
            or self.transport.is_closing()
        ):
            return False
        length = len(content)
        if length < 126:
            head = bytes((_TEXT, length))
        elif length < 65_536:
            head = _HEAD_16.pack(_TEXT, 126, length)
        else:
            head = _HEAD_64.pack(_TEXT, 127, length)
        self.transport.write(head + content)
        return True

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not _is_utf_8(b"".join(self.frames)):
            self.curr_msg_data_type = "bytes"  # what is not text is malformed, with our code
        super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        if self.close_sent:
            return  # what comes after the failure is thrown away
        self.stop_keepalive()
        sent = self.conn.close_sent
        code = 1006 if sent is None else sent.code
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.read_paused = False
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.close)
        if self.transport.can_write_eof():
            self.transport.write_eof()


class HttpConnection(HttpToolsProtocol):
    """One connection for requests."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _bound_unsent(transport)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {ABORT: self.transport.abort}


def _bound_unsent(transport: BaseTransport) -> None:
    connection = transport.get_extra_info("socket")
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)  # Linux and macOS
    if connection is not None and option is not None and connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.IPPROTO_TCP, option, UNSENT_BYTES_MAX)


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
