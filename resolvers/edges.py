"""The few ways a field of a noun is filled: told by its record, coded, referred to, or related.

Each is one row in a type. What a relation or a reference costs is in `reads`: the name of a row of
`hub.reads.relations`, or `<NOUN>_BY_REF` for a point read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from operator import attrgetter
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from hub.model.errors import Forbidden, OpsHubError, UnmappedValue
from hub.model.record import Record
from hub.reads.relations import Relation
from hub.reads.sections import Section
from hub.security.masks import is_visible
from resolvers.context import Context
from resolvers.fields import computed, edge
from resolvers.partial import Partial

Answer = list[Any] | Partial | OpsHubError | None
"""What a section is worth: its records, what arrived of them, the error, or null."""


def told(description: str, *, name: str | None = None) -> Any:
    """A field read from the record by its Python name."""
    return strawberry.field(name=name, description=description)


def coded(field: str, description: str) -> Any:
    """An enum field. Null where the system tells none; an unmapped code is an error, not a null."""
    read = attrgetter(field)

    def read_coded(record: Record) -> Enum | None:
        value: Enum | None = read(record)
        if value is None and record.gaps:
            raise_gap(record, field)
        return value

    return computed(read_coded, description=description)


def raise_gap(record: Record, field: str) -> None:
    """Raise the UnmappedValue the mapping left for this field, if it left one."""
    for gap in record.gaps:
        if gap.field.rpartition(".")[2] == field:
            # a copy: one cached record may be read by many requests, a traceback grows on each
            raise UnmappedValue(gap.system or record.ref.system, gap.field, gap.received, gap.known)


def internal(
    noun: str, field: str, description: str, *, read: Callable[[Any], Any] | None = None
) -> Any:
    """A field of `hub.security.masks`: Forbidden for customers and partners, told to the house.

    `read` is for what is worked out from the field, where it is not the field itself.
    """
    value_of = attrgetter(field) if read is None else read

    def read_inside(record: Record, ctx: Context) -> Any:
        if not is_visible(noun, field, ctx.scope):
            raise Forbidden(f"{noun}.{field} is for the house only; leave it out of the query")
        value = value_of(record)
        if value is None and isinstance(record, Record) and record.gaps:
            raise_gap(record, field)
        return value

    read_inside.masked = (noun, field)  # type: ignore[attr-defined]
    return computed(read_inside, description=description + " Not for customers.")


def masked_by(function: Callable[..., Any]) -> tuple[str, str] | None:
    """The noun and canonical field that `internal` masks by this function; None: it is no mask."""
    found: tuple[str, str] | None = getattr(function, "masked", None)
    return found


def refuse_strangers(ctx: Context, field: str) -> None:
    """Raise Forbidden for customers and partners."""
    if ctx.scope.is_external:
        raise Forbidden(f"{field} is for the house only; leave it out of the query")


def related(relation: Relation, description: str) -> Any:
    """The records of a relation, in its order; every other system's section stands alone."""

    async def by_parent(parents: Sequence[Record], ctx: Context) -> list[Answer]:
        return [answer_of(section) for section in await ctx.reads.related(relation, parents)]

    return edge(by_parent, reads=(relation.name,), description=description)


def answer_of(section: Section) -> Answer:
    """Null where no system serves it, the error where all failed, else what arrived."""
    if not section.is_served:
        return None
    if not section.failures:
        return list(section.records)
    if section.is_null:
        return failure_of(section)
    return Partial(list(section.records), section.failures)


def failure_of(section: Section) -> Partial | OpsHubError:
    """Null with every failure of the section."""
    if len(section.failures) == 1:
        return section.failures[0]
    return Partial(None, section.failures)


def related_one(relation: Relation, description: str) -> Any:
    """The one record of a relation, of the parent's own system where several tell it."""

    async def by_parent(parents: Sequence[Record], ctx: Context) -> list[Any]:
        sections = await ctx.reads.related(relation, parents)
        return [one_of(section, parent) for section, parent in zip(sections, parents, strict=True)]

    return edge(by_parent, reads=(relation.name,), description=description)


def one_of(section: Section, parent: Record) -> Record | Partial | OpsHubError | None:
    """The parent's own system's word first; another's failure matters only where nothing came."""
    if section.records:
        own = (record for record in section.records if record.ref.system == parent.ref.system)
        return next(own, section.records[0])
    if section.is_served and section.failures:
        return failure_of(section)
    return None


def referred(field: str, noun: str, description: str) -> Any:
    """The record a reference field names; null where it names none or nobody knows it."""
    read: Callable[[Record], Any] = attrgetter(field)
    section = to_camel_case(field)

    async def by_reference(
        parents: Sequence[Record], ctx: Context
    ) -> list[Record | OpsHubError | None]:
        refs = [read(parent) for parent in parents]
        return await ctx.reads.record_by_ref(refs, section=section, parents=parents)

    return edge(by_reference, reads=(f"{noun.upper()}_BY_REF",), description=description)
