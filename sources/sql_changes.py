"""Changes of a table in pages by keyset on (time of change, key): rows of one time are all met.

The time is compared in its native form, so that an index on it serves; rows that have none are
asked for by themselves, in the order of their keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select

from hub.config.specs import EntitySpec
from hub.config.vocabulary import OFFSET_ZONE
from hub.model.errors import SourceMisconfigured
from sources.changed import asked_since, change_field, changed_rows, latest
from sources.conditions import Compare
from sources.fields import FieldMapping
from sources.mapping import EntityMapping
from sources.paths import Row
from sources.port import ChangeCursor, ChangePage
from sources.sql_clauses import Columns, bound, clause_of
from sources.sql_pages import Step, decode_cursor, encode_cursor
from sources.sql_shape import EntityShape
from sources.sql_types import ColumnType


@dataclass(frozen=True, slots=True)
class ChangeOrder:
    """The instant, its native columns, and those of the key behind it.

    `has_offsets` says that each value carries its own zone.
    """

    spec: EntitySpec
    mapping: EntityMapping
    field: FieldMapping
    times: tuple[str, ...]
    key: tuple[str, ...]
    has_offsets: bool

    def steps(self, *, is_unset: bool) -> list[Step]:
        """The order of a look: rows without a time have only their key."""
        columns = self.key if is_unset else self.times + self.key
        return [Step(column, False) for column in dict.fromkeys(columns)]


def change_order(spec: EntitySpec, mapping: EntityMapping) -> ChangeOrder:
    """The order of an entity's changes; SourceCannot where it declares none."""
    field = change_field(spec, mapping)
    has_offsets = spec.fields[field.field.name].zone == OFFSET_ZONE
    return ChangeOrder(spec, mapping, field, field.columns, mapping.key, has_offsets)


def changes_after(shape: EntityShape, order: ChangeOrder, cursor: ChangeCursor) -> Select[Any]:
    """The rows behind a cursor, in order, without a limit; SourceMisconfigured without an order."""
    columns = shape.columns
    unsortable = text_with_offsets(order, columns.types)
    if unsortable is not None:
        raise SourceMisconfigured(order.mapping.system, f"{order.mapping.noun}: {unsortable}")
    steps = order.steps(is_unset=cursor.is_unset)
    clauses = [_without_time(columns, order) if cursor.is_unset else _with_time(columns, order)]
    if cursor.place is not None:
        clauses.append(_beyond(columns, steps, decode_cursor(steps, cursor.place)))
    elif cursor.since is not None and not cursor.is_unset:
        clauses.append(_since(columns, order, cursor.since))
    ordered = [columns.by_name[step.column] for step in steps]
    return shape.select.where(*clauses).order_by(*ordered)


def text_with_offsets(order: ChangeOrder, types: Mapping[str, ColumnType]) -> str | None:
    """Why the order is none: texts that carry their own offset do not sort as time does."""
    name = order.times[0]
    known = types.get(name)
    if not order.has_offsets or known is None or known.family not in ("text", "unknown"):
        return None
    return f"{name!r} holds times as text, each with its own offset: they do not sort as time does"


def change_page(
    order: ChangeOrder, cursor: ChangeCursor, *, rows: Sequence[Row], limit: int, now: datetime
) -> ChangePage:
    """The page of what was fetched: one row more than `limit` says that there are more."""
    taken = rows[:limit]
    records = changed_rows(order.mapping, order.field, taken, now)
    steps = order.steps(is_unset=cursor.is_unset)
    place = encode_cursor(steps, taken[-1]) if taken else cursor.place
    behind = ChangeCursor(cursor.since, place, latest(records, cursor.seen), cursor.is_unset)
    return ChangePage(records, behind, is_last=len(rows) <= limit)


def _with_time(columns: Columns, order: ChangeOrder) -> ColumnElement[bool]:
    return sa.and_(*(columns.by_name[name].is_not(None) for name in order.times))


def _without_time(columns: Columns, order: ChangeOrder) -> ColumnElement[bool]:
    return sa.or_(*(columns.by_name[name].is_(None) for name in order.times))


def _since(columns: Columns, order: ChangeOrder, since: datetime) -> ColumnElement[bool]:
    """The instant in native form, through the field's own codec."""
    field = order.field
    assert field.encode is not None  # every instant of native columns encodes
    (row,) = field.encode([asked_since(order.spec, field, since)]).rows
    return clause_of(columns, Compare(field.columns, "gte", row, field.moment))


def _beyond(columns: Columns, steps: Sequence[Step], values: Sequence[Any]) -> ColumnElement[bool]:
    """(a, b) > (x, y): one comparison, which both databases find in an index on (a, b)."""
    names = [step.column for step in steps]
    given = [bound(columns, name, value) for name, value in zip(names, values, strict=True)]
    if len(names) == 1:
        return columns.by_name[names[0]] > given[0]
    beyond: ColumnElement[bool] = sa.tuple_(*(columns.by_name[name] for name in names)) > sa.tuple_(
        *given
    )
    return beyond
