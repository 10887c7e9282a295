"""A small circuit breaker and a quota, both on an injected clock (seconds, monotonic)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

Monotonic = Callable[[], float]

FAILURES_IN_A_ROW = 5  # calls; then the breaker opens
WINDOW_CALLS = 20  # calls looked at for the share of failures
WINDOW_FAILED_SHARE = 0.5
PROBE_EVERY_S = 5.0  # while open, one call per this long is let through


class Breaker:
    """Open after 5 failures in a row or half of the last 20 calls; closed by one good probe."""

    def __init__(self, *, clock: Monotonic) -> None:
        self._clock = clock
        self._recent: deque[bool] = deque(maxlen=WINDOW_CALLS)
        self._in_a_row = 0
        self._next_probe_at: float | None = None

    @property
    def is_open(self) -> bool:
        return self._next_probe_at is not None

    def lets_through(self) -> bool:
        """Whether a call may start. While open, one probe per PROBE_EVERY_S is let through."""
        if self._next_probe_at is None:
            return True
        if self._clock() < self._next_probe_at:
            return False
        self._next_probe_at = self._clock() + PROBE_EVERY_S
        return True

    def succeeded(self) -> None:
        if self._next_probe_at is not None:
            self._recent.clear()
        self._next_probe_at = None
        self._in_a_row = 0
        self._recent.append(True)

    def failed(self) -> None:
        self._in_a_row += 1
        self._recent.append(False)
        failures = self._recent.count(False)
        is_half_bad = (
            len(self._recent) == WINDOW_CALLS and failures >= WINDOW_CALLS * WINDOW_FAILED_SHARE
        )
        if self._next_probe_at is None and (self._in_a_row >= FAILURES_IN_A_ROW or is_half_bad):
            self._next_probe_at = self._clock() + PROBE_EVERY_S


class TokenBucket:
    """At most `calls` per `per_s` seconds, saved up to `calls`."""

    def __init__(self, calls: int, per_s: float, *, clock: Monotonic) -> None:
        self._clock = clock
        self._capacity = float(calls)
        self._rate = calls / per_s  # calls per second
        self._tokens = float(calls)
        self._filled_at = clock()

    def take(self) -> float:
        """Take one call: 0 where it may start, else the seconds until the next one may."""
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate
