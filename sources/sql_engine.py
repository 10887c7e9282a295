"""A bounded, read-only engine for one database, and statements that end when they are cancelled.

SQLAlchemy 2.1 Core; SQLite by aiosqlite (opened read-only), PostgreSQL by asyncpg.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sqlalchemy import Executable
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hub.config.specs import SystemSpec
from hub.model.errors import SourceInvalid, SourceMisconfigured
from sources.port import ANSWER_BYTES_MAX

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite", "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}  # fmt: skip
CONNECT_TIMEOUT_S = 1.0
INTERRUPT_EVERY_S = 0.01  # a statement still in the thread's queue is not hit by the first one
INTERRUPT_FOR_S = 2.0
# SQLite sleeps on another's lock for 5 s by default, deaf to an interrupt; no deadline is as long.
LOCK_WAIT_SHARE = 0.5  # of the source's deadline
CONNECTION_AGE_MAX_S = 1_800.0


def open_engine(system: SystemSpec) -> AsyncEngine:
    """An engine that connects when first used; SourceMisconfigured where the URL is none."""
    try:
        url = _driver_url(make_url(system.url.get_secret_value()))
        return create_async_engine(
            url,
            isolation_level="AUTOCOMMIT",  # reads need no transaction: two round trips less
            hide_parameters=True,
            pool_size=system.limits.in_flight,
            max_overflow=0,
            pool_timeout=system.limits.timeout_s,
            pool_recycle=int(CONNECTION_AGE_MAX_S),
            pool_reset_on_return=None,
            connect_args=_connect_arguments(url, system.limits.timeout_s),
        )
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        expected = "`url` must be sqlite:///file or postgresql://user:password@host/database"
        raise SourceMisconfigured(system.name, expected) from error


def _driver_url(url: URL) -> URL:
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return url
    if str(url.database).startswith("file:"):
        return url
    path = quote(str(url.database), safe="/")
    return url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})


def _connect_arguments(url: URL, timeout_s: float) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"timeout": timeout_s * LOCK_WAIT_SHARE}
    if url.get_backend_name() == "postgresql":
        settings = {"application_name": "opshub", "default_transaction_read_only": "on"}
        return {"timeout": CONNECT_TIMEOUT_S, "server_settings": settings}
    return {}


async def fetch(
    engine: AsyncEngine, statement: Executable, parameters: Mapping[str, Any]
) -> Sequence[Sequence[Any]]:
    """All rows of a statement. Cancelling ends it in the database, not only the waiting."""
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            return await _interruptible(connection, statement, parameters)
        return await _rows(connection, statement, parameters)


async def _rows(
    connection: AsyncConnection, statement: Executable, parameters: Mapping[str, Any]
) -> Sequence[Sequence[Any]]:
    return (await connection.execute(statement, parameters)).all()


async def _interruptible(
    connection: AsyncConnection, statement: Executable, parameters: Mapping[str, Any]
) -> Sequence[Sequence[Any]]:
    """Run in a task of its own: SQLite's thread goes on unless it is interrupted."""
    running = asyncio.create_task(_rows(connection, statement, parameters))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await _interrupt(connection, running)
        raise


async def _interrupt(connection: AsyncConnection, running: asyncio.Task[Any]) -> None:
    raw: Any = (await connection.get_raw_connection()).driver_connection
    for _ in range(int(INTERRUPT_FOR_S / INTERRUPT_EVERY_S)):
        if running.done():
            break
        await raw.interrupt()
        await asyncio.wait({running}, timeout=INTERRUPT_EVERY_S)
    running.cancel()
    with contextlib.suppress(Exception, asyncio.CancelledError):
        await running


def check_size(system: str, rows: Sequence[Sequence[Any]]) -> None:
    """Refuse an answer whose texts alone are larger than one answer may be."""
    size = sum(
        len(value) for row in rows for value in row if type(value) is str or type(value) is bytes
    )
    if size > ANSWER_BYTES_MAX:
        raise SourceInvalid(
            system, f"an answer of {size:,} characters; at most {ANSWER_BYTES_MAX:,} are read"
        )
