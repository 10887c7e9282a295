"""Hands every event to the audiences it may concern, and lets workers tell them.

A worker tells one audience after the other and never waits where nothing has to be read, so a
delivery costs no task. As soon as one has to wait, the next worker goes on with the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from hub.events.event import Event
from hub.model.errors import Internal
from hub.model.values import Ref
from resolvers.live_items import Following, StreamState
from subscriptions.audience import SLICE_S, Audience
from subscriptions.topics import Topic, is_of, topics_of, topics_of_event

WORKERS_MAX = 64  # audiences that are told at once; more wait
SLOW_WORKERS_MAX = 48  # of them, audiences that waited for a system the last time
SLOW_S = 0.25  # seconds an audience may take before it counts as slow
RECENT_MAX = 4_096  # events kept in memory for streams that come back; about 3 KB each

log = logging.getLogger(__name__)


class Recent:
    """The last events in memory, without a gap from `first` on."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=RECENT_MAX)

    def add(self, events: Sequence[Event]) -> None:
        for event in events:
            last = self._events[-1].position if self._events else None
            if last is not None and event.position != last + 1:
                self._events.clear()  # another life of the log
            self._events.append(event)

    def clear(self) -> None:
        self._events.clear()

    def after(self, position: int) -> list[Event] | None:
        """Those with a higher position; None where some of them are not kept here."""
        first = self._events[0].position if self._events else None
        if first is None or position < first - 1:
            return None
        return list(islice(self._events, position + 1 - first, None))


class Fanout:
    """The audiences of a process by what they listen to. `tail` is how far events have come."""

    def __init__(
        self,
        position: Callable[[], int],
        is_degraded: Callable[[], bool],
        *,
        same_as: Callable[[Ref], Sequence[Ref]],
    ) -> None:
        self.recent = Recent()
        self._same_as = same_as
        self._position = position
        self._is_degraded = is_degraded
        self._by_topic: dict[Topic, dict[Audience, None]] = {}
        self._ready: deque[Audience] = deque()
        self._ready_slow: deque[Audience] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._slow_working = 0
        self._has_fresh = False

    @property
    def position(self) -> int:
        return self._position()

    @property
    def state(self) -> StreamState:
        return StreamState.DEGRADED if self._is_degraded() else StreamState.LIVE

    def listen(self, audience: Audience, following: Following) -> None:
        for topic in topics_of(following):
            self._by_topic.setdefault(topic, {})[audience] = None

    def forget(self, audience: Audience, following: Following) -> None:
        for topic in topics_of(following):
            listeners = self._by_topic.get(topic, {})
            listeners.pop(audience, None)
            if not listeners:
                self._by_topic.pop(topic, None)

    def take(self, events: Sequence[Event]) -> None:
        """Events in order of position, each once. Nothing here waits."""
        self.recent.add(events)
        for event in events:
            for audience in self._audiences_of(event):
                audience.hear(event)

    def _audiences_of(self, event: Event) -> list[Audience]:
        found: dict[Audience, None] = {}
        for topic in self._topics_of(event):
            found |= self._by_topic.get(topic, {})
        return list(found)

    def is_heard(self, following: Following, event: Event) -> bool:
        """Whether an event is told to whoever follows that."""
        listened = topics_of(following)
        return is_of(following, event) and any(each in listened for each in self._topics_of(event))

    def _topics_of(self, event: Event) -> Iterator[Topic]:
        """A customer is told under every ref that means the same now: customers are merged while
        people listen."""
        for topic in topics_of_event(event):
            feed, kind, value = topic
            if kind == "customer" and isinstance(value, Ref):
                yield from ((feed, kind, same) for same in self._same_as(value))
            else:
                yield topic

    def wake(self, audience: Audience) -> None:
        """It has something to tell."""
        if not audience.is_ready:
            audience.is_ready = True
            (self._ready_slow if audience.is_slow else self._ready).append(audience)
            self._call_worker()

    def _call_worker(self) -> None:
        """One worker more, unless one is on its way already or there are enough."""
        if self._has_fresh or len(self._workers) >= WORKERS_MAX:
            return
        self._has_fresh = True
        worker = asyncio.create_task(self._work(), name="fan-out")
        self._workers.add(worker)
        worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        """Tell audiences until none is ready."""
        self._has_fresh = False
        loop = asyncio.get_running_loop()
        slice_ends = loop.time() + SLICE_S
        while (audience := self._next()) is not None:
            if self._ready or self._ready_slow:
                self._call_worker()  # it begins as soon as this one has to wait
            await self._tell(audience)
            if loop.time() > slice_ends:
                await asyncio.sleep(0)
                slice_ends = loop.time() + SLICE_S

    def _next(self) -> Audience | None:
        if self._ready:
            return self._ready.popleft()
        if self._ready_slow and self._slow_working < SLOW_WORKERS_MAX:
            return self._ready_slow.popleft()
        return None

    async def _tell(self, audience: Audience) -> None:
        was_slow = audience.is_slow
        self._slow_working += was_slow
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await audience.work()
        except Exception:  # the outermost loop of the fan-out: the others go on
            log.exception("an audience of %s could not be told", audience.feed.value)
            # With an error: `complete` would say that there is nothing to come again for.
            audience.end(Internal("telling this stream met a defect; the hub's log has it"))
        finally:
            audience.is_slow = loop.time() - began > SLOW_S
            self._slow_working -= was_slow
            audience.is_ready = False

    async def close(self) -> None:
        """Stop every worker."""
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
