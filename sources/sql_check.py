"""Does the systems file fit the real database? Tables, columns, indexes, codes that occur."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.config.problems import Problem, likely_word, one_of, problem
from hub.config.specs import SystemsFile, SystemSpec
from hub.model.catalog import NOUNS
from hub.model.errors import SourceError, SourceMisconfigured
from hub.model.record import fields_of
from sources.numbers import text_of
from sources.port import CODES_MAX
from sources.sql_engine import fetch
from sources.sql_errors import PostgresError, translated
from sources.sql_plan import SqlEntity
from sources.sql_shape import column_types, from_clause, is_select

Path = tuple[str | int, ...]


async def check_entity(
    engine: AsyncEngine, file: SystemsFile, system: SystemSpec, entity: SqlEntity
) -> list[Problem]:
    """Every problem of one entity, positions from the file. A database that is down is raised."""
    base: Path = ("systems", system.name, "entities", entity.spec.noun)
    try:
        types = await column_types(engine, entity.spec.from_ or "")
    except (SQLAlchemyError, PostgresError, OSError) as error:
        return [_unreadable(file, (*base, "from"), translated(system.name, error))]
    missing = _missing_columns(file, base, entity, list(types))
    if missing:
        return missing
    return [
        *await _unindexed(engine, file, base, entity),
        *await _unmapped_codes(engine, file, base, entity),
    ]


def _unreadable(file: SystemsFile, path: Path, error: SourceError) -> Problem:
    if not isinstance(error, SourceMisconfigured):
        raise error
    return problem(
        file.where(path), path, str(error), expected="a table, a view or a SELECT that runs"
    )


def _missing_columns(
    file: SystemsFile, base: Path, entity: SqlEntity, known: Sequence[str]
) -> list[Problem]:
    found = []
    for path, column in _named_columns(entity):
        if column not in known:
            place = (*base, *path)
            found.append(
                problem(
                    file.where(place), place, f"there is no column {column!r}",
                    expected=one_of(known), likely=likely_word(column, known),
                )
            )  # fmt: skip
    return found


def _named_columns(entity: SqlEntity) -> list[tuple[Path, str]]:
    """Every column the declaration names, with the keys that lead to it."""
    named: list[tuple[Path, str]] = [(("key",), column) for column in entity.spec.key]
    for name, field in entity.spec.fields.items():
        named += [(("fields", name), column) for column in field.native]
        for word, extra in (("unit", field.unit), ("currency", field.currency), ("to", field.to)):
            if extra is not None and extra.column is not None:
                named.append((("fields", name, word), extra.column))
    named += [
        (("attributes", name), attribute.column)
        for name, attribute in entity.spec.attributes.items()
    ]
    return named


async def _unindexed(
    engine: AsyncEngine, file: SystemsFile, base: Path, entity: SqlEntity
) -> list[Problem]:
    """Keys and references whose first column no index begins with: each lookup reads the table."""
    from_ = entity.spec.from_ or ""
    if is_select(from_):
        return []
    schema, _, table = from_.rpartition(".")
    leading = await _leading_columns(engine, table, schema or None)
    if leading is None:
        return []
    known = fields_of(NOUNS[entity.spec.noun])
    asked: list[tuple[Path, Sequence[str]]] = [(("key",), entity.spec.key)]
    asked += [
        (("fields", name), field.native)
        for name, field in entity.spec.fields.items()
        if known[name].kind == "reference" and field.native
    ]
    return [
        _warning(file, (*base, *path), columns)
        for path, columns in asked
        if not leading & set(columns)
    ]


def _warning(file: SystemsFile, path: Path, columns: Sequence[str]) -> Problem:
    return problem(
        file.where(path), path, f"warning: no index begins with {', '.join(columns)}",
        expected="an index, or every lookup reads the whole table",
    )  # fmt: skip


async def _leading_columns(engine: AsyncEngine, table: str, schema: str | None) -> set[str] | None:
    """The first columns of the table's indexes and key; None for a view, which has none itself."""

    def inspect(connection: sa.Connection) -> set[str] | None:
        inspector = sa.inspect(connection)
        if table not in inspector.get_table_names(schema):
            return None
        keys = inspector.get_pk_constraint(table, schema)["constrained_columns"][:1]
        indexes: list[Any] = [each["column_names"] for each in inspector.get_indexes(table, schema)]
        unique: list[Any] = [
            each["column_names"] for each in inspector.get_unique_constraints(table, schema)
        ]
        return {*keys, *(names[0] for names in [*indexes, *unique] if names and names[0])}

    async with engine.connect() as connection:
        return await connection.run_sync(inspect)


async def _unmapped_codes(
    engine: AsyncEngine, file: SystemsFile, base: Path, entity: SqlEntity
) -> list[Problem]:
    """Codes that really occur but have no row in `values` and nothing said `otherwise`."""
    found = []
    for name, field in entity.spec.fields.items():
        if field.values is None or field.otherwise != "error" or len(field.native) != 1:
            continue
        occurring = await _distinct(engine, entity, field.native[0])
        unknown = sorted(set(occurring) - set(field.values))
        if unknown:
            path = (*base, "fields", name, "values")
            found.append(
                problem(
                    file.where(path), path, f"occurs but is not mapped: {', '.join(unknown)}",
                    expected="a row for every code, or `otherwise`",
                )
            )  # fmt: skip
    return found


async def _distinct(engine: AsyncEngine, entity: SqlEntity, column: str) -> list[str]:
    source = from_clause(entity.spec.from_ or "", [column], alias="e")
    codes = sa.select(source.c[column]).distinct().limit(CODES_MAX)
    rows = await fetch(engine, codes, {})
    return [text_of(row[0]) for row in rows if row[0] is not None]
