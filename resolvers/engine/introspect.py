"""`__schema` and `__type` are answered by graphql-core, one root field at a time."""

from __future__ import annotations

from collections.abc import Mapping
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


def introspection_column(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    *,
    inputs: Mapping[str, Any],
    run: Run,
    field: FieldPlan,
) -> list[Any]:
    """The completed value of one introspection field, as a column of one row.

    Its errors join the run's; graphql-core has located them already.
    """
    selection_set = SelectionSetNode(selections=tuple(field.nodes))
    alone = OperationDefinitionNode(
        operation=operation.operation,
        name=operation.name,
        variable_definitions=operation.variable_definitions,
        directives=(),
        selection_set=selection_set,
    )
    document = DocumentNode(definitions=(alone, *fragments.values()))
    result = execute_sync(schema, document, variable_values=dict(inputs))
    assert isinstance(result, ExecutionResult)
    errors = result.errors or []
    if result.data is None:
        return [errors[0]]
    run.errors.extend(errors)
    return [result.data[field.key]]
