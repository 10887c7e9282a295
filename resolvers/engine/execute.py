"""The engine: plans documents and executes their operations breadth-first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
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

from hub.model.errors import IntrospectionDisabled, OpsHubError
from resolvers.engine.arguments import ArgumentCoercion
from resolvers.engine.checks import check_schema
from resolvers.engine.collect import Collector
from resolvers.engine.columns import resolve
from resolvers.engine.compile import compile_operation
from resolvers.engine.dispatch import Kinds
from resolvers.engine.introspect import Introspection
from resolvers.engine.paths import Place
from resolvers.engine.plain_variables import PlainVariables
from resolvers.engine.plan_cache import PLANS_MAX, Plan, PlanCache
from resolvers.engine.run import Run
from resolvers.engine.tree import CompiledOperation, FieldPlan
from resolvers.limits import Limits, check_inputs, check_pages, parse_within
from resolvers.limits_walk import check_document

VARIABLE_ERRORS_MAX = 50
"""Errors named in the variables of one request before coercion stops."""
VALIDATION_ERRORS_MAX = 20
"""Errors named in one document; each costs up to 0.1 ms, and an answer shows ten."""
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
_SUGGESTED = re.compile(r" Did you mean '[^']*'\?\Z")
"""What the rule on leaves says even where suggestions are hidden; its text ends with it."""
_NO_VARIABLES = VariableValues({}, {})


@dataclass(frozen=True, slots=True)
class Request:
    """A request that can be executed: a valid document, an operation of it, coerced variables."""

    plan: Plan
    operation: OperationDefinitionNode
    variables: VariableValues
    inputs: Mapping[str, Any]


class Engine:
    """Executes operations over one schema. Raises SchemaRefused for what it would not run.

    `limits` bound every document and its variables; None only where all documents are known.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        plans_max: int = PLANS_MAX,
        limits: Limits | None = None,
    ) -> None:
        check_schema(schema)
        self._limits = limits
        self.graphql_schema: GraphQLSchema = schema._schema
        self._coercion = ArgumentCoercion(schema)
        self._plans = PlanCache(plans_max=plans_max)
        self._kinds = {
            name: Kinds(list(self.graphql_schema.get_possible_types(type_)))
            for name, type_ in self.graphql_schema.type_map.items()
            if is_abstract_type(type_)
        }

    def knows(self, source: str, *, may_introspect: bool = True) -> bool:
        """Whether `request` parses nothing: its answer is remembered, or its length refuses it."""
        if self._is_too_long(source):
            return True
        return self._plans.has(source, suggests=may_introspect)

    def plan(self, source: str, *, may_introspect: bool = True) -> Plan | list[GraphQLError]:
        """The parsed and validated document, or the errors that refuse it; either is cached.

        Without `may_introspect` errors suggest nothing, and introspection is refused.
        """
        if self._is_too_long(source):
            return self._prepare(source, may_introspect)  # a hash of it costs more than the refusal
        plan = self._plans.plan(source, self._prepare, suggests=may_introspect)
        if isinstance(plan, Plan) and plan.shape and plan.shape.introspects and not may_introspect:
            return [_refusal(IntrospectionDisabled())]
        return plan

    def request(
        self,
        source: str,
        *,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
        may_introspect: bool = True,
    ) -> Request | list[GraphQLError]:
        """What `run` executes, or the errors that refuse it before anything is executed."""
        inputs = variables or {}
        plan = self.plan(source, may_introspect=may_introspect)
        if isinstance(plan, list):
            return plan
        operation = plan.operation(operation_name)
        if isinstance(operation, GraphQLError):
            return [operation]
        coerced = self._coerced(plan, operation, inputs, suggests=may_introspect)
        if isinstance(coerced, list):
            return coerced
        return Request(plan, operation, coerced, inputs)

    async def run(self, request: Request, context: Any) -> ExecutionResult:
        """Execute what `request` has prepared; see `execute`."""
        if request.operation.operation is OperationType.SUBSCRIPTION:
            error = GraphQLError("A subscription needs a stream.", request.operation)
            return ExecutionResult(None, [error])
        return await self._run(request, context, event=None)

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
        request = self.request(source, variables=variables, operation_name=operation_name)
        if isinstance(request, list):
            return ExecutionResult(None, request)
        return await self.run(request, context)

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
        request = self.request(source, variables=variables, operation_name=operation_name)
        if isinstance(request, list):
            return ExecutionResult(None, request)
        return await self._run(request, context, event=event)

    async def opening(self, request: Request, context: Any) -> Any:
        """What the root field of a subscription asks to follow: the answer of its function.

        Raises GraphQLError for arguments that cannot be, and what the function raises.
        """
        field = self.root_field(request)
        assert field.binding is not None
        run = self._new_run(request, context, event=None)
        return await field.binding.function(context, **run.arguments(field))

    def root_field(self, request: Request) -> FieldPlan:
        """The one field of a subscription; GraphQLError where @skip has left none."""
        compiled = self._compiled(request)
        if isinstance(compiled, GraphQLError):
            raise compiled
        fields = compiled.roots[0].fields
        if not fields:
            raise GraphQLError("A subscription needs a field.", request.operation)
        return fields[0]

    async def run_event(self, request: Request, event: Any, context: Any) -> ExecutionResult:
        """The selection set of a prepared subscription for one event, its root field's value."""
        return await self._run(request, context, event=event)

    def generated_source(
        self,
        source: str,
        *,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
    ) -> str:
        """The Python generated for an operation, for reading; raises the request's first error."""
        request = self.request(source, variables=variables, operation_name=operation_name)
        if isinstance(request, list):
            raise request[0]
        compiled = self._compiled(request)
        if isinstance(compiled, GraphQLError):
            raise compiled
        return compiled.source

    def _is_too_long(self, source: str) -> bool:
        return self._limits is not None and len(source) > self._limits.characters

    def _prepare(self, source: str, suggests: bool) -> Plan | list[GraphQLError]:
        shape = None
        try:
            if self._limits is None:
                document = parse(source)
            else:
                document = parse_within(source, self._limits)
                shape = check_document(document, self._limits)
        except GraphQLError as error:
            return [error]
        except OpsHubError as error:
            return [_refusal(error)]
        errors = validate(
            self.graphql_schema,
            document,
            _RULES,
            max_errors=VALIDATION_ERRORS_MAX,
            hide_suggestions=not suggests,
        )
        for mistake in errors:
            mistake.nodes = None  # their tokens hold the whole document, 0.3 MB; places are known
            if not suggests:
                mistake.message = _SUGGESTED.sub("", mistake.message)
        return errors or Plan.of(document, shape)

    def _coerced(
        self,
        plan: Plan,
        operation: OperationDefinitionNode,
        inputs: Mapping[str, Any],
        *,
        suggests: bool,
    ) -> VariableValues | list[GraphQLError]:
        if not operation.variable_definitions:
            return _NO_VARIABLES
        try:
            if self._limits is not None:
                check_inputs(inputs, self._limits)
            values = self._plain(plan, operation, inputs) or get_variable_values(
                self.graphql_schema,
                operation.variable_definitions,
                dict(inputs),
                max_errors=VARIABLE_ERRORS_MAX,
                hide_suggestions=not suggests,
            )
            if self._limits is not None and plan.shape is not None and not isinstance(values, list):
                check_pages(plan.shape, values.coerced, self._limits)
        except OpsHubError as error:
            return [_refusal(error)]
        return values

    def _plain(
        self, plan: Plan, operation: OperationDefinitionNode, inputs: Mapping[str, Any]
    ) -> VariableValues | None:
        key = ("plain", plan.operations.index(operation))
        plain = plan.derived.get(key)
        if plain is None:
            plain = plan.derived[key] = PlainVariables.of(self.graphql_schema, operation)
        found: VariableValues | None = plain.values(inputs)
        return found

    def _compiled(self, request: Request) -> CompiledOperation | GraphQLError:
        """The operation, compiled for these variables, or why it is not; either is cached."""
        plan, operation = request.plan, request.operation
        name = operation.name.value if operation.name else None
        steering = tuple(request.variables.coerced.get(one, ...) for one in plan.steering)
        found = plan.variants.get((name, steering))
        if found is None:
            found = self._compile(request)
            plan.variants.put((name, steering), found)
        return found

    def _compile(self, request: Request) -> CompiledOperation | GraphQLError:
        collector = Collector(self.graphql_schema, request.plan.fragments, request.variables)
        try:
            return compile_operation(request.operation, collector, self._coercion)
        except GraphQLError as error:
            return error

    async def _run(self, request: Request, context: Any, *, event: Any) -> ExecutionResult:
        compiled = self._compiled(request)
        if isinstance(compiled, GraphQLError):
            return ExecutionResult(None, [compiled])
        run = self._new_run(request, context, event=event)
        data = await _roots(compiled, run)
        return ExecutionResult(data, run.errors or None)

    def _new_run(self, request: Request, context: Any, *, event: Any) -> Run:
        introspect = Introspection(
            self.graphql_schema, request.operation, request.plan.fragments, request.inputs
        )
        return Run(
            self._coercion, self._kinds, request.variables, introspect, context=context, event=event
        )


def _refusal(error: OpsHubError) -> GraphQLError:
    # It may be cached: a traceback would keep the whole document.
    return GraphQLError(str(error), original_error=error.with_traceback(None))


async def _roots(compiled: CompiledOperation, run: Run) -> dict[str, Any] | None:
    """The root selections one after another; null as soon as one of them is nulled."""
    data: dict[str, Any] = {}
    for selection in compiled.roots:
        rows = resolve(selection, [None], Place(), run)
        row = (rows if isinstance(rows, list) else await rows)[0]
        if isinstance(row, GraphQLError):
            run.errors.append(row)
            return None
        data.update(row)
    return data
