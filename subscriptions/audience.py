"""Subscribers of one question in one scope: an event is executed and encoded once for all of them.

What has happened waits here until a worker comes (`fanout.py`); one works at a time, so that every
subscriber sees the events in their order.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Protocol

from hub.events.event import Event
from hub.model.errors import OpsHubError, SlowConsumer, StoreUnavailable
from hub.model.timeline import TimelineEntry
from hub.model.values import Ref
from resolvers.live_items import Feed, GapReason, StreamState
from subscriptions.outlet import Kept, Stream
from subscriptions.owed import Owed
from subscriptions.telling import Payload, Telling, Unread
from subscriptions.topics import is_of
from subscriptions.waiting import EVENTS_WAITING_MAX, EventsWaiting

VERSIONS_MAX = 10_000  # records whose last told version is remembered
SLICE_S = 0.005  # seconds of telling before anybody else in the process has a turn
ENTRIES_MAX = 500  # timeline entries read at once

Entries = Callable[[Ref, int, int], Awaitable[list[TimelineEntry]]]
"""The entries of an order after a sequence, at most so many."""


class Progress(Protocol):
    """What an audience knows of the process: how far events were handed on, and how quickly."""

    @property
    def position(self) -> int: ...

    @property
    def state(self) -> StreamState: ...


class Audience:
    """`told` is the highest sequence that was told or passed. `streams` are those that listen."""

    def __init__(
        self,
        telling: Telling,
        *,
        progress: Progress,
        entries: Entries,
        wake: Callable[[Audience], None],
    ) -> None:
        self.telling = telling
        self.feed: Feed = telling.following.feed
        self.streams: tuple[Stream, ...] = ()
        self.told = 0
        self.joining = 0
        self.is_ready = False
        self.is_slow = False
        self._progress = progress
        self._entries = entries
        self._wake = wake
        self._waiting = EventsWaiting(self.feed.is_lossless)
        self._versions: OrderedDict[Hashable, int] = OrderedDict()
        self.owed = Owed(self.feed.is_lossless)
        self._retold: list[Stream] = []
        self._beats = False
        self._is_behind = False

    @property
    def is_empty(self) -> bool:
        return not self.streams and not self.joining

    def attach(self, stream: Stream) -> bool:
        """Let a stream listen from now on; False where it has yet to catch up with the others."""
        if stream.is_over:
            return True
        if self.told > stream.seen:
            return False
        if not self.streams:
            self.told = stream.seen
            self.owed.take()  # to nobody who is still here
        self.streams = (*self.streams, stream)
        for owing in stream.owed.take():
            self.owed.add(owing)
        return True

    def detach(self, stream: Stream) -> None:
        self.streams = tuple(each for each in self.streams if each is not stream)

    def hear(self, event: Event) -> None:
        """An event of one of its topics; it is told in its turn."""
        if not is_of(self.telling.following, event):
            return
        if not self._waiting.add(event):
            self._end_all()
            return
        self._wake(self)

    def beat(self) -> None:
        """Tell all that the stream lives, after what waits."""
        self._beats = True
        self._wake(self)

    def tell_again(self, stream: Stream) -> None:
        """A stream that was full has room for what stands for several events."""
        self._retold.append(stream)
        self._wake(self)

    async def work(self) -> None:
        """Tell everything that waits, with a turn for everybody else in between."""
        loop = asyncio.get_running_loop()
        slice_ends = loop.time() + SLICE_S
        while True:
            if loop.time() > slice_ends:
                await asyncio.sleep(0)
                slice_ends = loop.time() + SLICE_S
            waiter = self._waiting.take()
            if waiter is not None:
                await self._tell(waiter.event, waiter.left_out)
            elif self._retold:
                await self._tell_kept(self._retold.pop())
            elif self._beats:
                self._beats = False
                await self._tell_beats()
            else:
                return

    async def _tell(self, event: Event, left_out: int) -> None:
        if self.feed is Feed.TIMELINE:
            await self._tell_entry(event)
            return
        position = event.position or 0
        if self.streams and self._is_news(event):
            payload = await self._payload(event, left_out)
            if payload is not None:
                self._send(payload, event, left_out)
        self.told = max(self.told, position)

    async def _payload(self, event: Event, left_out: int) -> Payload | None:
        """The event behind, or together with, what is owed of its record."""
        if self.owed.has(event.ref):
            await self._tell_owed()
        if self.owed.has(event.ref):
            self.owed.owe(event, left_out)
            return None
        try:
            return await self.telling.of_event(event, conflated=left_out, back_to=self.owed.before)
        except Unread:
            return await self._unread_event(event, left_out)

    def _is_news(self, event: Event) -> bool:
        """Whether it is no older than what was told of its record."""
        if self.feed.is_lossless:
            return True
        if event.version < self._versions.get(event.ref, event.version):
            return False
        self._versions[event.ref] = event.version
        self._versions.move_to_end(event.ref)
        if len(self._versions) > VERSIONS_MAX:
            self._versions.popitem(last=False)
        return True

    async def _unread_event(self, event: Event, left_out: int) -> Payload | None:
        """A gap for whoever may see all; the others hear of it when it is known to be theirs."""
        position = event.position or 0
        if not self.telling.scope.is_bound:
            return await self.telling.gap(position, position, GapReason.NOT_READ, at=position)
        self.owed.owe(event, left_out)
        await self._give_up()
        return None

    async def _tell_entry(self, event: Event) -> None:
        """An entry of the timeline, after those before it, should some not have been heard of."""
        entry = event.entry
        if entry is None or entry.sequence is None or entry.sequence <= self.told:
            return
        if not self.streams:
            self.told = entry.sequence
        elif self._is_behind or entry.sequence > self.told + 1:
            await self._tell_recorded()
        else:
            await self._tell_one(entry)

    async def _tell_recorded(self) -> None:
        """What is recorded after the last that was told."""
        order = self.telling.following.order
        assert order is not None
        self._is_behind = False
        while not self._is_behind:
            try:
                entries = await self._entries(order, self.told, ENTRIES_MAX)
            except StoreUnavailable:
                self._is_behind = True  # asked again with the next entry, or the next sign of life
                return
            for entry in entries:
                await self._tell_one(entry)
                if self._is_behind:
                    return
            if len(entries) < ENTRIES_MAX:
                return

    async def _tell_one(self, entry: TimelineEntry) -> None:
        assert entry.sequence is not None
        try:
            payload = await self.telling.of_entry(entry)
        except Unread:
            self._is_behind = True  # read again with the next entry, or the next sign of life
            return
        if payload is not None:
            self._send(payload, None)
        self.told = entry.sequence

    def _send(self, payload: Payload, event: Event | None, left_out: int = 0) -> None:
        """The same bytes to every stream that has not seen it."""
        content, cursor, sequence = payload
        for stream in self.streams:
            if stream.seen < sequence:
                stream.seen = sequence
                if stream.waiting or not stream.outlet.write(content, cursor):
                    stream.keep(payload, event, left_out)
                else:
                    stream.cursor = cursor

    async def _tell_kept(self, stream: Stream) -> None:
        """What waits for a stream, told anew where it stands for several events."""
        while (kept := stream.next_waiting()) is not None:
            if kept.is_outdated and not await self._renew(stream, kept):
                continue
            if not stream.write_waiting(kept):
                return

    async def _renew(self, stream: Stream, kept: Kept) -> bool:
        """Whether there is still something to tell: authorization is asked again."""
        assert kept.event is not None
        try:
            payload = await self.telling.of_event(
                kept.event, conflated=kept.left_out, back_to=self.owed.before
            )
        except Unread:
            payload = await self._unread_event(kept.event, kept.left_out)
        if payload is None:
            stream.drop_waiting(kept)
            return False
        stream.replace_payload(kept, payload)
        return True

    async def _tell_beats(self) -> None:
        if self._is_behind:
            await self._tell_recorded()
        await self._tell_owed()
        if self.feed is Feed.TIMELINE:
            for sequence in {stream.seen for stream in self.streams}:
                await self._send_beat(sequence)
            return
        position = self._progress.position  # all of it was told: nothing waits
        if not len(self._waiting):
            self.told = max(self.told, position)
            for stream in self.streams:
                stream.seen = max(stream.seen, position)
            await self._send_beat(position)

    async def _send_beat(self, sequence: int) -> None:
        """A sign of life to those that are there; whoever is slow has no need of one."""
        payload = await self.telling.beat(sequence, self._progress.state, back_to=self.owed.before)
        for stream in self.streams:
            is_there = stream.seen == sequence and not stream.waiting
            if is_there and stream.outlet.write(payload.content, payload.cursor):
                stream.cursor = payload.cursor

    async def _tell_owed(self) -> None:
        """What could not be read before, where it can be now; of one record in its order."""
        back_to = self.owed.before
        for owing in self.owed.take():
            if self.owed.has(owing.event.ref):
                self.owed.add(owing)
                continue
            try:
                payload = await self.telling.of_event(
                    owing.event,
                    conflated=owing.left_out,
                    sequence=self.told,
                    back_to=back_to,
                )
            except Unread:
                self.owed.add(owing)
                continue
            if payload is not None:
                self._put(payload, owing.event, owing.left_out)
        await self._give_up()

    async def _give_up(self) -> None:
        """A gap in the place of what is owed too long; never silence."""
        for event in self.owed.given_up():
            at = event.position or 0
            self._put(await self.telling.gap(at, at, GapReason.NOT_READ, at=self.told))

    def _put(self, payload: Payload, event: Event | None = None, left_out: int = 0) -> None:
        for stream in self.streams:
            stream.put(payload, event, left_out)

    def end(self, error: OpsHubError | None) -> None:
        """End every stream."""
        for stream in self.streams:
            stream.end(error)

    def _end_all(self) -> None:
        """Events come faster than this audience can be told: each goes on from its cursor."""
        waiting = len(self._waiting)
        self._waiting.clear()
        for stream in self.streams:
            stream.end(SlowConsumer(waiting, limit=EVENTS_WAITING_MAX, cursor=stream.cursor))
