"""The dispatcher of one process: claims what is due and carries it out, some at a time.

Any number of processes may run one. It is woken where a command is accepted and by what the event
stream tells, and looks by itself too: nothing depends on NATS.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from hub.commands.carrying import Carrier
from hub.commands.steps import Claims, Task
from hub.model.errors import StoreUnavailable
from hub.observe import crash_points

LOOK_EVERY_S = 0.5  # for what other processes accepted, and what is due again
IN_FLIGHT_PER_SYSTEM_MAX = 8  # commands of one process; each has an aggregate of its own
DRAIN_S = 5.0  # at the end, for what is being sent; then whoever comes next looks it up
AWAY_PAUSE_S = 1.0

_log = logging.getLogger(__name__)


class Dispatcher:
    """The dispatcher of one process."""

    def __init__(
        self, claims: Claims, carrier: Carrier, *, in_flight_max: int = IN_FLIGHT_PER_SYSTEM_MAX
    ) -> None:
        self._claims, self._carrier, self._in_flight_max = claims, carrier, in_flight_max
        self._busy: Counter[str] = Counter()
        self._running: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._is_away = False

    def wake(self) -> None:
        """Something may be due: look now."""
        self._woken.set()

    async def follow(self) -> None:
        """Carry out for ever. Cancel it to stop; what is being sent may end first."""
        try:
            while True:
                self._woken.clear()
                await self._look()
                await self._rest()
        finally:
            await self._drain()

    async def _look(self) -> None:
        """Claim what is due; a database that is away is waited for, and told of once."""
        try:
            for system in await self._claims.systems_due():
                await self._claim(system)
            self._is_away = False
        except StoreUnavailable as error:
            if not self._is_away:
                _log.warning("commands wait for the database: %s", error)
            self._is_away = True
            await asyncio.sleep(AWAY_PAUSE_S)

    async def _claim(self, system: str) -> None:
        room = self._in_flight_max - self._busy[system]
        if room <= 0:
            return
        for task in await self._claims.claim(system, room):
            crash_points.reach("claimed")
            self._busy[system] += 1
            running = asyncio.create_task(self._carried(task), name=f"command {task.id}")
            self._running.add(running)
            running.add_done_callback(self._running.discard)

    async def _carried(self, task: Task) -> None:
        """The outermost frame of one command; what it leaves open is claimed again after its time.

        A place that is free is filled at once, so this looks again."""
        try:
            await self._carrier.carry_out(task)
        except StoreUnavailable as error:
            _log.warning("command %s waits for the database: %s", task.id, error)
        except Exception:
            _log.exception("command %s was broken off by a defect; it is looked up later", task.id)
        finally:
            self._busy[task.system] -= 1
            self._woken.set()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _drain(self) -> None:
        """Let what is being sent come to its end, within its time."""
        running = set(self._running)
        if running:
            _, late = await asyncio.wait(running, timeout=DRAIN_S)
            for each in late:
                each.cancel()
            await asyncio.gather(*late, return_exceptions=True)
