"""The engine: plans documents and executes their operations breadth-first."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import strawberry
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_variable_values,
    is_abstract_type,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import VariableValues
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from resolvers.engine.arguments import ArgumentCoercion
from resolvers.engine.checks import check_schema
from resolvers.engine.collect import Collector
from resolvers.engine.columns import resolve
from resolvers.engine.compile import compile_operation
from resolvers.engine.dispatch import Kinds
from resolvers.engine.introspect import introspection_column
from resolvers.engine.paths import Place
from resolvers.engine.plan_cache import PLANS_MAX, Plan, PlanCache
from resolvers.engine.run import Run
from resolvers.engine.tree import CompiledOperation

VARIABLE_ERRORS_MAX = 50
"""Errors named in the variables of one request before coercion stops."""
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
_NO_VARIABLES = VariableValues({}, {})


class Engine:
    """Executes operations over one schema. Raises SchemaRefused for what it would not run."""

    def __init__(self, schema: strawberry.Schema, *, plans_max: int = PLANS_MAX) -> None:
        check_schema(schema)
        self.graphql_schema: GraphQLSchema = schema._schema
        self._coercion = ArgumentCoercion(schema)
        self._plans = PlanCache(plans_max=plans_max)
        self._kinds = {
            name: Kinds(list(self.graphql_schema.get_possible_types(type_)))
            for name, type_ in self.graphql_schema.type_map.items()
            if is_abstract_type(type_)
        }

    def plan(self, source: str) -> Plan | list[GraphQLError]:
        """The parsed and validated document, or the errors that refuse it; either is cached."""
        return self._plans.plan(source, self._prepare)

    async def execute(
        self,
        source: str,
        *,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
        context: Any = None,
    ) -> ExecutionResult:
        """Data (a tree of dicts and lists, ready for JSON) and errors; data None where refused.

        Field errors keep what was raised as `original_error`. Cancellation propagates.
        """
        inputs = variables or {}
        request = self._request(source, inputs, operation_name)
        if isinstance(request, list):
            return ExecutionResult(None, request)
        plan, operation, coerced = request
        if operation.operation is OperationType.SUBSCRIPTION:
            return ExecutionResult(
                None, [GraphQLError("A subscription needs a stream.", operation)]
            )
        return await self._run(plan, operation, coerced, inputs=inputs, context=context, event=None)

    async def execute_event(
        self,
        source: str,
        event: Any,
        *,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
        context: Any = None,
    ) -> ExecutionResult:
        """A subscription's selection set for one event: `event` is the value of its root field."""
        inputs = variables or {}
        request = self._request(source, inputs, operation_name)
        if isinstance(request, list):
            return ExecutionResult(None, request)
        plan, operation, coerced = request
        return await self._run(
            plan, operation, coerced, inputs=inputs, context=context, event=event
        )

    def compiled(
        self, plan: Plan, operation: OperationDefinitionNode, coerced: VariableValues
    ) -> CompiledOperation:
        """The operation, compiled for these variables; raises GraphQLError where too large."""
        name = operation.name.value if operation.name else None
        steering = tuple(coerced.coerced.get(one, ...) for one in plan.steering)
        found = plan.variants.get((name, steering))
        if found is None:
            collector = Collector(self.graphql_schema, plan.fragments, coerced)
            found = compile_operation(operation, collector, self._coercion)
            plan.variants.put((name, steering), found)
        return found

    def explain_source(
        self,
        source: str,
        *,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
    ) -> str:
        """The Python generated for an operation, for reading; raises the request's first error."""
        request = self._request(source, variables or {}, operation_name)
        if isinstance(request, list):
            raise request[0]
        return self.compiled(*request).source

    def _prepare(self, source: str) -> Plan | list[GraphQLError]:
        try:
            document = parse(source)
        except GraphQLError as error:
            return [error]
        errors = validate(self.graphql_schema, document, _RULES)
        return errors or Plan.of(document)

    def _request(
        self, source: str, inputs: Mapping[str, Any], operation_name: str | None
    ) -> tuple[Plan, OperationDefinitionNode, VariableValues] | list[GraphQLError]:
        plan = self.plan(source)
        if isinstance(plan, list):
            return plan
        operation = plan.operation(operation_name)
        if isinstance(operation, GraphQLError):
            return [operation]
        coerced = self._coerced(operation, inputs)
        return coerced if isinstance(coerced, list) else (plan, operation, coerced)

    def _coerced(
        self, operation: OperationDefinitionNode, inputs: Mapping[str, Any]
    ) -> VariableValues | list[GraphQLError]:
        if not operation.variable_definitions:
            return _NO_VARIABLES
        return get_variable_values(
            self.graphql_schema,
            operation.variable_definitions,
            dict(inputs),
            max_errors=VARIABLE_ERRORS_MAX,
        )

    async def _run(
        self,
        plan: Plan,
        operation: OperationDefinitionNode,
        coerced: VariableValues,
        *,
        inputs: Mapping[str, Any],
        context: Any,
        event: Any,
    ) -> ExecutionResult:
        try:
            compiled = self.compiled(plan, operation, coerced)
        except GraphQLError as error:
            return ExecutionResult(None, [error])
        introspect = partial(
            introspection_column, self.graphql_schema, operation, plan.fragments, inputs=inputs
        )
        run = Run(
            self._coercion,
            self._kinds.__getitem__,
            variables=coerced,
            context=context,
            introspect=lambda run, field: introspect(run=run, field=field),
            event=event,
        )
        data = await _roots(compiled, run)
        return ExecutionResult(data, run.errors or None)


async def _roots(compiled: CompiledOperation, run: Run) -> dict[str, Any] | None:
    """The root selections one after another; null as soon as one of them is nulled."""
    data: dict[str, Any] = {}
    for selection in compiled.roots:
        rows = resolve(selection, [None], Place(None, None), run)
        row = (rows if isinstance(rows, list) else await rows)[0]
        if isinstance(row, GraphQLError):
            run.errors.append(row)
            return None
        data.update(row)
    return data
