"""A guarded source: what reads ask. It bounds time and concurrency, and it never raises.

Order of the gates: breaker and Retry-After (no wait), quota (no wait), in-flight bound (waiting
counts into the deadline), then the call. A failed call is the answer of each of its keys. Each
class of caller has its own lane through quota, queue and bound: see `places.py`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from hub.config.problems import Problem
from hub.config.specs import Limits
from hub.model.errors import (
    Internal,
    OpsHubError,
    SourceBusy,
    SourceError,
    SourceTimeout,
    SourceUnavailable,
)
from hub.model.record import Record
from hub.observe.metrics import observe_source_call, show_system
from hub.reads.callers import current_caller
from hub.reads.port import FieldValue, ListPage, ListQuery, NounTerms, SystemHealth
from hub.security.principal import CallerClass
from sources.breaker import Breaker, Monotonic, TokenBucket
from sources.guard_health import Observed
from sources.places import Places, analyst_share
from sources.port import ChangeCursor, ChangePage, NativeRecord, Source

POLLS_MAX = 1  # looks at changes at once, whatever else runs: polling never starves people
QUEUED_MAX = 256  # calls of one class waiting for a place of one system; more are refused as busy
RETRY_AFTER_MAX_S = 60.0  # seconds; a system that asks for more is asked again anyway

# The failures that say the system is unwell; the others say that we asked wrongly.
_UNWELL = (SourceUnavailable, SourceTimeout)

Answer = TypeVar("Answer")
log = logging.getLogger(__name__)


class GuardedSource:
    """One system behind its limits. Implements `hub.reads.port.RecordSource`."""

    def __init__(
        self,
        source: Source,
        limits: Limits,
        *,
        unmapped: Mapping[str, int],
        clock: Monotonic = time.monotonic,
    ) -> None:
        self.name, self.role, self.kind = source.name, source.role, source.kind
        self._source, self._limits, self._clock = source, limits, clock
        self._places = Places(limits.in_flight)
        self._running = 0
        self._breaker = Breaker(clock=clock)
        self._bucket, self._analysts = _buckets(limits, clock)
        self._polls = _buckets(limits, clock)[1]
        self._polling = asyncio.Semaphore(POLLS_MAX)
        self._quiet_until = 0.0
        self._observed = Observed(unmapped, clock)

    @property
    def nouns(self) -> Mapping[str, NounTerms]:
        return self._source.nouns

    async def start(self) -> tuple[SourceError, ...]:
        """Look at the system once; what is wrong is logged and shown in `health`, never raised."""
        answer = await self._guarded("start", "*", lambda: self._source.start())
        if isinstance(answer, OpsHubError):  # accounted for and logged already
            return (answer,) if isinstance(answer, SourceError) else ()
        for problem in answer:
            self._observed.failed(problem, 0.0)
            log.warning("%s", problem, extra={"system": self.name, "code": problem.code})
        show_system(self.name, self.health().state)
        return answer

    async def close(self) -> None:
        await self._source.close()

    async def by_key(self, noun: str, keys: Sequence[str]) -> Sequence[Record | OpsHubError | None]:
        if not keys:
            return []
        answer = await self._guarded("by_key", noun, lambda: self._source.by_key(noun, keys))
        return [answer] * len(keys) if isinstance(answer, OpsHubError) else answer

    async def by_field(
        self, noun: str, field: str, values: Sequence[FieldValue]
    ) -> Sequence[Sequence[Record | OpsHubError] | OpsHubError]:
        if not values:
            return []
        answer = await self._guarded(
            "by_field", noun, lambda: self._source.by_field(noun, field, values)
        )
        return [answer] * len(values) if isinstance(answer, OpsHubError) else answer

    async def list(self, noun: str, query: ListQuery) -> ListPage | OpsHubError:
        return await self._guarded("list", noun, lambda: self._source.list(noun, query))

    async def changes(
        self, noun: str, after: ChangeCursor | None, limit: int
    ) -> ChangePage | OpsHubError:
        """The next page of changes; one at a time, and of the quota only a share."""
        async with self._polling:
            wait_s = 0.0 if self._polls is None else self._polls.take()
            if wait_s:
                return SourceBusy(
                    self.name, "the share of its quota for polling is used up", retry_after_s=wait_s
                )
            return await self._guarded(
                "changes", noun, lambda: self._source.changes(noun, after, limit)
            )

    async def native(self, noun: str, key: str) -> NativeRecord | OpsHubError | None:
        return await self._guarded("native", noun, lambda: self._source.native(noun, key))

    async def check(self) -> Sequence[Problem] | OpsHubError:
        """For `config check --connect`: it may look at every table, so it has no deadline."""
        try:
            return await self._source.check()
        except OpsHubError as error:
            return error

    def health(self) -> SystemHealth:
        return self._observed.health(in_flight=self._running, is_open=self._breaker.is_open)

    async def _guarded(
        self, operation: str, noun: str, call: Callable[[], Awaitable[Answer]]
    ) -> Answer | OpsHubError:
        refusal = self._refusal()
        if refusal is not None:
            observe_source_call(self.name, operation, refusal.code, 0.0)
            return refusal
        started = self._clock()
        try:
            answer: Answer | OpsHubError = await self._in_time(call)
        except OpsHubError as error:
            answer = error
        except Exception:
            # A defect of one mapping or driver must not take the other systems' answers away.
            log.exception("%s: %s of %s failed", self.name, operation, noun)
            answer = Internal(f"{self.name}: a defect; see the log")
        self._account(operation, answer, self._clock() - started)
        return answer

    def _refusal(self) -> SourceError | None:
        """Why no call may start now. A refused call waits for nothing."""
        now = self._clock()
        if now < self._quiet_until:
            wait_s = self._quiet_until - now
            return SourceBusy(
                self.name, f"it asked for no calls for {wait_s:.0f} s", retry_after_s=wait_s
            )
        if self._places.waiting(current_caller()) >= QUEUED_MAX:
            return SourceBusy(self.name, f"{QUEUED_MAX} calls are waiting for it already")
        if not self._breaker.lets_through():
            return SourceUnavailable(
                self.name, "it failed repeatedly; asked again in a few seconds"
            )
        wait_s = self._wait_for_quota()
        if wait_s:
            return SourceBusy(self.name, "its quota is used up", retry_after_s=wait_s)
        return None

    def _wait_for_quota(self) -> float:
        """Seconds until a call may start; 0, and it is counted, where it may now."""
        if self._bucket is None:
            return 0.0
        if self._analysts is not None and current_caller() is CallerClass.ANALYST:
            wait_s = self._analysts.take()
            if wait_s:
                return wait_s
        return self._bucket.take()

    async def _in_time(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """The call within one deadline, its wait for a free place included."""
        is_queued = True
        place = self._places.place(current_caller())
        try:
            async with asyncio.timeout(self._limits.timeout_s), place:
                is_queued = False
                return await self._counted(call)
        except TimeoutError as error:
            within = f"within {self._limits.timeout_s:g} s"
            if is_queued:  # our own bound, which says nothing of the system's health
                raise SourceBusy(self.name, f"no place was free {within}") from error
            raise SourceTimeout(self.name, f"it did not answer {within}") from error

    async def _counted(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        self._running += 1
        try:
            return await call()
        finally:
            self._running -= 1

    def _account(self, operation: str, answer: object, seconds: float) -> None:
        error = answer if isinstance(answer, OpsHubError) else None
        if isinstance(error, _UNWELL):
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        if isinstance(error, SourceBusy) and error.retry_after_s is not None:
            self._quiet_until = self._clock() + min(error.retry_after_s, RETRY_AFTER_MAX_S)
        if error is None:
            self._observed.succeeded(seconds)
        else:
            self._observed.failed(error, seconds)
            seen = {"system": self.name, "code": error.code, "operation": operation}
            log.warning("%s", error, extra=seen)
        outcome = "ok" if error is None else error.code
        observe_source_call(self.name, operation, outcome, seconds)
        show_system(self.name, self.health().state)


def _buckets(limits: Limits, clock: Monotonic) -> tuple[TokenBucket | None, TokenBucket | None]:
    """The quota of a system, and the part of it that analysts may use."""
    quota = limits.quota
    if quota is None:
        return None, None
    share = analyst_share(quota.calls)
    return (
        TokenBucket(quota.calls, quota.per_s, clock=clock),
        TokenBucket(share, quota.per_s, clock=clock),
    )
