"""What a caller chooses by where a number names several things: few words of what they may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from hub.model.errors import Candidate
from hub.model.ids import encode_id
from hub.model.record import Record
from hub.model.values import Ref
from resolvers.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What describes a noun: canonical fields that everybody reads, none of them internal.

    `moment` is a word and the field of its day. `near` is the reference that is followed, what to
    call it, and the field of it that is told.
    """

    text: str | None = None
    moment: tuple[str, str] | None = None
    near: tuple[str, str, str] | None = None


WORDS: Mapping[str, Words] = MappingProxyType(
    {
        "order": Words(moment=("placed", "placed_at"), near=("customer", "", "name")),
        "return": Words(moment=("requested", "requested_at"), near=("customer", "", "name")),
        "case": Words(
            text="subject", moment=("opened", "opened_at"), near=("customer", "", "name")
        ),
        "shipment": Words(moment=("shipped", "shipped_at"), near=("order", "order ", "number")),
        "customer": Words(text="name"),
        "item": Words(text="description"),
    }
)
_NO_WORDS = Words()


async def candidates_of(ctx: Context, records: Sequence[Record]) -> list[Candidate]:
    """The records as candidates, aligned; what the caller may not see of them is left out."""
    near = await ctx.reads.record_by_ref([_near(record) for record in records])
    return [
        Candidate(record.ref.system, record.ref.key, encode_id(record.ref), _described(record, by))
        for record, by in zip(records, near, strict=True)
    ]


def _near(record: Record) -> Ref | None:
    words = WORDS.get(record.NOUN, _NO_WORDS)
    ref: Ref | None = None if words.near is None else getattr(record, words.near[0])
    return ref


def _described(record: Record, near: object) -> str | None:
    words = WORDS.get(record.NOUN, _NO_WORDS)
    parts: list[str | None] = []
    if words.text is not None:
        parts.append(getattr(record, words.text))
    if words.moment is not None:
        parts.append(_day(words.moment[0], getattr(record, words.moment[1])))
    if words.near is not None and isinstance(near, Record):
        _, called, field = words.near
        told = getattr(near, field)
        parts.append(told and f"{called}{told}")
    return ", ".join(part for part in parts if part) or None


def _day(word: str, moment: datetime | None) -> str | None:
    return None if moment is None else f"{word} {moment:%Y-%m-%d}"
