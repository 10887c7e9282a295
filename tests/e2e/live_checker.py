"""Compares what a subscriber saw with what the store says was told. It knows no code of the hub.

It reads the rows of the event log by itself, decides by itself what a filter is about, and names
every event that was neither seen nor explained: by an explicit gap, or, in a status feed, by the
count of those that a newer one stands for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import orjson

from tests.support.subscribers import Item

Ref = tuple[str, str, str]
FAULTS_MAX = 5  # named of one kind for one subscriber

LOSSLESS = frozenset({"orderTimeline", "shipmentMilestones"})


@dataclass(frozen=True, slots=True)
class Logged:
    """One row of the event log. `sequence` is what its feed counts: the position, or the number of
    a timeline entry in its order."""

    position: int
    event_id: str
    noun: str
    change: str
    ref: Ref
    version: int
    order: str | None = None
    shipment: str | None = None
    customer: str | None = None
    unit: str | None = None
    case: str | None = None
    queue: str | None = None
    status: str | None = None
    category: str | None = None
    visibility: str | None = None

    @property
    def sequence(self) -> int:
        return self.version if self.noun == "timeline" else self.position


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscriber asked for: a feed, and the keys that bound it; None bounds nothing."""

    feed: str
    orders: frozenset[str] | None = None
    order: str | None = None
    customer: str | None = None
    unit: str | None = None
    shipment: str | None = None
    queue: str | None = None
    categories: frozenset[str] | None = None
    is_customer: bool = False


@dataclass(slots=True)
class Verdict:
    """`faults` are what must not be. `uncounted` were skipped in a status feed while the socket
    broke: a newer event of the record was seen, but no count stands for them."""

    name: str
    wanted: int = 0
    seen: int = 0
    repeated: int = 0
    conflated: int = 0
    in_gaps: int = 0
    uncounted: int = 0
    faults: list[str] = field(default_factory=list)


def logged(rows: Iterable[tuple[int, str, bytes]]) -> list[Logged]:
    """The log in order of position, of rows (position, event_id, envelope)."""
    return sorted((_logged(*row) for row in rows), key=lambda each: each.position)


def _logged(position: int, event_id: str, envelope: bytes) -> Logged:
    told: dict[str, Any] = orjson.loads(envelope)["data"]
    fields = (told.get("record") or {}).get("fields", {})
    entry = told.get("entry") or {}
    noun, system, key = told["ref"]
    case = fields.get("case")
    return Logged(
        position=position,
        event_id=event_id,
        noun=told["noun"],
        change=told["change"],
        ref=(noun, system, key),
        version=told["version"],
        order=_key(told.get("order")),
        shipment=_key(told.get("shipment")),
        customer=_key(told.get("customer")),
        unit=told.get("businessUnit"),
        case=_key(case) if told["noun"] == "message" else key,
        queue=fields.get("queue"),
        status=fields.get("status"),
        category=entry.get("category"),
        visibility=entry.get("visibility") or fields.get("visibility"),
    )


def _key(ref: Sequence[str] | None) -> str | None:
    return None if ref is None else ref[2]


def wanted_of(wanted: Wanted, log: Sequence[Logged]) -> list[Logged]:
    """The events that a subscription is about, in order."""
    queues = {each.case: each.queue for each in log if each.noun == "case"}
    return [each for each in log if _FEEDS[wanted.feed](wanted, each, queues)]


def _is_entry(wanted: Wanted, event: Logged, _: dict[str | None, str | None]) -> bool:
    if event.noun != "timeline" or event.ref[2] != wanted.order:
        return False
    if wanted.is_customer and event.visibility != "CUSTOMER":
        return False
    return wanted.categories is None or event.category in wanted.categories


def _is_order(wanted: Wanted, event: Logged, _: dict[str | None, str | None]) -> bool:
    return event.noun == "order" and event.change == "status_changed" and _is_inside(wanted, event)


def _is_return(wanted: Wanted, event: Logged, _: dict[str | None, str | None]) -> bool:
    return event.noun == "return" and event.change == "status_changed" and _is_inside(wanted, event)


def _is_inside(wanted: Wanted, event: Logged) -> bool:
    return (
        (wanted.orders is None or event.ref[2] in wanted.orders)
        and (wanted.customer is None or event.customer == wanted.customer)
        and (wanted.unit is None or event.unit == wanted.unit)
    )


def _is_move(wanted: Wanted, event: Logged, _: dict[str | None, str | None]) -> bool:
    is_status = event.noun == "shipment" and event.change == "status_changed"
    if not is_status and event.noun != "milestone":
        return False
    if wanted.shipment is not None:
        return wanted.shipment == (event.ref[2] if is_status else event.shipment)
    return event.order == wanted.order


def _is_case(wanted: Wanted, event: Logged, queues: dict[str | None, str | None]) -> bool:
    if event.noun not in ("case", "message"):
        return False
    if event.noun == "message" and wanted.is_customer and event.visibility != "CUSTOMER":
        return False
    if wanted.queue is not None:
        return queues.get(event.case) == wanted.queue
    return event.order == wanted.order


_FEEDS = {
    "orderTimeline": _is_entry,
    "orderStatusChanged": _is_order,
    "returnStatusChanged": _is_return,
    "shipmentMilestones": _is_move,
    "caseUpdated": _is_case,
}


