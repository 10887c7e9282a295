"""Looks at changes go by the index on (time of change, key): the plans of both databases say so."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import event

from hub.config.systems import load_systems
from hub.model.errors import SourceMisconfigured
from sources.port import ChangeCursor
from sources.registry import KINDS
from sources.sql import SqlSource
from tests.support.postgres import new_database

ROWS = 20_000
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
FILE = """
version: 1
systems:
  erp:
    role: erp
    kind: sql
    url: {url}
    entities:
      order:
        from: ord
        key: id
        fields: {{ number: id, updated_at: {field} }}
        changes: {{ order_by: [{order}, id], every: 1s, overlap: 30s }}
"""
FIELDS = {
    "one": ("ts", '{ path: ts, read: "%Y%m%d%H%M%S", zone: UTC }'),
    "two": ("d, t", '{ columns: [d, t], read: "%Y%m%d %H%M%S", zone: UTC }'),
    "native": ("at", "{ path: at, zone: offset }"),
}
TABLE = "CREATE TABLE ord (id integer PRIMARY KEY, ts bigint, d text, t text, at {native})"
CASES = [("sqlite", "one"), ("sqlite", "two"),
         ("postgresql", "one"), ("postgresql", "two"), ("postgresql", "native")]  # fmt: skip


def rows() -> list[tuple[Any, ...]]:
    times = (BEGAN + timedelta(seconds=n // 3) for n in range(ROWS))
    return [
        (n, int(f"{at:%Y%m%d%H%M%S}"), f"{at:%Y%m%d}", f"{at:%H%M%S}", at)
        for n, at in enumerate(times)
    ]


@pytest_asyncio.fixture
async def source(
    request: pytest.FixtureRequest, kind: str, field: str, tmp_path: Path
) -> AsyncIterator[SqlSource]:
    order, declared = FIELDS[field]
    index = f"CREATE INDEX ord_changed ON ord ({order}, id)"
    if kind == "sqlite":
        with closing(sqlite3.connect(tmp_path / "erp.db")) as db:
            db.execute(TABLE.format(native="text"))
            db.executemany("INSERT INTO ord VALUES (?, ?, ?, ?, ?)",
                           [(*row[:4], row[4].isoformat()) for row in rows()])  # fmt: skip
            db.execute(index)
            db.commit()
        made = opened(tmp_path, f"sqlite:///{tmp_path}/erp.db", order, declared)
        yield made
        await made.close()
        return
    async with new_database(request.getfixturevalue("postgres_dsn")) as dsn:
        connection = await asyncpg.connect(dsn)
        await connection.execute(TABLE.format(native="timestamptz"))
        await connection.copy_records_to_table("ord", records=rows())
        await connection.execute(index)
        await connection.execute("ANALYZE ord")
        await connection.close()
        made = opened(tmp_path, dsn, order, declared)
        yield made
        await made.close()


def opened(folder: Path, url: str, order: str, declared: str) -> SqlSource:
    path = folder / "systems.yaml"
    path.write_text(FILE.format(url=url, order=order, field=declared))
    file = load_systems(path, environ={})
    made = KINDS["sql"](file.systems["erp"], file)
    assert isinstance(made, SqlSource)
    return made


async def plan_of(source: SqlSource, cursor: ChangeCursor) -> tuple[list[str], list[str | None]]:
    """The lines of the plan of one look, and the keys it found."""
    asked: list[tuple[str, Any]] = []

    def note(*run: Any) -> None:
        asked.append((run[2], run[3]))

    engine = source._engine
    event.listen(engine.sync_engine, "before_cursor_execute", note)
    page = await source.changes("order", cursor, 50)
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    statement, parameters = asked[-1]
    word = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    async with engine.connect() as connection:
        found = await connection.exec_driver_sql(f"{word} {statement}", parameters)
        return [str(line[-1]) for line in found.all()], [each.key for each in page.records]


@pytest.mark.parametrize(("kind", "field"), CASES)
async def test_looks_go_by_the_index_and_sort_nothing(source: SqlSource, kind: str) -> None:
    late = ChangeCursor(BEGAN + timedelta(seconds=ROWS // 3 - 60))
    begin = await source.changes("order", late, 50)
    for cursor in (late, begin.cursor):
        lines, keys = await plan_of(source, cursor)
        plan = "\n".join(lines)
        assert "ord_changed" in plan, plan
        assert ("SEARCH" in plan) == (kind == "sqlite"), plan
        assert "Seq Scan" not in plan and "Sort" not in plan and "B-TREE" not in plan, plan
        assert keys
    first = [int(each.key or 0) for each in begin.records]
    assert first == list(range(first[0], first[0] + 50))
    assert int(keys[0] or 0) == first[-1] + 1


async def test_texts_that_carry_offsets_are_no_order(fresh_database: str, tmp_path: Path) -> None:
    """-05:00 sorts behind +01:00 that came later, and a cast to a timestamp drops the offset."""
    connection = await asyncpg.connect(fresh_database)
    await connection.execute("CREATE TABLE ord (id integer PRIMARY KEY, at text)")
    await connection.close()
    made = opened(tmp_path, fresh_database, *FIELDS["native"])
    told = [str(each) for each in await made.check()]
    with pytest.raises(SourceMisconfigured, match="do not sort as time does"):
        await made.changes("order", None, 5)
    await made.close()
    assert any("changes.order_by: 'at' holds times as text" in each for each in told), told
    assert any("order_by: no index begins with at" in each for each in told), told
