"""What becomes of what was told, decided one after another, by version. Pure.

The states and the inbox were read, and locked, before; what is decided here is written after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from hub.events.candidates import Candidate, is_just_read, nested
from hub.events.entity_states import State
from hub.events.inbox import Mark
from hub.events.told import Fate
from hub.model.record import Record
from hub.model.shipment import Milestone
from hub.model.timeline import TimelineEntry
from hub.model.timeline_scans import entries_of_scans, late_after
from hub.model.timeline_transitions import Fact, Statuses, facts_of, statuses_of
from hub.model.values import Ref
from hub.store.timeline_entries import Again

BY_READING = "@read"
"""Among the statuses: the version is our own reading time, no time of the system."""


class Doubt(Enum):
    """It cannot be told which is newer: the system must be asked."""

    ASK = "ASK"


@dataclass(frozen=True, slots=True)
class Step:
    """One record that was believed, or that was late; `before` is what was believed until then."""

    candidate: Candidate
    before: State | None
    is_late: bool
    is_nested: bool
    facts: tuple[Fact, ...]


@dataclass(slots=True)
class Applying:
    """One transaction's decisions. `known` are marks of the inbox, `states` what is believed.

    `confirmed` are records that say later what was said before: no event, but news for caches.
    """

    known: set[Mark]
    states: dict[Ref, State]
    now: datetime
    judge: Callable[[Candidate, State | None], Fate | Doubt]
    kept: set[Mark] = field(default_factory=set)
    counted: list[Mark] = field(default_factory=list)
    again: list[Again] = field(default_factory=list)
    changed: dict[Ref, State] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    confirmed: list[Record] = field(default_factory=list)

    def take(self, told: Candidate) -> Fate | Doubt:
        """Its fate; a doubt leaves no trace."""
        if self._is_known(told):
            return Fate.DUPLICATE
        fate = self.judge(told, self.states.get(told.ref))
        if isinstance(fate, Doubt):
            return fate
        self._keep(told)
        if fate is Fate.UNCHANGED:
            self._confirm(told)
            return fate
        self._step(told, is_late=fate is Fate.LATE, is_nested=False)
        for child in nested(told):
            self._take_nested(child)
        return fate

    def _take_nested(self, child: Candidate) -> None:
        fate = self.judge(child, self.states.get(child.ref))
        if fate is Fate.UNCHANGED:
            self._confirm(child)
            return
        # a doubt was decided with the parent
        self._step(child, is_late=fate is Fate.LATE, is_nested=True)

    def _is_known(self, told: Candidate) -> bool:
        message, fact = told.message, told.fact
        if message is not None and message in self.known:
            self.counted.append(message)
            if told.place.order is not None and told.causation_id is not None:
                self.again.append(Again(told.place.order.ref, told.causation_id))
            return True
        if fact not in self.known or self._is_back(told):
            return False
        if message is not None:
            self.kept.add(message)
            self.known.add(message)
        if not is_just_read(told.told):  # polls overlap: they tell the same on purpose
            self.counted.append(fact)
        return True

    def _is_back(self, told: Candidate) -> bool:
        """Whether the system says now, within one instant of its clock, what it said before."""
        state = self.states.get(told.ref)
        return (
            told.is_read
            and state is not None
            and state.content != told.content
            and told.version == state.version
        )

    def _keep(self, told: Candidate) -> None:
        marks = {told.fact} if told.message is None else {told.fact, told.message}
        self.kept |= marks
        self.known |= marks

    def _step(self, told: Candidate, *, is_late: bool, is_nested: bool) -> None:
        before = self.states.get(told.ref)
        facts = _facts(told, None if is_late or before is None else before.statuses, is_late)
        self.steps.append(Step(told, before, is_late, is_nested, facts))
        if not is_late:
            self._note(told, statuses=statuses_of(told.record))

    def _confirm(self, told: Candidate) -> None:
        """It is as it was when an event told it last; somebody may have read it otherwise since."""
        before = self.states[told.ref]
        if told.version > before.version:
            self.confirmed.append(told.record)
        self._note(told, statuses=None)

    def _note(self, told: Candidate, *, statuses: dict[str, str] | None) -> None:
        """Believe it. Without `statuses` it says nothing new, only later."""
        before = self.states.get(told.ref)
        version = told.version if before is None else max(told.version, before.version)
        if statuses is None:
            assert before is not None  # only what was told before is unchanged
            if version == before.version:
                return
            state = replace(before, version=version, statuses=_timed(before.statuses, told))
        else:
            state = State(
                version=version, statuses=_timed(statuses, told), content=told.content,
                as_of=told.record.as_of, changed_at=self.now,
            )  # fmt: skip
        self.states[told.ref] = self.changed[told.ref] = state


def by_version(told: Candidate, state: State | None) -> Fate | Doubt:
    """The newer version counts; where versions do not say which it is, what was just read does."""
    if state is None:
        return Fate.APPLIED
    if told.content == state.content:
        return Fate.UNCHANGED
    is_truth = told.is_final or (told.is_read and told.record.fetched_at >= state.changed_at)
    if not told.is_timed:
        return Fate.APPLIED if is_truth else Doubt.ASK
    if told.version > state.version:
        return Fate.APPLIED
    if told.version == state.version:
        return Fate.APPLIED if is_truth else Doubt.ASK
    if BY_READING in state.statuses:  # a time of the system against one of ours
        if is_truth:
            return Fate.APPLIED
        if not told.has_own_time:
            return Doubt.ASK
    return Fate.LATE


def _timed(statuses: Statuses, told: Candidate) -> dict[str, str]:
    plain = {name: value for name, value in statuses.items() if name != BY_READING}
    return plain if told.is_timed else plain | {BY_READING: ""}


def _facts(told: Candidate, before: Statuses | None, is_late: bool) -> tuple[Fact, ...]:
    order, shipment = told.place.order, told.place.shipment
    if order is None:
        return ()
    if isinstance(told.record, Milestone):
        if shipment is None:
            return ()
        late = late_after(shipment, told.record)
        entries = entries_of_scans(order, shipment, [told.record])
        facts = [Fact(entry, late_after=late) for entry in entries]
    else:
        record = _dated(told, is_witnessed=before is not None)
        facts = facts_of(order, record, before=before, version=told.version)
    return tuple(each._replace(entry=_caused(each.entry, told, is_late)) for each in facts)


def _dated(told: Candidate, *, is_witnessed: bool) -> Record:
    """A record without a time of its own has that of its message; of a change that we saw happen,
    that of the reading that saw it."""
    record, at = told.record, told.told.occurred_at
    if told.has_own_time:
        return record
    if at is None and is_witnessed:
        at = record.fetched_at - timedelta(microseconds=1)  # equal would mean: no time at all
    return record if at is None else replace(record, as_of=at)


def _caused(entry: TimelineEntry, told: Candidate, is_late: bool) -> TimelineEntry:
    """A moment in the future is moved to where it was observed: its system's clock is wrong."""
    is_suspect = entry.occurred_at > entry.observed_at
    return replace(
        entry,
        causation_id=told.causation_id,
        is_late=entry.is_late or is_late,
        is_clock_suspect=entry.is_clock_suspect or is_suspect,
        occurred_at=min(entry.occurred_at, entry.observed_at),
    )
