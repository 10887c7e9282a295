"""Which systems a document will call, and how often: worked out from it, without asking anyone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    visit,
)

from hub.model.catalog import NOUNS
from hub.reads.explain import ExplainedCall, explain_key, explain_number, explain_relation
from hub.reads.port import NounTerms
from hub.reads.relations import RELATIONS
from hub.reads.search import SEARCHED
from hub.reads.timeline import OF_AN_ORDER, OF_THOSE
from resolvers.fields import binding_of

Systems = Mapping[str, Mapping[str, NounTerms]]

_BY_REF = "_BY_REF"
_TOLD_BY = (
    *(relation.name for rows in (OF_AN_ORDER, *OF_THOSE.values()) for relation, _ in rows),
    "MILESTONES_BY_SHIPMENT", "MILESTONES_BY_TRACKING",
)  # fmt: skip
"""What a timeline reads."""
_ASKED_BY = {"number": "number", "sku": "sku", "trackingNumber": "tracking_number"}


@dataclass(frozen=True, slots=True)
class ExplainedField:
    """A field of the document and the calls it may cause, each at most once for all parents.

    More parents than a system's `batch_max` take one call more for every `batch_max` of them.
    """

    path: str
    calls: tuple[ExplainedCall, ...]


def explain_document(
    schema: GraphQLSchema, document: DocumentNode, systems: Systems
) -> list[ExplainedField]:
    """One row for each field that reads, in the order of the document."""
    collector = _Collector(TypeInfo(schema), systems)
    visit(document, TypeInfoVisitor(collector.type_info, collector))
    return collector.found


class _Collector(Visitor):
    def __init__(self, type_info: TypeInfo, systems: Systems) -> None:
        super().__init__()
        self.type_info = type_info
        self.found: list[ExplainedField] = []
        self._systems = systems
        self._path: list[str] = []

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self._path.append(node.alias.value if node.alias else node.name.value)
        definition = self.type_info.get_field_def()
        binding = binding_of(definition) if definition else None
        if binding is not None and binding.reads:
            calls = tuple(
                call for name in binding.reads for call in calls_of(name, node, self._systems)
            )
            self.found.append(ExplainedField(".".join(self._path), calls))

    def leave_field(self, *_: object) -> None:
        self._path.pop()


def calls_of(name: str, node: FieldNode, systems: Systems) -> Iterator[ExplainedCall]:
    """The calls of one of a binding's `reads`, for a field with the arguments of `node`."""
    if name in RELATIONS:
        yield from explain_relation(name, systems)
    elif name.endswith(_BY_REF):
        yield from _point_read(name.removesuffix(_BY_REF).lower(), node, systems)
    elif name == "TIMELINE_BY_ORDER":
        for name in _TOLD_BY:
            yield from explain_relation(name, systems)
    elif name == "SEARCH":
        for noun, field in SEARCHED:
            yield from explain_number(noun, field, systems)


def _point_read(noun: str, node: FieldNode, systems: Systems) -> Iterator[ExplainedCall]:
    """By number in every system that knows such numbers, or by key in the one an id names."""
    assert noun in NOUNS, noun
    given = [each.name.value for each in node.arguments or ()]
    asked = [_ASKED_BY[name] for name in given if name in _ASKED_BY]
    if asked:
        for field in asked:
            yield from explain_number(noun, field, systems)
    else:
        yield from explain_key(noun, systems)
