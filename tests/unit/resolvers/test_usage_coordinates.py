"""Coordinates by text and by variables, clients by their headers, deprecations by their day."""

from datetime import date
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse

from resolvers.engine import Plan
from resolvers.usage_clients import CLIENT_HEADERS, Client, client_of
from resolvers.usage_coordinates import (
    VALUES_READ_MAX,
    coordinates_given,
    coordinates_of,
    inputs_of,
    without_strings,
)
from resolvers.usage_deprecations import (
    Deprecation,
    coordinates_of_schema,
    deprecation_problems,
    deprecations_of,
)

SCHEMA = build_schema("""
type Query { order(id: ID, where: OrderFilter): Order  node(id: ID!): Node }
interface Node { id: ID! }
type Order implements Node {
  id: ID!
  number: String!
  lines(first: Int, by: Sort): [Line!]
  total: Int @deprecated(reason: "Use net. removal: 2027-03-01")
}
type Line { sku: String  order: Order }
enum Sort { SKU NUMBER OLD @deprecated(reason: "never") }
input OrderFilter {
  number: String
  by: [Sort!]
  any: [OrderFilter!]
  old: Int @deprecated(reason: "removal: 2026-02-30")
}
""")


def used(text: str, name: str | None = None) -> set[str]:
    plan = Plan.of(parse(text))
    operation = plan.operation(name)
    assert isinstance(operation, OperationDefinitionNode)
    return set(coordinates_of(SCHEMA, operation, plan.fragments))


def given(text: str, **variables: Any) -> set[str]:
    operation = Plan.of(parse(text)).operation(None)
    assert isinstance(operation, OperationDefinitionNode)
    return coordinates_given(inputs_of(SCHEMA, operation), variables)


def test_fields_and_arguments_are_named_by_their_type() -> None:
    assert used("{ order(id: 1) { n: number lines(first: 2) { sku } __typename } }") == {
        "Query.order", "Query.order(id:)", "Order.number", "Order.lines", "Order.lines(first:)",
        "Line.sku",
    }  # fmt: skip


def test_fragments_belong_to_those_who_spread_them() -> None:
    text = """
    query A { node(id: 1) { id ... on Order { ...Head } } }
    query B { order { ...Head } }
    fragment Head on Order { number lines { order { ...Deep } } }
    fragment Deep on Order { total }
    fragment Unused on Line { sku }
    """
    deep = {"Order.number", "Order.lines", "Line.order", "Order.total"}
    assert used(text, "A") == {"Query.node", "Query.node(id:)", "Node.id"} | deep
    assert used(text, "B") == {"Query.order"} | deep


def test_written_input_fields_and_enum_values_are_named() -> None:
    text = """query($s: Sort = NUMBER) {
        order(where: { by: [SKU], any: [{ number: "1" }, { any: { old: 1 } }] }) {
            lines(by: $s) { sku } } }"""
    assert used(text) == {
        "Query.order", "Query.order(where:)", "OrderFilter.by", "Sort.SKU", "OrderFilter.any",
        "OrderFilter.number", "OrderFilter.old", "Order.lines", "Order.lines(by:)", "Line.sku",
        "Sort.NUMBER",
    }  # fmt: skip


def test_introspection_is_no_use_of_the_schema() -> None:
    assert used("{ __schema { types { name fields { name } } } order { __typename } }") == {
        "Query.order"
    }


def test_variables_name_input_fields_and_enum_values() -> None:
    text = "query($id: ID, $w: OrderFilter, $s: [Sort!]) { order(id: $id, where: $w) { id } }"
    assert given(text, id="1", w={"any": [{"by": ["SKU", "X"], "x": 1}, None]}, s="OLD") == {
        "OrderFilter.any", "OrderFilter.by", "Sort.SKU", "Sort.OLD",
    }  # fmt: skip
    assert given(text, id="1") == set()
    assert given(text, w="none", s=[1, {"a": 2}]) == set()


def test_no_more_than_so_many_values_are_looked_at() -> None:
    text = "query($s: [Sort!]) { order { lines { sku } } }"
    assert given(text, s=["SKU"] * VALUES_READ_MAX * 10 + ["OLD"]) == {"Sort.SKU"}
    nested: Any = {}
    for _ in range(VALUES_READ_MAX * 2):
        nested = {"any": [nested]}
    assert given("query($w: OrderFilter) { order { id } }", w=nested) == {"OrderFilter.any"}


def test_the_kept_text_holds_no_literal_string() -> None:
    text = (
        '{ order(id: "4711", where: { number: """Ada""" }) { lines(first: 3, by: SKU) { sku } } }'
    )
    kept = without_strings(parse(text))
    assert "4711" not in kept
    assert "Ada" not in kept
    assert used(kept) == used(text)


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ({}, Client("unknown", "unknown")),
        ({"graphql-client-name": "desk"}, Client("desk", "unknown")),
        (
            {"apollographql-client-name": "app-ios", "apollographql-client-version": "1.2.0+7"},
            Client("app-ios", "1.2.0+7"),
        ),
        (
            {"graphql-client-name": "a", "apollographql-client-name": "b"},
            Client("a", "unknown"),
        ),
        ({"graphql-client-name": "x" * 81}, Client("unknown", "unknown")),
        (
            {"graphql-client-name": "a\nb", "graphql-client-version": "ü"},
            Client("unknown", "unknown"),
        ),
        ({"graphql-client-name": "<b>"}, Client("unknown", "unknown")),
    ],
)
def test_clients_are_named_by_their_headers(headers: dict[str, str], client: Client) -> None:
    assert client_of(headers) == client
    assert set(headers) <= set(CLIENT_HEADERS)


def test_a_deprecation_says_its_day() -> None:
    total = Deprecation("Order.total", "Use net. removal: 2027-03-01", date(2027, 3, 1))
    found = deprecations_of(SCHEMA)
    assert found["Order.total"] == total
    assert total.extension == {
        "coordinate": "Order.total",
        "reason": "Use net. removal: 2027-03-01",
        "removalOn": "2027-03-01",
    }
    assert list(found) == ["Order.total", "OrderFilter.old", "Sort.OLD"]


def test_a_deprecation_without_a_day_or_past_it_is_a_problem() -> None:
    found = deprecations_of(SCHEMA)
    undated = [
        f"{name}: deprecated without a day; expected 'removal: YYYY-MM-DD' in its reason"
        for name in ("OrderFilter.old", "Sort.OLD")
    ]
    assert deprecation_problems(found, today=date(2027, 2, 28)) == undated
    assert deprecation_problems(found, today=date(2027, 3, 1)) == [
        "Order.total: should have been removed on 2027-03-01; remove it",
        *undated,
    ]


def test_every_part_of_a_schema_has_a_coordinate() -> None:
    schema: GraphQLSchema = build_schema("type Query { a(b: C): D } input C { e: D } enum D { F }")
    assert coordinates_of_schema(schema) == {"Query.a", "Query.a(b:)", "C.e", "D.F"}
