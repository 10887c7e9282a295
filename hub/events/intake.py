"""Taking messages in: each ends exactly once, taken or as a dead letter, and none holds the others.

not what the system declares (EVENT_INVALID, UNMAPPED_VALUE, SOURCE_INVALID)  dead at once
the system is away or does not have the record yet          tried for KEPT_FOR, then dead
the hub's own database is away                              tried until it is back
anything else                                               tried TRIES_MAX times, then dead
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from hub.events.dead_letter_rows import DeadLetter
from hub.events.dead_letters import Parking
from hub.events.told import Fate, Told, Via
from hub.model.errors import (
    EventInvalid,
    Internal,
    OpsHubError,
    RecordUnknown,
    SourceBusy,
    SourceInvalid,
    SourceTimeout,
    SourceUnavailable,
    StoreUnavailable,
    UnmappedValue,
)
from hub.observe import metrics

TRIES_MAX = 5  # of a failure that nobody knows to be passing
KEPT_FOR = timedelta(minutes=10)
"""How long a message waits for a system that is away, or for a record that is not there yet."""
DELAY_MIN_S, DELAY_MAX_S = 1.0, 60.0
TOLD_MAX = 100  # handed on at once: one transaction

_HOPELESS = (EventInvalid, UnmappedValue, SourceInvalid)
_AWAY = (SourceUnavailable, SourceTimeout, SourceBusy, RecordUnknown)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a system as it came in.

    `subject` is the NATS subject, None for webhooks. `is_trusted` says that its sender is known:
    the broker's account, or a signature. What is not trusted only causes its records to be read
    again. `tries` is how often it was taken up before, 0 the first time.
    """

    system: str
    via: Via
    payload: bytes
    subject: str | None = None
    is_trusted: bool
    traceparent: str | None = None
    received_at: datetime
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """The message has ended, taken or as a dead letter: acknowledge it."""


@dataclass(frozen=True, slots=True)
class Again:
    """The message comes again after this delay, with one try more."""

    delay_s: float


Verdict = Done | Again


class Decoding(Protocol):
    """The systems file in force, as far as it says how messages are read."""

    def knows(self, system: str) -> bool:
        """Whether the file names the system."""
        ...

    def decode(self, message: Message) -> Sequence[Told]:
        """What it tells, empty for what is no news; raises EventInvalid or a SourceError."""
        ...


class TakesTold(Protocol):
    """What believes what was told: hub.events.taking.Taking."""

    async def take(self, told: Sequence[Told]) -> Sequence[Fate | OpsHubError]:
        """One answer each, aligned; raises StoreUnavailable only."""
        ...


class Parks(Protocol):
    """Where dead letters go: hub.events.dead_letters.DeadLetters."""

    async def park(self, letters: Sequence[Parking]) -> None: ...


@dataclass(slots=True)
class _Attempt:
    """One message under way: what it told, what became of that, and what failed of it."""

    message: Message
    told: Sequence[Told] = ()
    fates: list[Fate] = field(default_factory=list)
    errors: list[OpsHubError] = field(default_factory=list)

    def is_dead(self, now: datetime) -> bool:
        """Whether it failed, and no part of it may still come by itself."""
        given_up = [is_given_up(self.message, each, now) for each in self.errors]
        return bool(given_up) and all(given_up)


