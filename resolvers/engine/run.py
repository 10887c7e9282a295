"""What one execution of an operation carries along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError, located_error
from graphql.execution.values import VariableValues

from resolvers.engine.arguments import ArgumentCoercion
from resolvers.engine.dispatch import Kinds
from resolvers.engine.paths import Path
from resolvers.engine.tree import FieldPlan
from resolvers.partial import Partial


@dataclass(slots=True, eq=False)
class Run:
    """Variables, context, errors so far, and the arguments coerced so far (once per field).

    `introspect` answers `__schema` and `__type` as a completed column; `event` is the root value of
    a subscription.
    """

    coercion: ArgumentCoercion
    kinds: dict[str, Kinds]
    variables: VariableValues
    introspect: Callable[[Run, FieldPlan], list[Any]]
    context: Any = None
    event: Any = None
    errors: list[GraphQLError] = field(default_factory=list)
    _arguments: dict[int, dict[str, Any] | Exception] = field(default_factory=dict)

    def arguments(self, field: FieldPlan) -> dict[str, Any]:
        """The keyword arguments of the field's function; raises what coercing them raised."""
        if field.constants is not None:
            return field.constants
        found = self._arguments.get(field.slot)
        if found is None:
            try:
                found = self.coercion.values_of(field, self.variables)
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


def take(run: Run, field: FieldPlan, partial: Partial, path: Path) -> Any:
    """The value that arrived; what is missing of it becomes errors of the field."""
    run.errors.extend(locate(error, field, path) for error in partial.errors)
    return partial.value


def locate(error: Exception, field: FieldPlan, path: Path) -> GraphQLError:
    """The error with its place in document and answer; a located one stays as it is."""
    return located_error(error, field.nodes, path)
