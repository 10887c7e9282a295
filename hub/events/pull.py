"""Pulling the messages of one JetStream consumer: at once when there are any, many when many.

nats-py's own `fetch` of many waits its whole time for the rest once a first message has come: up to
5 s late here. https://docs.nats.io/reference/reference-protocols/nats_api_reference
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from types import TracebackType

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError
from nats.js.errors import APIError

PULL_MAX = 100  # messages asked for at once, and so the most that wait here
PULL_EXPIRES_S = 30.0
HEARTBEAT_S = 1.0  # of the server, while it has nothing
SILENT_MAX_S = 3.0  # without a message or a heartbeat: the consumer or the server is gone

_STATUS, _DESCRIPTION = "Status", "Description"
_HEARTBEAT, _NOTHING, _EXPIRED = "100", "404", "408"
_NANOSECONDS = 1_000_000_000
_OVER = "batch completed"  # a 409 that is no failure


class Pull:
    """One process's pull of one consumer, as long as the connection lasts."""

    def __init__(self, client: Client, *, stream: str, consumer: str) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = client.new_inbox()
        self._waiting: deque[Msg] = deque()
        self._asked = 0  # messages that may still come of the last request
        self._failure: APIError | None = None
        self._came = asyncio.Event()
        self._subscription: Subscription | None = None

    async def __aenter__(self) -> Pull:
        self._subscription = await self._client.subscribe(self._inbox, cb=self._hear)
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _stack: TracebackType | None,
    ) -> None:
        if self._subscription is not None and not self._client.is_closed:
            await self._subscription.unsubscribe()

    @property
    def waiting(self) -> list[Msg]:
        """What has come and was not taken yet."""
        return list(self._waiting)

    def look(self) -> None:
        """Perhaps the connection is over: whoever waits for messages learns it now."""
        self._came.set()

    async def next(self) -> list[Msg]:
        """What has come, at least one message. APIError where the server refuses; TimeoutError
        where it is silent; ConnectionClosedError, after the last message that came."""
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            if self._client.is_closed:
                raise ConnectionClosedError
            if self._asked <= 0:
                await self._ask()
            self._came.clear()
            async with asyncio.timeout(SILENT_MAX_S):
                await self._came.wait()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    async def _ask(self) -> None:
        self._asked = PULL_MAX
        wish = {
            "batch": PULL_MAX,
            "expires": int(PULL_EXPIRES_S * _NANOSECONDS),
            "idle_heartbeat": int(HEARTBEAT_S * _NANOSECONDS),
        }
        await self._client.publish(self._subject, json.dumps(wish).encode(), reply=self._inbox)

    async def _hear(self, message: Msg) -> None:
        if message.reply:
            # A message of the stream has where to acknowledge it; the server's own words have not.
            # Headers tell nothing: a sender may have written "Status: 503" himself.
            self._waiting.append(message)
            self._asked -= 1
        else:
            self._hear_server(message.headers or {})
        self._came.set()

    def _hear_server(self, headers: Mapping[str, str]) -> None:
        status = headers.get(_STATUS, _HEARTBEAT)
        if status == _HEARTBEAT:
            return
        self._asked = 0
        description = headers.get(_DESCRIPTION, "")
        if status not in (_NOTHING, _EXPIRED) and _OVER not in description.lower():
            self._failure = APIError(code=int(status), description=description)
