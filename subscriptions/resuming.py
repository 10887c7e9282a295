"""`Last-Event-ID`: what a browser sends by itself when an event stream broke off.

It is the `after` argument of the subscription's field, and it is newer than one in the document or
its variables, for those were written before the stream began; so it takes their place.
"""

from __future__ import annotations

from typing import NamedTuple

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    NameNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
    get_nullable_type,
    parse_type,
    print_ast,
)

from hub.model.errors import InputInvalid
from resolvers.engine import Engine, Request

ARGUMENT = "after"
VARIABLE = "lastEventId"
LAST_EVENT_ID_MAX = 200  # characters; our cursors have about 60

_KEY = "resumed"


class Resumable(NamedTuple):
    """A document whose operation takes the cursor in a variable."""

    text: str
    variable: str


def resumed(
    engine: Engine, request: Request, text: str, *, cursor: str, may_introspect: bool
) -> Request | list[GraphQLError]:
    """The same subscription, going on after the cursor; `text` is its document.

    InputInvalid where the cursor cannot be handed to it.
    """
    if len(cursor) > LAST_EVENT_ID_MAX:
        raise InputInvalid("Last-Event-ID", cursor, expected="the id of an event of this stream")
    name = request.operation.name
    resumable = _resumable(engine, request, text)
    return engine.request(
        resumable.text,
        variables={**request.inputs, resumable.variable: cursor},
        operation_name=None if name is None else name.value,
        may_introspect=may_introspect,
    )


def _resumable(engine: Engine, request: Request, text: str) -> Resumable:
    """Made once for each operation of a plan."""
    plan = request.plan
    key = (_KEY, plan.operations.index(request.operation))
    found: Resumable | None = plan.derived.get(key)
    if found is None:
        found = plan.derived[key] = _made(engine, request, text)
    return found


def _made(engine: Engine, request: Request, text: str) -> Resumable:
    operation, [field, *_] = request.operation, request.operation.selection_set.selections
    if not isinstance(field, FieldNode):
        raise InputInvalid(
            "Last-Event-ID", "a subscription whose field is in a fragment",
            expected="its field in the operation itself",
        )  # fmt: skip
    given = {each.name.value: each for each in field.arguments or ()}
    standing = given.get(ARGUMENT)
    if standing is not None and isinstance(standing.value, VariableNode):
        return Resumable(text, standing.value.name.value)
    variable = _free_name(operation)
    node = VariableNode(name=NameNode(value=variable))
    given[ARGUMENT] = ArgumentNode(name=NameNode(value=ARGUMENT), value=node)
    changed = _with(operation, _replaced(field, tuple(given.values())), node, _type(engine, field))
    definitions = tuple(
        changed if each is operation else each for each in request.plan.document.definitions
    )
    return Resumable(print_ast(DocumentNode(definitions=definitions)), variable)


def _replaced(field: FieldNode, arguments: tuple[ArgumentNode, ...]) -> FieldNode:
    return FieldNode(
        alias=field.alias, name=field.name, arguments=arguments, directives=field.directives,
        selection_set=field.selection_set,
    )  # fmt: skip


def _with(
    operation: OperationDefinitionNode, field: FieldNode, variable: VariableNode, type_: str
) -> OperationDefinitionNode:
    _, *others = operation.selection_set.selections
    parsed = parse_type(type_)
    assert not isinstance(parsed, NonNullTypeNode)
    definition = VariableDefinitionNode(variable=variable, type=parsed, directives=())
    return OperationDefinitionNode(
        operation=operation.operation,
        name=operation.name,
        variable_definitions=(*(operation.variable_definitions or ()), definition),
        directives=operation.directives,
        selection_set=SelectionSetNode(selections=(field, *others)),
    )


def _type(engine: Engine, field: FieldNode) -> str:
    streams = engine.graphql_schema.subscription_type
    assert streams is not None, "a subscription was valid"
    argument = streams.fields[field.name.value].args.get(ARGUMENT)
    if argument is None:
        raise InputInvalid(
            "Last-Event-ID", field.name.value, expected="a subscription that can be resumed"
        )
    return str(get_nullable_type(argument.type))


def _free_name(operation: OperationDefinitionNode) -> str:
    taken = {each.variable.name.value for each in operation.variable_definitions or ()}
    name = VARIABLE
    while name in taken:
        name += "_"
    return name
