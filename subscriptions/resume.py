"""Brings a stream from where it was to where its audience is, without a gap and without a double.

A timeline is read from its own rows; a feed from the events still in memory, else from the log. The
stream listens from the instant at which nothing is left to read. Whoever catches up has one of few
places and holds one page, so that a crowd that comes back costs as much memory as the places do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
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

REPLAYED_MAX = 500  # events read at once, about 1.5 MB
FOLDED_MAX = 500  # records whose newest event is held back; as soon as there are more, all are told
CATCHING_UP_MAX = 16  # streams that are told what they missed at once; the others wait
TRY_AGAIN_S = 1.0  # an entry whose order cannot be read
SCANNED_MAX = 50_000  # events of its nouns a stream is brought over; beyond, it hears of a gap


Newest = dict[Ref, tuple[Event, int]]
"""By record its newest event, and how many it stands for besides itself; in the newest's order."""


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
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CATCHING_UP_MAX))

    async def catch_up(self, stream: Stream, audience: Audience) -> None:
        """Tell the stream all after `stream.seen`, then let it listen.

        It ends as SLOW_CONSUMER where it does not read: others wait for its place.
        """
        if audience.feed is Feed.TIMELINE:
            await self._catch_up_timeline(stream, audience)
        else:
            async with self.places:
                await self._catch_up_feed(stream, audience)

    async def _catch_up_timeline(self, stream: Stream, audience: Audience) -> None:
        order = audience.telling.following.order
        assert order is not None
        while not stream.is_over:
            async with self.places:
                entries = await self.entries(order, stream.seen, ENTRIES_MAX)
                is_told = await self._tell_entries(stream, audience, entries)
            if not is_told:
                await asyncio.sleep(TRY_AGAIN_S)  # without a place: a system may be away for long
            elif not entries and audience.attach(stream):
                return

    async def _tell_entries(
        self, stream: Stream, audience: Audience, entries: list[TimelineEntry]
    ) -> bool:
        """Whether all were told; whoever is bound is told none after one that cannot be read."""
        telling = audience.telling
        first = entries[0].sequence or 0 if entries else 0
        if first > stream.seen + 1:
            gap = telling.gap(stream.seen + 1, first - 1, GapReason.PURGED, at=first - 1)
            stream.put(await gap)
            stream.seen = first - 1
        for entry in entries:
            await stream.has_room()
            if stream.is_over:
                return True
            try:
                payload = await self._entry(audience, entry)
            except Unread:
                return False
            if payload is not None:
                stream.put(payload)
            stream.seen = entry.sequence or 0
        return True

    async def _entry(self, audience: Audience, entry: TimelineEntry) -> Payload | None:
        """An entry as the audience may read it. Whoever may see all hears of a gap where it cannot
        be read; for the others it is Unread, and tried until it can, as in their audience."""
        at = entry.sequence or 0
        try:
            return await audience.telling.of_entry(entry)
        except Unread:
            if audience.telling.scope.is_bound:
                raise
            return await audience.telling.gap(at, at, GapReason.NOT_READ, at=at)

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
        """The events after `stream.seen` up to a position, page by page; of a status feed the
        newest of each record, as far as FOLDED_MAX of them go."""
        newest: Newest = {}
        after, scanned = stream.seen, 0
        while after < upto and scanned < SCANNED_MAX and not stream.is_over:
            events, after = await self._page(audience, after, upto)
            scanned += len(events)
            following, is_heard = audience.telling.following, self.fanout.is_heard
            mine = [each for each in events if is_heard(following, each)]
            if audience.feed.is_lossless:
                await self._tell_each(stream, audience, ((event, 0) for event in mine))
                continue
            fold(newest, mine)
            if len(newest) > FOLDED_MAX:
                await self._tell_each(stream, audience, newest.values())
                newest.clear()
        await self._tell_each(stream, audience, newest.values())
        if after < upto and not stream.is_over:
            gap = audience.telling.gap(after + 1, upto, GapReason.TOO_MANY, at=upto)
            stream.put(await gap)

    async def _page(self, audience: Audience, after: int, upto: int) -> tuple[list[Event], int]:
        """The first events after a position, and how far they go."""
        recent = self.fanout.recent.after(after)
        if recent is None:
            nouns = NOUNS[audience.feed]
            page = await self.log.replay(after, nouns=nouns, limit=REPLAYED_MAX)
        else:
            page = recent[:REPLAYED_MAX]
        end = upto if len(page) < REPLAYED_MAX else page[-1].position or upto
        return [each for each in page if (each.position or 0) <= upto], min(end, upto)

    async def _tell_each(
        self, stream: Stream, audience: Audience, events: Iterable[tuple[Event, int]]
    ) -> None:
        for event, left_out in events:
            await stream.has_room()
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


def fold(newest: Newest, events: Iterable[Event]) -> None:
    """Let each event stand for what was held of its record."""
    for event in events:
        older = newest.pop(event.ref, None)
        if older is None:
            newest[event.ref] = event, 0
        else:
            newest[event.ref] = conflated(older[0], event), older[1] + 1
