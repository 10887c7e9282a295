"""Which coordinates of the schema an operation uses: by its text once, by its variables each time.

The text is read with the types known to it, fragments included. Literal strings are blanked in the
text that is kept, because a number or a name in one is a customer's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInputType,
    GraphQLSchema,
    ObjectFieldNode,
    OperationDefinitionNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_input_type,
    print_ast,
    type_from_ast,
    visit,
)

VALUES_READ_MAX = 2_000  # values of one request's variables that are looked at

Inputs = tuple[tuple[str, GraphQLInputType], ...]
"""Variables by name, with their enum or input object type."""


def coordinates_of(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> frozenset[str]:
    """Fields, arguments, and input fields and enum values written in a valid operation."""
    types = TypeInfo(schema)
    collecting = _Collecting(types)
    entered: set[str] = set()
    visit(operation, TypeInfoVisitor(types, collecting))
    while collecting.spread:
        name = collecting.spread.pop()
        if name not in entered and name in fragments:
            entered.add(name)
            visit(fragments[name], TypeInfoVisitor(types, collecting))
    return frozenset(collecting.coordinates)


def inputs_of(schema: GraphQLSchema, operation: OperationDefinitionNode) -> Inputs:
    """The variables whose values can name coordinates; most operations have none."""
    found: list[tuple[str, GraphQLInputType]] = []
    for definition in operation.variable_definitions or ():
        type_ = type_from_ast(schema, definition.type)
        named = get_named_type(type_)
        if is_input_type(type_) and (is_enum_type(named) or is_input_object_type(named)):
            found.append((definition.variable.name.value, type_))
    return tuple(found)


def coordinates_given(inputs: Inputs, variables: Mapping[str, Any]) -> set[str]:
    """Input fields and enum values in the values of variables, of VALUES_READ_MAX at most.

    What the schema does not know is left out: the set is bounded by the schema.
    """
    waiting: list[tuple[GraphQLInputType, Any]] = [
        (type_, variables[name]) for name, type_ in inputs if name in variables
    ]
    found: set[str] = set()
    read = 0
    while waiting and read < VALUES_READ_MAX:
        read += 1
        type_, value = waiting.pop()
        named: Any = get_named_type(type_)
        if isinstance(value, list):
            waiting.extend((named, each) for each in value[: VALUES_READ_MAX - read])
        elif is_enum_type(named) and isinstance(value, str) and value in named.values:
            found.add(f"{named.name}.{value}")
        elif is_input_object_type(named) and isinstance(value, dict):
            for field in value.keys() & named.fields.keys():
                found.add(f"{named.name}.{field}")
                waiting.append((named.fields[field].type, value[field]))
    return found


def without_strings(document: DocumentNode) -> str:
    """The document as text, every literal string blank."""
    return print_ast(visit(document, _Blanking()))


class _Collecting(Visitor):
    """Takes down coordinates, and the fragments that are spread, below one definition."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        self.coordinates: set[str] = set()
        self.spread: list[str] = []

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent = self._types.get_parent_type()
        if parent is not None and not _is_introspection(parent.name, node):
            self.coordinates.update(_of_field(parent.name, node))

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> None:
        parent = get_named_type(self._types.get_parent_input_type())
        if is_input_object_type(parent):
            self.coordinates.add(f"{parent.name}.{node.name.value}")

    def enter_enum_value(self, node: EnumValueNode, *_: Any) -> None:
        type_ = get_named_type(self._types.get_input_type())
        if is_enum_type(type_):
            self.coordinates.add(f"{type_.name}.{node.value}")

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.spread.append(node.name.value)


class _Blanking(Visitor):
    def enter_string_value(self, _node: StringValueNode, *_: Any) -> StringValueNode:
        return StringValueNode(value="", block=False)


def _is_introspection(parent: str, node: FieldNode) -> bool:
    return parent.startswith("__") or node.name.value.startswith("__")


def _of_field(parent: str, node: FieldNode) -> Iterator[str]:
    name = f"{parent}.{node.name.value}"
    yield name
    for argument in node.arguments or ():
        yield f"{name}({argument.name.value}:)"
