"""`schema.graphql` is the public contract: it is what the code declares, and it explains itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLSchema,
    is_introspection_type,
    is_object_type,
    is_specified_scalar_type,
)

from hub.model.catalog import NOUNS
from hub.reads.relations import RELATIONS
from hub.security.masks import INTERNAL_FIELDS
from resolvers.engine.checks import check_schema
from resolvers.fields import Source, binding_of, representation_of
from resolvers.schema import build_schema, print_schema_text

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "schema.graphql"

# reads that are no row of RELATIONS: a point read of a noun, and the two answers put together
POINT_READS = {f"{noun.upper()}_BY_REF" for noun in NOUNS}
COMPOSED = {"TIMELINE_BY_ORDER", "SEARCH"}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema()._schema


def fields(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLField]]:
    for type_ in schema.type_map.values():
        if not is_introspection_type(type_):
            for name, field in getattr(type_, "fields", {}).items():
                yield f"{type_.name}.{name}", field


def test_the_published_schema_is_what_the_code_declares() -> None:
    assert SCHEMA_FILE.read_text() == print_schema_text()


def test_the_engine_runs_all_of_it() -> None:
    check_schema(build_schema())


def test_every_type_has_a_description(schema: GraphQLSchema) -> None:
    bare = [
        type_.name
        for type_ in schema.type_map.values()
        if not is_introspection_type(type_)
        and not is_specified_scalar_type(type_)
        and not type_.description
    ]
    assert bare == []


def test_every_field_has_a_description(schema: GraphQLSchema) -> None:
    assert [name for name, field in fields(schema) if not field.description] == []


def test_every_argument_has_a_description(schema: GraphQLSchema) -> None:
    bare = [
        f"{name}({argument})"
        for name, field in fields(schema)
        for argument, declared in getattr(field, "args", {}).items()
        if not declared.description
    ]
    assert bare == []


def test_every_noun_has_one_type_with_id_provenance_and_attributes(schema: GraphQLSchema) -> None:
    sourced: Any = schema.type_map["Sourced"]
    types = {
        representation.record: type_.name
        for type_ in schema.get_possible_types(sourced)
        if (representation := representation_of(type_)) is not None
    }
    assert set(types) == set(NOUNS.values())
    assert set(sourced.fields) == {"id", "provenance", "sourceRefs", "attributes"}


def test_every_edge_says_which_relations_it_reads(schema: GraphQLSchema) -> None:
    known = set(RELATIONS) | POINT_READS | COMPOSED
    for name, field in fields(schema):
        binding = binding_of(field)
        if binding is not None:
            assert set(binding.reads) <= known, name
            is_silent = name.endswith((".sections", ".sourceRefs"))
            assert binding.source is not Source.EDGE or bool(binding.reads) != is_silent, name


def test_every_relation_is_read_by_an_edge(schema: GraphQLSchema) -> None:
    bindings = (binding_of(field) for _, field in fields(schema))
    read = {relation for binding in bindings if binding for relation in binding.reads}
    assert set(RELATIONS) - read == set()


def test_every_edge_into_a_system_is_nullable(schema: GraphQLSchema) -> None:
    firm = [
        name
        for name, field in fields(schema)
        if (binding := binding_of(field)) is not None
        and binding.reads
        and str(field.type).endswith("!")
    ]
    assert firm == []


def test_every_root_but_me_is_nullable(schema: GraphQLSchema) -> None:
    query: Any = schema.query_type
    mutation: Any = schema.mutation_type
    roots = {**query.fields, **mutation.fields}
    assert [name for name, field in roots.items() if str(field.type).endswith("!")] == ["me"]


def test_internal_fields_are_guarded_wherever_they_are_shown(schema: GraphQLSchema) -> None:
    """A type that stands for a noun with internal fields shows them only through a guard."""
    unguarded = []
    for name, field in fields(schema):
        owner: Any = schema.type_map[name.partition(".")[0]]
        representation = representation_of(owner) if is_object_type(owner) else None
        if representation is None or binding_of(field) is not None:
            continue
        hidden = INTERNAL_FIELDS.get(getattr(representation.record, "NOUN", ""), frozenset())
        if field.extensions["strawberry-definition"].python_name in hidden:
            unguarded.append(name)
    assert unguarded == []
