"""What a system told the hub of one of its records, in canonical words, before it is believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from hub.model.customer import Customer
from hub.model.order import Order
from hub.model.record import Record
from hub.model.shipment import Shipment
from hub.model.values import Ref


class Via(Enum):
    """The way a message came in."""

    NATS = "NATS"
    WEBHOOK = "WEBHOOK"
    POLL = "POLL"
    BACKFILL = "BACKFILL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One record of one message.

    `record` is None where only the key was told, or what was told may not be believed: the record
    is read again. `version` is the system's own order of its changes of this record, None where it
    has none (then what was told is read again too, unless it was just read). `event_id` is the
    system's own id of the message. `is_replayed` says that this is history: nobody outside is told.
    """

    ref: Ref
    via: Via
    record: Record | None = None
    version: int | None = None
    event_id: str | None = None
    occurred_at: datetime | None = None
    correlation_id: str | None = None
    traceparent: str | None = None
    is_replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a record belongs: what the hub must know beside it. None where there is none."""

    order: Order | None = None
    shipment: Shipment | None = None
    customer: Customer | None = None


class Fate(Enum):
    """What became of something that was told; each is told exactly one of them."""

    APPLIED = "APPLIED"
    UNCHANGED = "UNCHANGED"
    DUPLICATE = "DUPLICATE"
    LATE = "LATE"


def version_of(record: Record) -> int | None:
    """Microseconds since 1970 of the source's own time of the record; None where it has none.

    A source without one gives `as_of` the hub's own reading time.
    """
    if record.as_of == record.fetched_at:
        return None
    return micros(record.as_of)


def micros(at: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return round(at.timestamp() * 1_000_000)
