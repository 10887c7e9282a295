"""uvicorn, inside the command's own event loop and under the command's own signals."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import uvicorn

from hub.cli.connections import HttpConnection, SocketConnection
from hub.model.errors import ConfigInvalid
from subscriptions.protocol import MESSAGE_BYTES_MAX

if TYPE_CHECKING:
    from hub.app import Hub

_START_TIMEOUT_S = 10.0
# Collecting the young generation every 700 objects costs 5-25 % on lists; the start-up objects,
# frozen, are never looked at again.
_GC_THRESHOLD = (50_000, 20, 50)

CONNECTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "http": HttpConnection,
        "ws": SocketConnection,
        "ws_max_size": MESSAGE_BYTES_MAX,
        "ws_ping_interval": None,  # the protocol itself asks for signs of life
        "ws_per_message_deflate": False,  # it costs more time than the delivery and 40 kB a socket
    }
)
"""How uvicorn serves connections, whoever starts it."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the command, which also ends what it started."""
        yield


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that answers."""

    task: asyncio.Task[None]

    async def until(self, stopping: asyncio.Event) -> None:
        """Return when stopping is wanted; raise where the server ends by itself."""
        wanted = asyncio.ensure_future(stopping.wait())
        await asyncio.wait({wanted, self.task}, return_when=asyncio.FIRST_COMPLETED)
        wanted.cancel()
        if self.task.done():
            await self.task
            raise ConfigInvalid("the server ended by itself; its log says why")


@asynccontextmanager
async def serve(hub: Hub, listener: socket.socket) -> AsyncIterator[Serving]:
    """Serve the hub on a bound socket; at the end requests drain for `shutdown_grace_s` at most."""
    server = _Server(
        uvicorn.Config(
            hub.asgi(),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=round(hub.settings.shutdown_grace_s),
            **CONNECTIONS,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(_START_TIMEOUT_S):
        await server.is_up.wait()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)
    try:
        yield Serving(task)
    finally:
        hub.drain()
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await task
