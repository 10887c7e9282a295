"""What each principal may cost: one bucket of units each, refilled by the second.

A unit is one call to a source, or ten rows read. A request is charged before it runs by what it is
estimated to cost, and corrected afterwards by what it did cost. A document nobody has sent before
is charged before it is even parsed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hub.model.errors import DocumentTooLarge, RateLimited
from hub.security.principal import CallerClass, Principal, caller_class

REFILL_PER_S: Mapping[CallerClass, float] = MappingProxyType(
    # units per second; an agent's order screen costs about 25
    {CallerClass.CUSTOMER: 50.0, CallerClass.AGENT: 500.0, CallerClass.ANALYST: 200.0}
)
SAVED_S = 20.0  # seconds of refill a bucket holds
REQUEST_MAX = 10_000.0  # units of one request, whoever asks
REQUEST_MIN = 1.0  # unit; what a request costs that the cache answers whole
NEW_DOCUMENT_UNITS = 20.0  # of one not remembered: 50 ms; a customer may send 2.5 a second
BUCKETS_MAX = 10_000  # principals remembered; whoever is forgotten starts with a full bucket


@dataclass(slots=True)
class _Bucket:
    level: float  # units
    filled_at: float  # seconds, monotonic


class Budgets:
    """The buckets of one process, by subject and class of caller; `clock` counts seconds."""

    def __init__(self, *, clock: Callable[[], float], buckets_max: int = BUCKETS_MAX) -> None:
        self._clock = clock
        self._buckets_max = buckets_max
        self._buckets: OrderedDict[tuple[str, CallerClass], _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def charge(self, principal: Principal, cost: float) -> float:
        """Take what a request is estimated to cost; the units taken.

        Raises DocumentTooLarge where no wait would ever be enough, else RateLimited where the
        bucket does not hold it yet. Then nothing is taken.
        """
        cost = max(cost, REQUEST_MIN)
        caller = caller_class(principal)
        allowed = min(REQUEST_MAX, REFILL_PER_S[caller] * SAVED_S)
        if cost > allowed:
            raise DocumentTooLarge("cost", round(cost), allowed=round(allowed))
        bucket = self._bucket(principal.subject, caller)
        if bucket.level < cost:
            wait_s = (cost - bucket.level) / REFILL_PER_S[caller]
            raise RateLimited(
                round(cost, 1), remaining=round(max(0.0, bucket.level), 1), retry_after_s=wait_s
            )
        bucket.level -= cost
        return cost

    def correct(self, principal: Principal, charged: float, *, actual: float) -> float:
        """Put back what was charged too much, or take what was too little; the units remaining.

        What the request did cost stays taken, and never less than REQUEST_MIN. A bucket may go
        below zero, by one full bucket at most.
        """
        caller = caller_class(principal)
        bucket = self._bucket(principal.subject, caller)
        full = REFILL_PER_S[caller] * SAVED_S
        level = bucket.level + charged - max(actual, REQUEST_MIN)
        bucket.level = min(full, max(-full, level))
        return bucket.level

    def remaining(self, principal: Principal) -> float:
        """The units in the bucket now; below zero where more was spent than was there."""
        return self._bucket(principal.subject, caller_class(principal)).level

    def _bucket(self, subject: str, caller: CallerClass) -> _Bucket:
        """The bucket, filled up to now."""
        now, rate = self._clock(), REFILL_PER_S[caller]
        bucket = self._buckets.get((subject, caller))
        if bucket is None:
            bucket = self._buckets[subject, caller] = _Bucket(rate * SAVED_S, now)
            if len(self._buckets) > self._buckets_max:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end((subject, caller))
        bucket.level = min(rate * SAVED_S, bucket.level + (now - bucket.filled_at) * rate)
        bucket.filled_at = now
        return bucket
