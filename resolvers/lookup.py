"""Finding one record: by opaque id, by its reference in a system, by the number people use.

A record outside the caller's scope and one that does not exist have the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import strawberry

from hub.model.catalog import NOUNS
from hub.model.errors import IdInvalid, InputInvalid, NotFound, NumberAmbiguous, OpsHubError
from hub.model.ids import decode_id, decode_id_of
from hub.model.record import Record
from hub.model.values import Ref
from hub.reads.answers import Found
from resolvers.candidates import candidates_of
from resolvers.context import Context
from resolvers.partial import Partial

NUMBER_MAX = 100  # characters of a number people use
CALLED = {"item": "SKU", "return": "RMA number", "shipment": "tracking number"}
"""What people call the number they ask by, where that is not the noun's number."""

Looked = Record | Partial | OpsHubError


@strawberry.input(description="The identity of a record in the system that owns it.")
class SourceRefInput:
    system: str = strawberry.field(description="The connected system.")
    external_id: str = strawberry.field(description="The system's own key.")


def argument(description: str) -> Any:
    """The description of a GraphQL argument."""
    return strawberry.argument(description=description)


IdArgument = Annotated[strawberry.ID | None, argument("Its opaque id.")]
NumberArgument = Annotated[str | None, argument("The number people use; every system is asked.")]
SourceRefArgument = Annotated[
    SourceRefInput | None, argument("Its identity in the system that owns it.")
]


def only_one(given: Mapping[str, object | None]) -> str:
    """The name of the only argument given; InputInvalid where it is none or several."""
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        received = ", ".join(names) or "none"
        raise InputInvalid(", ".join(given), received, expected="exactly one of them")
    return names[0]


async def one_by_id(ctx: Context, noun: str, id_: str) -> Record:
    """The record behind an id of that noun; raises IdInvalid, NotFound or why it was not read."""
    return await _one_by_ref(ctx, decode_id_of(noun, id_), asked=id_)


async def one_by_source_ref(ctx: Context, noun: str, given: SourceRefInput) -> Record:
    """The record a system knows under its own key.

    Raises InputInvalid for a system that is not connected, NotFound, or why it was not read.
    """
    check_systems(ctx, "sourceRef.system", [given.system])
    ref = Ref(noun, given.system, given.external_id)
    return await _one_by_ref(ctx, ref, asked=f"{given.system}:{given.external_id}")


async def _one_by_ref(ctx: Context, ref: Ref, *, asked: str) -> Record:
    (found,) = await ctx.reads.record_by_ref([ref])
    if found is None:
        raise NotFound(ref.noun, asked)
    if isinstance(found, OpsHubError):
        raise found
    return found


async def one_by_number(ctx: Context, noun: str, number: str) -> Record | Partial:
    """The record with that number; what `the_one` says of several, none, and failed systems."""
    check_text("number", number, NUMBER_MAX)
    found = await ctx.reads.records_by_number(noun, number)
    return await the_one(ctx, noun, number=number, found=found)


async def the_one(ctx: Context, noun: str, *, number: str, found: Found) -> Record | Partial:
    """The only record found, with one error for each system that could not be asked.

    Raises NumberAmbiguous where several were found, and NotFound where all answered and none was.
    """
    if len(found.records) > 1:
        candidates = await candidates_of(ctx, found.records)
        raise NumberAmbiguous(CALLED.get(noun, f"{noun} number"), number, candidates)
    if found.failures:
        return Partial(found.records[0] if found.records else None, found.failures)
    if not found.records:
        raise NotFound(noun, number)
    return found.records[0]


async def records_by_id(
    ctx: Context, ids: Sequence[str], *, noun: str | None = None
) -> list[Looked]:
    """One answer per id, aligned: the record, or the error that explains why it is null."""
    check_count("ids", ids, ctx.limits.ids_max)
    refs = [_ref_or_error(id_, noun) for id_ in ids]
    found = iter(await ctx.reads.record_by_ref([ref for ref in refs if isinstance(ref, Ref)]))
    answers: list[Looked] = []
    for id_, ref in zip(ids, refs, strict=True):
        if isinstance(ref, Ref):
            answers.append(next(found) or NotFound(ref.noun, id_))
        else:
            answers.append(ref)
    return answers


def ref_of_node(id_: str) -> Ref:
    """The ref behind the id of any noun; IdInvalid for an id of what is no noun."""
    ref = decode_id(id_)
    if ref.noun not in NOUNS:
        raise IdInvalid(id_, expected=f"an id of a noun; this one is of {ref.noun}")
    return ref


def _ref_or_error(id_: str, noun: str | None) -> Ref | IdInvalid:
    try:
        return ref_of_node(id_) if noun is None else decode_id_of(noun, id_)
    except IdInvalid as error:
        return error


def check_count(name: str, values: Sequence[object], most: int) -> None:
    """InputInvalid where more were given than one argument may hold."""
    if len(values) > most:
        raise InputInvalid(name, f"{len(values)} values", expected=f"at most {most}")


def check_systems(ctx: Context, name: str, systems: Iterable[str]) -> None:
    """InputInvalid for the first that is no connected system."""
    for system in systems:
        if system not in ctx.system_roles:
            known = ", ".join(sorted(ctx.system_roles))
            raise InputInvalid(name, system, expected=f"one of {known}")


def check_text(name: str, text: str, most: int) -> None:
    """InputInvalid where a text is blank or too long."""
    if not text.strip() or len(text) > most:
        raise InputInvalid(name, text, expected=f"1 to {most} characters")
