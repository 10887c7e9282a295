"""What a request will cost at most, worked out from its document, its variables and the systems.

The reading fields of an operation are kept as a small tree with the plan of its document, so that a
request only multiplies sizes. A list nobody has sized counts as LIST_ROWS, a page as PAGE_ROWS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from operator import is_
from typing import Any, Protocol

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from hub.reads.explain import ExplainedCall
from hub.reads.port import NounTerms
from resolvers.engine import Request
from resolvers.explain import calls_of
from resolvers.fields import Source, binding_of
from resolvers.limits_values import PAGE_ARGUMENTS
from resolvers.limits_walk import INTROSPECTED

ROWS_PER_UNIT = 10.0
LIST_ROWS = 5  # of a list nobody has sized; an order has about three lines
PAGE_ROWS = 50  # of a page nobody has sized; the default of timelines
INTROSPECTION_UNITS = 100.0  # of one field; the standard query takes the hub 40 ms
BY_ANY_ID = frozenset({"node", "nodes"})
"""Root fields that call whatever systems their ids name, one call an id at most."""

_KEY = "cost"
_BY_REF = "_BY_REF"  # reads whose calls depend on which arguments are given

Factor = int | str
"""A number, or the name of a variable whose value, or length, it is."""


class Connected(Protocol):
    """A connected system, as far as an estimate looks at it."""

    @property
    def nouns(self) -> Mapping[str, NounTerms]: ...


Systems = Mapping[str, Connected]


@dataclass(frozen=True, slots=True)
class Reading:
    """A field that reads, or leads to fields that do.

    Each parent gives `rows` (a product) and, at the root, asks for as many `keys`; `units` is what
    it costs beside its reads.
    """

    node: FieldNode
    reads: tuple[str, ...]
    rows: tuple[Factor, ...]
    keys: tuple[Factor, ...]
    units: float
    below: tuple[Reading, ...]


class Estimator:
    """Estimates over one schema; what the systems' terms say is worked out once for each."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._connected: tuple[Connected, ...] = ()
        self._nouns: dict[str, Mapping[str, NounTerms]] = {}
        self._calls: dict[tuple[str, tuple[str, ...]], tuple[ExplainedCall, ...]] = {}

    def estimate(self, request: Request, systems: Systems) -> float:
        """Units; an upper bound as far as the lists are no longer than assumed."""
        connected = tuple(systems.values())
        if not _are_same(connected, self._connected):  # another systems file
            self._connected, self._calls = connected, {}
            self._nouns = {name: system.nouns for name, system in systems.items()}
        return self._units(self._readings(request), 1, request.variables.coerced)

    def _readings(self, request: Request) -> tuple[Reading, ...]:
        plan = request.plan
        key = (_KEY, plan.operations.index(request.operation))
        found: tuple[Reading, ...] | None = plan.derived.get(key)
        if found is None:
            root = self._schema.get_root_type(request.operation.operation)
            assert root is not None  # validation has refused it before
            outline = _Outline(self._schema, plan.fragments)
            found = outline.readings(root, [request.operation.selection_set])
            plan.derived[key] = found
        return found

    def _units(
        self, readings: tuple[Reading, ...], parents: int, variables: Mapping[str, Any]
    ) -> float:
        units = 0.0
        asked: set[tuple[str, str, str | None]] = set()
        for reading in readings:
            keys = parents * _product(reading.keys, variables)
            rows = parents * _product(reading.rows, variables)
            for call in self._calls_of(reading):
                place = (call.system, call.noun, call.field)
                if call.is_carried or (place in asked and not reading.keys):
                    continue  # siblings ask the same of the same parents once
                asked.add(place)
                units += ceil(keys / max(1, call.batch_max))
            if reading.reads:
                units += rows / ROWS_PER_UNIT
            units += reading.units * keys
            units += self._units(reading.below, max(1, rows), variables)
        return units

    def _calls_of(self, reading: Reading) -> Iterator[ExplainedCall]:
        for name in reading.reads:
            key = (name, _named(reading.node) if name.endswith(_BY_REF) else ())
            found = self._calls.get(key)
            if found is None:
                found = self._calls[key] = tuple(calls_of(name, reading.node, self._nouns))
            yield from found


def _are_same(some: tuple[Connected, ...], others: tuple[Connected, ...]) -> bool:
    return len(some) == len(others) and all(map(is_, some, others))


