"""One timeline out of what sources say now and what was recorded. Pure.

A fact has one natural key, whoever tells it: fetched and told, it appears once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hub.model.case import Visibility
from hub.model.timeline import TimelineEntry


def merged(
    fetched: Iterable[TimelineEntry], recorded: Iterable[TimelineEntry]
) -> list[TimelineEntry]:
    """Each fact once, in no order. The first of several fetched ones counts.

    A recorded entry keeps its sequence, its times and its causes; the fetched values stand where
    they were observed later.
    """
    once: dict[str, TimelineEntry] = {}
    for entry in fetched:
        once.setdefault(entry.natural_key, entry)
    for told in recorded:
        seen = once.get(told.natural_key)
        once[told.natural_key] = told if seen is None else _joined(seen, told)
    return [_at_a_possible_time(entry) for entry in once.values()]


def _joined(fetched: TimelineEntry, recorded: TimelineEntry) -> TimelineEntry:
    values = fetched if fetched.observed_at >= recorded.observed_at else recorded
    both = (fetched.visibility, recorded.visibility)
    return replace(
        values,
        sequence=recorded.sequence,
        recorded_at=recorded.recorded_at,
        observed_at=min(fetched.observed_at, recorded.observed_at),
        correlation_id=recorded.correlation_id or fetched.correlation_id,
        causation_id=recorded.causation_id or fetched.causation_id,
        is_late=fetched.is_late or recorded.is_late,
        duplicate_count=recorded.duplicate_count,
        collapsed=fetched.collapsed or recorded.collapsed,
        # the stricter one: nobody widens by a read what was recorded as internal
        visibility=Visibility.INTERNAL if Visibility.INTERNAL in both else values.visibility,
    )


def _at_a_possible_time(entry: TimelineEntry) -> TimelineEntry:
    """An entry from the future is shown where it was observed: its system's clock is wrong."""
    if entry.occurred_at <= entry.observed_at:
        return entry
    return replace(entry, occurred_at=entry.observed_at, is_clock_suspect=True)
