"""The sending side of one connection: what is written goes out at once, or waits, within bounds.

An ASGI server's `send` only waits while the peer does not read. So it is stepped by hand: a
delivery that need not wait costs no task and no turn of the event loop. One that has to wait is
finished by a task, which then sends what was written meanwhile and ends.
"""

from __future__ import annotations

import asyncio
import time
import types
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from functools import partial
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

WAITING_MAX = 256  # messages of one connection that wait for the peer
WAITING_BYTES_MAX = 256_000
"""Bytes of them; the server's own buffer holds 64 kB more and streams keep what is left, so that a
connection which stops reading costs less than 1 MB."""
WRITE_MAX_S = 10.0  # how long one write may wait; then the connection is dropped


class Wire:
    """`message_of` makes the server's message of the bytes; `on_room` hears of room after a False.

    `at_once` is a server's shorter way for one message; False where it would have to wait.
    Nothing is sent after `finish`, nor once the peer is gone.
    """

    def __init__(
        self,
        send: Send,
        message_of: Callable[[bytes], Message],
        *,
        on_room: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        at_once: Callable[[bytes], bool] | None = None,
    ) -> None:
        self.written = 0  # messages, since it was last set to 0
        self.is_over = False
        self._send = send
        self._message_of = message_of
        self._on_room = on_room
        self._clock = clock
        self._at_once = at_once
        self._waiting: deque[bytes | Message] = deque()
        self._waiting_bytes = 0
        self._stuck_since: float | None = None
        self._writer: asyncio.Task[None] | None = None
        self._is_wanted = False
        self._room = asyncio.Event()

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < WAITING_MAX and self._waiting_bytes < WAITING_BYTES_MAX

    @property
    def waiting_bytes(self) -> int:
        """How much waits here; the server's buffer comes on top."""
        return self._waiting_bytes

    def is_stuck(self, now: float) -> bool:
        """Whether one write has waited longer than WRITE_MAX_S."""
        return self._stuck_since is not None and now - self._stuck_since >= WRITE_MAX_S

    def write(self, content: bytes) -> bool:
        """Send it, or let it wait; False: full, and nothing was taken. True where all is over."""
        if self.is_over:
            return True
        if self._writer is None:
            self.written += 1
            if self._at_once is None or not self._at_once(content):
                self._step(self._message_of(content))
            return True
        if not self.has_room:
            self._is_wanted = True
            return False
        self.force(content)
        return True

    def force(self, content: bytes) -> None:
        """As `write`, without the bound: for the words of the protocol itself.

        Who writes what a peer asks for waits for `room` before it reads on.
        """
        if self.is_over:
            return
        self.written += 1
        if self._writer is None:
            self._step(self._message_of(content))
            return
        self._waiting.append(content)
        self._waiting_bytes += len(content)

    async def put(self, content: bytes) -> None:
        """As `write`, and wait for room."""
        while not self.write(content):
            await self.room()

    async def room(self) -> None:
        """Wait until there is room, or all is over."""
        while not self.has_room and not self.is_over:
            self._room.clear()
            await self._room.wait()

    def begin(self, message: Message) -> None:
        """A message before all others, such as the head of an answer."""
        self._step(message)

    def finish(self, message: Message, *, is_flushed: bool = False) -> None:
        """The last message; what waits goes out before it only where it `is_flushed`."""
        if self.is_over:
            return
        self.is_over = True
        if not is_flushed:
            self._waiting.clear()
            self._waiting_bytes = 0
        if self._writer is None:
            self._step(message)
        else:
            self._waiting.append(message)
        self._room.set()

    def close(self) -> None:
        """The peer is gone."""
        self.is_over = True
        self._waiting.clear()
        self._waiting_bytes = 0
        self._stuck_since = None
        self._room.set()
        if self._writer is not None:
            self._writer.cancel()

    def _step(self, message: Message) -> None:
        """Run `send` up to where it waits; a task goes on from there."""
        sending: Any = self._send(message)
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return
        except (OSError, RuntimeError):  # the server's ways to say that the peer is gone
            self.close()
            return
        self._stuck_since = self._clock()
        self._writer = asyncio.create_task(self._drain(sending, waits_for), name="wire")

    async def _drain(self, sending: Any, waits_for: Any) -> None:
        try:
            await _finished(sending, waits_for)
            while self._waiting:
                each = self._waiting.popleft()
                if isinstance(each, bytes):
                    self._waiting_bytes -= len(each)
                    each = self._message_of(each)
                self._stuck_since = self._clock()
                await self._send(each)
        except (OSError, RuntimeError):
            self._writer = None
            self.close()
        finally:
            self._stuck_since = None
            self._writer = None
        self._tell_room()

    def _tell_room(self) -> None:
        self._room.set()
        if self._is_wanted:
            self._is_wanted = False
            self._on_room()


@types.coroutine
def _finished(sending: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Await a coroutine that has begun and now waits for something."""
    step: Callable[[], Any]
    while True:
        try:
            value = yield waits_for
        except BaseException as error:
            step = partial(sending.throw, error)
        else:
            step = partial(sending.send, value)
        try:
            waits_for = step()
        except StopIteration:
            return
