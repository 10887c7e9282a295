"""One subscriber's stream: what was told to it, and what waits because it does not read.

As long as the transport takes everything nothing waits here. A reader of a status feed that is slow
finds the newest event of each record, with the number of those left out; a reader of a lossless
feed finds all of them, up to a bound, and is then sent away with a cursor to go on from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from hub.events.event import Event
from hub.model.errors import OpsHubError, SlowConsumer
from hub.observe import metrics
from subscriptions.items import conflated
from subscriptions.owed import Owed
from subscriptions.telling import Payload

WAITING_MAX = 256  # messages of one stream
WAITING_BYTES_MAX = 1_000_000  # bytes of them
PATIENCE_S = 30.0  # seconds in all that what it missed waits for its reader; others wait behind it


class Outlet(Protocol):
    """The transport's side of one stream."""

    def write(self, payload: bytes, cursor: str | None) -> bool:
        """Take one encoded answer and never block; False: full, and nothing was taken.

        When there is room again it says so by `Stream.resume`.
        """
        ...

    def end(self, error: OpsHubError | None) -> None:
        """The stream is over; nothing is written after it."""
        ...


class _Nowhere:
    """Where a stream that is over writes."""

    def write(self, payload: bytes, cursor: str | None) -> bool:
        return True

    def end(self, error: OpsHubError | None) -> None:
        pass


_NOWHERE = _Nowhere()


@dataclass(slots=True)
class Kept:
    """A message that waits. `left_out` counts the events of its record it stands for besides its
    own; where the payload does not say so yet, it is told anew when it is taken."""

    payload: Payload
    event: Event | None = None
    left_out: int = 0
    is_outdated: bool = False


class Stream:
    """`seen` is the highest sequence it was told or passed by; `cursor` the last one written.
    `owed` is what could not be read while it caught up."""

    def __init__(
        self,
        outlet: Outlet,
        *,
        is_lossless: bool,
        on_room: Callable[[Stream], None],
        on_close: Callable[[Stream], None],
    ) -> None:
        self.seen = 0
        self.cursor: str | None = None
        self.outlet: Outlet = outlet
        self.waiting: dict[Hashable, Kept] = {}
        self.owed = Owed(is_lossless)
        self.is_over = False
        self.room = asyncio.Event()
        self.room.set()
        self._patience_s = PATIENCE_S
        self._is_lossless = is_lossless
        self._on_room = on_room
        self._on_close = on_close
        self._waiting_bytes = 0
        self._numbers = count()

    def put(self, payload: Payload, event: Event | None = None, left_out: int = 0) -> None:
        """Write it, or keep it while the transport is full. Ends the stream over its bounds.

        `left_out` is how many events of its record it stands for already.
        """
        if not self.waiting and self.outlet.write(payload.content, payload.cursor):
            self.cursor = payload.cursor
            return
        self.keep(payload, event, left_out)

    def keep(self, payload: Payload, event: Event | None, left_out: int = 0) -> None:
        """Let it wait; the newest of a record stands for all of them in a status feed."""
        self.room.clear()
        key: Hashable = next(self._numbers)
        kept = Kept(payload, event, left_out)
        if event is not None and not self._is_lossless:
            key = event.ref
            older = self.waiting.pop(key, None)
            if older is not None and older.event is not None:
                self._waiting_bytes -= len(older.payload.content)
                left_out += older.left_out + 1
                kept = Kept(payload, conflated(older.event, event), left_out, is_outdated=True)
                metrics.count_slow_subscriber("CONFLATED")
        self.waiting[key] = kept
        self._waiting_bytes += len(payload.content)
        if len(self.waiting) > WAITING_MAX or self._waiting_bytes > WAITING_BYTES_MAX:
            self._end_slow()

    async def has_room(self) -> None:
        """Wait until nothing waits any more. Ends the stream where its reader takes too long."""
        if self.room.is_set():
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._patience_s):
                await self.room.wait()
        except TimeoutError:
            self._end_slow()
        self._patience_s -= loop.time() - began

    def next_waiting(self) -> Kept | None:
        """The message that has waited longest; it goes on waiting until `taken`."""
        return next(iter(self.waiting.values()), None)

    def write_waiting(self, kept: Kept) -> bool:
        """Write the one that has waited longest; False where the transport is full again."""
        if not self.outlet.write(kept.payload.content, kept.payload.cursor):
            return False
        self.cursor = kept.payload.cursor
        self.drop_waiting(kept)
        return True

    def drop_waiting(self, kept: Kept) -> None:
        """Take it out, unless another has taken its place meanwhile."""
        key = next((key for key, each in self.waiting.items() if each is kept), None)
        if key is not None:
            del self.waiting[key]
            self._waiting_bytes -= len(kept.payload.content)
        if not self.waiting:
            self.room.set()

    def replace_payload(self, kept: Kept, payload: Payload) -> None:
        """It was told anew, with what it stands for."""
        self._waiting_bytes += len(payload.content) - len(kept.payload.content)
        kept.payload, kept.is_outdated = payload, False

    def resume(self) -> None:
        """There is room again: write what waits, as far as it goes."""
        while (kept := self.next_waiting()) is not None:
            if kept.is_outdated:
                self._on_room(self)  # told anew first, in the audience's own turn
                return
            if not self.write_waiting(kept):
                return
        self.room.set()

    def close(self) -> None:
        """The subscriber has gone; nothing is written any more."""
        self.outlet = _NOWHERE
        self.waiting.clear()
        self._waiting_bytes = 0
        self.room.set()
        if not self.is_over:
            self.is_over = True
            self._on_close(self)

    def end(self, error: OpsHubError | None) -> None:
        """Tell the transport that it is over, and why where it did not end by itself."""
        outlet = self.outlet
        self.close()
        outlet.end(error)

    def _end_slow(self) -> None:
        metrics.count_slow_subscriber("ENDED")
        self.end(SlowConsumer(len(self.waiting), limit=WAITING_MAX, cursor=self.cursor))
