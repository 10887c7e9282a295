"""The pollers of the systems file in force: one per system, each under its lease."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from hub.connected import Connected
from hub.observe.tasks import kept_running
from hub.store.leases import Leases, while_leased
from sources.polling import Poller, Polling

Follow = Callable[[], Coroutine[Any, Any, None]]

LEASE = "poll:{system}"


class Pollers:
    """Follows the file in force: what polls is begun anew whenever another one is."""

    def __init__(self, connected: Connected, polling: Polling, *, leases: Leases) -> None:
        self._connected, self._polling, self._leases = connected, polling, leases
        self._changed = asyncio.Event()
        connected.on_taken.append(self._changed.set)

    async def follow(self) -> None:
        """Poll for ever; cancel it to stop."""
        while True:
            self._changed.clear()
            running = [asyncio.create_task(kept_running(each)) for each in self._works()]
            try:
                await self._changed.wait()
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    def _works(self) -> list[Follow]:
        """The work for each system that declares changes."""
        connected = self._connected
        pollers = [
            Poller(source, connected.systems.systems[name], self._polling)
            for name, source in connected.by_name.items()
        ]
        return [
            partial(while_leased, self._leases, LEASE.format(system=each.system), each.follow)
            for each in pollers
            if each.entities
        ]
