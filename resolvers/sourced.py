"""What every noun has: an id, where it comes from, how old it is, and the company's own fields."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from hub.events.told import version_of
from hub.model import values
from hub.model.errors import NotServed
from hub.model.ids import encode_id
from hub.model.record import Record
from hub.model.values import Attribute as AttributeValue
from hub.model.values import Ref
from hub.reads.sections import SectionState
from resolvers.context import Context
from resolvers.edges import told
from resolvers.enums import SectionCondition, SystemKind
from resolvers.fields import computed, edge, represents


@represents(values.Money)
@strawberry.type(description="An amount in one currency. Currencies are never mixed.")
class Money:
    amount: Decimal = told("The amount, exact.")
    currency: str = told("ISO 4217 code.")


@represents(values.Quantity)
@strawberry.type(description="A count or measure in one unit.")
class Quantity:
    value: Decimal = told("The number, exact; distributors sell by length and weight too.")
    uom: str = told("UN/ECE Recommendation 20 code; EA for pieces.")


@represents(values.Provenance)
@strawberry.type(description="Which system said it, when it was true there, when the hub read it.")
class Provenance:
    system: str = told("The connected system.")
    as_of: datetime | None = told("The system's own time of the fact, else when it was read.")
    fetched_at: datetime | None = told("When the hub read it.")
    staleness: values.Staleness = told("How far it may be trusted as current.")
    from_cache: bool = told("Whether it was read before this request.")


def kind_of(ref: Ref, ctx: Context) -> SystemKind | None:
    """The role of the system a reference points into; null for a system that is not connected."""
    role = ctx.system_roles.get(ref.system)
    return None if role is None else SystemKind(role.upper())


@represents(Ref)
@strawberry.type(description="The identity of a record in the system that owns it.")
class SourceRef:
    system: str = told("The connected system.")
    entity_type: str = computed(lambda ref: ref.noun, description="The noun it is there.")
    external_id: str = computed(lambda ref: ref.key, description="The system's own key.")
    kind: SystemKind | None = computed(kind_of, description="What the system is to the company.")


@represents(AttributeValue)
@strawberry.type(description="A company's own field of a noun, declared in the systems file.")
class Attribute:
    key: str = told("Its name in the systems file.")
    type: values.AttributeType = told("The type of its value.")
    value: str | None = told("Canonical text of the value; null where the system tells none.")
    system: str = told("The system that told it.")


def code_of(row: SectionState) -> str | None:
    """Why a section is null or old; null where it is neither."""
    return NotServed.code if row.state == "NOT_CONFIGURED" else row.code


@represents(SectionState)
@strawberry.type(description="How one section of an object was answered by one system.")
class SectionStatus:
    name: str = told("The section: the field it explains.")
    system: str | None = told("The system asked; null where no connected system serves it.")
    state: SectionCondition = computed(
        lambda row: SectionCondition(row.state), description="Whether the system answered."
    )
    as_of: datetime | None = told("The oldest system time of what was read.")
    fetched_at: datetime | None = told("When the oldest part of it was read.")
    staleness: values.Staleness = told("How far the section may be trusted as current.")
    code: str | None = computed(
        code_of, description="The code of the error; NOT_SERVED where no system serves it."
    )


def record_id(record: Record) -> str:
    """The opaque global id of a record."""
    return encode_id(record.ref)


def provenance(record: Record, ctx: Context) -> values.Provenance:
    """Where the record was read and how old it is now."""
    return ctx.reads.provenance(record)


def version_field() -> Any:
    """`version`: what `expectedVersion` of a command is held against."""
    return computed(
        version_of,
        description=(
            "Grows with each change, for `expectedVersion`; null where its system tells no time "
            "of changes."
        ),
    )


async def source_refs(records: Sequence[Record], ctx: Context) -> list[list[Ref]]:
    """Every reference of the one real thing the caller may see, the primary one first."""
    return [list(refs) for refs in await ctx.reads.same_as(records)]


AttributeKeys = Annotated[
    list[str] | None,
    strawberry.argument(description="Only these, in this order of the file; all where absent."),
]


def attributes(record: Record, ctx: Context, *, keys: AttributeKeys = None) -> list[AttributeValue]:
    """The company's own fields this caller may see, in declared order."""
    seen = [each for each in record.attributes.values() if ctx.may_see(each)]
    return seen if keys is None else [each for each in seen if each.key in keys]


def sections(records: Sequence[Record], ctx: Context) -> list[list[SectionState]]:
    """What this request has read for each record, one row per section and system."""
    return [ctx.reads.sections_of(record) for record in records]


def sections_field() -> Any:
    """`sections`: resolved last, so that it reports how its siblings ended."""
    return edge(
        sections,
        late=True,
        description="How each section asked for in this request was answered, per system.",
    )


@strawberry.interface(description="Anything with a global id.")
class Node:
    id: strawberry.ID = computed(record_id, description="Opaque global id, type-tagged, stable.")


@strawberry.interface(description="A fact a connected system told: where from, how old.")
class Sourced(Node):
    provenance: Provenance = computed(provenance, description="Who said it, and how old it is.")
    source_refs: list[SourceRef] = edge(
        source_refs, description="Its identity in the systems that know it, the primary one first."
    )
    attributes: list[Attribute] = computed(
        attributes, description="The company's own fields this caller may see."
    )
