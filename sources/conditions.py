"""Canonical conditions in native terms: what a filter asks of a source's own columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hub.model.errors import SourceCannot
from hub.model.values import Ref
from hub.reads.port import Condition
from sources.fields import CannotEncode, Encoded, FieldMapping
from sources.mapping import EntityMapping

Comparison = Literal["gt", "gte", "lt", "lte"]
KEY_FIELD = "ref"
"""The pseudo field of a condition on the record itself; its values are Refs."""

_MIRRORED: Mapping[Comparison, Comparison] = {"gt": "lt", "gte": "lte", "lt": "gt", "lte": "gte"}
_COMPARISONS: Mapping[str, tuple[Comparison, ...]] = {
    "gt": ("gt",), "gte": ("gte",), "lt": ("lt",), "lte": ("lte",), "between": ("gte", "lte"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Among:
    """The columns hold one of the rows, or none of them. No row matches nothing."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_complement: bool = False
    moment: str | None = None


@dataclass(frozen=True, slots=True)
class Compare:
    """The columns, read as one value, compare to a row."""

    columns: tuple[str, ...]
    operator: Comparison
    row: tuple[Any, ...]
    moment: str | None = None


@dataclass(frozen=True, slots=True)
class IsNull:
    column: str
    is_null: bool


@dataclass(frozen=True, slots=True)
class Like:
    """The text contains, or starts with, a text taken as it is; contains ignores case."""

    column: str
    text: str
    is_prefix: bool


Predicate = Among | Compare | IsNull | Like


def predicates_of(mapping: EntityMapping, conditions: Sequence[Condition]) -> list[Predicate]:
    """All conditions in native terms, to be joined by AND; SourceCannot names the one it cannot."""
    found: list[Predicate] = []
    for condition in conditions:
        try:
            found.extend(_predicates(mapping, condition))
        except CannotEncode as error:
            raise cannot(mapping, condition.field, str(error)) from error
    return found


def cannot(mapping: EntityMapping, field: str, why: str) -> SourceCannot:
    return SourceCannot(mapping.system, f"{mapping.noun}.{field}: {why}")


def _predicates(mapping: EntityMapping, condition: Condition) -> list[Predicate]:
    if condition.field == KEY_FIELD:
        return [key_predicate(mapping, _wanted(condition), condition.operator)]
    field = mapping.fields.get(condition.field)
    if field is None or field.encode is None:
        known = sorted(name for name, each in mapping.fields.items() if each.encode)
        raise CannotEncode(f"this system cannot filter by it; it can by {', '.join(known)}")
    if condition.operator == "isNull":
        return [IsNull(field.columns[0], bool(condition.value))]
    if condition.operator in ("contains", "startsWith"):
        return [_like(field, condition)]
    if condition.operator in _COMPARISONS:
        return _comparisons(field, condition)
    asked = field.encode(_wanted(condition))
    return [_among(field.columns, asked, condition.operator, field.moment)]


def key_predicate(mapping: EntityMapping, refs: Sequence[Ref], operator: str) -> Among:
    """The records themselves; refs of other systems or nouns match nothing."""
    if operator not in ("eq", "in", "ne", "notIn"):
        raise CannotEncode(f"a record is asked for by eq, ne, in or notIn, not by {operator}")
    mine = [ref.key for ref in refs if (ref.noun, ref.system) == (mapping.noun, mapping.system)]
    rows = [row for row in map(mapping.native_key, mine) if row is not None]
    return Among(mapping.key, tuple(rows), operator in ("ne", "notIn"))


def _wanted(condition: Condition) -> Sequence[Any]:
    return condition.value if condition.operator in ("in", "notIn") else [condition.value]


def _among(columns: tuple[str, ...], asked: Encoded, operator: str, moment: str | None) -> Among:
    is_negated = operator in ("ne", "notIn")
    return Among(columns, asked.rows, asked.is_complement != is_negated, moment)


def _like(field: FieldMapping, condition: Condition) -> Like:
    if not field.is_text:
        raise CannotEncode(f"this system cannot answer {condition.operator} on it")
    return Like(field.columns[0], str(condition.value), condition.operator == "startsWith")


def _comparisons(field: FieldMapping, condition: Condition) -> list[Predicate]:
    if not field.is_ordered or field.encode is None:
        raise CannotEncode("its native form has no order; it can be asked by eq, ne, in, notIn")
    operators = _COMPARISONS[condition.operator]
    values = condition.value if condition.operator == "between" else [condition.value]
    rows = field.encode(values).rows
    return [
        Compare(field.columns, _MIRRORED[op] if field.is_reversed else op, row, field.moment)
        for op, row in zip(operators, rows, strict=True)
    ]
