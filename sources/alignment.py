"""Rows brought back to what was asked: one answer per key or value, errors at their own place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from hub.model.errors import OpsHubError, SourceInvalid, UnmappedValue
from hub.model.record import Field, Record
from hub.model.values import Ref
from hub.reads.port import FieldValue
from sources.fields import Encoded, FieldMapping, Malformed
from sources.mapping import EntityMapping
from sources.numbers import text_of
from sources.paths import Row

Outcome = Record | OpsHubError


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A native row and what it became."""

    row: Row
    outcome: Outcome


def read_rows(mapping: EntityMapping, rows: Sequence[Row], fetched_at: datetime) -> list[ReadRow]:
    return [ReadRow(row, mapping.record(row, fetched_at)) for row in rows]


def align_by_key(
    mapping: EntityMapping, keys: Sequence[str], read: Sequence[ReadRow]
) -> list[Record | OpsHubError | None]:
    """One answer per key. Two different records under one key are invalid, not a choice."""
    found: dict[str, Outcome] = {}
    unnamed: OpsHubError | None = None
    for each in read:
        key = each.outcome.ref.key if isinstance(each.outcome, Record) else None
        key = key if key is not None else mapping.identify(each.row)
        if key is None:
            unnamed = each.outcome if isinstance(each.outcome, OpsHubError) else unnamed
        elif key in found and found[key] != each.outcome:
            found[key] = SourceInvalid(
                mapping.system, f"{mapping.noun}: several different records have the same key"
            )
        else:
            found[key] = each.outcome
    # A record whose key cannot be read may be any of those not found.
    return [found.get(key, unnamed) for key in keys]


def group_by_field(
    mapping: EntityMapping, field: FieldMapping, values: Sequence[FieldValue],
    read: Sequence[ReadRow],
) -> list[list[Outcome]]:  # fmt: skip
    """The outcomes whose field has each value. Rows of nobody who asked are dropped."""
    groups: dict[FieldValue, list[Outcome]] = {value: [] for value in values}
    for each in read:
        value = _value_of(field, each)
        if value in groups:
            groups[value].append(each.outcome)
        elif value is None and len(groups) == 1 and isinstance(each.outcome, OpsHubError):
            groups[values[0]].append(each.outcome)
    return [groups[value] for value in values]


def _value_of(field: FieldMapping, each: ReadRow) -> FieldValue | None:
    if isinstance(each.outcome, Record):
        return asked_form(getattr(each.outcome, field.field.name))
    try:
        return asked_form(field.read(each.row, each.row))
    except (Malformed, UnmappedValue):
        return None


def asked_form(value: Any) -> FieldValue | None:
    """A canonical value as `by_field` names it: a Ref, or the canonical text."""
    if value is None or isinstance(value, Ref | str):
        return value
    if isinstance(value, Enum):
        return str(value.value)
    return text_of(value) if isinstance(value, int | Decimal) else str(value)


def encode_asked(field: FieldMapping, values: Sequence[FieldValue]) -> Encoded:
    """The native rows of values as `by_field` names them; those that cannot exist are left out."""
    assert field.encode is not None  # `asked_by` lists only fields that encode
    parsed = (_parsed(field.field, value) for value in values)
    return field.encode([value for value in parsed if value is not None])


def _parsed(field: Field, value: FieldValue) -> Any:
    parse = _PARSERS.get(field.kind)
    if isinstance(value, Ref) != (field.kind == "reference"):
        return None
    return value if parse is None else parse(field, str(value))


def _code(field: Field, text: str) -> Enum | None:
    return None if field.codes is None else field.codes.__members__.get(text)


def _number(field: Field, text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


_PARSERS: Mapping[str, Callable[[Field, str], Any]] = {
    "coded": _code, "whole": _number, "decimal": _number,
    "flag": lambda field, text: {"true": True, "false": False}.get(text),
}  # fmt: skip
ASKED_KINDS = frozenset({"reference", "text", *_PARSERS})
"""The kinds of fields that can be asked for by one exact value."""
