"""A canonical event: what changed in a record, as the hub has recorded it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.model.record import Record
from hub.model.timeline import TimelineEntry
from hub.model.values import Ref

TIMELINE = "timeline"
"""The noun of the events that a timeline entry was recorded; their `ref` is the order's."""
COMMAND = "command"
"""The noun of the events that a command's status changed; their `ref` is the command's."""
CHANGED, STATUS_CHANGED, RECORDED = "changed", "status_changed", "recorded"


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One status of a record: `axis` is its canonical field, the values canonical names."""

    axis: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change of one record, or one recorded timeline entry.

    `id` is a function of what changed: an event made twice has the same. `version` orders the
    events of one record. `position` is the hub's own gap-free number over all events, in the order
    everybody sees them; None until it is given. `record` is the record after the change; `entry`
    the recorded entry of a `timeline` event. `is_replayed` marks history: nobody outside is told.
    """

    id: str
    noun: str
    change: str
    ref: Ref
    version: int
    occurred_at: datetime
    recorded_at: datetime
    order: Ref | None = None
    shipment: Ref | None = None
    customer: Ref | None = None
    business_unit: str | None = None
    changes: tuple[StatusChange, ...] = ()
    record: Record | None = None
    entry: TimelineEntry | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None
    is_replayed: bool = False
    position: int | None = None
