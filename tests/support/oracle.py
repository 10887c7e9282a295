"""graphql-core itself as the oracle: the same schema, each batch function behind a DataLoader.

The adapter gives every field of a schema a resolver for one parent. The comparison demands equal
data, key order included, and equal errors by (path, message), where the engine may report more
errors under a position that is null already.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    default_type_resolver,
    execute,
    is_abstract_type,
    is_object_type,
    parse,
    specified_rules,
    validate,
)
from strawberry.dataloader import DataLoader
from strawberry.types.arguments import convert_arguments

from resolvers.fields import DEFINITION_KEY, Binding, Source, binding_of

Located = tuple[tuple[str | int, ...], str]


@dataclass
class _PerRequest:
    context: Any
    loaders: dict[Any, DataLoader[Any, Any]] = field(default_factory=dict)


class Oracle:
    """Owns the schema it is given: it replaces the resolvers of its graphql-core types."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._strawberry = schema
        self._schema = schema._schema
        for type_ in self._schema.type_map.values():
            if is_object_type(type_) and DEFINITION_KEY in type_.extensions:
                self._adapt(type_)
            elif is_abstract_type(type_):
                type_.resolve_type = default_type_resolver

    async def execute(
        self,
        source: str,
        *,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
        context: Any = None,
    ) -> ExecutionResult:
        document = parse(source)
        errors = validate(self._schema, document, specified_rules)
        if errors:
            return ExecutionResult(None, errors)
        request = {"variables": variables, "operation_name": operation_name, "context": context}
        return await self.execute_valid(document, **request)

    async def execute_valid(
        self,
        document: DocumentNode,
        *,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
        context: Any = None,
    ) -> ExecutionResult:
        """The answer to a document that was validated before."""
        result = execute(
            self._schema,
            document,
            context_value=_PerRequest(context),
            variable_values=dict(variables or {}),
            operation_name=operation_name,
        )
        return result if isinstance(result, ExecutionResult) else await result

    def _adapt(self, type_: GraphQLObjectType) -> None:
        for graphql_field in type_.fields.values():
            binding = binding_of(graphql_field)
            if binding is None:
                graphql_field.resolve = _attribute(graphql_field)
            elif binding.source is Source.EDGE:
                graphql_field.resolve = self._edge(graphql_field, binding)
            else:
                graphql_field.resolve = self._plain(graphql_field, binding)

    def _arguments(self, graphql_field: GraphQLField, values: dict[str, Any]) -> dict[str, Any]:
        return convert_arguments(
            values,
            graphql_field.extensions[DEFINITION_KEY].arguments,
            scalar_registry=self._strawberry.schema_converter.scalar_registry,
            config=self._strawberry.config,
        )

    def _plain(self, graphql_field: GraphQLField, binding: Binding) -> Callable[..., Any]:
        def resolve(record: Any, info: Any, **values: Any) -> Any:
            arguments = self._arguments(graphql_field, values)
            context = info.context.context
            if binding.source is Source.ROOT:
                return binding.function(context, **arguments)
            given = (record, context) if binding.takes_context else (record,)
            return binding.function(*given, **arguments)

        return resolve

    def _edge(self, graphql_field: GraphQLField, binding: Binding) -> Callable[..., Any]:
        def resolve(record: Any, info: Any, **values: Any) -> Any:
            arguments = self._arguments(graphql_field, values)
            key = (id(graphql_field), repr(arguments))
            loaders = info.context.loaders
            if key not in loaders:
                loaders[key] = _loader(binding, info.context.context, arguments)
            answer = loaders[key].load(record)
            answer.add_done_callback(_retrieve)
            return answer

        return resolve


def _retrieve(answer: asyncio.Future[Any]) -> None:
    """Look at the exception: graphql-core drops the fields of an object that is null already."""
    if not answer.cancelled():
        answer.exception()


def _attribute(graphql_field: GraphQLField) -> Callable[..., Any]:
    name = graphql_field.extensions[DEFINITION_KEY].python_name
    return lambda record, _info: getattr(record, name)


def _loader(binding: Binding, context: Any, arguments: dict[str, Any]) -> DataLoader[Any, Any]:
    async def load(parents: list[Any]) -> list[Any]:
        answer = binding.function(parents, context, **arguments)
        found: list[Any] = await answer if hasattr(answer, "__await__") else answer
        return found

    return DataLoader(load_fn=load, cache=False)


def differences(ours: ExecutionResult, theirs: ExecutionResult) -> list[str]:
    """What the engine (`ours`) answers otherwise than graphql-core; empty where equal."""
    if json.dumps(ours.data, default=repr) != json.dumps(theirs.data, default=repr):
        return [f"data: {ours.data!r} against {theirs.data!r}"]
    we, they = _located(ours), _located(theirs)
    missing = [f"missing error: {one}" for one in (they - we).elements()]
    extra = [one for one in (we - they).elements() if not _is_under_null(ours.data, one[0])]
    return [*missing, *(f"extra error: {one}" for one in extra)]


def _located(result: ExecutionResult) -> Counter[Located]:
    errors: list[GraphQLError] = result.errors or []
    return Counter((tuple(error.path or ()), error.message) for error in errors)


def _is_under_null(data: Any, path: tuple[str | int, ...]) -> bool:
    """Whether a position above the path is null; False for a path the answer does not have."""
    for step in path:
        if data is None:
            return True
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return False
    return False
