"""What an entity's `from` really is in the database: its columns, their types, its joins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, FromClause, Select
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.config.problems import likely_word
from hub.config.specs import EntitySpec
from hub.model.errors import SourceMisconfigured
from sources.sql_clauses import Columns
from sources.sql_types import ColumnType, postgres_type, sqlite_type

_SELECT = re.compile(r"\s*(?:select|with)\s", re.IGNORECASE)
_BIND = re.compile(r"(?<![:\w\\]):(\w)")  # what SQLAlchemy would take for a parameter


@dataclass(frozen=True, slots=True)
class Join:
    """Columns of another entity's table beside this one's: the parent's currency, the item's unit.

    `on` pairs this entity's columns with the other's; the other's `columns` appear under `prefix`.
    """

    prefix: str
    from_: str
    on: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The columns an entity needs, in a fixed order, and the tables beside its own.

    With `reads_all` a `python:` field may read any column, so all are selected.
    """

    names: tuple[str, ...]
    joins: tuple[Join, ...] = ()
    reads_all: bool = False


@dataclass(frozen=True, slots=True)
class EntityShape:
    """A SELECT, without a condition, of all the mapping reads, and the names of its columns."""

    columns: Columns
    names: tuple[str, ...]
    select: Select[Any]


class MissingColumns(SourceMisconfigured):
    """Columns that a declaration names and its table, of the columns `known`, does not have."""

    def __init__(
        self, system: str, noun: str, columns: Sequence[str], *, known: Sequence[str]
    ) -> None:
        meant = likely_word(columns[0], known)
        hint = f"; did you mean {meant!r}?" if meant else ""
        super().__init__(system, f"{noun}: there is no column {columns[0]!r}{hint}")
        self.columns = columns
        self.known = known


def is_select(from_: str) -> bool:
    return _SELECT.match(from_) is not None


async def read_shape(
    engine: AsyncEngine, system: str, spec: EntitySpec, *, wanted: Wanted
) -> EntityShape:
    """Ask the database for the columns needed; SourceMisconfigured names one that is missing."""
    from_ = spec.from_ or ""
    types = await column_types(engine, from_)
    _demand(system, spec.noun, wanted.names, types)
    source = from_clause(from_, sorted(types), alias="e")
    names = sorted(types) if wanted.reads_all else wanted.names
    by_name: dict[str, ColumnElement[Any]] = {name: source.c[name] for name in names}
    selected = [by_name[name] for name in names]
    tables: FromClause = source
    labels = list(names)
    for join in wanted.joins:
        joined_types = await column_types(engine, join.from_)
        theirs = [column for _, column in join.on]
        _demand(system, spec.noun, [*theirs, *join.columns], joined_types)
        joined = from_clause(join.from_, sorted(joined_types), alias=join.prefix.rstrip("."))
        matches = [source.c[ours] == joined.c[their] for ours, their in join.on]
        tables = tables.outerjoin(joined, sa.and_(*matches))
        selected += [joined.c[name].label(join.prefix + name) for name in join.columns]
        labels += [join.prefix + name for name in join.columns]
    columns = Columns(engine.dialect.name, by_name, types)
    return EntityShape(columns, tuple(labels), sa.select(*selected).select_from(tables))


def _demand(system: str, noun: str, names: Sequence[str], types: Mapping[str, ColumnType]) -> None:
    missing = [name for name in names if name not in types]
    if missing:
        raise MissingColumns(system, noun, list(dict.fromkeys(missing)), known=list(types))


def from_clause(from_: str, names: Sequence[str], *, alias: str) -> FromClause:
    columns: list[Any] = [sa.column(name) for name in names]
    if is_select(from_):
        return sa.text(literal_sql(from_)).columns(*columns).subquery(alias)
    schema, _, name = from_.rpartition(".")
    return sa.table(name, *columns, schema=schema or None).alias(alias)


def literal_sql(statement: str) -> str:
    """A statement whose colons are text, not parameters."""
    return _BIND.sub(r"\\:\1", statement.strip().rstrip(";"))


async def column_types(engine: AsyncEngine, from_: str) -> dict[str, ColumnType]:
    """The columns of a table, view or SELECT, as the database describes them."""
    if engine.dialect.name == "postgresql":
        return await _postgres_columns(engine, from_)
    if engine.dialect.name == "sqlite" and not is_select(from_):
        return await _sqlite_columns(engine, from_)
    return await _described_columns(engine, from_)


def _anything_of(engine: AsyncEngine, from_: str) -> str:
    if is_select(from_):
        return f"SELECT * FROM ({literal_sql(from_)}) AS e"
    quote = engine.dialect.identifier_preparer.quote
    schema, _, name = from_.rpartition(".")
    return f"SELECT * FROM {quote(schema) + '.' if schema else ''}{quote(name)}"


async def _postgres_columns(engine: AsyncEngine, from_: str) -> dict[str, ColumnType]:
    """Prepared but never run: the server says name and type of each column."""
    statement = _anything_of(engine, from_).replace("\\:", ":")
    async with engine.connect() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        prepared = await raw.prepare(statement)
        return {each.name: postgres_type(each.type.name) for each in prepared.get_attributes()}


async def _sqlite_columns(engine: AsyncEngine, from_: str) -> dict[str, ColumnType]:
    schema, _, name = from_.rpartition(".")
    pragma = sa.text("SELECT name, type FROM pragma_table_info(:name, :schema)")
    async with engine.connect() as connection:
        rows = (await connection.execute(pragma, {"name": name, "schema": schema or "main"})).all()
    if not rows:  # a missing table has no columns: let the database say so in its own words
        return await _described_columns(engine, from_)
    return {row[0]: sqlite_type(row[1]) for row in rows}


async def _described_columns(engine: AsyncEngine, from_: str) -> dict[str, ColumnType]:
    async with engine.connect() as connection:
        result = await connection.execute(sa.text(f"{_anything_of(engine, from_)} LIMIT 0"))
        return {name: ColumnType("unknown") for name in result.keys()}  # noqa: SIM118 - a result
