"""What a list request can filter and sort by: its own placeholders, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from hub.config.connection_specs import Request
from hub.config.vocabulary import PAGE_WORDS
from hub.model.errors import SourceCannot
from hub.reads.port import Condition, Operator, Sort
from sources.conditions import cannot
from sources.fields import CannotEncode
from sources.mapping import EntityMapping
from sources.numbers import text_of
from sources.rest_templates import Template

_PAIRS: Mapping[str, Sequence[Operator]] = {"between": ("gte", "lte")}


class NoMatch(Exception):
    """The condition can match no record, so nothing need be asked."""


def filterable(template: Template) -> frozenset[str]:
    """The fields a list request has a placeholder for."""
    places = template.single | template.csv
    return frozenset(name.partition(".")[0] for name in places if name not in PAGE_WORDS)


def searchable(template: Template) -> frozenset[str]:
    return frozenset(
        name.removesuffix(".contains") for name in template.single if name.endswith(".contains")
    )


def list_values(
    mapping: EntityMapping, template: Template, conditions: Sequence[Condition]
) -> dict[str, list[str]]:
    """The values of the placeholders; SourceCannot names a condition the request has none for."""
    values: dict[str, list[str]] = {}
    for condition in conditions:
        for name, texts in _values_of(mapping, template, condition):
            if name in values:
                raise cannot(mapping, condition.field, "this system filters by it once")
            values[name] = texts
    return values


def _values_of(
    mapping: EntityMapping, template: Template, condition: Condition
) -> list[tuple[str, list[str]]]:
    operators = _PAIRS.get(condition.operator, (condition.operator,))
    given = condition.value if condition.operator == "between" else [condition.value]
    return [
        _value_of(mapping, template, Condition(condition.field, operator, value))
        for operator, value in zip(operators, given, strict=True)
    ]


def _value_of(
    mapping: EntityMapping, template: Template, condition: Condition
) -> tuple[str, list[str]]:
    is_several = condition.operator in ("in", "notIn")
    wanted = condition.value if is_several else [condition.value]
    texts = _native_texts(mapping, condition, wanted)
    if not texts:
        raise NoMatch
    for name in _names(condition):
        if name in template.csv or (name in template.single and len(texts) == 1):
            return name, texts
    known = ", ".join(sorted((template.single | template.csv) - PAGE_WORDS)) or "nothing"
    raise cannot(
        mapping, condition.field,
        f"this system cannot filter by {condition.operator} with {len(texts)} native values; "
        f"its list filters by {known}",
    )  # fmt: skip


def _names(condition: Condition) -> tuple[str, ...]:
    """The placeholders that would do: `status` and `status.eq` are one, `in` may use them too."""
    dotted = f"{condition.field}.{condition.operator}"
    if condition.operator in ("eq", "in"):
        return dotted, condition.field, f"{condition.field}.in"
    if condition.operator in ("ne", "notIn"):
        return dotted, f"{condition.field}.notIn"
    return (dotted,)


def _native_texts(mapping: EntityMapping, condition: Condition, wanted: Sequence[Any]) -> list[str]:
    field = mapping.fields.get(condition.field)
    if field is None:
        raise cannot(mapping, condition.field, "this system does not have it")
    if condition.operator in ("contains", "startsWith"):
        return [str(wanted[0])]
    if condition.operator == "isNull":
        return ["true" if wanted[0] else "false"]
    is_split = field.field.kind == "reference" and len(field.columns) > 1
    if field.encode is None or is_split:
        raise cannot(mapping, condition.field, "this system cannot filter by it")
    try:
        encoded = field.encode(wanted)
    except CannotEncode as error:
        raise cannot(mapping, condition.field, str(error)) from error
    if encoded.is_complement:
        raise cannot(mapping, condition.field, "this value stands for all codes not mapped")
    return [" ".join(native_text(part) for part in row) for row in encoded.rows]


def native_text(value: Any) -> str:
    """A native value as a request carries it; instants in ISO 8601 with their offset."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat()
    return value.isoformat() if isinstance(value, date) else text_of(value)


def sort_word(mapping: EntityMapping, request: Request, sort: Sequence[Sort]) -> list[str]:
    """The native word of an order, none where none is asked; SourceCannot for an unknown one."""
    if not sort:
        return []
    asked = ",".join(f"{'-' if each.is_descending else ''}{each.field}" for each in sort)
    words: Mapping[str, str] = request.sort or {}
    if asked not in words:
        known = ", ".join(words) or "nothing"
        raise SourceCannot(
            mapping.system, f"{mapping.noun}: it cannot sort by {asked}; it can by {known}"
        )
    return [words[asked]]
