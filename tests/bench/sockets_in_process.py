"""Many websocket clients without a network: what a server sends is counted where it leaves.

The same for every server, so that what is measured is its own work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

READY_WITHIN_S = 60.0
_PROTOCOL = "graphql-transport-ws"


@dataclass
class Clients:
    """`results` counts the results sent; `sample` is the last of them."""

    app: Any
    results: int = 0
    acknowledged: int = 0
    sample: str = ""
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def connect(self, subscriptions: list[tuple[str, dict[str, Any]]]) -> None:
        """A client for each document with its variables, all of them acknowledged."""
        for document, variables in subscriptions:
            words: asyncio.Queue[Any] = asyncio.Queue()
            words.put_nowait({"type": "websocket.connect"})
            init = {"type": "connection_init", "payload": {"authorization": "Bearer agent"}}
            payload = {"query": document, "variables": variables}
            for word in (init, {"id": "1", "type": "subscribe", "payload": payload}):
                words.put_nowait({"type": "websocket.receive", "text": orjson.dumps(word).decode()})
            serving = self.app(_scope(), words.get, self._send)
            self._tasks.append(asyncio.create_task(serving))
        async with asyncio.timeout(READY_WITHIN_S):
            while self.acknowledged < len(subscriptions):
                await self._next()

    async def until(self, results: int) -> None:
        """As soon as so many results were sent."""
        async with asyncio.timeout(READY_WITHIN_S):
            while self.results < results:
                await self._next()

    async def _next(self) -> None:
        self._came.clear()
        await self._came.wait()

    async def _send(self, message: Any) -> None:
        text: str = message.get("text", "")
        if '"type":"next"' in text or '"type": "next"' in text:
            self.results += 1
            self.sample = text
        elif "connection_ack" in text:
            self.acknowledged += 1
        self._came.set()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def clients_of(app: Any) -> AsyncIterator[Clients]:
    clients = Clients(app)
    try:
        yield clients
    finally:
        await clients.close()


def _scope() -> dict[str, Any]:
    return {
        "type": "websocket", "path": "/graphql", "headers": [], "query_string": b"",
        "subprotocols": [_PROTOCOL], "extensions": {}, "asgi": {"version": "3.0"},
    }  # fmt: skip
