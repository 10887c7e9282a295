"""Bring the store's tables to the version of this release: one winner by lock, one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.model.errors import ConfigInvalid, StoreUnavailable
from hub.store.engine import Store, connect

LOCK_WAIT_S = 60.0  # for another process that migrates
LOCK_POLL_S = 0.1
_LOCK_ID = 0x6F70_7368_7562  # "opshub", any number no other program uses

_SCRIPTS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Migrated:
    """Versions before and after; `applied` are those this call applied, oldest first."""

    before: str | None
    after: str
    applied: tuple[str, ...]


async def migrate(url: str) -> Migrated:
    """Apply what is missing. Of several processes one does it, the others find nothing to do.

    StoreUnavailable where the lock is not free within LOCK_WAIT_S; then nothing was changed.
    """
    store = connect(url)
    try:
        async with _locked(store) as connection:
            return await connection.run_sync(_upgrade)
    finally:
        await store.close()


async def open_store(url: str, *, process: str | None = None) -> Store:
    """The store, ready to use; ConfigInvalid where its tables are older than this release."""
    store = connect(url, process=process)
    try:
        async with store.read() as connection:
            current = await connection.run_sync(_current)
        _check_version(current)
    except BaseException:
        await store.close()
        raise
    return store


def newest_version() -> str:
    """The version this release's tables have."""
    head = ScriptDirectory(str(_SCRIPTS)).get_current_head()
    assert head is not None  # the package ships at least one
    return head


def _check_version(current: str | None) -> None:
    """A newer store is fine: migrations only add, so that two releases can run side by side."""
    newest = newest_version()
    if current is None or current < newest:
        found = "has no tables" if current is None else f"is at version {current}"
        raise ConfigInvalid(
            f"the hub's database {found}; this release needs {newest}: run opshub migrate"
        )


@asynccontextmanager
async def _locked(store: Store) -> AsyncIterator[AsyncConnection]:
    """A transaction that holds the migration lock; SQLite's own write lock is that lock."""
    if store.is_sqlite:
        await _set_busy_timeout(store)
        async with store.write() as connection:
            yield connection
        return
    async with store.write() as connection:
        await _wait_for_lock(connection)
        yield connection


async def _set_busy_timeout(store: Store) -> None:
    # The pool hands the same connection to the write that follows: nobody else has this store.
    async with store.read() as connection:
        await connection.execute(text(f"PRAGMA busy_timeout = {int(LOCK_WAIT_S * 1000)}"))


async def _wait_for_lock(connection: AsyncConnection) -> None:
    give_up_at = monotonic() + LOCK_WAIT_S
    take = text("SELECT pg_try_advisory_xact_lock(:id)").bindparams(id=_LOCK_ID)
    while not (await connection.execute(take)).scalar_one():
        if monotonic() > give_up_at:
            raise StoreUnavailable(
                f"another process has been migrating for {LOCK_WAIT_S:g} s; nothing was changed"
            )
        await asyncio.sleep(LOCK_POLL_S)


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> Migrated:
    before = _current(connection)
    newest = newest_version()
    if before is not None and before >= newest:
        return Migrated(before, before, ())
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return Migrated(before, newest, _between(before, newest))


def _between(before: str | None, after: str) -> tuple[str, ...]:
    steps = ScriptDirectory(str(_SCRIPTS)).iterate_revisions(after, before or "base")
    return tuple(reversed([step.revision for step in steps]))
