"""One try to tell somebody: a webhook or a command, and what follows from its outcome."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from hub.config.delivery_specs import DeliverySpec, WebhookSpec
from hub.events.commanding import (
    Applied,
    Commanding,
    NotFound,
    NotSent,
    Outcome,
    Refused,
    Terms,
    Unknown,
)
from hub.events.delivery_rows import (
    ASKED_AGAIN,
    IN_FLIGHT,
    OUTCOME_UNKNOWN,
    DeliveryRows,
    Due,
    Ending,
)
from hub.events.delivery_values import values_for
from hub.events.outgoing import DEAD, PENDING, SENT
from hub.events.ports import Reading
from hub.events.webhooks import Posting, Webhooks
from hub.model.errors import DeliveryFailed, OpsHubError, SourceBusy
from hub.observe.correlation import correlated

TRIES_MAX = 12
"""Tries before it is put by: over 3 hours with the pauses below."""
PAUSE_FIRST_S = 5.0
PAUSE_MAX_S = 3_600.0
JITTER = 0.2  # of a pause, so that what failed together does not come back together


@dataclass(frozen=True, slots=True, kw_only=True)
class Trying:
    """What a try needs. `declared` gives the deliveries of the file in force."""

    declared: Callable[[], Mapping[str, DeliverySpec]]
    webhooks: Webhooks
    commanding: Commanding
    reading: Reading
    tries_max: int = TRIES_MAX
    pause_first_s: float = PAUSE_FIRST_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a try came to."""

    ending: Ending

    @property
    def is_told(self) -> bool:
        return self.ending.state == SENT

    @property
    def is_over(self) -> bool:
        return self.ending.state == DEAD


class Tries:
    """Tells one row at a time, by the file in force."""

    def __init__(self, trying: Trying, rows: DeliveryRows, *, now: Callable[[], datetime]) -> None:
        self._trying, self._rows, self._now = trying, rows, now

    async def tell(self, row: Due) -> Result | None:
        """One try; None where another has taken the row up since."""
        spec = self._trying.declared().get(row.name)
        with correlated(row.told.get("correlationid")):
            if spec is None:
                return self._over(f"the systems file declares no delivery {row.name!r}")
            if spec.webhook is not None:
                return self._result(row, await self._posted(row, spec.webhook))
            return await self._commanded(row, spec)

    async def _posted(self, row: Due, spec: WebhookSpec) -> Outcome:
        posting = Posting(
            id=row.id,
            at=int(self._now().timestamp()),
            body=orjson.dumps(row.told),
            correlation_id=row.told.get("correlationid"),
            traceparent=row.traceparent,
        )
        outcome = await self._trying.webhooks.post(spec, posting)
        # a receiver knows the id again, so nothing need be known of a lost answer
        return NotSent(outcome.error) if isinstance(outcome, Unknown) else outcome

    async def _commanded(self, row: Due, spec: DeliverySpec) -> Result | None:
        command = spec.command or ""
        terms = self._trying.commanding.terms(command)
        if terms is None:
            return self._over(f"the systems file declares no command {command!r}")
        try:
            values = await values_for(spec, row, self._trying.reading)
        except OpsHubError as error:
            return self._later(row, error, code=row.code)
        if row.code in (IN_FLIGHT, OUTCOME_UNKNOWN, ASKED_AGAIN):
            known = await self._sought(row, command, terms, values)
            if known is not None:
                return known
        wait_s = terms.deadline_s + (terms.settles_within_s or 0.0)
        if not await self._rows.begin(row, next_at=self._in(wait_s)):
            return None
        outcome = await self._trying.commanding.execute(command, values, reference=row.id)
        return self._result(row, outcome, terms)

    async def _sought(
        self, row: Due, command: str, terms: Terms, values: Mapping[str, object]
    ) -> Result | None:
        """What the last try came to; None where it surely had no effect, or a person decided."""
        if terms.settles_within_s is None:
            if row.code == ASKED_AGAIN:
                return None
            return self._over("it may have been done, and its effect cannot be looked up")
        found = await self._trying.commanding.find(command, values, reference=row.id)
        if isinstance(found, Applied):
            return Result(ending=Ending(state=SENT, next_at=self._now()))
        if isinstance(found, OpsHubError):
            return self._later(row, found, code=row.code)
        assert isinstance(found, NotFound)
        if terms.is_reference_unique or row.code == ASKED_AGAIN:
            return None
        return self._over("it may have been done, and the system may do it twice")

    def _result(self, row: Due, outcome: Outcome, terms: Terms | None = None) -> Result:
        match outcome:
            case Applied():
                return Result(ending=Ending(state=SENT, next_at=self._now()))
            case Refused(message):
                return self._over(message)
            case NotSent(error, after_s):
                wish_s = error.retry_after_s if isinstance(error, SourceBusy) else after_s
                return self._later(row, error, at_least_s=wish_s or 0.0)
            case Unknown(error):
                settles_s = 0.0 if terms is None else terms.settles_within_s or 0.0
                return self._later(row, error, code=OUTCOME_UNKNOWN, at_least_s=settles_s)

    def _later(
        self, row: Due, error: OpsHubError, *, code: str | None = None, at_least_s: float = 0.0
    ) -> Result:
        """Once more after a pause; over after so many tries, each replay giving as many again."""
        if (row.attempts + 1) % self._trying.tries_max == 0:
            return self._over(str(error))
        pause_s = max(self._pause_s(row.attempts), at_least_s)
        ending = Ending(
            state=PENDING, next_at=self._in(pause_s), code=code or error.code, reason=str(error)
        )
        return Result(ending=ending)

    def _over(self, reason: str) -> Result:
        code = DeliveryFailed.code
        return Result(ending=Ending(state=DEAD, next_at=self._now(), code=code, reason=reason))

    def _pause_s(self, attempts: int) -> float:
        doubled = self._trying.pause_first_s * 2.0 ** (attempts % self._trying.tries_max)
        return min(doubled, PAUSE_MAX_S) * random.uniform(1 - JITTER, 1 + JITTER)

    def _in(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)