class Intake:
    """Messages in, verdicts out. `now` is the wall clock, aware."""

    def __init__(
        self,
        decoding: Decoding,
        taking: TakesTold,
        *,
        dead_letters: Parks,
        now: Callable[[], datetime],
    ) -> None:
        self._decoding = decoding
        self._taking = taking
        self._dead_letters = dead_letters
        self._now = now

    async def receive(self, messages: Sequence[Message]) -> list[Verdict]:
        """One verdict each, aligned. Never raises: what cannot even be parked comes again."""
        attempts = await self._attempts(messages)
        now = self._now()  # once: who is dead is decided once
        for each in attempts:
            self._observe_lag(each, now)
        dead = [each for each in attempts if each.is_dead(now)]
        ended = [each for each in attempts if not each.errors]
        if dead and await self._parked(dead):
            ended += dead
        done = {id(each) for each in ended}
        return [Done() if id(each) in done else self._again(each) for each in attempts]

    async def replay(self, letters: Sequence[DeadLetter]) -> list[OpsHubError | None]:
        """Take dead letters of NATS and webhooks up again; why not, or None, one each, aligned.

        The inbox makes it idempotent: what was applied before changes nothing.
        """
        attempts = await self._attempts([_message_of(letter) for letter in letters])
        return [each.errors[0] if each.errors else None for each in attempts]

    async def _attempts(self, messages: Sequence[Message]) -> list[_Attempt]:
        attempts = [self._decoded(message) for message in messages]
        pairs = [(attempt, told) for attempt in attempts for told in attempt.told]
        for part in _parts(pairs):
            for (attempt, told), taken in zip(part, await self._taken(part), strict=True):
                if isinstance(taken, OpsHubError):
                    attempt.errors.append(taken)
                else:
                    attempt.fates.append(taken)
                    system = self._label(attempt.message)
                    metrics.count_event(system, told.via.value, taken.value)
        return attempts

    def _decoded(self, message: Message) -> _Attempt:
        try:
            return _Attempt(message, self._decoding.decode(message))
        except OpsHubError as error:
            return _Attempt(message, errors=[error])
        except Exception:  # a defect met by one message must not hold up the others for ever
            _log.exception("a message of %r could not be read", message.system[:80])
            defect = Internal("reading the message met a defect; the hub's log has it")
            return _Attempt(message, errors=[defect])

    async def _taken(self, part: Sequence[tuple[_Attempt, Told]]) -> Sequence[Fate | OpsHubError]:
        try:
            return await self._taking.take([told for _, told in part])
        except StoreUnavailable as error:
            return [error] * len(part)

    def _again(self, attempt: _Attempt) -> Again:
        message = attempt.message
        metrics.count_event(self._label(message), message.via.value, "RETRIED")
        asked_s = (_asked_delay_s(each) for each in attempt.errors)
        return Again(max(delay_s(message.tries), *asked_s))

    async def _parked(self, dead: Sequence[_Attempt]) -> bool:
        """Whether they are kept now; where the store is away they come again."""
        try:
            await self._dead_letters.park([_parking(each) for each in dead])
        except StoreUnavailable:
            return False
        for each in dead:
            metrics.count_event(self._label(each.message), each.message.via.value, "DEAD")
        first = dead[0]
        _log.warning(
            "%d messages wait as dead letters; the first is of %r: %s",
            len(dead), first.message.system[:80], first.errors[0].code,
        )  # fmt: skip
        return True

    def _observe_lag(self, attempt: _Attempt, now: datetime) -> None:
        """Of what is new; a replay, whose message is old, tells nothing of the hub's lag."""
        message = attempt.message
        lag_s = max(0.0, (now - message.received_at).total_seconds())
        for _ in range(attempt.fates.count(Fate.APPLIED)):
            metrics.observe_event_lag(self._label(message), message.via.value, lag_s)

    def _label(self, message: Message) -> str:
        return message.system if self._decoding.knows(message.system) else metrics.UNKNOWN_SYSTEM


def is_given_up(message: Message, error: OpsHubError, now: datetime) -> bool:
    """Whether the message ends as a dead letter of this error instead of coming again."""
    if isinstance(error, StoreUnavailable):
        return False
    if isinstance(error, _HOPELESS):
        return True
    if isinstance(error, _AWAY):
        return now - message.received_at >= KEPT_FOR
    return message.tries + 1 >= TRIES_MAX


def delay_s(tries: int) -> float:
    """1-2 s after the first try, then 2-4 s, and so on to 30-60 s; spread, so that all that
    waited for one system do not come at once."""
    ceiling = min(DELAY_MAX_S, 2 * DELAY_MIN_S * 2 ** min(tries, 10))
    return random.uniform(ceiling / 2, ceiling)


def _asked_delay_s(error: OpsHubError) -> float:
    """What the system itself asked for, within our bounds; 0 where it asked for nothing."""
    asked = error.retry_after_s if isinstance(error, SourceBusy) else None
    return min(asked or 0.0, DELAY_MAX_S)


def _parts(
    pairs: Sequence[tuple[_Attempt, Told]],
) -> Iterator[Sequence[tuple[_Attempt, Told]]]:
    for start in range(0, len(pairs), TOLD_MAX):
        yield pairs[start : start + TOLD_MAX]


def _parking(attempt: _Attempt) -> Parking:
    message = attempt.message
    return Parking(
        system=message.system,
        via=message.via.value,
        payload=message.payload,
        subject=message.subject,
        is_trusted=message.is_trusted,
        traceparent=message.traceparent,
        received_at=message.received_at,
        tries=message.tries + 1,
        event_id=next((each.event_id for each in attempt.told), None),
        error=attempt.errors[0],
    )


def _message_of(letter: DeadLetter) -> Message:
    return Message(
        system=letter.system,
        via=Via(letter.via),
        payload=letter.payload,
        subject=letter.subject,
        is_trusted=letter.is_trusted,
        traceparent=letter.traceparent,
        received_at=letter.received_at,
        tries=letter.tries,
    )
