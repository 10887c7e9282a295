"""Lists in pages by keyset: a page goes on after the sort values and the key of the last row.

Nulls come last ascending and first descending, on every database.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from hub.model.errors import InputInvalid
from hub.reads.port import Sort
from sources.conditions import cannot
from sources.mapping import EntityMapping
from sources.sql_clauses import Columns, bound


@dataclass(frozen=True, slots=True)
class Step:
    """One native column of an order."""

    column: str
    is_descending: bool


def steps_of(mapping: EntityMapping, sort: Sequence[Sort]) -> list[Step]:
    """The native columns of a sort, the key's last, each once; SourceCannot names a field."""
    steps: list[Step] = []
    for each in sort:
        field = mapping.fields.get(each.field)
        if field is None or not field.is_ordered:
            known = sorted(name for name, known in mapping.fields.items() if known.is_ordered)
            raise cannot(mapping, each.field, f"it cannot sort by it; it can by {', '.join(known)}")
        is_descending = each.is_descending != field.is_reversed
        steps += [Step(column, is_descending) for column in field.columns]
    is_descending = bool(sort) and sort[-1].is_descending
    steps += [Step(column, is_descending) for column in mapping.key]
    first = {step.column: step for step in reversed(steps)}
    return [step for step in steps if first[step.column] is step]


def ordering(columns: Columns, steps: Sequence[Step], key: Sequence[str]) -> list[Any]:
    """ORDER BY; a key is never null, so its index is used as it stands."""
    return [_ordered(columns.by_name[step.column], step, step.column in key) for step in steps]


def _ordered(column: ColumnElement[Any], step: Step, is_key: bool) -> ColumnElement[Any]:
    ordered = column.desc() if step.is_descending else column.asc()
    if is_key:
        return ordered
    return ordered.nulls_first() if step.is_descending else ordered.nulls_last()


def after(
    columns: Columns, steps: Sequence[Step], values: Sequence[Any], *, key: Sequence[str]
) -> ColumnElement[bool]:
    """The rows that come after the one with these values: a > x OR (a = x AND b > y) …

    Columns of the key are never null. Where the order begins with one, `a >= x` stands before it
    all, so that the key's index finds the place instead of scanning up to it.
    """
    alternatives: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for step, value in zip(steps, values, strict=True):
        beyond = _beyond(columns, step, value, is_key=step.column in key)
        alternatives.append(sa.and_(*equal, beyond))
        column = columns.by_name[step.column]
        equal.append(
            column.is_(None) if value is None else column == bound(columns, step.column, value)
        )
    if steps[0].column not in key:
        return sa.or_(*alternatives)
    return sa.and_(_from(columns, steps[0], values[0]), sa.or_(*alternatives))


def _from(columns: Columns, step: Step, value: Any) -> ColumnElement[bool]:
    column, start = columns.by_name[step.column], bound(columns, step.column, value)
    return column <= start if step.is_descending else column >= start


def _beyond(columns: Columns, step: Step, value: Any, *, is_key: bool) -> ColumnElement[bool]:
    column = columns.by_name[step.column]
    if is_key and not step.is_descending:
        return column > bound(columns, step.column, value)
    if step.is_descending:
        if value is None:
            return column.is_not(None)
        return column < bound(columns, step.column, value)
    if value is None:
        return sa.false()
    return sa.or_(column > bound(columns, step.column, value), column.is_(None))


_TAGGED: Mapping[type, tuple[str, Callable[[Any], str]]] = {
    Decimal: ("n", str), datetime: ("t", datetime.isoformat), date: ("d", date.isoformat),
    UUID: ("u", str),
}  # fmt: skip
_PARSED: Mapping[str, Callable[[str], Any]] = {
    "n": Decimal, "t": datetime.fromisoformat, "d": date.fromisoformat, "u": UUID,
}  # fmt: skip


def encode_cursor(steps: Sequence[Step], row: Mapping[str, Any]) -> str:
    """Opaque text for the place after a row. It holds native values, and the order they are in."""
    body = [_shape(steps), *(_tagged(row[step.column]) for step in steps)]
    return urlsafe_b64encode(json.dumps(body).encode()).rstrip(b"=").decode()


def decode_cursor(steps: Sequence[Step], cursor: str) -> list[Any]:
    """The values of a cursor; InputInvalid where it is none, or of another order."""
    try:
        body = json.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        shape, *values = body
        found = [_untagged(value) for value in values]
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise InputInvalid("cursor", cursor, expected="a cursor of this list") from error
    if shape != _shape(steps) or len(found) != len(steps):
        raise InputInvalid("cursor", cursor, expected="a cursor of the same order")
    return found


def _shape(steps: Sequence[Step]) -> str:
    return ",".join(f"{'-' if step.is_descending else ''}{step.column}" for step in steps)


def _tagged(value: Any) -> Any:
    tag = _TAGGED.get(type(value))
    return value if tag is None else {tag[0]: tag[1](value)}


def _untagged(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((tag, text),) = value.items()
    return _PARSED[tag](text)
