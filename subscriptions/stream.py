"""Opens streams: a prepared subscription of a principal becomes items on a transport's outlet.

stream = await streams.open(request, principal, outlet, correlation_id=…)   # OpsHubError: none
stream.resume()          # the outlet, which was full, has room again
stream.close()           # the subscriber has gone
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson
from graphql import GraphQLError

from hub.events.event import Event
from hub.model.errors import CursorExpired, DeadlineExceeded, StoreUnavailable
from hub.model.timeline import TimelineEntry
from hub.model.values import Ref
from hub.observe import metrics
from hub.security.principal import Principal
from hub.security.scope import Scope, scope_of
from hub.store.timeline_after import TimelineAfter
from resolvers.engine import Plan, Request
from resolvers.errors import public_error
from resolvers.live_items import Feed, Following, Opening, StreamState
from subscriptions.audience import Audience
from subscriptions.fanout import Fanout
from subscriptions.outlet import Outlet, Stream
from subscriptions.question import variables_that_matter
from subscriptions.resume import Log, Resuming
from subscriptions.telling import Means, Telling

__all__ = ["Means", "Outlet", "Stream", "Streams", "Tail"]

HEARTBEAT_S = 20.0
LOOK_S = 0.5  # how often a change between LIVE and DEGRADED is looked for

log = logging.getLogger(__name__)


class Tail(Log, Protocol):
    """The events of the hub, as they come."""

    @property
    def epoch(self) -> str: ...

    @property
    def is_degraded(self) -> bool: ...

    @property
    def on_replaced(self) -> list[Callable[[], None]]: ...

    async def last(self) -> int: ...

    def listen(self, listener: Callable[[Sequence[Event]], None], /) -> None: ...


@dataclass(frozen=True, slots=True)
class Question:
    """What subscribers share an audience by: the same document, variables and scope."""

    plan: Plan
    operation: int
    following: Following
    variables: bytes
    scope: Scope


class Streams:
    """Every open stream of this process. `same_as` gives all refs of one real customer."""

    def __init__(
        self,
        means: Means,
        *,
        tail: Tail,
        timeline: TimelineAfter,
        same_as: Callable[[Ref], Sequence[Ref]],
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._tail = tail
        self._timeline = timeline
        self._means = means
        self._heartbeat_s = heartbeat_s
        self.fanout = Fanout(lambda: tail.position, lambda: tail.is_degraded, same_as=same_as)
        self._resuming = Resuming(tail, self.fanout, self._entries)
        self._audiences: dict[Question, Audience] = {}
        self._catching: set[asyncio.Task[None]] = set()
        self._joining: set[Stream] = set()
        self._lives = 0  # how often the events were replaced
        self._open: Counter[Feed] = Counter()
        tail.listen(self.fanout.take)
        tail.on_replaced.append(self._begin_anew)

    async def open(
        self, request: Request, principal: Principal, outlet: Outlet, *, correlation_id: str
    ) -> Stream:
        """The open stream; the snapshot is its first item, then a sign of life if not LIVE.

        Raises OpsHubError (what may not be seen is NotFound), and then nothing was written.
        """
        try:
            async with asyncio.timeout(self._means.deadline_s):
                return await self._opened(request, principal, outlet, correlation_id)
        except TimeoutError:
            raise DeadlineExceeded(self._means.deadline_s) from None
        except GraphQLError as error:
            raise public_error(error, correlation_id) from error

    async def _opened(
        self, request: Request, principal: Principal, outlet: Outlet, correlation_id: str
    ) -> Stream:
        if not self._tail.epoch:
            raise StoreUnavailable("the hub does not follow its events yet; subscribe again")
        context = self._means.open_context(principal, correlation_id)
        opening: Opening = await self._means.engine.opening(request, context)
        telling = Telling(
            self._means,
            request,
            principal,
            scope_of(principal),
            opening.following,
            opening.digest,
            correlation_id,
        )
        after, life = await self._read_cursor(opening), self._lives
        question = _question(telling)
        audience = self._audience(question, telling)
        stream = Stream(
            outlet,
            is_lossless=audience.feed.is_lossless,
            on_room=audience.tell_again,
            on_close=lambda gone: self._left(gone, audience, question),
        )
        audience.joining += 1
        try:
            stream.seen = await self._watermark(telling.following) if after is None else after
            if opening.is_snapshot_first:
                stream.put(await telling.snapshot(stream.seen, context))
            if self.fanout.state is not StreamState.LIVE:  # its changes alone are told later
                stream.put(await telling.beat(stream.seen, self.fanout.state))
        except BaseException:
            audience.joining -= 1
            self._forget(audience, question)
            raise
        self._count(audience.feed, 1)
        self._joining.add(stream)
        if life != self._lives:
            stream.end(_replaced())
        await self._join(stream, audience)
        return stream

    async def _read_cursor(self, opening: Opening) -> int | None:
        if opening.after is None:
            return None
        after = self._means.cursors.read(opening.after, opening.digest, self._tail.epoch)
        following = opening.following
        if after > await self._watermark(following) and (
            following.feed is Feed.TIMELINE or after > await self._tail.last()
        ):
            # The store is an earlier state of itself: what comes next would pass for told already.
            raise _replaced()
        return after

    def _audience(self, question: Question, telling: Telling) -> Audience:
        found = self._audiences.get(question)
        if found is None:
            found = self._audiences[question] = Audience(
                telling, progress=self.fanout, entries=self._entries, wake=self.fanout.wake
            )
            self.fanout.listen(found, telling.following)
        return found

    async def _watermark(self, following: Following) -> int:
        if following.feed is Feed.TIMELINE:
            assert following.order is not None
            return await self._timeline.last_sequence(following.order)
        return self.fanout.position

    async def _join(self, stream: Stream, audience: Audience) -> None:
        """At once where nothing was missed, else beside everything else."""
        is_here = audience.feed is not Feed.TIMELINE and stream.seen >= self.fanout.position
        if is_here and audience.attach(stream):
            audience.joining -= 1
            self._joining.discard(stream)
            return
        task = asyncio.create_task(self._catch_up(stream, audience), name="catch up")
        self._catching.add(task)
        task.add_done_callback(self._catching.discard)

    async def _catch_up(self, stream: Stream, audience: Audience) -> None:
        try:
            await self._resuming.catch_up(stream, audience)
        except StoreUnavailable as error:
            stream.end(error)  # it subscribes again from its cursor
        except Exception as error:  # the outermost loop of this stream
            log.exception("a stream of %s could not catch up", audience.feed.value)
            stream.end(public_error(error, audience.telling.correlation_id))
        finally:
            audience.joining -= 1
            self._joining.discard(stream)
            if stream.is_over:
                self._forget(audience, _question(audience.telling))

    def _left(self, stream: Stream, audience: Audience, question: Question) -> None:
        audience.detach(stream)
        self._count(audience.feed, -1)
        self._forget(audience, question)

    def _forget(self, audience: Audience, question: Question) -> None:
        if audience.is_empty and self._audiences.get(question) is audience:
            del self._audiences[question]
            self.fanout.forget(audience, audience.telling.following)

    def _count(self, feed: Feed, change: int) -> None:
        self._open[feed] += change
        metrics.show_subscriptions(feed.value, self._open[feed])

    async def _entries(self, order: Ref, after: int, limit: int) -> list[TimelineEntry]:
        return await self._timeline.entries(order, after, limit=limit)

    async def follow(self) -> None:
        """Tell every stream that it lives, at intervals and when the state changes; for ever."""
        loop = asyncio.get_running_loop()
        state, next_at = self.fanout.state, loop.time() + self._heartbeat_s
        while True:
            await asyncio.sleep(min(LOOK_S, self._heartbeat_s))
            if self.fanout.state is not state or loop.time() >= next_at:
                state, next_at = self.fanout.state, loop.time() + self._heartbeat_s
                for audience in list(self._audiences.values()):
                    audience.beat()

    def _begin_anew(self) -> None:
        """The events were replaced, or some are lost: nobody's cursor is worth anything."""
        self.fanout.recent.clear()
        self._lives += 1
        for stream in list(self._joining):
            stream.end(_replaced())
        for audience in list(self._audiences.values()):
            audience.end(_replaced())

    async def close(self) -> None:
        """Stop telling; the transports end their sockets themselves."""
        tasks = list(self._catching)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.fanout.close()


def _replaced() -> CursorExpired:
    return CursorExpired("the events were replaced; subscribe again for the state")


def _question(telling: Telling) -> Question:
    request = telling.request
    variables = variables_that_matter(request)
    return Question(
        request.plan,
        request.plan.operations.index(request.operation),
        telling.following,
        orjson.dumps(variables, option=orjson.OPT_SORT_KEYS),
        telling.scope,
    )