@dataclass(frozen=True, slots=True)
class _Outline:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]

    def readings(
        self, parent: GraphQLNamedType, selection_sets: Iterable[SelectionSetNode]
    ) -> tuple[Reading, ...]:
        """The reading fields of a selection, mentions of one response key merged."""
        mentions: dict[tuple[str, str], list[FieldNode]] = {}
        types: dict[str, GraphQLNamedType] = {}
        for type_, node in self._fields(parent, selection_sets):
            types[type_.name] = type_
            mentions.setdefault((type_.name, (node.alias or node.name).value), []).append(node)
        found = (self._reading(types[name], nodes) for (name, _), nodes in mentions.items())
        return tuple(one for one in found if one is not None)

    def _fields(
        self, parent: GraphQLNamedType, selection_sets: Iterable[SelectionSetNode]
    ) -> Iterator[tuple[GraphQLNamedType, FieldNode]]:
        waiting = [(parent, each) for each in selection_sets]
        while waiting:
            type_, selection_set = waiting.pop()
            for node in selection_set.selections:
                if isinstance(node, FieldNode):
                    yield type_, node
                elif isinstance(node, InlineFragmentNode):
                    named = node.type_condition
                    inner = self.schema.type_map[named.name.value] if named else type_
                    waiting.append((inner, node.selection_set))
                elif isinstance(node, FragmentSpreadNode):
                    fragment = self.fragments[node.name.value]
                    inner = self.schema.type_map[fragment.type_condition.name.value]
                    waiting.append((inner, fragment.selection_set))

    def _reading(self, parent: GraphQLNamedType, nodes: list[FieldNode]) -> Reading | None:
        node = nodes[0]
        name = node.name.value
        if name in INTROSPECTED:
            return Reading(node, (), (), (1,), INTROSPECTION_UNITS, ())
        definition = self.schema.get_field(parent, name)  # type: ignore[arg-type]  # validated
        if definition is None:
            return None
        binding = binding_of(definition)
        reads = binding.reads if binding else ()
        is_root = binding is not None and binding.source is Source.ROOT
        sets = [one.selection_set for one in nodes if one.selection_set]
        below = self.readings(get_named_type(definition.type), sets)
        units = 1.0 if is_root and name in BY_ANY_ID else 0.0
        if not (reads or below or units):
            return None
        keys = _list_factors(definition, node) if is_root else ()
        pages = _page_factors(definition, node)
        rows = pages or keys or _assumed_rows(definition, is_reading=bool(reads))
        return Reading(node, reads, rows, keys or ((1,) if is_root else ()), units, below)


def _named(node: FieldNode) -> tuple[str, ...]:
    """The arguments given, in one order, so that clients cannot make more keys of them."""
    return tuple(sorted({argument.name.value for argument in node.arguments or ()}))


def _page_factors(definition: GraphQLField, node: FieldNode) -> tuple[Factor, ...]:
    """The size of the page; none where the field has no pages."""
    if PAGE_ARGUMENTS.isdisjoint(definition.args):
        return ()
    given = [each.value for each in node.arguments or () if each.name.value in PAGE_ARGUMENTS]
    return tuple(_factor(value) for value in given[:1]) or (PAGE_ROWS,)


def _list_factors(definition: GraphQLField, node: FieldNode) -> tuple[Factor, ...]:
    """How many keys a root field is given: the lengths of its lists."""
    return tuple(
        _factor(each.value)
        for each in node.arguments or ()
        if is_list_type(get_nullable_type(definition.args[each.name.value].type))
    )


def _factor(value: ValueNode) -> Factor:
    if isinstance(value, VariableNode):
        return value.name.value
    if isinstance(value, ListValueNode):
        return len(value.values)
    return int(value.value) if isinstance(value, IntValueNode) else 1


def _assumed_rows(definition: GraphQLField, *, is_reading: bool) -> tuple[Factor, ...]:
    """A list that reads nothing is part of its record: it has no rows of its own."""
    is_list = is_list_type(get_nullable_type(definition.type))
    return (LIST_ROWS,) if is_reading and is_list else ()


def _product(factors: tuple[Factor, ...], variables: Mapping[str, Any]) -> int:
    product = 1
    for factor in factors:
        product *= max(1, factor if isinstance(factor, int) else _size(variables.get(factor)))
    return product


def _size(value: object) -> int:
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) else PAGE_ROWS if value is None else 1
