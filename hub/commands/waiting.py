"""Waiting for the end of a command: woken by its events, and looking now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from hub.commands.words import WAIT_MAX_S, Command
from hub.events.event import COMMAND, Event

LOOK_EVERY_S = 0.5  # for what another process ended and nobody told us of


class Waiting:
    """Who waits in this process, by the id of the command."""

    def __init__(self) -> None:
        self._woken: dict[str, set[asyncio.Event]] = {}

    def hear(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.noun == COMMAND:
                for woken in self._woken.get(event.ref.key, ()):
                    woken.set()

    async def ended(
        self, id_: str, wait_s: float, look: Callable[[], Awaitable[Command | None]]
    ) -> Command | None:
        """The command once it is final, or as it is after so long (WAIT_MAX_S at most)."""
        until = monotonic() + min(wait_s, WAIT_MAX_S)
        woken = asyncio.Event()
        self._woken.setdefault(id_, set()).add(woken)
        try:
            while True:
                woken.clear()
                command = await look()
                rest_s = until - monotonic()
                if command is None or command.status.is_final or rest_s <= 0:
                    return command
                await _within(woken, min(rest_s, LOOK_EVERY_S))
        finally:
            self._woken[id_].discard(woken)
            if not self._woken[id_]:
                del self._woken[id_]


async def _within(woken: asyncio.Event, limit_s: float) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await woken.wait()
    except TimeoutError:
        return
