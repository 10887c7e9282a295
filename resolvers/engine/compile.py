"""From a validated document to a `CompiledOperation`, for one set of steering variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from graphql import (
    FieldNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    is_abstract_type,
    is_object_type,
)

from resolvers.engine.arguments import ArgumentCoercion
from resolvers.engine.codegen import generate_rows
from resolvers.engine.collect import Collector, Grouped
from resolvers.engine.tree import META_FIELDS, TYPENAME, CompiledOperation, FieldPlan, Selection
from resolvers.fields import DEFINITION_KEY, Binding, Source, binding_of

PLANNED_FIELDS_MAX = 2_500
"""Fields of one operation after its fragments are expanded, once per possible type; 0.05-0.1 ms
each to compile. More is refused."""

_EVENT = Binding(Source.EVENT, lambda: None)


@dataclass(slots=True)
class _Compilation:
    schema: GraphQLSchema
    collector: Collector
    coercion: ArgumentCoercion
    selections: list[Selection] = field(default_factory=list)
    planned: int = 0

    def selection(self, object_type: GraphQLObjectType, grouped: Grouped) -> Selection:
        fields = [self.field(object_type, key, nodes) for key, nodes in grouped.items()]
        selection = Selection(len(self.selections), object_type, fields)
        self.selections.append(selection)
        return selection

    def field(self, parent: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> FieldPlan:
        self.planned += 1
        if self.planned > PLANNED_FIELDS_MAX:
            raise GraphQLError(
                f"The operation selects more than {PLANNED_FIELDS_MAX} fields"
                " once its fragments are expanded; ask for less at once."
            )
        name = nodes[0].name.value
        definition = self.schema.get_field(parent, name)
        if definition is None:  # validation has refused it before
            raise GraphQLError(f"Cannot query field '{name}' on type '{parent}'.", nodes)
        strawberry_field = definition.extensions.get(DEFINITION_KEY)
        plan = FieldPlan(
            slot=self.planned,
            key=key,
            name=name,
            parent=parent,
            type=definition.type,
            named_type=get_named_type(definition.type),
            nodes=nodes,
            attribute=strawberry_field.python_name if strawberry_field else name,
            binding=self.binding(parent, definition),
        )
        if name not in (TYPENAME, *META_FIELDS):
            plan.constants = self.coercion.constants_of(plan)
            self.add_children(plan)
        return plan

    def binding(self, parent: GraphQLObjectType, definition: GraphQLField) -> Binding | None:
        """A field of the subscription type is filled by its event, however it was declared."""
        declared = binding_of(definition)
        if parent is not self.schema.subscription_type:
            return declared
        return declared if declared and declared.source is Source.EVENT else _EVENT

    def add_children(self, plan: FieldPlan) -> None:
        sets = [node.selection_set for node in plan.nodes if node.selection_set]
        for object_type in self.possible_types(plan):
            try:
                grouped, refusal = self.collector.collect(object_type, sets), None
            except GraphQLError as error:
                grouped, refusal = {}, error
            selection = self.selection(object_type, grouped)
            selection.refusal = refusal
            plan.children[object_type.name] = selection

    def possible_types(self, plan: FieldPlan) -> Iterator[GraphQLObjectType]:
        if is_object_type(plan.named_type):
            yield plan.named_type
        elif is_abstract_type(plan.named_type):
            abstract: GraphQLAbstractType = plan.named_type
            yield from self.schema.get_possible_types(abstract)


def compile_operation(
    operation: OperationDefinitionNode,
    collector: Collector,
    coercion: ArgumentCoercion,
) -> CompiledOperation:
    """Raises GraphQLError where the operation is too large or a root directive's value is null."""
    schema = collector.schema
    root_type = schema.get_root_type(operation.operation)
    if root_type is None:
        raise GraphQLError(f"Schema is not configured for {operation.operation.value}s.", operation)
    compilation = _Compilation(schema, collector, coercion)
    grouped = collector.collect(root_type, [operation.selection_set])
    if operation.operation is OperationType.MUTATION:
        one_by_one = [{key: nodes} for key, nodes in grouped.items()]
        roots = [compilation.selection(root_type, single) for single in one_by_one]
    else:
        roots = [compilation.selection(root_type, grouped)]
    source, constants = generate_rows(compilation.selections)
    return CompiledOperation(roots, source, constants)
