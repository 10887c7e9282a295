"""Whether what is told for the first time is news, or happened long ago. Pure.

A record that the hub hears of first may have been delivered last year, and only been touched now.
A change of what was known is news however late it is told.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.events.event import RECORDED, STATUS_CHANGED, Event
from hub.model.record import Record
from hub.model.timeline_rules import Rule, rules_of, status_of


def is_young(event: Event, younger_than_s: float) -> bool:
    """Whether its fact had just happened when it was recorded, where it is the first of its kind.

    A moment to come counts as young.
    """
    if not is_first_told(event):
        return True
    return event.recorded_at - happened_at(event) < timedelta(seconds=younger_than_s)


def is_first_told(event: Event) -> bool:
    """Whether nothing was known before of what the event tells."""
    if event.change == STATUS_CHANGED:
        return all(each.before is None for each in event.changes)
    return event.change == RECORDED


def happened_at(event: Event) -> datetime:
    """The moment of the fact as its system tells it, else that of the record's last change."""
    if event.entry is not None:
        return event.entry.occurred_at
    record = event.record
    if record is None:
        return event.occurred_at
    moments = [found for rule in rules_of(event.noun) if (found := _moment(record, rule))]
    own: datetime | None = getattr(record, "occurred_at", None)  # of a scan
    return max(moments) if moments else own or min(event.occurred_at, record.as_of)


def _moment(record: Record, rule: Rule) -> datetime | None:
    """When the record came into its state, by a rule of the timeline about that state."""
    status = status_of(record)
    if status is not None and status != rule.to and status not in rule.states:
        return None
    named = (name for name in rule.at if name not in ("updated_at", "as_of"))
    return next((found for name in named if (found := getattr(record, name)) is not None), None)
