"""Argument values: graphql-core coerces them, Strawberry makes its input objects of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry
from graphql import (
    GraphQLField,
    GraphQLSchema,
    VariableNode,
    get_argument_values,
    is_leaf_type,
    is_non_null_type,
    visit,
)
from graphql.execution.values import VariableValues
from graphql.language import Visitor
from strawberry.relay import GlobalID
from strawberry.types.arguments import StrawberryArgument, convert_arguments
from strawberry.types.unset import UNSET

from resolvers.engine.tree import FieldPlan
from resolvers.fields import DEFINITION_KEY

NO_ARGUMENTS: dict[str, Any] = {}
_SHARED_CLASSES = (str, int, float, bool, type(None), Decimal, date, datetime, Enum)


@dataclass(frozen=True, slots=True)
class ArgumentCoercion:
    """Turns the argument nodes of a field into the keyword arguments of its function."""

    schema: strawberry.Schema
    _names: dict[tuple[str, str], dict[str, str] | None] = field(default_factory=dict)

    @property
    def graphql_schema(self) -> GraphQLSchema:
        return self.schema._schema

    def values_of(self, field: FieldPlan, variables: VariableValues) -> dict[str, Any]:
        """The keyword arguments; raises GraphQLError, or what an input object's check raises."""
        definition = self.graphql_schema.get_field(field.parent, field.name)
        if definition is None or not definition.args:
            return NO_ARGUMENTS
        values = get_argument_values(definition, field.nodes[0], variables)
        key = (field.parent.name, field.name)
        if key not in self._names:
            self._names[key] = self._leaf_names(definition)
        names = self._names[key]
        if names is not None:
            return {names[name]: value for name, value in values.items()}
        return convert_arguments(
            values,
            definition.extensions[DEFINITION_KEY].arguments,
            scalar_registry=self.schema.schema_converter.scalar_registry,
            config=self.schema.config,
        )

    def _leaf_names(self, definition: GraphQLField) -> dict[str, str] | None:
        """The Python names by GraphQL name; None where a value needs Strawberry's conversion.

        Scalars and enums need none; converting them costs 4 us a call.
        """
        names: dict[str, str] = {}
        for argument in definition.extensions[DEFINITION_KEY].arguments:
            name = self.schema.config.name_converter.from_argument(argument)
            type_ = definition.args[name].type
            bare = type_.of_type if is_non_null_type(type_) else type_
            if argument.is_maybe or _is_global_id(argument) or not is_leaf_type(bare):
                return None
            names[name] = argument.python_name
        return names

    def constants_of(self, field: FieldPlan) -> dict[str, Any] | None:
        """The arguments where they hold for every request: no variable in them, nothing mutable."""
        if _mentions_variables(field):
            return None
        try:
            values = self.values_of(field, VariableValues({}, {}))
        except Exception:  # the same error is raised again, and located, when the field is executed
            return None
        return values if all(_is_shared(value) for value in values.values()) else None


def _is_global_id(argument: StrawberryArgument) -> bool:
    return getattr(argument.type, "of_type", argument.type) is GlobalID


def _is_shared(value: Any) -> bool:
    return value is UNSET or isinstance(value, _SHARED_CLASSES)


class _VariableSearch(Visitor):
    found = False

    def enter_variable(self, _node: VariableNode, *_: object) -> None:
        self.found = True


def _mentions_variables(field: FieldPlan) -> bool:
    search = _VariableSearch()
    for argument in field.nodes[0].arguments or ():
        visit(argument, search)
    return search.found
