"""The time of change of an entity: the instant field its `changes` are ordered by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hub.config.changes_meaning import change_instant
from hub.config.specs import EntitySpec
from hub.config.vocabulary import OFFSET_ZONE
from hub.model.catalog import NOUNS
from hub.model.errors import SourceCannot, UnmappedValue
from hub.model.record import fields_of
from sources.alignment import ReadRow, read_rows
from sources.fields import FieldMapping, Malformed
from sources.mapping import EntityMapping
from sources.paths import Row
from sources.port import ChangedRow

REPEATED_MAX = timedelta(hours=2)  # what a clock is put back by at most; everywhere but one hour


def change_field(spec: EntitySpec, mapping: EntityMapping) -> FieldMapping:
    """The compiled instant; SourceCannot where the entity declares no changes."""
    name = None
    if spec.changes is not None:
        name = change_instant(spec.changes, spec.fields, fields_of(NOUNS[spec.noun]))
    if name is None:
        raise SourceCannot(mapping.system, f"{spec.noun}: it declares no changes")
    return mapping.fields[name]


def asked_since(spec: EntitySpec, field: FieldMapping, since: datetime) -> datetime:
    """From when to ask: earlier by the hour that a local clock repeats in autumn.

    What is written in that hour bears times that were before; none of it may be passed over.
    """
    zone = spec.fields[field.field.name].zone
    if zone is None or zone == OFFSET_ZONE:
        return since
    before, after = (
        each.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
        for each in (since, since + REPEATED_MAX)
    )
    return since - max(timedelta(), before - after)


def changed_rows(
    mapping: EntityMapping, field: FieldMapping, rows: Sequence[Row], now: datetime
) -> list[ChangedRow]:
    """The rows as records, each with its key and its time of change."""
    return [
        ChangedRow(_key(mapping, each), each.outcome, _changed_at(field, each.row))
        for each in read_rows(mapping, rows, now)
    ]


def latest(rows: Sequence[ChangedRow], seen: datetime | None) -> datetime | None:
    """The latest time of change of the rows and of what was seen before."""
    known = [each.at for each in rows if each.at is not None]
    return max([*known, *([seen] if seen is not None else [])], default=None)


def _key(mapping: EntityMapping, each: ReadRow) -> str | None:
    return mapping.identify(each.row)


def _changed_at(field: FieldMapping, row: Row) -> datetime | None:
    try:
        at = field.read(row, row)
    except (Malformed, UnmappedValue):
        return None
    return at if isinstance(at, datetime) else None
