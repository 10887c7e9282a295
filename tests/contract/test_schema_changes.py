"""A change of the schema is named for what it does to clients."""

from pathlib import Path

import pytest
from graphql import GraphQLSyntaxError

from resolvers.schema_check import (
    BrokenDocument,
    SchemaChange,
    broken_documents,
    removed_coordinates,
    schema_changes,
)

OLD = """
type Query { order(id: ID, first: Int = 10): Order }
type Order { number: String! status: Status }
enum Status { OPEN CLOSED }
"""


def test_the_same_schema_changes_nothing() -> None:
    published = (Path(__file__).resolve().parents[2] / "schema.graphql").read_text()
    assert schema_changes(published, published) == []


def test_an_addition_is_no_change_for_clients() -> None:
    assert schema_changes(OLD, OLD.replace("status: Status", "status: Status total: String")) == []


@pytest.mark.parametrize(
    ("before", "after", "kind", "says"),
    [
        ("number: String! ", "", "FIELD_REMOVED", "Order.number"),
        ("number: String!", "number: String", "FIELD_CHANGED_KIND", "Order.number"),
        ("OPEN CLOSED", "OPEN", "VALUE_REMOVED_FROM_ENUM", "CLOSED"),
        ("id: ID,", "id: ID!,", "ARG_CHANGED_KIND", "id"),
    ],
)
def test_what_fails_a_client_is_breaking(before: str, after: str, kind: str, says: str) -> None:
    (change,) = schema_changes(OLD, OLD.replace(before, after))
    assert (change.severity, change.kind) == ("breaking", kind)
    assert says in change.description


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("OPEN CLOSED", "OPEN CLOSED HELD", "VALUE_ADDED_TO_ENUM"),
        ("first: Int = 10", "first: Int = 20", "ARG_DEFAULT_VALUE_CHANGE"),
    ],
)
def test_what_may_surprise_a_client_is_dangerous(before: str, after: str, kind: str) -> None:
    (change,) = schema_changes(OLD, OLD.replace(before, after))
    assert (change.severity, change.kind) == ("dangerous", kind)


def test_breaking_changes_come_first() -> None:
    changes = schema_changes(OLD, OLD.replace("= 10", "= 20").replace("number: String! ", ""))
    assert [type(change) for change in changes] == [SchemaChange, SchemaChange]
    assert [change.severity for change in changes] == ["breaking", "dangerous"]


def test_a_text_that_is_no_schema_is_refused() -> None:
    with pytest.raises(GraphQLSyntaxError):
        schema_changes(OLD, "type Query {")


def test_a_document_that_no_longer_fits_is_named_with_what_it_runs_into() -> None:
    documents = {"a": "{ order { number } }", "b": "{ order { status } }", "c": "{ order { x } }"}
    assert broken_documents(OLD, OLD.replace("number: String! ", ""), documents) == [
        BrokenDocument("a", ("Cannot query field 'number' on type 'Order'.",))
    ]


def test_what_was_wrong_before_is_no_new_break() -> None:
    documents = {
        "x": "{ order(id: 1) { x } }",
        "y": "{ order {",
        "z": "{ order(id: 1) { number } }",
    }
    assert broken_documents(OLD, OLD.replace("id: ID,", "id: ID!,"), documents) == []
    documents = {"z": "{ order { number } }"}
    (broken,) = broken_documents(OLD, OLD.replace("id: ID,", "id: ID!,"), documents)
    assert broken.errors == (
        "Argument 'Query.order(id:)' of type 'ID!' is required, but it was not provided.",
    )


def test_removed_coordinates_are_fields_arguments_and_values() -> None:
    new = OLD.replace("number: String! ", "").replace("CLOSED", "").replace(", first: Int = 10", "")
    assert removed_coordinates(OLD, new) == {"Order.number", "Status.CLOSED", "Query.order(first:)"}
