"""The lanes into the systems: one batcher per system, noun, operation and class of caller.

What a call brings is remembered as it lands, and what it says of another key is dropped here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from hub.model.errors import Internal, OpsHubError, SourceBusy
from hub.model.record import Record
from hub.model.values import Ref, Staleness
from hub.observe.metrics import observe_batch
from hub.observe.spans import batch_span
from hub.reads.answers import Clock
from hub.reads.batcher import Batcher, Lane, Requester, Terms
from hub.reads.cache import RETRY_AFTER_S
from hub.reads.callers import calling_for
from hub.reads.memory import Asked, Memory, Question
from hub.reads.port import NounTerms, RecordSource
from hub.security.principal import CallerClass

log = logging.getLogger(__name__)

_Place = tuple[RecordSource, Lane, CallerClass]
"""Who is asked, for what, in whose lane."""
Value = Record | tuple[Record | OpsHubError, ...] | OpsHubError | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question gave. `failure` is why an older answer is shown in place of a new one."""

    value: Value
    fetched_at: datetime | None
    staleness: Staleness = Staleness.FRESH
    from_cache: bool = False
    failure: OpsHubError | None = None


class Lanes:
    """Asks systems, through batchers made as they are needed."""

    def __init__(
        self, sources: Mapping[str, RecordSource], *, memory: Memory, clock: Clock
    ) -> None:
        self._sources = sources
        self._memory = memory
        self._clock = clock
        self._batchers: dict[tuple[Lane, CallerClass], Batcher[Question, Answer]] = {}

    def terms(self, system: str, noun: str) -> NounTerms | None:
        """How a system serves a noun; None where it does not."""
        source = self._sources.get(system)
        return None if source is None else source.nouns.get(noun)

    def ask(
        self, question: Question, caller: CallerClass, requester: Requester
    ) -> asyncio.Future[Answer]:
        """The answer of a system that serves the noun, read now; see `Batcher.ask`."""
        lane = _lane_of(question)
        batcher = self._batchers.get((lane, caller))
        if batcher is None:
            batcher = self._batchers[lane, caller] = Batcher(self._batching(lane, caller))
        return batcher.ask(question, requester)

    async def close(self) -> None:
        await asyncio.gather(*(batcher.close() for batcher in self._batchers.values()))

    def _batching(self, lane: Lane, caller: CallerClass) -> Terms[Question, Answer]:
        source = self._sources[lane.system]
        return Terms(
            lane=lane,
            call=partial(self._call, (source, lane, caller)),
            batch_max=source.nouns[lane.noun].batch_max,
            begin=self._memory.generations.begin,
            is_current=self._memory.is_current,
            refuse=lambda: Answer(
                SourceBusy(lane.system, f"too many {lane.relation} reads wait; try again"), None
            ),
            broken=lambda error: _broken(lane, error),
        )

    async def _call(
        self, place: _Place, questions: Sequence[Question], begun: int, requests: int
    ) -> list[Answer]:
        source, lane, caller = place
        read_at, fetched_at = self._clock.monotonic(), self._clock.now()
        keys = len(questions)
        with (
            calling_for(caller),
            batch_span(lane.system, lane.relation, keys=keys, requests=requests),
        ):
            values = await _values(source, lane, questions)
        observe_batch(lane.system, lane.relation, keys, requests)
        for question, value in zip(questions, values, strict=True):
            self._remember(question, value, _Read(begun, read_at, fetched_at))
        return [Answer(value, fetched_at) for value in values]

    def _remember(self, question: Question, value: Value, read: _Read) -> None:
        if isinstance(value, OpsHubError):
            retry_at = self._clock.monotonic() + RETRY_AFTER_S
            self._memory.note_failure(question, value, retry_at=retry_at)
            return
        told: Record | tuple[Record, ...] | None
        if isinstance(value, tuple):
            told = tuple(each for each in value if isinstance(each, Record))
            if len(told) != len(value):
                return  # a relation with a record that could not be read is not kept
        else:
            told = value
            if told is not None and told.ref != question:
                question = told.ref  # asked by another writing of the key
        self._memory.keep(
            question, told, begun=read.begun, read_at=read.read_at, fetched_at=read.fetched_at
        )


@dataclass(frozen=True, slots=True)
class _Read:
    begun: int
    read_at: float
    fetched_at: datetime


def _lane_of(question: Question) -> Lane:
    if isinstance(question, Ref):
        return Lane(question.system, question.noun, None)
    return Lane(question.system, question.noun, question.field)


async def _values(
    source: RecordSource, lane: Lane, questions: Sequence[Question]
) -> Sequence[Value]:
    if lane.field is None:
        keys = [question.key for question in questions if isinstance(question, Ref)]
        return await source.by_key(lane.noun, keys)
    asked = [question for question in questions if isinstance(question, Asked)]
    told = await source.by_field(lane.noun, lane.field, [each.value for each in asked])
    return [
        rows if isinstance(rows, OpsHubError) else _own_rows(each, rows)
        for each, rows in zip(asked, told, strict=True)
    ]


def _own_rows(
    asked: Asked, rows: Sequence[Record | OpsHubError]
) -> tuple[Record | OpsHubError, ...]:
    """The rows without those that name another record than the one asked for."""
    own = tuple(row for row in rows if not _is_foreign(asked, row))
    if len(own) != len(rows):
        log.warning(
            "rows of another key dropped",
            extra={"system": asked.system, "relation": f"{asked.noun}.{asked.field}",
                   "rows": len(rows) - len(own)},
        )  # fmt: skip
    return own


def _is_foreign(asked: Asked, row: Record | OpsHubError) -> bool:
    if isinstance(row, OpsHubError) or not isinstance(asked.value, Ref):
        return False
    named = getattr(row, asked.field)
    return named is not None and named != asked.value


def _broken(lane: Lane, error: Exception) -> Answer:
    log.error("a read raised", extra={"system": lane.system, "relation": lane.relation},
              exc_info=error)  # fmt: skip
    failure = Internal(f"{lane.system}: {lane.relation} could not be read; see the log")
    return Answer(failure, None)
