"""Which streams an event may concern: the topics it is told under, and those a stream listens to.

A topic only finds the audiences. Who of them may see the event is decided when it is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from hub.events.event import COMMAND, STATUS_CHANGED, TIMELINE, Event
from hub.model.case import Case, Message
from hub.model.record import Record
from hub.model.values import Ref
from resolvers.live_items import Feed, Following

Topic = tuple[Feed, str, object]
"""A feed, what kind of bound, and its value."""

NOUNS: Mapping[Feed, frozenset[str]] = MappingProxyType(
    {
        Feed.TIMELINE: frozenset({TIMELINE}),
        Feed.ORDERS: frozenset({"order"}),
        Feed.RETURNS: frozenset({"return"}),
        Feed.SHIPMENTS: frozenset({"shipment", "milestone"}),
        Feed.CASES: frozenset({"case", "message"}),
        Feed.COMMANDS: frozenset({COMMAND}),
    }
)
"""The nouns whose events a feed tells."""


def topics_of(following: Following) -> tuple[Topic, ...]:
    """What a stream listens to: one topic or several of one kind."""
    feed = following.feed
    if following.records is not None:
        return tuple((feed, "record", ref) for ref in following.records)
    if following.order is not None:
        return ((feed, "order", following.order),)
    if following.customers is not None:
        return tuple((feed, "customer", ref) for ref in sorted(following.customers))
    if following.business_unit is not None:
        return ((feed, "unit", following.business_unit),)
    return ((feed, "all", None),)


def topics_of_event(event: Event) -> Iterator[Topic]:
    """Where an event is told; nowhere where no feed is about it."""
    if event.noun == TIMELINE:
        yield Feed.TIMELINE, "order", event.ref
    elif event.noun == "order" and event.change == STATUS_CHANGED:
        yield from _of_record(Feed.ORDERS, event)
    elif event.noun == "return" and event.change == STATUS_CHANGED:
        yield from _of_record(Feed.RETURNS, event)
    elif event.noun == "milestone" or (event.noun == "shipment" and event.change == STATUS_CHANGED):
        yield Feed.SHIPMENTS, "record", event.shipment if event.noun == "milestone" else event.ref
        yield Feed.SHIPMENTS, "order", event.order
    elif event.noun in NOUNS[Feed.CASES]:
        yield Feed.CASES, "order", event.order
        yield Feed.CASES, "all", None
    elif event.noun == COMMAND:
        yield Feed.COMMANDS, "record", event.ref


def _of_record(feed: Feed, event: Event) -> Iterator[Topic]:
    yield feed, "record", event.ref
    yield feed, "all", None
    yield feed, "customer", event.customer
    yield feed, "unit", event.business_unit


def is_of(following: Following, event: Event) -> bool:
    """Whether the event passes the bounds of a stream whose topic it has."""
    entry = event.entry
    if event.noun == TIMELINE and entry is not None:
        return True  # every entry counts, so that none is missed; filters come when it is told
    unit = following.business_unit
    if unit is not None and event.business_unit != unit:
        return False
    record = event.record
    return not isinstance(record, Case) or is_case_of(following, record)


def is_case_of(following: Following, case: Record) -> bool:
    """Whether a case waits in the queue, and is worked on by the person, that is followed."""
    if not isinstance(case, Case):
        return False
    return (following.queue is None or case.queue == following.queue) and (
        following.assignee is None or case.assignee == following.assignee
    )


def subject_of(event: Event) -> Ref | None:
    """The record that the subscribers of an event are shown; None where it is not known."""
    if event.noun == "milestone":
        return event.shipment
    if event.noun == "message":
        return event.record.case if isinstance(event.record, Message) else None
    return event.ref
