"""Migrations on real databases: one winner, tables as the code says, outages named."""

import asyncio
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from hub.model.errors import ConfigInvalid, StoreUnavailable
from hub.store.engine import connect
from hub.store.migrate import Migrated, migrate, newest_version, open_store
from hub.store.tables import metadata
from tests.support.stores import opened_store, rows_of, run_sql

VERSIONS = ("0001", "0002", "0003", "0004", "0005")
MIGRATE = (
    "import asyncio, sys; from hub.store.migrate import migrate;"
    "print(len(asyncio.run(migrate(sys.argv[1])).applied))"
)


async def test_the_tables_are_those_of_the_code(url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with opened_store(url) as store, store.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_says_what_it_did_and_then_does_nothing(url: str) -> None:
    newest = newest_version()
    assert await migrate(url) == Migrated(None, newest, VERSIONS)
    assert await migrate(url) == Migrated(newest, newest, ())


async def test_of_several_processes_one_migrates(url: str) -> None:
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", MIGRATE, url, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(4)
    ]
    ended = [await child.communicate() for child in children]
    assert [error for _, error in ended] == [b""] * 4
    assert sorted(int(out) for out, _ in ended) == [0, 0, 0, len(VERSIONS)]


async def test_a_store_without_tables_is_refused(url: str) -> None:
    said = f"has no tables; this release needs {VERSIONS[-1]}: run"
    with pytest.raises(ConfigInvalid, match=said):
        await open_store(url)


async def test_an_older_store_is_refused_and_a_newer_one_is_not(url: str) -> None:
    async with opened_store(url) as store:
        await run_sql(store, "UPDATE alembic_version SET version_num = '9999'")
        await (await open_store(url)).close()
        assert (await migrate(url)).applied == ()
        await run_sql(store, "UPDATE alembic_version SET version_num = '0000'")
        said = f"is at version 0000; this release needs {VERSIONS[-1]}"
        with pytest.raises(ConfigInvalid, match=said):
            await open_store(url)


async def test_sqlite_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    async with opened_store(f"sqlite:///{tmp_path}/new/folder/hub.sqlite") as store:
        assert await rows_of(store, "PRAGMA journal_mode") == [("wal",)]
        assert await rows_of(store, "PRAGMA synchronous") == [(2,)]  # FULL
        assert await rows_of(store, "PRAGMA foreign_keys") == [(1,)]
        assert await rows_of(store, "PRAGMA busy_timeout") == [(2_000,)]


async def test_a_database_that_is_not_there_is_unavailable_soon(tmp_path: Path) -> None:
    started = monotonic()
    with pytest.raises(StoreUnavailable, match="did not answer as it should") as refused:
        await open_store("postgresql://u:geheim@127.0.0.1:1/ops")
    assert monotonic() - started < 5
    assert "geheim" not in str(refused.value)
    (tmp_path / "hub.sqlite").write_text("this is no database, but it is long enough to be one")
    with pytest.raises(StoreUnavailable):
        await open_store(f"sqlite:///{tmp_path}/hub.sqlite")


async def test_a_locked_sqlite_is_unavailable_and_reads_go_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    async with opened_store(url) as store:
        other = connect(url)
        async with other.write() as writing:
            await writing.exec_driver_sql("INSERT INTO change_counter VALUES ('a', 1)")
            with pytest.raises(StoreUnavailable):
                await run_sql(store, "INSERT INTO change_counter VALUES ('b', 1)")
            assert await rows_of(store, "SELECT count(*) FROM change_counter") == [(0,)]
        await other.close()
        await run_sql(store, "INSERT INTO change_counter VALUES ('b', 1)")
        assert await rows_of(store, "SELECT name FROM change_counter ORDER BY name") == [
            ("a",),
            ("b",),
        ]


async def test_a_failed_transaction_leaves_nothing(url: str) -> None:
    async with opened_store(url) as store:
        with pytest.raises(ZeroDivisionError):
            async with store.write() as connection:
                await connection.exec_driver_sql("INSERT INTO change_counter VALUES ('a', 1)")
                raise ZeroDivisionError
        assert await rows_of(store, "SELECT count(*) FROM change_counter") == [(0,)]
