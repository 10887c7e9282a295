"""Which fields a selection set asks of an object type: fragments, merging, @skip and @include."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionSetNode,
    VariableNode,
    get_directive_values,
    is_abstract_type,
    visit,
)
from graphql.execution.values import VariableValues
from graphql.language import DirectiveNode, SelectionNode, Visitor

Grouped = dict[str, list[FieldNode]]
STEERING_DIRECTIVES = (GraphQLSkipDirective.name, GraphQLIncludeDirective.name)


@dataclass(slots=True)
class Collector:
    """Collects by the rules of the specification, for given values of the steering variables."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues
    _matches: dict[tuple[str, str], bool] = field(default_factory=dict)

    def collect(
        self, object_type: GraphQLObjectType, selection_sets: Iterable[SelectionSetNode]
    ) -> Grouped:
        """The nodes by response key, in order of first mention.

        Raises GraphQLError where a steering variable holds null.
        """
        grouped: Grouped = {}
        visited: set[str] = set()
        for selection_set in selection_sets:
            self._visit(object_type, selection_set, grouped, visited)
        return grouped

    def _visit(
        self,
        object_type: GraphQLObjectType,
        selection_set: SelectionSetNode,
        grouped: Grouped,
        visited: set[str],
    ) -> None:
        for node in selection_set.selections:
            if node.directives and not self._is_included(node):
                continue
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                grouped.setdefault(key, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if self._applies(node, object_type):
                    self._visit(object_type, node.selection_set, grouped, visited)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                if fragment.name.value not in visited and self._applies(fragment, object_type):
                    visited.add(fragment.name.value)
                    self._visit(object_type, fragment.selection_set, grouped, visited)

    def _is_included(self, node: SelectionNode) -> bool:
        skip = get_directive_values(GraphQLSkipDirective, node, self.variables)
        if skip and skip["if"]:
            return False
        include = get_directive_values(GraphQLIncludeDirective, node, self.variables)
        return not include or bool(include["if"])

    def _applies(
        self, fragment: InlineFragmentNode | FragmentDefinitionNode, object_type: GraphQLObjectType
    ) -> bool:
        if fragment.type_condition is None:
            return True
        key = (fragment.type_condition.name.value, object_type.name)
        if key not in self._matches:
            condition = self.schema.type_map[key[0]]
            self._matches[key] = condition is object_type or (
                is_abstract_type(condition) and self.schema.is_sub_type(condition, object_type)
            )
        return self._matches[key]


class _SteeringVariables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        if node.name.value in STEERING_DIRECTIVES:
            values = [argument.value for argument in node.arguments or ()]
            self.names.update(one.name.value for one in values if isinstance(one, VariableNode))


def steering_variables(document: DocumentNode) -> tuple[str, ...]:
    """The variables that decide @skip and @include anywhere in the document, sorted."""
    visitor = _SteeringVariables()
    visit(document, visitor)
    return tuple(sorted(visitor.names))
