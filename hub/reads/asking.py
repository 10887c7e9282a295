"""The questions of one request: from the cache where that is good enough, else from a system.

A key is asked for once in a request. Nothing here knows of a scope: see `owners.py`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from hub.model.errors import OpsHubError, SourceTimeout
from hub.model.record import Record
from hub.model.values import Provenance, Ref, Staleness
from hub.observe.metrics import count_cache_read
from hub.reads.answers import Clock, UpstreamCall
from hub.reads.batcher import Lane
from hub.reads.cache import ABSENT_FOR_S, Held, staleness_of
from hub.reads.callers import calling_for
from hub.reads.lanes import Answer, Lanes
from hub.reads.memory import Memory, Question
from hub.reads.port import ListPage, ListQuery, NounTerms, RecordSource
from hub.security.principal import CallerClass

DEADLINES_S: Mapping[CallerClass, float] = MappingProxyType(
    # an analyst's aggregate may take long; a person at a desk has gone after five seconds
    {CallerClass.AGENT: 5.0, CallerClass.CUSTOMER: 5.0, CallerClass.ANALYST: 30.0}
)

_NO_SUCH_RECORD = Answer(None, None)
_UNASKED = Answer(None, None)  # of a record that another request read


class Asking:
    """One per request. `calls` are the upstream calls it caused or joined, as they land.

    `rows_read` counts by system the records they brought it; those of the cache are no rows.
    """

    def __init__(self, lanes: Lanes, *, memory: Memory, clock: Clock, caller: CallerClass) -> None:
        self.calls: list[UpstreamCall] = []
        self.rows_read: Counter[str] = Counter()
        self._lanes = lanes
        self._memory = memory
        self._clock = clock
        self._caller = caller
        self._ends_at = asyncio.get_running_loop().time() + DEADLINES_S[caller]
        self._answers: dict[Question, Answer] = {}
        self._pending: dict[Question, asyncio.Future[Answer]] = {}
        self._served: dict[Ref, tuple[Record, Answer]] = {}

    def served_by(self, lane: Lane, keys: int, requests: int) -> None:
        self.calls.append(UpstreamCall(lane.system, lane.noun, lane.relation, keys, requests))

    async def answers(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer per question, aligned; SourceTimeout where the request's time is over."""
        self._begin_all(
            each
            for each in dict.fromkeys(questions)
            if each not in self._answers and each not in self._pending
        )
        waited = {each: self._pending[each] for each in questions if each in self._pending}
        if waited:
            left = self._ends_at - asyncio.get_running_loop().time()
            await asyncio.wait(set(waited.values()), timeout=max(0.0, left))
            for question, future in waited.items():
                self._settle(question, future)
        return [self._answers[question] for question in questions]

    def targets(self, ref: Ref, field: str) -> frozenset[str]:
        """The systems whose records a reference field of such a record may name."""
        terms = self._lanes.terms(ref.system, ref.noun)
        return frozenset() if terms is None else terms.targets.get(field, frozenset())

    def tells_units(self, system: str) -> bool:
        """Whether a system knows business units: it tells them of its orders or customers."""
        served = (self._lanes.terms(system, noun) for noun in ("order", "customer"))
        return any(terms is not None and "business_unit" in terms.fields for terms in served)

    def time_left_s(self) -> float:
        return max(0.0, self._ends_at - asyncio.get_running_loop().time())

    def provenance(self, record: Record) -> Provenance:
        """Where a record of this request came from, and how far it may be trusted."""
        _, answer = self._served.get(record.ref, (record, _UNASKED))
        return Provenance(
            system=record.ref.system,
            as_of=record.as_of,
            fetched_at=record.fetched_at,
            staleness=answer.staleness,
            from_cache=answer.from_cache,
        )

    def failure_of(self, record: Record) -> str | None:
        """The code of why an older record is shown, where that is so."""
        _, answer = self._served.get(record.ref, (record, _UNASKED))
        return None if answer.failure is None else answer.failure.code

    def carries(self, parent: Record, children: Iterable[Record]) -> None:
        """Children nested in a record are as old as it is."""
        _, answer = self._served.get(parent.ref, (parent, _UNASKED))
        self._served.update((child.ref, (child, answer)) for child in children)

    async def listed(
        self, source: RecordSource, noun: str, query: ListQuery
    ) -> ListPage | OpsHubError:
        """A page of one system, asked in the lane of this caller."""
        with calling_for(self._caller):
            page = await source.list(noun, query)
        self.calls.append(UpstreamCall(source.name, noun, f"{noun} list", 1, 1))
        if not isinstance(page, OpsHubError):
            self.rows_read[source.name] += len(page.records)
        return page

    def told_by_list(self, record: Record) -> None:
        """A record that came by a list: neither a key nor a relation."""
        self._served[record.ref] = record, Answer(record, record.fetched_at)

    def _begin_all(self, questions: Iterable[Question]) -> None:
        seen = Counter((each.noun, self._begin(each)) for each in questions)
        for (noun, outcome), count in seen.items():
            count_cache_read(noun, outcome, count)

    def _begin(self, question: Question) -> str:
        """Answer from what is held, or ask; says what was held, for the metrics."""
        if isinstance(question, Ref) and question in self._served:
            record, by = self._served[question]  # it came by a relation or a list
            self._answers[question] = replace(by, value=record)
            return "fresh"
        terms = self._lanes.terms(question.system, question.noun)
        if terms is None:
            self._answers[question] = _NO_SUCH_RECORD
            return "absent"
        held = self._memory.look(question)
        staleness = self._staleness(held, terms)
        outcome = "absent" if held is None else staleness.value.lower()
        if held is None or staleness is Staleness.EXPIRED or not _may_be_stale(terms, staleness):
            self._pending[question] = self._lanes.ask(question, self._caller, self)
            return outcome
        failure = None
        if staleness is Staleness.STALE:
            failure = held.failure
            if held.retry_at <= self._clock.monotonic():
                self._lanes.ask(question, self._caller, self)  # refreshed beside this request
        self._answer(question, _from_cache(held, staleness, failure))
        return outcome

    def _settle(self, question: Question, future: asyncio.Future[Answer]) -> None:
        if self._pending.pop(question, None) is None:
            return  # another reader of this request was quicker
        if future.done() and not future.cancelled():
            answer = future.result()
            self.rows_read[question.system] += _rows_of(answer)
        else:
            answer = Answer(SourceTimeout(question.system, "no answer in the request's time"), None)
        if isinstance(answer.value, OpsHubError) and answer.value.retryable:
            answer = self._older(question, answer.value) or answer
        self._answer(question, answer)

    def _older(self, question: Question, failure: OpsHubError) -> Answer | None:
        """What is still usable of a system that cannot answer now."""
        terms = self._lanes.terms(question.system, question.noun)
        held = self._memory.look(question)
        if terms is None or held is None or held.value is None:
            return None
        if self._staleness(held, terms) is Staleness.EXPIRED:
            return None
        return _from_cache(held, Staleness.STALE, failure)

    def _answer(self, question: Question, answer: Answer) -> None:
        self._answers[question] = answer
        told = answer.value
        for record in told if isinstance(told, tuple) else (told,):
            if isinstance(record, Record):
                self._served[record.ref] = record, answer

    def _staleness(
        self, held: Held[Record | None] | Held[tuple[Record, ...]] | None, terms: NounTerms
    ) -> Staleness:
        if held is None:
            return Staleness.EXPIRED
        age_s = self._clock.monotonic() - held.read_at
        if held.value is None:
            fresh_for_s = min(ABSENT_FOR_S, terms.fresh_for_s)
            return staleness_of(age_s, fresh_for_s=fresh_for_s, stale_for_s=0.0)
        return staleness_of(age_s, fresh_for_s=terms.fresh_for_s, stale_for_s=terms.stale_for_s)


def _rows_of(answer: Answer) -> int:
    told = answer.value
    if isinstance(told, tuple):
        return len(told)
    return int(isinstance(told, Record))


def _may_be_stale(terms: NounTerms, staleness: Staleness) -> bool:
    """A noun that is fresh for no time at all is read each time."""
    return staleness is Staleness.FRESH or terms.fresh_for_s > 0


def _from_cache(
    held: Held[Record | None] | Held[tuple[Record, ...]],
    staleness: Staleness,
    failure: OpsHubError | None,
) -> Answer:
    return Answer(held.value, held.fetched_at, staleness, True, failure)
