"""What an auditor wants counted of requests: refusals, and reads of fields masked for others.

Counted once a request and coordinate, in memory; `hub.store.refusals` writes it in the background.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema

from hub.model.errors import (
    BodyInvalid,
    DocumentInvalid,
    DocumentMismatch,
    DocumentNotTrusted,
    DocumentTooLarge,
    Forbidden,
    IntrospectionDisabled,
    NotFound,
    RateLimited,
)
from hub.security.principal import Principal
from hub.security.scope import scope_of
from hub.store.refusals import Refusals
from resolvers.edges import masked_by
from resolvers.engine.execute import Request
from resolvers.fields import binding_of
from resolvers.usage_coordinates import coordinates_of

REFUSAL_CODES = frozenset(
    error.code
    for error in (
        BodyInvalid, DocumentInvalid, DocumentMismatch, DocumentNotTrusted, DocumentTooLarge,
        Forbidden, IntrospectionDisabled, RateLimited,
        NotFound,  # also the answer to an id of somebody else: whoever tries many shows here
    )
)  # fmt: skip

_DERIVED = "masked"


class CountedRequests:
    """Counts under the principal's subject; nothing here waits."""

    def __init__(self, schema: GraphQLSchema, refusals: Refusals) -> None:
        self._schema = schema
        self._refusals = refusals
        self._masked = masked_coordinates(schema)

    def refused(self, principal: Principal, codes: Iterable[str]) -> None:
        """The codes of an answer; each that is a refusal counts once."""
        for code in REFUSAL_CODES.intersection(codes):
            self._refusals.count(principal.subject, code)

    def ran(self, principal: Principal, prepared: Request) -> None:
        """The masked fields an operation selects, read by somebody who may: `READ Type.field`."""
        selected = self._selected(prepared)
        if selected and not scope_of(principal).is_external:
            for coordinate in selected:
                self._refusals.count(principal.subject, f"READ {coordinate}")

    def _selected(self, prepared: Request) -> frozenset[str]:
        """Worked out once for each operation of a plan."""
        plan, operation = prepared.plan, prepared.operation
        place = next(n for n, each in enumerate(plan.operations) if each is operation)
        found: frozenset[str] | None = plan.derived.get((_DERIVED, place))
        if found is None:
            used = coordinates_of(self._schema, operation, plan.fragments)
            found = plan.derived[_DERIVED, place] = self._masked & used
        return found


def masked_coordinates(schema: GraphQLSchema) -> frozenset[str]:
    """`Type.field` of every masked field, and of interfaces one of whose types masks it."""
    found: set[str] = set()
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType):
            for name in _masked_fields(type_):
                found |= {f"{each.name}.{name}" for each in _with_interfaces(type_, name)}
    return frozenset(found)


def _masked_fields(type_: GraphQLObjectType) -> list[str]:
    return [
        name
        for name, field in type_.fields.items()
        if (binding := binding_of(field)) is not None and masked_by(binding.function)
    ]


def _with_interfaces(
    type_: GraphQLObjectType, field: str
) -> list[GraphQLObjectType | GraphQLInterfaceType]:
    return [type_, *(each for each in type_.interfaces if field in each.fields)]
