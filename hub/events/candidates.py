"""A told record on its way to be believed: with what it belongs to, its version and its content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from types import MappingProxyType

from hub.events.inbox import Mark, mark_of_fact, mark_of_message
from hub.events.told import Place, Told, Via, micros, version_of
from hub.model.errors import EventInvalid, OpsHubError
from hub.model.order import Order
from hub.model.record import Record
from hub.model.record_json import content_hash
from hub.model.shipment import Shipment
from hub.model.values import Ref

KEY_MAX = 400  # characters of a record's key
AHEAD_MAX = timedelta(minutes=5)
"""How far a time of change may be ahead of us before it orders nothing: else one row of the year
2099 would make every later change of its record an old one."""
CAUSATION_MAX = 120  # characters of a timeline entry's causation id

TOLD_WITH: Mapping[str, str] = MappingProxyType(
    {"order": "lines", "shipment": "milestones", "case": "messages"}
)
"""By noun the nested records that tell facts of their own. Other children are only content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """`is_read` says that the system was asked, so that it was true when it was fetched;
    `is_final` that it was asked because of a doubt, and is not asked again. `is_timed` says that
    the system itself orders its changes: by its time of the record, or of the message."""

    told: Told
    record: Record
    place: Place
    version: int
    content: str
    is_read: bool
    is_final: bool
    is_timed: bool

    @property
    def ref(self) -> Ref:
        return self.record.ref

    @property
    def has_own_time(self) -> bool:
        """Whether the record itself says when it was changed."""
        return version_of(self.record) is not None

    @property
    def causation_id(self) -> str | None:
        return causation_of(self.told)

    @property
    def message(self) -> Mark | None:
        """The mark of its message in the inbox."""
        return message_mark(self.told)

    @property
    def fact(self) -> Mark:
        return mark_of_fact(self.ref, self.version, self.content)


def candidate(
    told: Told, record: Record, place: Place, *, is_read: bool, is_final: bool = False
) -> Candidate:
    """What was told with the record it was told with, or that was read for it."""
    version = version_of(record) if is_read else told.version
    if version is not None and version > micros(record.fetched_at + AHEAD_MAX):
        version = None
    return Candidate(
        told=told,
        record=record,
        place=_with_itself(place, record),
        version=micros(record.fetched_at) if version is None else version,
        content=content_hash(record),
        is_read=is_read or is_just_read(told),
        is_final=is_final,
        is_timed=version is not None,
    )


def nested(parent: Candidate) -> Iterator[Candidate]:
    """Its children that tell facts, as old as it is."""
    for child in _children(parent.record):
        yield replace(
            parent, record=child, place=_with_itself(parent.place, child),
            content=content_hash(child),
        )  # fmt: skip


def refs_in(told: Candidate) -> Iterator[Ref]:
    """Every record it tells facts of, its own first."""
    yield told.ref
    for child in _children(told.record):
        yield child.ref


def wrong_in(told: Told, record: Record | OpsHubError | None) -> EventInvalid | None:
    """Why what was told can never be taken; None where it can."""
    refs = [told.ref]
    if isinstance(record, Record):
        refs += [record.ref, *(child.ref for child in _children(record))]
    for ref in refs:
        if not 0 < len(ref.key) <= KEY_MAX:
            return EventInvalid(
                told.ref.system,
                f"{ref.noun} {ref.key[:80]!r} has a key of {len(ref.key)} characters; "
                f"expected 1 to {KEY_MAX}",
            )
    return None


def is_just_read(told: Told) -> bool:
    """What polling brings is what the system said when it was asked."""
    return told.via in (Via.POLL, Via.BACKFILL)


def is_to_read(told: Told) -> bool:
    """Whether the record must be read before it can be believed."""
    return told.record is None or (told.version is None and not is_just_read(told))


def message_mark(told: Told) -> Mark | None:
    return None if told.event_id is None else mark_of_message(told.ref, told.event_id)


def causation_of(told: Told) -> str | None:
    """The id of the message, or a hash of one that is too long to be stored with each entry."""
    given = told.event_id
    if given is None or len(given) <= CAUSATION_MAX:
        return given
    return sha256(given.encode()).hexdigest()


def _children(record: Record) -> tuple[Record, ...]:
    field = TOLD_WITH.get(record.ref.noun)
    children: tuple[Record, ...] | None = None if field is None else getattr(record, field)
    return children or ()


def _with_itself(place: Place, record: Record) -> Place:
    """An order is its own order, a shipment its own shipment."""
    if isinstance(record, Order):
        return replace(place, order=record)
    if isinstance(record, Shipment):
        return replace(place, shipment=record)
    return place
