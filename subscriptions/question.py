"""Which variables make a question another one: all but those that only say where to go on from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from graphql import FieldNode, OperationDefinitionNode, VariableNode, visit
from graphql.language import Node, Visitor

from resolvers.engine import Request

PLACES = frozenset({"after", "snapshot"})  # arguments of a root field that say where to begin
_KEY = "places"


def variables_that_matter(request: Request) -> dict[str, Any]:
    """The variables by name, without those used for `after` or `snapshot` alone."""
    plan = request.plan
    key = (_KEY, plan.operations.index(request.operation))
    left_out = plan.derived.get(key)
    if left_out is None:
        left_out = plan.derived[key] = _only_for_places(request)
    return {name: value for name, value in request.inputs.items() if name not in left_out}


class _Uses(Visitor):
    """How often each variable is used in a node, its declaration not counted."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Counter[str] = Counter()

    def enter_variable_definition(self, *_: object) -> Any:
        return False

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.count[node.name.value] += 1


def _only_for_places(request: Request) -> frozenset[str]:
    everywhere = _uses([request.operation, *request.plan.fragments.values()])
    in_places = _uses(
        [
            argument.value
            for field in _root_fields(request.operation)
            for argument in field.arguments or ()
            if argument.name.value in PLACES
        ]
    )
    return frozenset(name for name, uses in in_places.items() if uses == everywhere[name])


def _root_fields(operation: OperationDefinitionNode) -> Iterator[FieldNode]:
    """Those written in the operation itself; of a fragment's nothing is left out."""
    return (node for node in operation.selection_set.selections if isinstance(node, FieldNode))


def _uses(nodes: list[Node] | list[Any]) -> Counter[str]:
    uses = _Uses()
    for node in nodes:
        visit(node, uses)
    return uses.count
