"""Brings a stream from where it was to where its audience is, without a gap and without a double.

A timeline is read from its own rows; a feed from the events still in memory, else from the log. The
stream listens from the instant at which nothing is left to read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from hub.events.event import Event
from hub.model.timeline import TimelineEntry
from hub.model.values import Ref
from resolvers.live_items import Feed, GapReason
from subscriptions.audience import ENTRIES_MAX, Audience, Entries
from subscriptions.fanout import Fanout
from subscriptions.items import conflated
from subscriptions.outlet import Stream
from subscriptions.telling import Payload, Unread
from subscriptions.topics import NOUNS

REPLAYED_MAX = 500  # events read at once
READING_MAX = 16  # streams that read what they missed at once; the others wait
TRY_AGAIN_S = 1.0  # an entry whose order cannot be read
SCANNED_MAX = 50_000  # events of its nouns a stream is brought over; beyond, it hears of a gap


class Log(Protocol):
    """The part of the events' tail that is needed here."""

    @property
    def position(self) -> int: ...

    async def replay(
        self, after: int, *, nouns: Collection[str] | None, limit: int
    ) -> list[Event]: ...

    async def oldest(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Resuming:
    """Where the past is read from."""

    log: Log
    fanout: Fanout
    entries: Entries
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READING_MAX))

    async def catch_up(self, stream: Stream, audience: Audience) -> None:
        """Tell the stream all after `stream.seen`, then let it listen."""
        if audience.feed is Feed.TIMELINE:
            await self._catch_up_timeline(stream, audience)
        else:
            await self._catch_up_feed(stream, audience)

    async def _catch_up_timeline(self, stream: Stream, audience: Audience) -> None:
        order = audience.telling.following.order
        assert order is not None
        while not stream.is_over:
            async with self.reading:
                entries = await self.entries(order, stream.seen, ENTRIES_MAX)
            if entries:
                await self._tell_entries(stream, audience, entries)
            elif audience.attach(stream):
                return

    async def _tell_entries(
        self, stream: Stream, audience: Audience, entries: list[TimelineEntry]
    ) -> None:
        telling = audience.telling
        first = entries[0].sequence or 0
        if first > stream.seen + 1:
            gap = telling.gap(stream.seen + 1, first - 1, GapReason.PURGED, at=first - 1)
            stream.put(await gap)
        for entry in entries:
            await stream.room.wait()
            payload = await self._entry(stream, audience, entry)
            if stream.is_over:
                return
            if payload is not None:
                stream.put(payload)
            stream.seen = entry.sequence or 0

    async def _entry(
        self, stream: Stream, audience: Audience, entry: TimelineEntry
    ) -> Payload | None:
        """An entry as the audience may read it. Whoever may see all hears of a gap where it cannot
        be read; for the others it is tried until it can, as in their audience."""
        at = entry.sequence or 0
        while not stream.is_over:
            try:
                return await audience.telling.of_entry(entry)
            except Unread:
                if not audience.telling.scope.is_bound:
                    return await audience.telling.gap(at, at, GapReason.NOT_READ, at=at)
            await asyncio.sleep(TRY_AGAIN_S)
        return None

    async def _catch_up_feed(self, stream: Stream, audience: Audience) -> None:
        if stream.seen < self.fanout.position and self.fanout.recent.after(stream.seen) is None:
            await self._tell_purged(stream, audience)
        while not stream.is_over:
            upto = self.fanout.position
            if stream.seen < upto:
                await self._tell_between(stream, audience, upto)
            stream.seen = max(stream.seen, upto)
            if self.fanout.position == upto and audience.attach(stream):
                return

    async def _tell_purged(self, stream: Stream, audience: Audience) -> None:
        """A gap over what the log no longer keeps."""
        oldest = await self.log.oldest()
        if stream.seen < oldest - 1:
            at = oldest - 1
            stream.put(await audience.telling.gap(stream.seen + 1, at, GapReason.PURGED, at=at))
            stream.seen = at

    async def _tell_between(self, stream: Stream, audience: Audience, upto: int) -> None:
        """The events after `stream.seen` up to a position; of a status feed the newest of each."""
        events = self.fanout.recent.after(stream.seen)
        if events is None:
            events = await self._logged(stream, audience, upto)
        following, is_heard = audience.telling.following, self.fanout.is_heard
        mine = [
            each for each in events if (each.position or 0) <= upto and is_heard(following, each)
        ]
        for event, left_out in _newest(mine) if not audience.feed.is_lossless else _each(mine):
            await stream.room.wait()
            if stream.is_over:
                return
            payload = await self._event(stream, audience, event, left_out=left_out)
            if payload is not None:
                stream.put(payload, event, left_out)

    async def _event(
        self, stream: Stream, audience: Audience, event: Event, *, left_out: int
    ) -> Payload | None:
        """An event of the past. What cannot be read is a gap for whoever may see all; nobody else
        hears of anything, until it can: the audience they join tells it."""
        telling, at = audience.telling, event.position or 0
        if stream.owed.has(event.ref):
            stream.owed.owe(event, left_out)
            return None
        try:
            return await telling.of_event(
                event, conflated=left_out, sequence=at, back_to=stream.owed.before
            )
        except Unread:
            if not telling.scope.is_bound:
                return await telling.gap(at, at, GapReason.NOT_READ, at=at)
        stream.owed.owe(event, left_out)
        for each in stream.owed.given_up():
            lost = each.position or 0
            stream.put(await telling.gap(lost, lost, GapReason.NOT_READ, at=lost))
        return None

    async def _logged(self, stream: Stream, audience: Audience, upto: int) -> list[Event]:
        """The events of the feed from the log; a gap where they are too many."""
        nouns = NOUNS[audience.feed]
        found: list[Event] = []
        after = stream.seen
        scanned = 0
        while after < upto:
            async with self.reading:
                page = await self.log.replay(after, nouns=nouns, limit=REPLAYED_MAX)
            scanned += len(page)
            following = audience.telling.following
            found += [each for each in page if self.fanout.is_heard(following, each)]
            if len(page) < REPLAYED_MAX:
                break
            after = page[-1].position or upto
            if scanned >= SCANNED_MAX and after < upto:
                gap = audience.telling.gap(after + 1, upto, GapReason.TOO_MANY, at=upto)
                stream.put(await gap)
                break
        return found


def _each(events: list[Event]) -> list[tuple[Event, int]]:
    return [(event, 0) for event in events]


def _newest(events: list[Event]) -> list[tuple[Event, int]]:
    """The newest event of each record, and how many it stands for besides itself."""
    newest: dict[Ref, tuple[Event, int]] = {}
    for event in events:
        older = newest.pop(event.ref, None)
        if older is None:
            newest[event.ref] = event, 0
        else:
            newest[event.ref] = conflated(older[0], event), older[1] + 1
    return list(newest.values())
