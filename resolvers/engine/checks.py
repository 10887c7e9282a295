"""What the engine would not run is refused when the schema is built, not ignored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import strawberry
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    is_abstract_type,
    is_object_type,
)

from resolvers.engine.dispatch import Kinds, check_kinds
from resolvers.fields import DEFINITION_KEY, Source, binding_of, representation_of


class SchemaRefused(Exception):
    """The schema declares something this engine does not execute; the message lists all of it."""


def check_schema(schema: strawberry.Schema) -> None:
    problems = [*_schema_problems(schema), *_type_problems(schema._schema)]
    if problems:
        raise SchemaRefused("\n".join(problems))


def _schema_problems(schema: strawberry.Schema) -> Iterator[str]:
    for name in ("extensions", "directives", "exception_handlers"):
        if getattr(schema, name):
            yield f"Schema({name}=...): does not run here"
    if schema.config.default_resolver is not getattr:
        yield "StrawberryConfig(default_resolver=...): does not run here"


def _type_problems(schema: GraphQLSchema) -> Iterator[str]:
    for type_ in schema.type_map.values():
        if is_object_type(type_) and DEFINITION_KEY in type_.extensions:
            yield from _object_problems(schema, type_)
        elif is_abstract_type(type_):
            possible = list(schema.get_possible_types(type_))
            for one in possible:
                if representation_of(one) is None:
                    yield f"{one.name}, a possible {type_.name}: needs @represents(Record)"
            yield from check_kinds(schema, type_.name, Kinds(possible))


def _object_problems(schema: GraphQLSchema, type_: GraphQLObjectType) -> Iterator[str]:
    if type_ is schema.subscription_type:  # its fields are streams, opened elsewhere
        return
    is_root = type_ in (schema.query_type, schema.mutation_type)
    definition = type_.extensions[DEFINITION_KEY]
    if definition.is_type_of is not None and representation_of(type_) is None:
        yield f"{type_.name}: is_type_of does not run here; use @represents(Record)"
    for name, field in type_.fields.items():
        for problem in _field_problems(field, is_root=is_root):
            yield f"{type_.name}.{name}: {problem}"


def _field_problems(field: GraphQLField, *, is_root: bool) -> Iterator[str]:
    declared: Any = field.extensions.get(DEFINITION_KEY)
    binding = binding_of(field)
    if declared is None:
        yield "not declared through Strawberry"
        return
    if declared.permission_classes:
        yield "permission_classes do not run here; readers check the scope"
    elif declared.extensions:
        yield "field extensions do not run here"
    if binding is None and declared.base_resolver is not None:
        yield "a resolver per parent does not run here; use edge, root or computed"
    if is_root and (binding is None or binding.source is not Source.ROOT):
        yield "a root field needs root() or mutation()"
    if not is_root and binding is not None and binding.source is Source.ROOT:
        yield "root() and mutation() belong on Query and Mutation"
