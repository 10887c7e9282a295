"""Does the systems file fit the real database? Tables, columns, indexes, codes that occur."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.config.problems import Problem, likely_word, note, one_of, problem
from hub.config.specs import EntitySpec, SystemsFile, SystemSpec
from hub.model.catalog import NOUNS
from hub.model.errors import SourceError, SourceMisconfigured
from hub.model.record import fields_of
from sources.numbers import text_of
from sources.port import CODES_MAX
from sources.sql_changes import change_order, text_with_offsets
from sources.sql_engine import fetch
from sources.sql_errors import PostgresError, translated
from sources.sql_plan import SqlEntity
from sources.sql_shape import MissingColumns, column_types, from_clause, is_select
from sources.sql_types import ColumnType

Path = tuple[str | int, ...]


# What reads look up exactly (numbers, search, relations by value), beside keys and references.
_LOOKED_UP = frozenset({
    ("order", "number"), ("order", "po_number"), ("return", "number"), ("case", "number"),
    ("shipment", "number"), ("shipment", "tracking_number"), ("milestone", "tracking_number"),
    ("invoice", "number"), ("credit_memo", "number"), ("customer", "number"),
    ("item", "sku"), ("inventory_position", "sku"), ("price", "sku"),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Checked:
    """An entity beside its database. `base` are the keys that lead to it, `known` its columns."""

    engine: AsyncEngine
    file: SystemsFile
    base: Path
    entity: SqlEntity
    known: Sequence[str]


async def check_entity(
    engine: AsyncEngine, file: SystemsFile, system: SystemSpec, entity: SqlEntity
) -> list[Problem]:
    """Every problem of one entity, positions from the file. A database that is down is raised.

    A column that is missing hides nothing else: codes and indexes of the others are looked at.
    """
    base: Path = ("systems", system.name, "entities", entity.spec.noun)
    try:
        types = await column_types(engine, entity.spec.from_ or "")
    except (SQLAlchemyError, PostgresError, OSError) as error:
        return [_unreadable(file, (*base, "from"), translated(system.name, error))]
    checked = Checked(engine, file, base, entity, list(types))
    return [
        *_missing_columns(checked),
        *await _unindexed(checked),
        *_unordered(checked, types),
        *await _unmapped_codes(checked),
    ]


def _unreadable(file: SystemsFile, path: Path, error: SourceError) -> Problem:
    if not isinstance(error, SourceMisconfigured):
        raise error
    return _no_table(file, path, str(error))


def _no_table(file: SystemsFile, path: Path, told: str) -> Problem:
    return problem(file.where(path), path, told, expected="a table, a view or a SELECT that runs")


def _missing_columns(checked: Checked) -> list[Problem]:
    return [
        missing_column(checked.file, (*checked.base, *path), column, checked.known)
        for path, column in named_columns(checked.entity.spec)
        if column not in checked.known
    ]


def missing_column(file: SystemsFile, path: Path, column: str, known: Sequence[str]) -> Problem:
    """What is said of a column that the database does not have, at start as in a check."""
    return problem(
        file.where(path), path, f"there is no column {column!r}",
        expected=one_of(known), likely=likely_word(column, known),
    )  # fmt: skip


def located(
    file: SystemsFile, spec: EntitySpec, error: SourceMisconfigured
) -> list[SourceMisconfigured]:
    """The error once a column, at the place of the file that names it; a table's at `from`."""
    system = error.system or ""
    base: Path = ("systems", system, "entities", spec.noun)
    if not isinstance(error, MissingColumns):
        told = str(error).removeprefix(f"{system}: ")
        return [SourceMisconfigured(system, str(_no_table(file, (*base, "from"), told)))]
    places = dict(reversed([*_joined_columns(spec), *_by_column(spec)]))
    found = [(column, (*base, *places.get(column, ()))) for column in error.columns]
    return [
        SourceMisconfigured(system, str(missing_column(file, path, column, error.known)))
        for column, path in found
    ]


def _by_column(spec: EntitySpec) -> list[tuple[str, Path]]:
    return [(column, path) for path, column in named_columns(spec)]


