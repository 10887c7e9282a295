"""The tail of the event stream: one per process, every event once, in order, without a gap.

Events come over NATS as they are told. Whatever is missing there is read from the event log: on a
gap, at a new connection, when the local relay numbered some, and by looking now and then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence

from nats.aio.msg import Msg

from hub.events.connection import Nats
from hub.events.envelope import UNDECODABLE, decode
from hub.events.event import Event
from hub.events.log import EventLog, Head, Unreadable
from hub.events.relay import EPOCH, POSITION
from hub.events.subjects import EVENTS
from hub.model.errors import StoreUnavailable
from hub.observe import metrics

LOOK_EVERY_S = 5.0  # while NATS tells us
LOOK_EVERY_DEGRADED_S = 1.0  # while it does not
HEARD_MAX = 2_000  # events that came before one that is missing; more are read from the log
READ_MAX = 200  # events of one read, about 10 ms of decoding
AWAY_PAUSE_S = 1.0

Listener = Callable[[Sequence[Event]], None]

_log = logging.getLogger(__name__)


class Tail:
    """`position` is that of the last event handed on; `epoch` names the log it counts in.

    Without NATS (`nats` None, or away) it is late by LOOK_EVERY_DEGRADED_S at most. `on_replaced`
    is called when the log is another than before, so that positions begin anew, or when events were
    pruned that were not handed on. An event that cannot be read here is passed by: listeners do not
    hear of it, `on_unreadable` does, so that nobody goes on with what was held of its record.
    """

    def __init__(self, log: EventLog, nats: Nats | None) -> None:
        self.position = 0
        self.epoch = ""
        self.on_replaced: list[Callable[[], None]] = []
        self.on_unreadable: list[Callable[[Unreadable], None]] = []
        self._log = log
        self._nats = nats
        self._listeners: list[Listener] = []
        self._heard: dict[int, bytes] = {}
        self._is_to_read = False  # the log has events that we have not
        self._is_to_check = False  # perhaps it has, perhaps it is another
        self._is_away = False
        self._woken = asyncio.Event()
        self._started = asyncio.Event()
        if nats is not None:
            nats.subscribe(EVENTS, self._hear)
            nats.on_change.append(self.check)

    @property
    def is_degraded(self) -> bool:
        """Whether events may come late, because NATS is away."""
        return self._nats is None or not self._nats.is_connected

    def listen(self, listener: Listener) -> None:
        """Hand it every event from now on, some at a time; it must not block."""
        self._listeners.append(listener)

    def wake(self) -> None:
        """The log has new events: read them now."""
        self._is_to_read = True
        self._woken.set()

    def check(self) -> None:
        """Something may have been missed: look into the log now."""
        self._is_to_check = True
        self._woken.set()

    async def started(self) -> None:
        """Wait until the tail stands at the head of the log it began with."""
        await self._started.wait()

    async def follow(self) -> None:
        """Hand on for ever, from the head of the log on. Cancel it to stop."""
        while True:
            try:
                await self._advance()
                self._is_away = False
            except StoreUnavailable as error:
                if not self._is_away:
                    _log.warning("events wait for the database: %s", error)
                self._is_away = self._is_to_check = True
                await asyncio.sleep(AWAY_PAUSE_S)
                continue
            await self._rest()

    async def replay(self, after: int, *, nouns: Collection[str] | None, limit: int) -> list[Event]:
        """The first so many events after the position, up to the last that was handed on."""
        events = await self._log.after(after, limit=limit, nouns=nouns)
        return [event for event in events if (event.position or 0) <= self.position]

    async def oldest(self) -> int:
        """The first position that can still be replayed."""
        return await self._log.oldest()

    async def last(self) -> int:
        """The last position that was given, handed on here or not."""
        return (await self._log.head()).last_position

    async def _advance(self) -> None:
        """Hand on all there is."""
        if not self._started.is_set():
            self._begin(await self._log.head())
            self._started.set()
        if self._is_to_check:
            self._is_to_check = False
            await self._look()
        self._hand_on_heard()
        while self._is_to_read or self._heard:
            self._is_to_read = False
            events = await self._log.rows_after(self.position, limit=READ_MAX)
            self._hand_on(events)
            self._hand_on_heard()
            if len(events) == READ_MAX:
                self._is_to_read = True
                await asyncio.sleep(0)  # the others' turn
            elif self._heard:
                break  # told over NATS before our reading of the log shows it: look again soon

    async def _look(self) -> None:
        """Whether the log went on without us, or is another."""
        head = await self._log.head()
        if head.epoch != self.epoch or head.last_position < self.position:
            _log.warning("the event log is another than before; positions begin anew")
            self._begin(head)
            self._tell_replaced()
        elif head.last_position > self.position:
            self._is_to_read = True

    def _begin(self, head: Head) -> None:
        self.epoch, self.position = head.epoch, head.last_position
        self._heard.clear()

    def _tell_replaced(self) -> None:
        for listener in self.on_replaced:
            listener()

    async def _hear(self, message: Msg) -> None:
        headers = message.headers or {}
        position = headers.get(POSITION, "")
        if not position.isdecimal() or headers.get(EPOCH) != self.epoch:
            self.check()
            return
        if int(position) <= self.position:
            return
        if len(self._heard) >= HEARD_MAX:
            self._is_to_read = True
        else:
            self._heard[int(position)] = message.data
        self._woken.set()

    def _hand_on_heard(self) -> None:
        """Those that follow the last one without a gap; those before it are forgotten."""
        events: list[Event] = []
        at = self.position
        while (envelope := self._heard.pop(at + 1, None)) is not None:
            at += 1
            try:
                events.append(decode(envelope, at))
            except UNDECODABLE:
                self._is_to_read = True  # its row says what it is about
                break
        self._hand_on(events)
        for passed in [each for each in self._heard if each <= self.position]:
            del self._heard[passed]

    def _hand_on(self, rows: Sequence[Event | Unreadable]) -> None:
        if not rows:
            return
        if rows[0].position != self.position + 1:  # we slept until they were pruned
            _log.warning("events after %d are no longer kept; positions go on later", self.position)
            self._tell_replaced()
        self.position = rows[-1].position or 0
        for row in rows:
            if isinstance(row, Unreadable):
                self._pass_by(row)
        events = [row for row in rows if isinstance(row, Event)]
        for listener in self._listeners:
            try:
                listener(events)
            except Exception:  # a defect of one listener must not keep events from the others
                _log.exception("a listener failed over events up to %d", self.position)

    def _pass_by(self, row: Unreadable) -> None:
        metrics.count_unreadable_event()
        _log.error(
            "event %s at %d of the %s %s:%s cannot be read by this version and is passed by: %s",
            row.event_id, row.position, *row.ref, row.reason,
        )  # fmt: skip
        for listener in self.on_unreadable:
            listener(row)

    async def _rest(self) -> None:
        every_s = LOOK_EVERY_DEGRADED_S if self.is_degraded or self._heard else LOOK_EVERY_S
        try:
            async with asyncio.timeout(every_s):
                await self._woken.wait()
            self._woken.clear()
        except TimeoutError:
            self._is_to_check = True
