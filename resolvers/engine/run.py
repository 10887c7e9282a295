"""What one execution of an operation carries along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLError, located_error
from graphql.execution.values import VariableValues

from resolvers.engine.arguments import ArgumentCoercion
from resolvers.engine.dispatch import Kinds
from resolvers.engine.paths import Path
from resolvers.engine.tree import FieldPlan

KindsOf = Callable[[str], Kinds]
Introspect = Callable[["Run", FieldPlan], list[Any]]


class Run:
    """Variables, context, errors so far, and the arguments coerced so far (once per field)."""

    __slots__ = (
        "_arguments",
        "_coercion",
        "context",
        "errors",
        "event",
        "introspect",
        "kinds_of",
        "variables",
    )

    def __init__(
        self,
        coercion: ArgumentCoercion,
        kinds_of: KindsOf,
        *,
        variables: VariableValues,
        context: Any,
        introspect: Introspect | None = None,
        event: Any = None,
    ) -> None:
        self._coercion = coercion
        self.kinds_of = kinds_of
        self.variables = variables
        self.context = context
        self.introspect = introspect
        self.event = event
        self.errors: list[GraphQLError] = []
        self._arguments: dict[int, dict[str, Any] | Exception] = {}

    def meta_column(self, field: FieldPlan) -> list[Any]:
        """`__schema` or `__type` of the one root object, completed."""
        assert self.introspect is not None
        return self.introspect(self, field)

    def arguments(self, field: FieldPlan) -> dict[str, Any]:
        """The keyword arguments of the field's function; raises what coercing them raised."""
        if field.constants is not None:
            return field.constants
        found = self._arguments.get(field.slot)
        if found is None:
            try:
                found = self._coercion.values_of(field, self.variables)
            except Exception as error:
                found = error
            self._arguments[field.slot] = found
        if isinstance(found, Exception):
            raise found
        return found

    def arguments_or_none(self, field: FieldPlan) -> dict[str, Any] | None:
        """For generated code: None makes the call fail, and the careful path names the error."""
        try:
            return self.arguments(field)
        except Exception:
            return None


def locate(error: Exception, field: FieldPlan, path: Path) -> GraphQLError:
    """The error with its place in document and answer; a located one stays as it is."""
    return located_error(error, field.nodes, path)
