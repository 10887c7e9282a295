"""Native predicates as SQL, in the form each database serves from an index.

PostgreSQL: one array a column (`= ANY`, `unnest` for composite keys). SQLite: one JSON text
(`json_each`). Elsewhere: an expanding IN. Values are always bound, names always quoted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement
from sqlalchemy.types import NullType

from sources.conditions import Among, Compare, IsNull, Like, Predicate
from sources.sql_types import ColumnType, NativeType, Unfit, fit

_ESCAPE = "\\"
_COMPARE = {"gt": "__gt__", "gte": "__ge__", "lt": "__lt__", "lte": "__le__"}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of an entity by native name, with their types, and the database's dialect."""

    dialect: str
    by_name: Mapping[str, ColumnElement[Any]]
    types: Mapping[str, ColumnType]


def fitting_rows(
    columns: Columns, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> list[tuple[Any, ...]]:
    """The rows in the columns' own types, without those that no record can have."""
    types = [columns.types[name] for name in names]
    found = []
    for row in rows:
        try:
            found.append(tuple(fit(value, type_) for value, type_ in zip(row, types, strict=True)))
        except Unfit:
            continue
    return found


def clause_of(columns: Columns, predicate: Predicate) -> ColumnElement[bool]:
    """One predicate as a SQL condition."""
    if isinstance(predicate, Among):
        return _among(columns, predicate)
    if isinstance(predicate, Compare):
        return _compare(columns, predicate)
    if isinstance(predicate, IsNull):
        column = columns.by_name[predicate.column]
        return column.is_(None) if predicate.is_null else column.is_not(None)
    return _like(columns, predicate)


def _among(columns: Columns, predicate: Among) -> ColumnElement[bool]:
    if predicate.moment and _holds_iso_text(columns, predicate.columns[0]):
        inside: ColumnElement[bool] = sa.or_(
            sa.false(), *(_iso_equals(columns, predicate, row[0]) for row in predicate.rows)
        )
        return sa.not_(inside) if predicate.is_complement else inside
    rows = fitting_rows(columns, predicate.columns, predicate.rows)
    inside = among_rows(columns, predicate.columns, rows)
    return sa.not_(inside) if predicate.is_complement else inside


def among_rows(
    columns: Columns, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> ColumnElement[bool]:
    """The columns hold one of the rows; the rows are in the columns' own types."""
    if not rows:
        return sa.false()
    if columns.dialect == "postgresql":
        return _among_arrays(columns, names, rows)
    if columns.dialect == "sqlite":
        return _among_json(columns, names, rows)
    if len(names) == 1:
        return columns.by_name[names[0]].in_([row[0] for row in rows])
    return sa.tuple_(*(columns.by_name[name] for name in names)).in_(rows)


def _among_arrays(
    columns: Columns, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> ColumnElement[bool]:
    arrays = [
        _cast([row[index] for row in rows], columns.types[name].name + "[]")
        for index, name in enumerate(names)
    ]
    if len(names) == 1:
        column = _comparable(columns, names[0])
        return column == sa.func.any(arrays[0])
    keys = sa.func.unnest(*arrays).table_valued(*(f"part{index}" for index in range(len(names))))
    wanted = keys.render_derived(name="keys")
    return sa.tuple_(*(_comparable(columns, name) for name in names)).in_(
        sa.select(*wanted.c).select_from(wanted)
    )


def _comparable(columns: Columns, name: str) -> ColumnElement[Any]:
    """The column itself, or its text where the type is one we do not know (an enum, a domain)."""
    column = columns.by_name[name]
    if columns.dialect == "postgresql" and columns.types[name].family == "unknown":
        return sa.cast(column, sa.Text)
    return column


def _cast(value: Any, type_name: str) -> ColumnElement[Any]:
    return sa.cast(sa.bindparam(None, value, type_=NullType(), unique=True), NativeType(type_name))


def _among_json(
    columns: Columns, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> ColumnElement[bool]:
    if len(names) == 1:
        values = [each for row in rows for each in _json_variants(row[0], columns.types[names[0]])]
        listed = sa.func.json_each(_json(values)).table_valued("value")
        return columns.by_name[names[0]].in_(sa.select(listed.c.value))
    listed = sa.func.json_each(_json([list(row) for row in rows])).table_valued("value")
    parts = [sa.func.json_extract(listed.c.value, f"$[{index}]") for index in range(len(names))]
    return sa.tuple_(*(columns.by_name[name] for name in names)).in_(sa.select(*parts))


def _json_variants(value: Any, column: ColumnType) -> list[Any]:
    """Both forms for a column without affinity (an expression): SQLite tells 1 from '1' there."""
    if column.family == "unknown" and isinstance(value, str) and _is_whole(value):
        return [value, int(value)]
    return [value]


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18 and (text == "0" or text[0] != "0")


def _json(value: Any) -> ColumnElement[Any]:
    return sa.bindparam(None, json.dumps(value, default=str), type_=sa.Text(), unique=True)


def _compare(columns: Columns, predicate: Compare) -> ColumnElement[bool]:
    method = _COMPARE[predicate.operator]
    if predicate.moment and _holds_iso_text(columns, predicate.columns[0]):
        left, right = _iso_sides(columns, predicate.columns[0], predicate.row[0])
        compared: ColumnElement[bool] = getattr(left, method)(right)
        return compared
    sides = [
        (columns.by_name[name], bound(columns, name, value))
        for name, value in zip(predicate.columns, predicate.row, strict=True)
    ]
    if len(sides) == 1:
        compared = getattr(sides[0][0], method)(sides[0][1])
        return compared
    left = sa.tuple_(*(side[0] for side in sides))
    compared = getattr(left, method)(sa.tuple_(*(side[1] for side in sides)))
    return compared


def bound(columns: Columns, name: str, value: Any) -> ColumnElement[Any]:
    """A value for comparing with a column; a fraction is fine beside a column of integers."""
    type_ = columns.types[name]
    try:
        fitted = fit(value, type_)
    except Unfit:
        fitted, type_ = value, ColumnType("decimal", "numeric")
    if columns.dialect == "postgresql":
        return _cast(fitted, type_.name)
    if isinstance(fitted, Decimal):
        fitted = float(fitted)
    return sa.bindparam(None, fitted, type_=NullType(), unique=True)


def _holds_iso_text(columns: Columns, name: str) -> bool:
    return columns.types[name].family in ("text", "unknown") or columns.dialect == "sqlite"


def _iso_equals(columns: Columns, predicate: Among, value: Any) -> ColumnElement[bool]:
    left, right = _iso_sides(columns, predicate.columns[0], value)
    equals: ColumnElement[bool] = left == right
    return equals


def _iso_sides(
    columns: Columns, name: str, value: date
) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Both sides in the database's own notation: an ISO text may have a T, a zone, a fraction.

    No index serves this; declare `read` with the exact pattern and the plain column is compared.
    """
    is_instant = isinstance(value, datetime)
    text = value.strftime("%Y-%m-%d %H:%M:%S" if is_instant else "%Y-%m-%d")
    column = columns.by_name[name]
    if columns.dialect == "sqlite":
        make = sa.func.datetime if is_instant else sa.func.date
        return make(column), sa.bindparam(None, text, type_=sa.Text(), unique=True)
    wanted = "timestamp" if is_instant else "date"
    return sa.cast(column, NativeType(wanted)), sa.cast(_cast(text, "text"), NativeType(wanted))


def _like(columns: Columns, predicate: Like) -> ColumnElement[bool]:
    """The text taken literally. Contains ignores case; a prefix does not, so an index serves it."""
    column = columns.by_name[predicate.column]
    if columns.types[predicate.column].family not in ("text",):
        column = sa.cast(column, sa.Text)
    if predicate.is_prefix and columns.dialect == "sqlite":
        return column.op("GLOB", is_comparison=True)(_text(f"{_glob(predicate.text)}*"))
    escaped = predicate.text
    for special in (_ESCAPE, "%", "_"):
        escaped = escaped.replace(special, _ESCAPE + special)
    if predicate.is_prefix:
        return column.like(_text(f"{escaped}%"), escape=_ESCAPE)
    return column.ilike(_text(f"%{escaped}%"), escape=_ESCAPE)


def _text(value: str) -> ColumnElement[Any]:
    return sa.bindparam(None, value.replace("\0", ""), type_=sa.Text(), unique=True)


def _glob(text: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in text)
