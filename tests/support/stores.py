"""A migrated store of the hub, on a real SQLite file or a real PostgreSQL database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from hub.store.engine import Store
from hub.store.migrate import migrate, open_store

Backend = Literal["sqlite", "postgresql"]
BACKENDS: tuple[Backend, ...] = ("sqlite", "postgresql")

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Watch:
    """A clock that stands at NOON until it is set."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


def store_url(backend: Backend, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database; asks for the PostgreSQL fixture only where it is needed."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path}/hub.sqlite"
    dsn: str = request.getfixturevalue("fresh_database")
    return dsn


@asynccontextmanager
async def opened_store(url: str, *, process: str = "one") -> AsyncIterator[Store]:
    """A store at the newest version, closed afterwards."""
    await migrate(url)
    store = await open_store(url, process=process)
    try:
        yield store
    finally:
        await store.close()


async def rows_of(store: Store, statement: str) -> list[Any]:
    """What a plain SQL statement finds, past all code of the hub."""
    async with store.read() as connection:
        return list((await connection.exec_driver_sql(statement)).all())


async def run_sql(store: Store, statement: str) -> None:
    async with store.write() as connection:
        await connection.exec_driver_sql(statement)
