"""Lookups use the source's own indexes: the plans of both databases say so, no time is measured."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from sources.sql_clauses import Columns, among_rows, fitting_rows
from sources.sql_types import ColumnType, sqlite_type

ROWS = 20_000
CREATE = (
    "CREATE TABLE ordlin "
    "(orno integer, lnno integer, sku text, host text, PRIMARY KEY (orno, lnno))"
)
INDEX = "CREATE INDEX by_host ON ordlin (host)"
CASES = [
    (["orno"], [("4711",), ("12",)]),
    (["host"], [("SO-0000004711",), ("SO-0000000012",)]),
    (["orno", "lnno"], [("4711", "2"), ("12", "1")]),
]


def rows() -> list[tuple[Any, ...]]:
    return [(n // 4, n % 4, f"A-{n % 100}", f"SO-{n // 4:010}") for n in range(ROWS)]


def select(dialect: str, types: dict[str, ColumnType], names: list[str], wanted: Any) -> Any:
    table = sa.table("ordlin", *(sa.column(name) for name in types)).alias("e")
    columns = Columns(dialect, {name: table.c[name] for name in types}, types)
    found = fitting_rows(columns, names, wanted)
    assert len(found) == 2
    return sa.select(table.c.sku).where(among_rows(columns, names, found))


@pytest.mark.parametrize(("names", "wanted"), CASES)
def test_sqlite_searches_by_index(
    names: list[str], wanted: Sequence[tuple[str, ...]], tmp_path: Path
) -> None:
    declared = {"orno": "integer", "lnno": "integer", "sku": "text", "host": "text"}
    types = {name: sqlite_type(word) for name, word in declared.items()}
    statement = select("sqlite", types, names, wanted).compile(
        dialect=sa.create_engine("sqlite://").dialect
    )
    with closing(sqlite3.connect(tmp_path / "plan.db")) as connection:
        connection.execute(CREATE)
        connection.execute(INDEX)
        connection.executemany("INSERT INTO ordlin VALUES (?, ?, ?, ?)", rows())
        parameters = [statement.params[name] for name in statement.positiontup or ()]
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        found = connection.execute(str(statement), parameters).fetchall()
    assert any(line.startswith("SEARCH e USING") for line in plan), plan
    assert len(found) == (2 if len(names) == 2 else 8)


@pytest.mark.parametrize(("names", "wanted"), CASES)
async def test_postgresql_searches_by_index(
    names: list[str], wanted: Sequence[tuple[str, ...]], fresh_database: str
) -> None:
    integer, text = ColumnType("integer", "int4", 32), ColumnType("text", "text")
    types = {"orno": integer, "lnno": integer, "sku": text, "host": text}
    dialect: sa.Dialect = sa.make_url("postgresql+asyncpg://").get_dialect()()
    statement = select("postgresql", types, names, wanted).compile(dialect=dialect)
    connection = await asyncpg.connect(fresh_database)
    try:
        await connection.execute(CREATE)
        await connection.execute(INDEX)
        await connection.copy_records_to_table("ordlin", records=rows())
        await connection.execute("ANALYZE ordlin")
        parameters = [statement.params[name] for name in statement.positiontup or ()]
        plan = [row[0] for row in await connection.fetch(f"EXPLAIN {statement}", *parameters)]
        found = await connection.fetch(str(statement), *parameters)
    finally:
        await connection.close()
    assert any("Index" in line and "Scan" in line for line in plan), plan
    assert not any("Seq Scan on ordlin" in line for line in plan), plan
    assert len(found) == (2 if len(names) == 2 else 8)
