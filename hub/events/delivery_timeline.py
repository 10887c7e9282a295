"""Each try to tell somebody outside, as an entry of the order's timeline and its event. Pure."""

from __future__ import annotations

from datetime import datetime

from hub.events.delivery_rows import Due
from hub.events.delivery_tries import Result
from hub.events.event import RECORDED, TIMELINE, Event
from hub.events.making import event_id
from hub.events.outgoing import HUB
from hub.model.case import ActorType, Visibility
from hub.model.timeline import Severity, TimelineCategory, TimelineEntry
from hub.model.values import Ref

SENT_TYPE, FAILED_TYPE = "communication.sent", "communication.failed"


def entry_of_try(row: Due, result: Result, at: datetime) -> TimelineEntry | None:
    """The entry; None where what is told belongs to no order."""
    if row.order is None:
        return None
    type = SENT_TYPE if result.is_told else FAILED_TYPE
    what = row.about["what"]
    return TimelineEntry(
        natural_key=f"{HUB}:delivery:{row.id}:{row.attempts + 1}:{type}",
        order=row.order,
        category=TimelineCategory.COMMUNICATION,
        type=type,
        title=f"{row.name} was told of {what}" if result.is_told else f"{row.name} was not told",
        system=HUB,
        occurred_at=at,
        observed_at=at,
        severity=_severity(result),
        visibility=Visibility.INTERNAL,
        message=result.ending.reason,
        actor_type=ActorType.SYSTEM,
        actor=HUB,
        subject=Ref(**row.about["subject"]),
        correlation_id=row.told.get("correlationid"),
        causation_id=row.event_id,
    )


def _severity(result: Result) -> Severity:
    if result.is_told:
        return Severity.INFO
    return Severity.WARNING if result.is_over else Severity.NOTICE


def event_of_entry(row: Due, entry: TimelineEntry, at: datetime) -> Event:
    """That the entry was recorded; its version is the entry's sequence."""
    assert entry.sequence is not None  # it was recorded
    about = row.about
    return Event(
        id=event_id(*entry.order, entry.natural_key),
        noun=TIMELINE,
        change=RECORDED,
        ref=entry.order,
        version=entry.sequence,
        occurred_at=entry.occurred_at,
        recorded_at=at,
        order=entry.order,
        shipment=None if about["shipment"] is None else Ref(*about["shipment"]),
        customer=None if about["customer"] is None else Ref(*about["customer"]),
        business_unit=about["businessUnit"],
        entry=entry,
        correlation_id=entry.correlation_id,
        causation_id=row.event_id,
        traceparent=row.traceparent,
    )
