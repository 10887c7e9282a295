"""A system that is not there yet: a missing file, or a port nobody listens on until it appears."""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.support.source_worlds import World

Appear = Callable[[], Awaitable[None]]
CHUNK_BYTES = 65_536


@asynccontextmanager
async def absent(world: World, folder: Path) -> AsyncIterator[tuple[str, Appear]]:
    """The URL of nothing, and a function after which the world is there."""
    if world.name == "sqlite":
        late = folder / "late.db"

        async def copy() -> None:
            shutil.copy(folder / "erp.db", late)

        yield f"sqlite:///{late}", copy
        return
    async with _late_port(world.url) as found:
        yield found


@asynccontextmanager
async def _late_port(url: str) -> AsyncIterator[tuple[str, Appear]]:
    """A port that refuses, and from `appear` on hands every byte to the real one."""
    parts = urlsplit(url)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    login = parts.netloc.rpartition("@")[0]
    moved = parts._replace(netloc=f"{login}@127.0.0.1:{port}" if login else f"127.0.0.1:{port}")
    servers: list[asyncio.Server] = []

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(parts.hostname, parts.port)
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))

    async def appear() -> None:
        servers.append(await asyncio.start_server(join, "127.0.0.1", port))

    try:
        yield urlunsplit(moved), appear
    finally:
        for server in servers:
            server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()
