"""The compiled form of an operation: selection sets by object type, fields in answer order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    is_abstract_type,
    is_non_null_type,
)

from resolvers.fields import Binding, Representation, Source, representation_of

TYPENAME = "__typename"
META_FIELDS = ("__schema", "__type")


@dataclass(eq=False)
class FieldPlan:
    """One response key of a selection set: the nodes merged into it, where its value comes from.

    `children` holds one selection per object type the value can have; empty for leaves.
    `constants` are the arguments, where they depend on nothing a request brings.
    """

    slot: int
    key: str
    name: str
    parent: GraphQLObjectType
    type: GraphQLOutputType
    named_type: GraphQLNamedType
    nodes: list[FieldNode]
    attribute: str
    binding: Binding | None = None
    children: dict[str, Selection] = field(default_factory=dict)
    constants: dict[str, Any] | None = None

    @cached_property
    def is_batched(self) -> bool:
        """Whether one call answers for all parents."""
        return self.binding is not None and self.binding.source is not Source.COMPUTED

    @cached_property
    def is_meta(self) -> bool:
        return self.name in META_FIELDS

    @cached_property
    def is_pure(self) -> bool:
        """Whether nothing at or below this field is batched: one loop can build it whole."""
        return not self.is_batched and not self.is_meta and self.is_pure_below

    @cached_property
    def is_pure_below(self) -> bool:
        return all(child.is_pure for child in self.children.values())

    @cached_property
    def is_non_null(self) -> bool:
        return is_non_null_type(self.type)

    @cached_property
    def is_late(self) -> bool:
        return self.binding is not None and self.binding.late

    @cached_property
    def is_abstract(self) -> bool:
        return is_abstract_type(self.named_type)

    @cached_property
    def lists(self) -> int:
        """How many lists are around the named type."""
        depth, type_ = 0, self.type
        while isinstance(type_, (GraphQLNonNull, GraphQLList)):
            depth += isinstance(type_, GraphQLList)
            type_ = type_.of_type
        return depth

    @cached_property
    def is_refused(self) -> bool:
        """Whether some record may reach a selection that cannot be executed."""
        return any(child.refusal is not None for child in self.children.values())

    @cached_property
    def representation(self) -> Representation | None:
        """What a concrete object type stands for."""
        return None if self.is_abstract else representation_of(self.named_type)


Rows = Callable[..., list[Any]]


@dataclass(slots=True, eq=False)
class Selection:
    """The fields selected on one object type, merged, in the order of the answer.

    `columns` are the fields resolved for all parents before the loop; the late ones last. `rows`
    is the generated loop: (records, run, at, *columns) -> per record one dict, or the located error
    that nulls it. `refusal` is an error in the selection set itself (a directive's variable holds
    null), raised for every record that reaches it.
    """

    number: int
    type: GraphQLObjectType
    fields: list[FieldPlan]
    columns: list[FieldPlan] = field(init=False)
    early: list[FieldPlan] = field(init=False)
    late: list[FieldPlan] = field(init=False)
    is_pure: bool = field(init=False)
    rows: Rows = field(init=False)
    refusal: GraphQLError | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        columns = [one for one in self.fields if not one.is_pure]
        self.early = [one for one in columns if not one.is_late]
        self.late = [one for one in columns if one.is_late]
        self.columns = self.early + self.late
        self.is_pure = not columns


@dataclass(slots=True, eq=False)
class CompiledOperation:
    """A query has one root selection; a mutation one for each root field, run one after another."""

    roots: list[Selection]
    source: str
    """The generated Python, for reading."""
    constants: Mapping[str, Any]
