"""The data sets arrive in both databases whole: what SQL counts is what the files say."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest

from tests.real import facts, files, load

LINES_IN_ALL = 541_909
LARGEST_DOCUMENT = "573585"

COUNTS = """
    SELECT count(*), count(DISTINCT "InvoiceNo"), sum("Quantity" * "UnitPrice"), max("LineNo")
    FROM lines
"""


@files.needs_online_retail
def test_online_retail_facts_are_those_its_readme_counts() -> None:
    retail = facts.online_retail()
    assert retail.lines == LINES_IN_ALL
    assert len(retail.credit_notes) == 3_836
    assert sum(len(each.lines) for each in retail.credit_notes.values()) == 9_288
    assert len(retail.adjustments) == 3
    assert len(retail.write_offs) == 1_336
    assert len(retail.orders) == 25_900 - 3_836 - 3 - 1_336
    assert len(retail.customers) == 4_372
    assert retail.lines_without_customer == 135_080
    assert len(retail.orders[LARGEST_DOCUMENT].lines) == 1_114


@files.needs_northwind
def test_northwind_facts_are_those_its_readme_counts() -> None:
    northwind = facts.northwind()
    assert len(northwind.orders) == 830
    assert sum(len(lines) for lines in northwind.lines.values()) == 2_155
    assert len(northwind.customers) == 91
    assert len(northwind.products) == 77
    assert northwind.total("10248") == Decimal("440.0")


@files.needs_online_retail
@pytest.mark.timeout(180)
def test_online_retail_in_sqlite(online_retail_sqlite: Path) -> None:
    with closing(sqlite3.connect(online_retail_sqlite)) as connection:
        lines, documents, _, longest = connection.execute(COUNTS).fetchone()
    assert (lines, documents, longest) == (LINES_IN_ALL, 25_900, 1_114)


@files.needs_online_retail
@pytest.mark.timeout(180)
async def test_online_retail_in_postgres(online_retail_postgres: str) -> None:
    connection = await asyncpg.connect(online_retail_postgres)
    try:
        row = await connection.fetchrow(COUNTS)
    finally:
        await connection.close()
    retail = facts.online_retail()
    kinds = (retail.orders, retail.credit_notes, retail.adjustments, retail.write_offs)
    total = sum((each.total for kind in kinds for each in kind.values()), Decimal())
    assert row is not None
    assert tuple(row) == (LINES_IN_ALL, 25_900, total, 1_114)


@files.needs_northwind
async def test_northwind_in_both(tmp_path: Path, fresh_database: str) -> None:
    load.load_sqlite(tmp_path / "northwind.db", load.northwind_tables())
    await load.load_postgres(fresh_database, load.northwind_tables())
    count = 'SELECT count(*), sum("Quantity") FROM "OrderDetails"'
    with closing(sqlite3.connect(tmp_path / "northwind.db")) as light:
        assert light.execute(count).fetchone() == (2_155, 51_317)
    connection = await asyncpg.connect(fresh_database)
    try:
        row = await connection.fetchrow(count)
    finally:
        await connection.close()
    assert row is not None
    assert tuple(row) == (2_155, 51_317)
