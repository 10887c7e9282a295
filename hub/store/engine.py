"""The connection to the hub's own database: SQLite in WAL mode by aiosqlite, or PostgreSQL by
asyncpg. Failures of the database leave here as StoreUnavailable."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from sqlite3 import OperationalError
from time import monotonic
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from hub.model.errors import ConfigInvalid, StoreUnavailable
from hub.store.patient import PatientConnection, patient_connection

CONNECTIONS_MAX = 8  # of one process
CONNECTION_WAIT_S = 2.0  # then the store is unavailable; a command may be sent again
CONNECT_TIMEOUT_S = 2.0
STATEMENT_TIMEOUT_S = 10.0
BUSY_TIMEOUT_MS = 2_000  # how long SQLite waits for another process that writes
RECYCLE_AFTER_S = 1_800
WAL_RETRY_S = 0.02

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_WRITES = "opshub_writes"


@dataclass(frozen=True, slots=True)
class Store:
    """The open database. `process` names this process's audit chain."""

    engine: AsyncEngine
    process: str
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose statements stand alone: no transaction, so no BEGIN and ROLLBACK."""
        with _translated():
            async with self.engine.connect() as connection:
                if self.is_sqlite:
                    async with _whole(connection):
                        yield connection
                    return
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end and rolled back on any error.

        On SQLite it may be committed although its caller was cancelled meanwhile.
        SQLite has one writer: within the process they queue here, between processes at its lock.
        """
        if not self.is_sqlite:
            with _translated():
                async with self.engine.begin() as connection:
                    yield connection
            return
        with _translated():
            async with self._writing, self.engine.connect() as connection, _whole(connection):
                await connection.execution_options(**{_WRITES: True})
                async with connection.begin():
                    yield connection

    async def close(self) -> None:
        """Close every connection; aiosqlite's threads would keep the process alive."""
        await self.engine.dispose()


def connect(url: str, *, process: str | None = None) -> Store:
    """A store that has not been looked at yet; ConfigInvalid where the URL names none we know."""
    target = store_url(url)
    if target.drivername == _DRIVERS["sqlite"]:
        engine = _sqlite_engine(target)
    else:
        engine = _postgres_engine(target)
    return Store(engine, process or f"{socket.gethostname()}-{os.getpid()}")


def store_url(url: str) -> URL:
    """`sqlite:///file` or `postgresql://…` with the driver the hub uses."""
    try:
        given = make_url(url)
    except ArgumentError:
        raise ConfigInvalid("the store's URL is none; expected " + _EXPECTED) from None
    named = given.get_backend_name()
    backend = "postgresql" if named == "postgres" else named
    if backend not in _DRIVERS:
        raise ConfigInvalid(f"the store cannot be {backend!r}; expected " + _EXPECTED)
    if backend == "postgresql" and find_spec("asyncpg") is None:
        raise ConfigInvalid("a PostgreSQL store needs asyncpg: install opshub[postgres]")
    if backend == "sqlite" and given.database in (None, "", ":memory:"):
        raise ConfigInvalid("the store must be a file: every process and restart shares it")
    return given.set(drivername=_DRIVERS[backend])


_EXPECTED = "sqlite:///path/to/file or postgresql://user@host/database"


def _sqlite_engine(url: URL) -> AsyncEngine:
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(
        url,
        pool_size=CONNECTIONS_MAX,
        max_overflow=0,
        pool_timeout=CONNECTION_WAIT_S,
        connect_args={"async_creator_fn": patient_connection},
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


@asynccontextmanager
async def _whole(connection: AsyncConnection) -> AsyncIterator[None]:
    """Raise a cancellation of the caller once what it does with the connection has ended."""
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, PatientConnection)
    raw.forget()
    try:
        yield
    finally:
        if raw.was_cancelled:
            raw.forget()
            raise asyncio.CancelledError


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver would begin transactions by itself, and deferred ones: two of them deadlock.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    _use_wal(cursor)
    for pragma in (
        "synchronous = FULL",  # acknowledged is on the disk: 0.27 ms a commit, NORMAL 0.012 ms
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _use_wal(cursor: Any) -> None:
    """Processes that open a new file at once race for this switch, which SQLite refuses at once,
    busy_timeout or not; so it is tried as long as another writer would be waited for."""
    give_up_at = monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except OperationalError as error:
            if "locked" not in str(error) or monotonic() > give_up_at:
                raise
        await_only(asyncio.sleep(WAL_RETRY_S))


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgres_engine(url: URL) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=CONNECTIONS_MAX,
        max_overflow=0,
        pool_timeout=CONNECTION_WAIT_S,
        pool_pre_ping=True,  # a restarted server is noticed before a statement is lost
        pool_recycle=RECYCLE_AFTER_S,
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": STATEMENT_TIMEOUT_S,
            "server_settings": {"application_name": "opshub", "timezone": "UTC"},
        },
    )


# A broken constraint, a wrong statement or value is a defect of ours, not a database that is away.
_DEFECTS = (IntegrityError, ProgrammingError, DataError)


class _translated:
    """Errors of the database, whose texts hold SQL and values, become StoreUnavailable."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _stack: object) -> None:
        if isinstance(error, PoolTimeout):
            raise StoreUnavailable(
                f"the hub's database had no free connection for {CONNECTION_WAIT_S:g} s"
            ) from error
        if isinstance(error, DBAPIError | OSError | TimeoutError) and not _is_defect(error):
            raise StoreUnavailable(
                "the hub's database did not answer as it should; its log and the hub's say why"
            ) from error


def _is_defect(error: BaseException) -> bool:
    """PostgreSQL says class 22 for a value it refuses, which asyncpg does not call a DataError."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(error, _DEFECTS) or str(state).startswith("22")
