"""What a guard has seen of its system: counts, latencies, the last failure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Literal

from hub.model.errors import OpsHubError, SourceCannot
from hub.reads.port import SystemHealth
from sources.breaker import Monotonic

LATENCIES_KEPT = 200  # calls the percentiles are taken over
RECENT_CALLS = 20  # calls a recovered system needs to be UP instead of DEGRADED

State = Literal["UP", "DEGRADED", "DOWN", "UNKNOWN"]


class Observed:
    """Counters of one system since start. Times in seconds of the clock given."""

    def __init__(self, unmapped: Mapping[str, int], clock: Monotonic) -> None:
        self._unmapped, self._clock = unmapped, clock
        self._calls = self._failures = 0
        self._latencies: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._outcomes: deque[bool] = deque(maxlen=RECENT_CALLS)
        self._last_ok_at: float | None = None
        self._last_error: OpsHubError | None = None

    def succeeded(self, seconds: float) -> None:
        self._calls += 1
        self._latencies.append(seconds)
        self._outcomes.append(True)
        self._last_ok_at = self._clock()

    def failed(self, error: OpsHubError, seconds: float) -> None:
        self._calls += 1
        if isinstance(error, SourceCannot):  # we asked for what it does not offer: it is well
            return
        self._failures += 1
        self._latencies.append(seconds)
        self._outcomes.append(False)
        self._last_error = error

    def health(self, *, in_flight: int, is_open: bool) -> SystemHealth:
        state = self._state(is_open)
        error = None if state == "UP" else self._last_error
        latencies = sorted(self._latencies)
        return SystemHealth(
            state=state,
            code=None if error is None else error.code,
            message=None if error is None else str(error),
            calls=self._calls,
            failures=self._failures,
            in_flight=in_flight,
            latency_p50_s=_percentile(latencies, 0.50),
            latency_p95_s=_percentile(latencies, 0.95),
            last_ok_age_s=None if self._last_ok_at is None else self._clock() - self._last_ok_at,
            unmapped=dict(self._unmapped),
        )

    def _state(self, is_open: bool) -> State:
        if is_open:
            return "DOWN"
        if not self._outcomes:
            return "UNKNOWN"
        if not any(self._outcomes):
            return "DOWN"
        return "UP" if all(self._outcomes) else "DEGRADED"


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    if not ordered:
        return None
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
