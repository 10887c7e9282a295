"""Which of two tellings of one record is believed, as a table."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from hub.events.applying import BY_READING, Applying, Doubt, by_version
from hub.events.candidates import Candidate, candidate, causation_of, is_to_read, wrong_in
from hub.events.entity_states import State
from hub.events.inbox import VALUE_MAX, mark_of_message
from hub.events.told import Fate, Place, Told, Via, micros
from hub.model.record_json import content_hash
from tests.unit.reads.world import NOW, make, ref

APPLIED_AT = NOW + timedelta(hours=1)
EARLIER, LATER = APPLIED_AT - timedelta(minutes=1), APPLIED_AT + timedelta(minutes=1)
VERSION = micros(NOW)
SECOND = 1_000_000


def item(word: str, *, as_of: datetime | None, fetched_at: datetime) -> Any:
    """A record; without `as_of` its system tells no time of it."""
    made = make("item", "A", description=word)
    return replace(made, as_of=as_of or fetched_at, fetched_at=fetched_at)


def state(*, by_reading: bool = False) -> State:
    return State(
        version=VERSION, statuses={BY_READING: ""} if by_reading else {}, as_of=NOW,
        content=content_hash(make("item", "A", description="old")), changed_at=APPLIED_AT,
    )  # fmt: skip


def told(word: str, seconds: float, **how: Any) -> Candidate:
    """`seconds` after the version that is believed; `timed` by record, message or nobody."""
    by = how.get("timed", "record")
    at = NOW + timedelta(seconds=seconds)
    fetched_at = how.get("fetched_at", EARLIER)
    record = item(word, as_of=at if by == "record" else None, fetched_at=fetched_at)
    version = None if by == "nobody" else VERSION + round(seconds * SECOND)
    via = Via.POLL if how.get("polled") else Via.NATS
    given = Told(ref=ref("item", "A"), via=via, record=record, version=version)
    is_final = bool(how.get("final"))
    return candidate(given, record, Place(), is_read=is_final, is_final=is_final)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (told("old", -5), Fate.UNCHANGED),
        (told("old", 5), Fate.UNCHANGED),
        (told("new", 5), Fate.APPLIED),
        (told("new", -5), Fate.LATE),
        (told("new", 0), Doubt.ASK),
        (told("new", 0, polled=True, fetched_at=EARLIER), Doubt.ASK),
        (told("new", 0, polled=True, fetched_at=LATER), Fate.APPLIED),
        (told("new", 0, final=True), Fate.APPLIED),
        (told("new", -5, final=True), Fate.LATE),
        (told("new", 5, timed="message"), Fate.APPLIED),
        (told("new", -5, timed="message"), Fate.LATE),
        (told("new", -5, timed="nobody", polled=True, fetched_at=LATER), Fate.APPLIED),
        (told("new", -5, timed="nobody", polled=True, fetched_at=EARLIER), Doubt.ASK),
        (told("new", -5, timed="nobody", final=True), Fate.APPLIED),
    ],
)
def test_what_is_believed(one: Candidate, expected: Fate | Doubt) -> None:
    assert by_version(one, state()) is expected
    assert by_version(one, None) is Fate.APPLIED


def test_a_clock_of_theirs_is_not_compared_with_ours() -> None:
    read = state(by_reading=True)
    assert by_version(told("new", -5, timed="message"), read) is Doubt.ASK
    assert by_version(told("new", -5), read) is Fate.LATE
    assert by_version(told("new", 5, timed="message"), read) is Fate.APPLIED


def test_what_is_told_later_as_before_is_no_event_and_yet_confirmed() -> None:
    later, earlier = told("old", 5), told("old", -5)
    applying = Applying(set(), {later.ref: state()}, NOW, by_version)
    assert applying.take(later) is Fate.UNCHANGED
    assert applying.take(earlier) is Fate.UNCHANGED
    assert applying.confirmed == [later.record]
    assert applying.steps == []


def test_a_doubt_leaves_no_trace() -> None:
    one = told("new", 0)
    applying = Applying(set(), {one.ref: state()}, NOW, by_version)
    assert applying.take(one) is Doubt.ASK
    assert (applying.kept, applying.counted, applying.changed, applying.steps) == (
        set(), [], {}, [],
    )  # fmt: skip


def test_what_must_be_read() -> None:
    known = told("new", 5).told
    assert not is_to_read(known)
    assert is_to_read(replace(known, record=None))
    assert is_to_read(replace(known, version=None))
    assert not is_to_read(replace(known, version=None, via=Via.POLL))
    assert is_to_read(replace(known, record=None, via=Via.POLL))


def test_long_ids_are_kept_as_a_hash() -> None:
    given = replace(told("new", 5).told, event_id="x" * 120)
    assert causation_of(given) == "x" * 120
    long = causation_of(replace(given, event_id="x" * 121))
    assert long is not None and len(long) == 64
    assert len(mark_of_message(given.ref, "x" * 400).value) <= VALUE_MAX
    assert len(mark_of_message(ref("item", "k" * 400), "x" * 400).value) == 64


@pytest.mark.parametrize(("key", "is_wrong"), [("", True), ("k" * 400, False), ("k" * 401, True)])
def test_a_key_must_fit(key: str, is_wrong: bool) -> None:
    given = Told(ref=ref("item", key), via=Via.NATS)
    assert (wrong_in(given, None) is not None) is is_wrong
    parent = make("order", "1", lines=(make("order_line", key),))
    assert (wrong_in(replace(given, ref=parent.ref), parent) is not None) is is_wrong
