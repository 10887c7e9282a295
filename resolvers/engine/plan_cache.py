"""Parsed, validated and compiled documents, kept by the hash of their text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Generic, TypeVar

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
)

from resolvers.engine.collect import steering_variables
from resolvers.engine.tree import CompiledOperation
from resolvers.limits import Shape

PLANS_MAX = 512
"""Valid documents kept; parsing, validating and compiling an order query takes about 8 ms."""
REFUSALS_MAX = 256
"""Invalid documents kept with their errors, apart, so that they never push out valid ones."""
VARIANTS_MAX = 16
"""Compiled forms kept per document: operation name and values of the steering variables."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A mapping of at most `entries_max` entries that forgets the least recently used one."""

    def __init__(self, entries_max: int) -> None:
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._entries_max = entries_max

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)


Variant = tuple[str | None, tuple[object, ...]]


@dataclass(slots=True, eq=False)
class Plan:
    """A valid document, and its operations as far as they are compiled."""

    document: DocumentNode
    operations: list[OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    steering: tuple[str, ...]
    shape: Shape | None = None  # None where no limits were checked
    variants: Recent[Variant, CompiledOperation | GraphQLError] = field(
        default_factory=lambda: Recent(VARIANTS_MAX)
    )
    derived: dict[tuple[str, int], Any] = field(default_factory=dict)
    """What others have worked out, by their name and an operation's place; kept with the plan."""

    @classmethod
    def of(cls, document: DocumentNode, shape: Shape | None = None) -> Plan:
        nodes = document.definitions
        return cls(
            document,
            [node for node in nodes if isinstance(node, OperationDefinitionNode)],
            {node.name.value: node for node in nodes if isinstance(node, FragmentDefinitionNode)},
            steering_variables(document),
            shape,
        )

    def operation(self, name: str | None) -> OperationDefinitionNode | GraphQLError:
        """The operation of that name, or the only one."""
        if name is None:
            if len(self.operations) > 1:
                return GraphQLError(
                    "Must provide operation name if query contains multiple operations."
                )
            if self.operations:
                return self.operations[0]
            return GraphQLError("Must provide an operation.")
        for operation in self.operations:
            if operation.name and operation.name.value == name:
                return operation
        return GraphQLError(f"Unknown operation named '{name}'.")


class PlanCache:
    """Plans by document; what cannot be planned is remembered too."""

    def __init__(self, *, plans_max: int, refusals_max: int = REFUSALS_MAX) -> None:
        self._plans: Recent[bytes, Plan] = Recent(plans_max)
        self._refusals: Recent[tuple[bytes, bool], list[GraphQLError]] = Recent(refusals_max)

    def has(self, source: str, *, suggests: bool = True) -> bool:
        """Whether the document, or its refusal, is remembered; asking does not keep it longer."""
        key = _key(source)
        return key in self._plans or (key, suggests) in self._refusals

    def plan(
        self,
        source: str,
        prepare: Callable[[str, bool], Plan | list[GraphQLError]],
        *,
        suggests: bool = True,
    ) -> Plan | list[GraphQLError]:
        """The plan of the document, prepared at its first time, or why it is refused.

        `suggests` says whether the refusals may name what the schema has instead.
        """
        key = _key(source)
        found = self._plans.get(key) or self._refusals.get((key, suggests))
        if found is None:
            found = prepare(source, suggests)
            if isinstance(found, Plan):
                self._plans.put(key, found)
            else:
                self._refusals.put((key, suggests), found)
        return found


def _key(source: str) -> bytes:
    return sha256(source.encode("utf-8", "surrogatepass")).digest()
