"""Each demo system's own SQLite file: opened for its process, seeded once, never again."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from hub.demo.plan.records import Plan

DATA_VERSION = 3
"""Kept in the file as `user_version`; raised when the plan or a native schema changes."""
BUSY_TIMEOUT_MS = 5_000

Row = dict[str, Any]


class DataOfAnotherVersion(Exception):
    """The data directory was seeded by another version of the demo systems."""

    def __init__(self, path: Path, found: int) -> None:
        super().__init__(
            f"{path} holds demo data of version {found}, this program writes version"
            f" {DATA_VERSION}; choose another data directory or delete this one"
        )


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode whose rows are mappings; the reader may be elsewhere."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    return connection


class Seed(Protocol):
    """What a file is made from: its tables, and what fills them from the plan."""

    @property
    def schema(self) -> str: ...

    @property
    def seed(self) -> Callable[[sqlite3.Connection, Plan], None]: ...


def seed_once(path: Path, system: Seed, make_plan: Callable[[], Plan]) -> bool:
    """Create and fill the file unless it is there; True if it was made now.

    The file appears whole or not at all: it is written beside its place and renamed.
    """
    if path.exists():
        _check_version(path)
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    connection = connect(draft)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(system.schema)
        connection.execute("BEGIN")
        system.seed(connection, make_plan())
        connection.execute("COMMIT")
        connection.execute(f"PRAGMA user_version = {DATA_VERSION}")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    draft.replace(path)
    return True


def _check_version(path: Path) -> None:
    connection = connect(path)
    try:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()
    if found != DATA_VERSION:
        raise DataOfAnotherVersion(path, found)


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows that all have the columns of the first."""
    everything = list(rows)
    if not everything:
        return
    columns = list(everything[0])
    marks = ", ".join(f":{column}" for column in columns)
    names = ", ".join(columns)
    connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", everything)


def fetch(connection: sqlite3.Connection, sql: str, *values: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(sql, values)]


def fetch_one(connection: sqlite3.Connection, sql: str, *values: Any) -> Row | None:
    row = connection.execute(sql, values).fetchone()
    return None if row is None else dict(row)
