"""Events and timeline entries as the items of a stream."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from hub.commands.words import Command
from hub.events.event import RECORDED, TIMELINE, Event, StatusChange
from hub.events.making import event_id
from hub.model.record import Record
from hub.model.shipment import Milestone
from hub.model.timeline import Severity, TimelineEntry
from hub.reads.timeline_merge import merged
from hub.security.masks import is_name_told, is_readable
from hub.security.scope import Scope
from resolvers.live_items import Feed, Following, LiveEvent

Node = Record | Command
"""What an event of a feed is about, as it is now."""

_SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class At(NamedTuple):
    """A place in a stream."""

    cursor: str
    sequence: int


def told_entry(entry: TimelineEntry, following: Following, scope: Scope) -> TimelineEntry | None:
    """The entry as the scope may read it; None where it may not, or a filter leaves it out."""
    if not is_readable(entry.visibility, scope) or not _passes(entry, following):
        return None
    [shown] = merged((), (entry,))
    if is_name_told(shown.actor_type, scope):
        return shown
    return replace(shown, actor=None)


def _passes(entry: TimelineEntry, following: Following) -> bool:
    if following.categories is not None and entry.category not in following.categories:
        return False
    least = following.min_severity
    return least is None or _SEVERITY_RANK[entry.severity] >= _SEVERITY_RANK[least]


def item_of_entry(entry: TimelineEntry, *, cursor: str) -> LiveEvent:
    """A recorded entry; its event has one id, told as it happens or read again."""
    assert entry.sequence is not None and entry.recorded_at is not None  # only recorded are told
    return LiveEvent(
        feed=Feed.TIMELINE,
        cursor=cursor,
        sequence=entry.sequence,
        event_id=event_id(*entry.order, entry.natural_key),
        type=f"{TIMELINE}.{RECORDED}",
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        source=entry.subject or entry.order,
        entity_version=entry.sequence,
        node=entry,
        correlation_id=entry.correlation_id,
        causation_id=entry.causation_id,
    )


def item_of_event(event: Event, feed: Feed, node: Node, *, at: At, conflated: int) -> LiveEvent:
    """An event of a record, with the record it is told of as it is now."""
    record = event.record
    return LiveEvent(
        feed=feed,
        cursor=at.cursor,
        sequence=at.sequence,
        event_id=event.id,
        type=f"{event.noun}.{event.change}",
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        source=event.ref,
        entity_version=event.version,
        node=node,
        milestone=record if isinstance(record, Milestone) else None,
        changes=event.changes,
        conflated=conflated,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
    )


def conflated(older: Event, newer: Event) -> Event:
    """The newer of two events of one record, with the changes from before the older one on."""
    steps = {change.axis: change for change in older.changes}
    for change in newer.changes:
        before = steps[change.axis].before if change.axis in steps else change.before
        steps[change.axis] = StatusChange(change.axis, before, change.after)
    return replace(newer, changes=tuple(steps.values()))
