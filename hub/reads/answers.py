"""What reads give back that is no record: found numbers, hits, calls, the state of systems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from hub.model.errors import OpsHubError
from hub.model.inventory import AvailabilityMode, Price
from hub.model.record import Record
from hub.model.timeline import TimelineEntry
from hub.model.values import Quantity, Ref, Staleness
from hub.reads.port import SystemHealth


@dataclass(frozen=True, slots=True)
class Found:
    """The records a number names, scoped; of one thing the leading one, by the first ref found.

    One error for each system that failed.
    """

    records: tuple[Record, ...]
    failures: tuple[OpsHubError, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A thing a text was found in. `rank` is 0 for the whole value, 1 its start, 2 a part.

    `record` is the thing's leading record; field and value are another's only where that one has
    the better rank.
    """

    record: Record
    field: str
    value: str
    rank: int


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first, each thing once; one error for each system that failed."""

    hits: tuple[Hit, ...]
    failures: tuple[OpsHubError, ...]


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """One call to a system this request caused or joined.

    `relation` is `noun.field`, or `noun` for a read by key; `merged` counts the requests it served.
    """

    system: str
    noun: str
    relation: str
    keys: int
    merged: int


@dataclass(frozen=True, slots=True)
class SystemState:
    name: str
    role: str
    kind: str
    nouns: tuple[str, ...]
    health: SystemHealth


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """What of a SKU may be promised at a location, and from what it was worked out.

    `available_to_sell` is None where mode is UNKNOWN. `systems` are those that told a bucket; for a
    system that failed there is a row of its own without a location. `as_of` and `fetched_at` are
    the older of the inputs. `unknown_buckets` are subtracted as nothing and named in `reasons`.
    """

    sku: str
    location: str | None
    systems: tuple[str, ...]
    mode: AvailabilityMode
    reasons: tuple[str, ...]
    available_to_sell: Quantity | None = None
    on_hand: Quantity | None = None
    hard_allocated: Quantity | None = None
    soft_reserved: Quantity | None = None
    quality_hold: Quantity | None = None
    damaged: Quantity | None = None
    returns_quarantine: Quantity | None = None
    safety_stock: Quantity | None = None
    inbound: Quantity | None = None
    backorder_demand: Quantity | None = None
    unknown_buckets: tuple[str, ...] = ()
    as_of: datetime | None = None
    fetched_at: datetime | None = None
    staleness: Staleness = Staleness.FRESH
    code: str | None = None


@dataclass(frozen=True, slots=True)
class PriceAnswer:
    """The price row that holds for a customer, quantity and day. `is_own` where not a list price.

    `failures` are the systems that could not be asked: a better row may be theirs.
    """

    price: Price
    sku: str
    quantity: Decimal
    is_own: bool
    failures: tuple[OpsHubError, ...] = ()


class References(Protocol):
    """The cross references. `same_as` gives all refs of one real thing, the asked one included."""

    def same_as(self, ref: Ref) -> tuple[Ref, ...]: ...


class Recorded(Protocol):
    """The recorded timeline: entries per order, aligned, in any order."""

    async def entries_by_order(self, orders: Sequence[Ref]) -> list[list[TimelineEntry]]: ...


class Clock(Protocol):
    """`now` is aware and UTC; `monotonic` counts seconds and never goes back."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...
