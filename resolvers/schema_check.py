"""What a change of the public schema does to clients that were written against the old one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from graphql import GraphQLError, GraphQLSchema, build_schema, parse, validate
from graphql.utilities import find_breaking_changes, find_dangerous_changes

from resolvers.usage_deprecations import coordinates_of_schema

ERRORS_TOLD_MAX = 3  # errors of one document

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


@dataclass(frozen=True, slots=True)
class BrokenDocument:
    """A document that a change breaks; `errors` are the first new ones."""

    document: str
    errors: tuple[str, ...]


def broken_documents(
    old_sdl: str, new_sdl: str, documents: Mapping[str, str]
) -> list[BrokenDocument]:
    """Those of the documents (texts by name) that run into new errors, in their order.

    What was already wrong under the old schema is not the change's doing.
    """
    old, new = build_schema(old_sdl), build_schema(new_sdl)
    return [
        BrokenDocument(document, errors)
        for document, text in documents.items()
        if (errors := tuple(_new_errors(old, new, text))[:ERRORS_TOLD_MAX])
    ]


def invalid_documents(sdl: str, documents: Mapping[str, str]) -> list[BrokenDocument]:
    """Those of the documents (texts by name) that the schema refuses, in their order."""
    schema = build_schema(sdl)
    return [
        BrokenDocument(document, errors)
        for document, text in documents.items()
        if (errors := tuple(_errors(schema, text))[:ERRORS_TOLD_MAX])
    ]


def removed_coordinates(old_sdl: str, new_sdl: str) -> frozenset[str]:
    """Fields, arguments, input fields and enum values that the new schema does not have."""
    old, new = build_schema(old_sdl), build_schema(new_sdl)
    return coordinates_of_schema(old) - coordinates_of_schema(new)


def _new_errors(old: GraphQLSchema, new: GraphQLSchema, text: str) -> Iterator[str]:
    try:
        document = parse(text)
    except GraphQLError:
        return
    errors = validate(new, document)
    if errors:
        before = {error.message for error in validate(old, document)}
        yield from (error.message for error in errors if error.message not in before)


def _errors(schema: GraphQLSchema, text: str) -> Iterator[str]:
    try:
        yield from (error.message for error in validate(schema, parse(text)))
    except GraphQLError as error:  # the text is no document
        yield error.message
