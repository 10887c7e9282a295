"""Deprecations of a schema: what goes away, why, and on which day.

The reason carries the day: `@deprecated(reason: "Use total. removal: 2027-03-01")`. A deprecation
without a day, or one whose day has come, is a problem that `opshub schema check` reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from graphql import (
    GraphQLSchema,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_introspection_type,
    is_object_type,
)

_REMOVAL = re.compile(r"\bremoval: (\d{4}-\d{2}-\d{2})\b")


@dataclass(frozen=True, slots=True)
class Deprecation:
    """One coordinate of the schema that will go; `removal_on` is None where no day is named."""

    coordinate: str
    reason: str
    removal_on: date | None

    @property
    def extension(self) -> dict[str, str | None]:
        """As the answer of a request that uses it says it."""
        removal_on = None if self.removal_on is None else self.removal_on.isoformat()
        return {"coordinate": self.coordinate, "reason": self.reason, "removalOn": removal_on}


def deprecations_of(schema: GraphQLSchema) -> dict[str, Deprecation]:
    """Every deprecated field, argument, input field and enum value, by its coordinate, sorted."""
    return {
        coordinate: Deprecation(coordinate, reason, removal_day(reason))
        for coordinate, reason in sorted(_reasons(schema))
        if reason is not None
    }


def coordinates_of_schema(schema: GraphQLSchema) -> frozenset[str]:
    """Every field, argument, input field and enum value: `Order.lines`, `Query.order(id:)`,
    `PartyInput.name`, `Status.OPEN`."""
    return frozenset(coordinate for coordinate, _ in _reasons(schema))


def removal_day(reason: str) -> date | None:
    """The day a reason names; None where it names none, or no day of the calendar."""
    found = _REMOVAL.search(reason)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def deprecation_problems(deprecations: Mapping[str, Deprecation], *, today: date) -> list[str]:
    """What is wrong with them: no day, or a day that has come while the thing is still there."""
    return [problem for one in deprecations.values() for problem in _problems(one, today)]


def as_extensions(used: Sequence[Deprecation]) -> list[dict[str, str | None]]:
    return [one.extension for one in used]


def _problems(one: Deprecation, today: date) -> Iterator[str]:
    if one.removal_on is None:
        yield (
            f"{one.coordinate}: deprecated without a day; "
            "expected 'removal: YYYY-MM-DD' in its reason"
        )
    elif one.removal_on <= today:
        yield f"{one.coordinate}: should have been removed on {one.removal_on}; remove it"


def _reasons(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Every coordinate with the reason of its deprecation, None where it stays."""
    for type_ in schema.type_map.values():
        if is_introspection_type(type_):
            continue
        if is_object_type(type_) or is_interface_type(type_):
            for name, field in type_.fields.items():
                yield f"{type_.name}.{name}", field.deprecation_reason
                for argument, declared in field.args.items():
                    yield f"{type_.name}.{name}({argument}:)", declared.deprecation_reason
        elif is_input_object_type(type_):
            for name, given in type_.fields.items():
                yield f"{type_.name}.{name}", given.deprecation_reason
        elif is_enum_type(type_):
            for name, value in type_.values.items():
                yield f"{type_.name}.{name}", value.deprecation_reason
