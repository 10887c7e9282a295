"""Who may call a system now: its bound of calls in flight, shared by the classes of callers.

Agents and customers may each use every place nobody else waits for; where several wait, a place
that becomes free goes to the class that has had the least of its share. Analysts never hold more
than ANALYST_SHARE of the places, so however much they ask, the others find room.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

from hub.security.principal import CallerClass

ANALYST_SHARE = 0.2  # of a system's calls in flight, and of its quota; one call at least

# Shares of the places that become free while all of them wait. None: the hub calls for itself.
WEIGHTS: Mapping[CallerClass | None, int] = MappingProxyType(
    {CallerClass.AGENT: 3, CallerClass.CUSTOMER: 2, CallerClass.ANALYST: 1, None: 1}
)


def analyst_share(of: int) -> int:
    """The part of a bound that analysts may use: rounded down, one at least."""
    return max(1, int(of * ANALYST_SHARE))


@dataclass(slots=True)
class _Lane:
    weight: int
    running_max: int
    running: int = 0
    served_until: float = 0.0  # in the time that counts shares instead of seconds
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    @property
    def may_run(self) -> bool:
        return bool(self.waiting) and self.running < self.running_max


class Places:
    """At most `in_flight` calls at once. Waiters of one class are served in order."""

    def __init__(self, in_flight: int) -> None:
        self._free = in_flight
        self._now = 0.0
        self._lanes = {
            caller: _Lane(
                weight,
                analyst_share(in_flight) if caller is CallerClass.ANALYST else in_flight,
            )
            for caller, weight in WEIGHTS.items()
        }

    def waiting(self, caller: CallerClass | None) -> int:
        """How many calls of a class wait."""
        return len(self._lanes[caller].waiting)

    @asynccontextmanager
    async def place(self, caller: CallerClass | None) -> AsyncIterator[None]:
        """Wait for a place and hold it. A waiter that is cancelled leaves its queue."""
        lane = self._lanes[caller]
        await self._take(lane)
        try:
            yield
        finally:
            self._give_back(lane)

    async def _take(self, lane: _Lane) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane.waiting.append(future)
        self._serve()
        if future.done():
            return
        try:
            await future
        except asyncio.CancelledError:
            if future in lane.waiting:
                lane.waiting.remove(future)
            elif not future.cancelled():
                self._give_back(lane)  # the place came in the moment of the cancellation
            raise

    def _give_back(self, lane: _Lane) -> None:
        lane.running -= 1
        self._free += 1
        self._serve()

    def _serve(self) -> None:
        while self._free:
            ready = [lane for lane in self._lanes.values() if lane.may_run]
            if not ready:
                return
            lane = min(ready, key=self._begins)
            future = lane.waiting.popleft()
            if future.cancelled():  # its waiter has not yet run to leave the queue itself
                continue
            self._now = self._begins(lane)
            lane.served_until = self._now + 1 / lane.weight
            lane.running += 1
            self._free -= 1
            future.set_result(None)

    def _begins(self, lane: _Lane) -> float:
        """A class that did not wait saves up nothing."""
        return max(self._now, lane.served_until)
