"""Events out of what was believed: one per changed record, one per new timeline entry. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from hub.events.applying import Step
from hub.events.candidates import Candidate, statuses_after
from hub.events.entity_states import State
from hub.events.event import CHANGED, RECORDED, STATUS_CHANGED, TIMELINE, Event, StatusChange
from hub.events.told import micros
from hub.model.correlation import correlation_id_of
from hub.model.customer import Customer
from hub.model.order import Order
from hub.model.timeline import TimelineEntry
from hub.model.timeline_transitions import Statuses
from hub.model.values import Ref

BORN_ONCE = frozenset({"milestone", "receipt", "inspection", "disposition", "message"})
"""Nouns whose records are facts: the first time they are told is the news."""


def events_of(step: Step, new: Sequence[TimelineEntry], at: datetime) -> list[Event]:
    """The event of the record, then those of its entries that are new, in the order given."""
    entries = [entry_event(step.candidate, entry, at) for entry in new]
    if not _is_told(step):
        return entries
    return [_record_event(step, at), *entries]


def entry_event(told: Candidate, entry: TimelineEntry, at: datetime) -> Event:
    """That an entry was recorded; its version is the entry's sequence."""
    assert entry.sequence is not None  # it was recorded
    place = told.place
    return Event(
        id=event_id(*entry.order, entry.natural_key),
        noun=TIMELINE,
        change=RECORDED,
        ref=entry.order,
        version=entry.sequence,
        occurred_at=entry.occurred_at,
        recorded_at=at,
        order=entry.order,
        shipment=None if place.shipment is None else place.shipment.ref,
        customer=customer_of(told),
        business_unit=business_unit_of(told),
        entry=entry,
        correlation_id=entry.correlation_id,
        causation_id=told.causation_id,
        traceparent=told.told.traceparent,
        is_replayed=told.told.is_replayed,
    )


def event_id(*parts: str) -> str:
    """32 hex digits, a function of the parts alone."""
    return sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def customer_of(told: Candidate) -> Ref | None:
    """Whose the record is: its own customer, else its order's."""
    place = told.place
    own: Ref | None = getattr(told.record, "customer", None)
    if isinstance(told.record, Customer):
        return told.ref
    if own is not None:
        return own
    if place.customer is not None:
        return place.customer.ref
    return None if place.order is None else place.order.customer


def business_unit_of(told: Candidate) -> str | None:
    """The order's before the customer's."""
    record, place = told.record, told.place
    units = (each.business_unit for each in (place.order, place.customer) if each is not None)
    own = record.business_unit if isinstance(record, Order | Customer) else None
    return own or next((unit for unit in units if unit), None)


def _is_told(step: Step) -> bool:
    """A nested record is news only where it is a fact that was not known."""
    if step.is_late:
        return False
    if step.is_nested:
        return step.before is None and step.candidate.ref.noun in BORN_ONCE
    return True


def _record_event(step: Step, at: datetime) -> Event:
    told, record, place = step.candidate, step.candidate.record, step.candidate.place
    before: Statuses = {} if step.before is None else step.before.statuses
    changes = _changes(before, statuses_after(record, before))
    change = _change(step, changes)
    version = told.version if step.before is None else max(told.version, step.before.version)
    order = place.order
    made_from = (*record.ref, change, str(version), told.content, *_flapped(step.before, version))
    return Event(
        id=event_id(*made_from),
        noun=record.ref.noun,
        change=change,
        ref=record.ref,
        version=version,
        occurred_at=told.told.occurred_at or record.as_of,
        recorded_at=at,
        order=None if order is None else order.ref,
        shipment=None if place.shipment is None else place.shipment.ref,
        customer=customer_of(told),
        business_unit=business_unit_of(told),
        changes=changes,
        record=record,
        correlation_id=told.told.correlation_id or (order and correlation_id_of(order)) or None,
        causation_id=told.causation_id,
        traceparent=told.told.traceparent,
        is_replayed=told.told.is_replayed,
    )


def _change(step: Step, changes: Sequence[StatusChange]) -> str:
    if step.before is None and step.candidate.ref.noun in BORN_ONCE:
        return RECORDED
    return STATUS_CHANGED if changes else CHANGED


def _changes(before: Statuses, after: Statuses) -> tuple[StatusChange, ...]:
    axes = sorted(name for name in {*before, *after} if not name.startswith("@"))
    return tuple(
        StatusChange(axis, before.get(axis), after.get(axis))
        for axis in axes
        if before.get(axis) != after.get(axis)
    )


def _flapped(before: State | None, version: int) -> tuple[str, ...]:
    """Within one version a record may go back to what it was: that is another event."""
    if before is None or before.version != version:
        return ()
    return (str(micros(before.changed_at)),)
