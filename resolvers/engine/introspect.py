"""`__schema` and `__type` are answered by graphql-core, one root field at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    execute_sync,
)

from resolvers.engine.run import Run
from resolvers.engine.tree import FieldPlan


@dataclass(frozen=True, slots=True)
class Introspection:
    """The introspection fields of one operation, with the variables as the request gave them."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    inputs: Mapping[str, Any]

    def __call__(self, run: Run, field: FieldPlan) -> list[Any]:
        """The completed value, as a column of one row; its errors join the run's."""
        document = DocumentNode(definitions=(self._alone(field), *self.fragments.values()))
        result = execute_sync(self.schema, document, variable_values=dict(self.inputs))
        assert isinstance(result, ExecutionResult)
        errors = result.errors or []
        if result.data is None:
            return [errors[0]]
        run.errors.extend(errors)
        return [result.data[field.key]]

    def _alone(self, field: FieldPlan) -> OperationDefinitionNode:
        """The operation with this root field only."""
        return OperationDefinitionNode(
            operation=self.operation.operation,
            name=self.operation.name,
            variable_definitions=self.operation.variable_definitions,
            directives=(),
            selection_set=SelectionSetNode(selections=tuple(field.nodes)),
        )