def _joined_columns(spec: EntitySpec) -> list[tuple[str, Path]]:
    """The columns of the parent that fields take their currency from."""
    return [
        (field.currency.parent, ("fields", name, "currency"))
        for name, field in spec.fields.items()
        if field.currency is not None and field.currency.parent is not None
    ]


def named_columns(spec: EntitySpec) -> list[tuple[Path, str]]:
    """Every column of its own the declaration names, with the keys that lead to it."""
    named: list[tuple[Path, str]] = [(("key",), column) for column in spec.key]
    for name, field in spec.fields.items():
        named += [(("fields", name), column) for column in field.native]
        for word, extra in (("unit", field.unit), ("currency", field.currency), ("to", field.to)):
            if extra is not None and extra.column is not None:
                named.append((("fields", name, word), extra.column))
    named += [
        (("attributes", name), attribute.column) for name, attribute in spec.attributes.items()
    ]
    return named


async def _unindexed(checked: Checked) -> list[Problem]:
    """What the hub looks up but no index begins with: each lookup reads the whole table.

    Columns that several fields share are told once.
    """
    from_ = checked.entity.spec.from_ or ""
    if is_select(from_):
        return []
    schema, _, table = from_.rpartition(".")
    leading = await _leading_columns(checked.engine, table, schema or None)
    if leading is None:
        return []
    slow: dict[tuple[str, ...], Path] = {}
    for path, columns in _looked_up(checked.entity.spec):
        if not leading & set(columns) and set(columns) <= set(checked.known):
            slow.setdefault(columns, (*checked.base, *path))
    return [_slow(checked.file, path, columns) for columns, path in slow.items()]


def _looked_up(spec: EntitySpec) -> list[tuple[Path, tuple[str, ...]]]:
    known = fields_of(NOUNS[spec.noun])
    asked: list[tuple[Path, tuple[str, ...]]] = [(("key",), spec.key)]
    asked += [
        (("fields", name), field.native)
        for name, field in spec.fields.items()
        if field.native and (known[name].kind == "reference" or (spec.noun, name) in _LOOKED_UP)
    ]
    if spec.changes is not None:
        asked.append((("changes", "order_by"), spec.changes.order_by[:1]))
    return asked


def _unordered(checked: Checked, types: Mapping[str, ColumnType]) -> list[Problem]:
    """Times of change that polling could not go by."""
    spec, path = checked.entity.spec, (*checked.base, "changes", "order_by")
    if spec.changes is None:
        return []
    told = text_with_offsets(change_order(spec, checked.entity.mapping), types)
    if told is None:
        return []
    return [
        problem(
            checked.file.where(path), path, told,
            expected="a native time with its zone, or text all in one zone",
        )
    ]  # fmt: skip


def _slow(file: SystemsFile, path: Path, columns: Sequence[str]) -> Problem:
    return note(
        file.where(path), path, f"no index begins with {', '.join(columns)}",
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


async def _unmapped_codes(checked: Checked) -> list[Problem]:
    """Codes that really occur but have no row in `values` and nothing said `otherwise`."""
    found = []
    for name, field in checked.entity.spec.fields.items():
        if field.values is None or field.otherwise != "error" or len(field.native) != 1:
            continue
        if field.native[0] not in checked.known:
            continue
        occurring = await _distinct(checked.engine, checked.entity, field.native[0])
        unknown = sorted(set(occurring) - set(field.values))
        if unknown:
            path = (*checked.base, "fields", name, "values")
            found.append(
                problem(
                    checked.file.where(path), path,
                    f"occurs but is not mapped: {', '.join(unknown)}",
                    expected="a row for every code, or `otherwise`",
                )
            )  # fmt: skip
    return found


async def _distinct(engine: AsyncEngine, entity: SqlEntity, column: str) -> list[str]:
    source = from_clause(entity.spec.from_ or "", [column], alias="e")
    codes = sa.select(source.c[column]).distinct().limit(CODES_MAX)
    rows = await fetch(engine, codes, {})
    return [text_of(row[0]) for row in rows if row[0] is not None]
