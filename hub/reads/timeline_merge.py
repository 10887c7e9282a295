"""One timeline out of what sources say now and what was recorded. Pure.

A fact has one natural key, whoever tells it: fetched and told, it appears once. A source shows the
state it is in and not how often it was reached: what is fetched of it is the last time it was told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from hub.model.case import Visibility
from hub.model.timeline import TimelineEntry
from hub.model.timeline_transitions import base_key, turn_of


def merged(
    fetched: Iterable[TimelineEntry], recorded: Iterable[TimelineEntry]
) -> list[TimelineEntry]:
    """Each fact once, in no order. The first of several fetched ones counts.

    A recorded entry keeps its sequence, its times and its causes; the fetched values stand where
    they were observed later.
    """
    once = {told.natural_key: told for told in recorded}
    newest = _newest(once)
    seen: set[str] = set()
    for entry in fetched:
        key = newest.get(base_key(entry.natural_key), entry.natural_key)
        if key in seen:
            continue
        seen.add(key)
        told = once.get(key)
        once[key] = entry if told is None else _joined(entry, told)
    return [_at_a_possible_time(entry) for entry in once.values()]


def _newest(recorded: Iterable[str]) -> dict[str, str]:
    """By the key of each fact, that of the last time it was recorded."""
    newest: dict[str, str] = {}
    for key in recorded:
        base = base_key(key)
        if base not in newest or turn_of(key) > turn_of(newest[base]):
            newest[base] = key
    return newest


def _joined(fetched: TimelineEntry, recorded: TimelineEntry) -> TimelineEntry:
    values = fetched if fetched.observed_at >= recorded.observed_at else recorded
    both = (fetched.visibility, recorded.visibility)
    return replace(
        values,
        natural_key=recorded.natural_key,
        sequence=recorded.sequence,
        # a source that tells only its state dates it by its last change, which goes on moving
        occurred_at=recorded.occurred_at,
        recorded_at=recorded.recorded_at,
        observed_at=_first_seen(fetched, recorded),
        change_from=recorded.change_from or fetched.change_from,
        correlation_id=recorded.correlation_id or fetched.correlation_id,
        causation_id=recorded.causation_id or fetched.causation_id,
        is_late=fetched.is_late or recorded.is_late,
        is_clock_suspect=recorded.is_clock_suspect,
        duplicate_count=recorded.duplicate_count,
        collapsed=fetched.collapsed or recorded.collapsed,
        # the stricter one: nobody widens by a read what was recorded as internal
        visibility=Visibility.INTERNAL if Visibility.INTERNAL in both else values.visibility,
    )


def _first_seen(fetched: TimelineEntry, recorded: TimelineEntry) -> datetime:
    """Nobody saw a state before it was reached: what was read before was an earlier time of it."""
    if fetched.observed_at < recorded.occurred_at:
        return recorded.observed_at
    return min(fetched.observed_at, recorded.observed_at)


def _at_a_possible_time(entry: TimelineEntry) -> TimelineEntry:
    """An entry from the future is shown where it was observed: its system's clock is wrong."""
    if entry.occurred_at <= entry.observed_at:
        return entry
    return replace(entry, occurred_at=entry.observed_at, is_clock_suspect=True)
