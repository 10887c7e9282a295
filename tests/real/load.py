"""Put the public data sets into SQLite and PostgreSQL, as tables like the files they come in.

Names are those of the files, mixed case included. Nothing is mended on the way but this: an empty
cell is NULL, and Online Retail, whose lines have no key, gets one in file order (`LineNo`) and the
two master tables its flat export repeats on every line (`customers`, `stock`).
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import asyncpg

from tests.real import files

Type = Literal["text", "integer", "decimal", "instant", "day"]
Cells = tuple[str | None, ...]

SQLITE_TYPES: Mapping[Type, str] = {
    "text": "TEXT",
    "integer": "INTEGER",
    "decimal": "NUMERIC",  # a float in SQLite: the source must hand out decimals all the same
    "instant": "TEXT",
    "day": "TEXT",
}
POSTGRES_TYPES: Mapping[Type, str] = {
    "text": "text",
    "integer": "integer",
    "decimal": "numeric(14,4)",
    "instant": "timestamp",  # local time without a zone, as the files have it
    "day": "date",
}
PARSERS: Mapping[Type, Callable[[str], Any]] = {
    "text": str,
    "integer": int,
    "decimal": Decimal,
    "instant": datetime.fromisoformat,
    "day": date.fromisoformat,
}


@dataclass(frozen=True)
class Table:
    """A table and its rows as text; `columns` are in the order of the cells."""

    name: str
    columns: Mapping[str, Type]
    key: Sequence[str]
    rows: Callable[[], Iterable[Cells]]
    indexes: Sequence[str] = field(default=())


def create_statements(table: Table, types: Mapping[Type, str]) -> Iterator[str]:
    """CREATE TABLE with its key; names are quoted, so PostgreSQL keeps their case."""
    columns = [f'"{name}" {types[kind]}' for name, kind in table.columns.items()]
    key = ", ".join(f'"{name}"' for name in table.key)
    yield f'CREATE TABLE "{table.name}" ({", ".join(columns)}, PRIMARY KEY ({key}))'


def index_statements(table: Table) -> Iterator[str]:
    for column in table.indexes:
        yield f'CREATE INDEX "{table.name}_{column}" ON "{table.name}" ("{column}")'


def load_sqlite(path: Path, tables: Sequence[Table]) -> None:
    """Write a new database file; SQLite's own affinities turn the text into values."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for table in tables:
            _fill_sqlite(connection, table)
        connection.execute("ANALYZE")
        connection.commit()


def _fill_sqlite(connection: sqlite3.Connection, table: Table) -> None:
    for statement in create_statements(table, SQLITE_TYPES):
        connection.execute(statement)
    places = ", ".join("?" * len(table.columns))
    connection.executemany(f'INSERT INTO "{table.name}" VALUES ({places})', table.rows())
    for statement in index_statements(table):
        connection.execute(statement)


async def load_postgres(dsn: str, tables: Sequence[Table]) -> None:
    """Fill an empty database by COPY, in the tables' own types."""
    connection = await asyncpg.connect(dsn)
    try:
        for table in tables:
            await _fill_postgres(connection, table)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def _fill_postgres(connection: "asyncpg.Connection[asyncpg.Record]", table: Table) -> None:
    for statement in create_statements(table, POSTGRES_TYPES):
        await connection.execute(statement)
    await connection.copy_records_to_table(
        table.name, columns=list(table.columns), records=_typed(table), timeout=120
    )
    for statement in index_statements(table):
        await connection.execute(statement)


def _typed(table: Table) -> Iterator[tuple[Any, ...]]:
    parsers = [PARSERS[kind] for kind in table.columns.values()]
    for cells in table.rows():
        yield tuple(
            None if cell is None else parse(cell)
            for parse, cell in zip(parsers, cells, strict=True)
        )


def database_url(database: Path | str) -> str:
    """A systems file's `url` for a SQLite file or a PostgreSQL DSN."""
    if isinstance(database, Path):
        return f"sqlite+aiosqlite:///{database}"
    return database.replace("postgresql://", "postgresql+asyncpg://")


def northwind_tables() -> Sequence[Table]:
    """The five Northwind tables the hub is asked about."""
    return (
        _northwind("Customers", {}, key=["CustomerID"]),
        _northwind(
            "Orders",
            {
                "OrderID": "integer",
                "EmployeeID": "integer",
                "OrderDate": "day",
                "RequiredDate": "day",
                "ShippedDate": "day",
                "ShipVia": "integer",
                "Freight": "decimal",
            },
            key=["OrderID"],
            indexes=["CustomerID"],
        ),
        _northwind(
            "OrderDetails",
            {
                "OrderID": "integer",
                "ProductID": "integer",
                "UnitPrice": "decimal",
                "Quantity": "integer",
                "Discount": "decimal",
            },
            key=["OrderID", "ProductID"],
        ),
        _northwind(
            "Products",
            {
                "ProductID": "integer",
                "UnitPrice": "decimal",
                "UnitsInStock": "integer",
                "UnitsOnOrder": "integer",
                "Discontinued": "integer",
            },
            key=["ProductID"],
        ),
        _northwind("Shippers", {"ShipperID": "integer"}, key=["ShipperID"]),
    )


def _northwind(
    name: str, types: Mapping[str, Type], *, key: Sequence[str], indexes: Sequence[str] = ()
) -> Table:
    """A file as a table: its own columns, text where no other type is given."""
    columns = {column: types.get(column, "text") for column in files.northwind(name)[0]}
    return Table(name, columns, key, lambda: map(_cells, files.northwind(name)), indexes)


def online_retail_tables() -> Sequence[Table]:
    """The flat export with a line number, and the two master tables taken from it."""
    return (
        Table(
            "lines",
            {
                "InvoiceNo": "text",
                "StockCode": "text",
                "Description": "text",
                "Quantity": "integer",
                "InvoiceDate": "instant",
                "UnitPrice": "decimal",
                "CustomerID": "text",
                "Country": "text",
                "LineNo": "integer",
            },
            key=["InvoiceNo", "LineNo"],
            rows=_numbered_lines,
            indexes=["CustomerID", "StockCode", "InvoiceDate"],
        ),
        Table(
            "customers",
            {"CustomerID": "text", "Country": "text"},
            key=["CustomerID"],
            rows=lambda: _first_of_each("CustomerID", "Country"),
        ),
        Table(
            "stock",
            {"StockCode": "text", "Description": "text"},
            key=["StockCode"],
            rows=lambda: _first_of_each("StockCode", "Description"),
        ),
    )


def _numbered_lines() -> Iterator[Cells]:
    """Every line with its number inside its document, counted in file order from 1."""
    seen: Counter[str] = Counter()
    for row in files.online_retail():
        seen[row["InvoiceNo"]] += 1
        yield (*_cells(row), str(seen[row["InvoiceNo"]]))


def _first_of_each(key: str, fact: str) -> Iterator[Cells]:
    """(key, fact) of the first line of each key that has the fact, in file order."""
    seen: set[str] = set()
    for row in files.online_retail():
        if row[key] and row[fact] and row[key] not in seen:
            seen.add(row[key])
            yield row[key], row[fact]


def _cells(row: files.Row) -> Cells:
    return tuple(cell or None for cell in row.values())
