"""What a change of the public schema does to clients that were written against the old one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graphql import build_schema
from graphql.utilities import find_breaking_changes, find_dangerous_changes

Severity = Literal["breaking", "dangerous"]


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """`kind` is graphql-core's name of it. Breaking: a client fails. Dangerous: it may."""

    severity: Severity
    kind: str
    description: str


def schema_changes(old_sdl: str, new_sdl: str) -> list[SchemaChange]:
    """Breaking changes first, then dangerous ones; additions are neither.

    Raises GraphQLError where a text is no schema.
    """
    old, new = build_schema(old_sdl), build_schema(new_sdl)
    breaking = [
        SchemaChange("breaking", change.type.name, change.description)
        for change in find_breaking_changes(old, new)
    ]
    dangerous = [
        SchemaChange("dangerous", change.type.name, change.description)
        for change in find_dangerous_changes(old, new)
    ]
    return breaking + dangerous