def check(name: str, wanted: Wanted, *, items: Sequence[Item], log: Sequence[Logged]) -> Verdict:
    """What one subscriber saw, against all that was told."""
    verdict = Verdict(name)
    snapshots = [each for each in items if each.kind == "snapshot"]
    if not snapshots:
        verdict.faults.append("no snapshot came")
        return verdict
    due = [each for each in wanted_of(wanted, log) if each.sequence > snapshots[0].sequence]
    first_seen: dict[str, Item] = {}
    for item in items:
        if item.kind == "event":
            verdict.repeated += item.event_id in first_seen
            first_seen.setdefault(item.event_id, item)
    verdict.wanted, verdict.seen = len(due), len(first_seen)
    _check_strangers(verdict, first_seen, due)
    _check_versions(verdict, first_seen.values())
    if wanted.feed in LOSSLESS:
        _check_order(verdict, list(first_seen.values()))
    gaps = [each for each in items if each.kind == "gap"]
    _check_told(verdict, due, first_seen, gaps, is_lossless=wanted.feed in LOSSLESS)
    return verdict


def _check_strangers(verdict: Verdict, seen: dict[str, Item], due: Sequence[Logged]) -> None:
    """Nothing is told that is not of the filter, or that came before the snapshot."""
    known = {each.event_id: each for each in due}
    strangers = [item for event_id, item in seen.items() if event_id not in known]
    _name(verdict, "told, though it is not asked for", [_words(each) for each in strangers])
    wrong = [
        item
        for event_id, item in seen.items()
        if (event := known.get(event_id)) is not None
        and event.noun != "timeline"
        and (item.ref, item.version) != (event.ref, event.version)
    ]
    _name(verdict, "told with another record or version", [_words(each) for each in wrong])


def _check_versions(verdict: Verdict, seen: Iterable[Item]) -> None:
    """Of each record the versions only grow, in the order of arrival."""
    highest: dict[Ref, int] = {}
    back = []
    for item in seen:
        if item.version < highest.get(item.ref, item.version):
            back.append(f"{_words(item)} after version {highest[item.ref]}")
        highest[item.ref] = max(item.version, highest.get(item.ref, item.version))
    _name(verdict, "a version went back", back)


def _check_order(verdict: Verdict, seen: Sequence[Item]) -> None:
    """A lossless feed tells in the order in which it was recorded."""
    back = [
        f"{_words(item)} after {before.sequence}"
        for before, item in pairwise(seen)
        if item.sequence < before.sequence
    ]
    _name(verdict, "told out of order", back)


def _check_told(
    verdict: Verdict, due: Sequence[Logged], seen: dict[str, Item], gaps: Sequence[Item],
    *, is_lossless: bool,
) -> None:  # fmt: skip
    """Each that is due was seen, lies in a gap, or is counted by a newer one of its record."""
    by_record: dict[Ref, list[Logged]] = defaultdict(list)
    for event in due:
        by_record[event.ref].append(event)
    passed = _Passed(seen.values())
    for events in by_record.values():
        skipped: list[Logged] = []
        for event in events:
            item = seen.get(event.event_id)
            if item is None:
                is_told = any(gap.first <= event.sequence <= gap.last for gap in gaps)
                verdict.in_gaps += is_told
                if not is_told:
                    skipped.append(event)
            elif skipped and not is_lossless:
                _check_count(verdict, skipped, item, passed)
                skipped = []
        _name(verdict, "never told", [_words(each) for each in skipped])
        last = seen.get(events[-1].event_id)
        if last is not None:
            _check_status(verdict, last, events[-1])


class _Passed:
    """In which session a subscriber first saw something at a sequence, or after it."""

    def __init__(self, seen: Iterable[Item]) -> None:
        self._highest: list[int] = []
        self._sessions: list[int] = []
        for item in seen:
            if not self._highest or item.sequence > self._highest[-1]:
                self._highest.append(item.sequence)
                self._sessions.append(item.session)

    def session(self, sequence: int) -> int:
        return self._sessions[bisect_left(self._highest, sequence)]


def _check_count(verdict: Verdict, skipped: Sequence[Logged], item: Item, passed: _Passed) -> None:
    """A newer event counts those it stands for. Those that were passed by in a session before its
    own were to be counted by an event that was never sent, for the connection broke: no fault."""
    counted = min(len(skipped), item.left_out)
    verdict.conflated += counted
    before = [each for each in skipped if passed.session(each.sequence) < item.session]
    missing = len(skipped) - counted
    verdict.uncounted += min(missing, len(before))
    if missing > len(before):
        _name(verdict, f"skipped, but {_words(item)} counts {item.left_out}",
              [_words(each) for each in skipped])  # fmt: skip


def _check_status(verdict: Verdict, last: Item, newest: Logged) -> None:
    """The newest event of a record shows the state it brought."""
    if newest.noun in ("order", "return", "case") and last.status != newest.status:
        verdict.faults.append(f"{_words(last)} shows {last.status}, but it is {newest.status}")


def _name(verdict: Verdict, what: str, which: Sequence[str]) -> None:
    if which:
        shown = "; ".join(which[:FAULTS_MAX])
        more = f" and {len(which) - FAULTS_MAX} more" if len(which) > FAULTS_MAX else ""
        verdict.faults.append(f"{what}: {shown}{more}")


def _words(told: Item | Logged) -> str:
    noun, system, key = told.ref
    return f"{noun} {system}:{key} version {told.version} at {told.sequence}"
