"""The display order of a timeline, its filters and its pages. Pure.

The order is total: the newest first, then the source's own sequence, then what can only follow what
(authorized before received), then the hub's sequence, then the natural key. A cursor holds an
entry's place in that order, not its number, so a page stays right when entries come and go.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import orjson

from hub.model.errors import InputInvalid, OpsHubError
from hub.model.timeline import Severity, TimelineEntry
from hub.reads.timeline_query import PAGE_DEFAULT, PAGE_MAX, TimelinePage, TimelineQuery

Place = tuple[int, int, int, int, str]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}


def place_of(entry: TimelineEntry) -> Place:
    """Where an entry stands; smaller is nearer to the top."""
    at_us = (entry.occurred_at - _EPOCH) // _MICROSECOND
    return (
        -at_us, -entry.source_sequence, -entry.causal_rank, -(entry.sequence or 0),
        entry.natural_key,
    )  # fmt: skip


def cursor_of(entry: TimelineEntry) -> str:
    return urlsafe_b64encode(orjson.dumps(place_of(entry))).rstrip(b"=").decode()


def page_of(
    entries: Iterable[TimelineEntry],
    query: TimelineQuery,
    *,
    failures: Sequence[OpsHubError] = (),
) -> TimelinePage:
    """The page of those that pass the filters; InputInvalid where the paging cannot be meant."""
    size, is_last = _size(query)
    wanted = sorted((entry for entry in entries if passes(entry, query)), key=place_of)
    begin, end = 0, len(wanted)
    if query.after is not None:
        after = _place("after", query.after)
        begin = sum(place_of(entry) <= after for entry in wanted)
    if query.before is not None:
        before = _place("before", query.before)
        end = max(begin, sum(place_of(entry) < before for entry in wanted))
    if is_last:
        begin = max(begin, end - size)
    else:
        end = min(end, begin + size)
    shown = tuple(wanted[begin:end])
    return TimelinePage(
        entries=shown,
        cursors=tuple(cursor_of(entry) for entry in shown),
        has_next=end < len(wanted),
        has_previous=begin > 0,
        total=len(wanted),
        failures=tuple(failures),
    )


def passes(entry: TimelineEntry, query: TimelineQuery) -> bool:
    return all(test(entry, query) for test in _TESTS)


_TESTS: tuple[Callable[[TimelineEntry, TimelineQuery], bool], ...] = (
    lambda entry, query: query.categories is None or entry.category in query.categories,
    lambda entry, query: query.types is None or entry.type in query.types,
    lambda entry, query: (
        query.min_severity is None
        or _SEVERITY_RANK[entry.severity] >= _SEVERITY_RANK[query.min_severity]
    ),
    lambda entry, query: query.systems is None or entry.system in query.systems,
    lambda entry, query: query.actor_types is None or entry.actor_type in query.actor_types,
    lambda entry, query: query.visibility is None or entry.visibility in query.visibility,
    lambda entry, query: query.since is None or entry.occurred_at >= query.since,
    lambda entry, query: query.until is None or entry.occurred_at < query.until,
    lambda entry, query: query.correlation_id in (None, entry.correlation_id),
    lambda entry, query: query.subject in (None, entry.subject),
    lambda entry, query: not query.only_state_changes or entry.change_to is not None,
    lambda entry, query: query.text is None or _contains(entry, query.text.casefold()),
)


def _contains(entry: TimelineEntry, text: str) -> bool:
    return any(text in (told or "").casefold() for told in (entry.title, entry.message, entry.type))


def _size(query: TimelineQuery) -> tuple[int, bool]:
    """Entries a page, and whether they are taken from the end."""
    if query.first is not None and query.last is not None:
        raise InputInvalid("last", query.last, expected="either first or last, not both")
    is_last = query.last is not None
    size = query.last if is_last else query.first
    if size is None:
        return PAGE_DEFAULT, False
    if not 0 <= size <= PAGE_MAX:
        name = "last" if is_last else "first"
        raise InputInvalid(name, size, expected=f"0 to {PAGE_MAX}")
    return size, is_last


def _place(name: str, cursor: str) -> Place:
    expected = "a cursor of this timeline"
    try:
        parts = orjson.loads(urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
        at_us, source_sequence, causal_rank, sequence, natural_key = parts
    except (ValueError, TypeError) as error:
        raise InputInvalid(name, cursor, expected=expected) from error
    numbers = (at_us, source_sequence, causal_rank, sequence)
    if not all(type(each) is int for each in numbers) or not isinstance(natural_key, str):
        raise InputInvalid(name, cursor, expected=expected)
    return at_us, source_sequence, causal_rank, sequence, natural_key
