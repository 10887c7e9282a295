"""Executes items for one audience: what it asks, in its scope, as the bytes all of it are sent.

For whoever is bound to customers or business units a record is read again for every event, through
`reads`: who may not see it now is not told, whatever held when they subscribed. The record an event
brought is in the cache by then: nothing is asked of its system.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from hub.commands.words import Command
from hub.events.event import COMMAND, Event
from hub.model.case import Message
from hub.model.errors import StoreUnavailable
from hub.model.record import Record, fields_of
from hub.model.timeline import TimelineEntry
from hub.model.values import Ref
from hub.security.masks import is_readable
from hub.security.principal import Principal
from hub.security.scope import Scope
from resolvers.commands import followed
from resolvers.context import Context
from resolvers.engine import Engine, Request
from resolvers.errors import wire_errors
from resolvers.live_items import Beat, Feed, Following, Gap, GapReason, Item, Snapshot, StreamState
from subscriptions.cursor import Cursors
from subscriptions.items import At, Node, item_of_entry, item_of_event, told_entry
from subscriptions.topics import is_case_of, subject_of

DEADLINE_S = 5.0  # telling one event, or opening a stream; as an agent's query


class Payload(NamedTuple):
    """One encoded answer, and where the stream is after it."""

    content: bytes
    cursor: str
    sequence: int


class Unread(Exception):
    """Whether the audience may see the record cannot be known now, or telling it took too long."""


@dataclass(frozen=True, slots=True)
class Means:
    """What every audience of a process executes with. `epoch` is the life of the event log."""

    engine: Engine
    open_context: Callable[[Principal, str], Context]
    cursors: Cursors
    epoch: Callable[[], str]
    deadline_s: float = DEADLINE_S


@dataclass(frozen=True, slots=True)
class Telling:
    """One audience's question. Its principal is any of those that share its scope."""

    means: Means
    request: Request
    principal: Principal
    scope: Scope
    following: Following
    digest: bytes
    correlation_id: str

    def cursor(self, sequence: int) -> str:
        return self.means.cursors.make(self.digest, self.means.epoch(), sequence)

    async def of_event(
        self,
        event: Event,
        *,
        conflated: int = 0,
        sequence: int | None = None,
        back_to: int | None = None,
    ) -> Payload | None:
        """The event for this audience; None where it is not for it. Raises Unread.

        `sequence` is where the stream is: then the event lies in the past. `back_to` is where it
        goes on from, should it break off: before what is owed.
        """
        place = event.position or 0 if sequence is None else sequence
        at = At(self.cursor(_first(place, back_to)), place)
        try:
            async with asyncio.timeout(self.means.deadline_s):
                return await self._of_event(event, conflated, at, is_past=sequence is not None)
        except TimeoutError:
            raise Unread from None

    async def _of_event(
        self, event: Event, conflated: int, at: At, *, is_past: bool
    ) -> Payload | None:
        context = self.means.open_context(self.principal, self.correlation_id)
        if event.entry is not None:
            return await self._of_entry(event.entry, context)
        if isinstance(event.record, Message) and not is_readable(
            event.record.visibility, self.scope
        ):
            return None
        node = await self._node(event, context, is_past=is_past)
        if node is None or not self._is_followed(node):
            return None
        item = item_of_event(event, self.following.feed, node, at=at, conflated=conflated)
        return Payload(await self._encoded(item, context), *at)

    def _is_followed(self, node: Node) -> bool:
        if self.following.feed is not Feed.CASES:
            return True
        return isinstance(node, Record) and is_case_of(self.following, node)

    async def of_entry(self, entry: TimelineEntry) -> Payload | None:
        """A recorded entry that is read again; as `of_event`."""
        try:
            async with asyncio.timeout(self.means.deadline_s):
                context = self.means.open_context(self.principal, self.correlation_id)
                return await self._of_entry(entry, context)
        except TimeoutError:
            raise Unread from None

    async def _of_entry(self, entry: TimelineEntry, context: Context) -> Payload | None:
        shown = told_entry(entry, self.following, self.scope)
        if shown is None or not await self._may_see(entry.order, context):
            return None
        assert entry.sequence is not None
        cursor = self.cursor(entry.sequence)
        item = item_of_entry(shown, cursor=cursor)
        return Payload(await self._encoded(item, context), cursor, entry.sequence)

    async def _may_see(self, order: Ref, context: Context) -> bool:
        if not self.scope.is_bound:
            return True
        return await self._read(order, context) is not None

    async def _node(self, event: Event, context: Context, *, is_past: bool) -> Node | None:
        """What to show; None where it is not theirs. Raises Unread."""
        if event.noun == COMMAND:
            return await self._command(event.ref, context)
        ref = subject_of(event)
        if ref is None:
            return None
        if self.scope.is_bound:
            return _as_told(event, await self._read(ref, context), is_past=is_past)
        if event.ref == ref and event.record is not None and not is_past:
            return event.record  # nobody to hide it from; reading it again costs 40 us
        [told] = await context.reads.record_by_ref([ref])
        if isinstance(told, Record):
            return told
        if event.ref == ref and event.record is not None:
            return event.record  # whoever may see all is told what the event says of it
        raise Unread

    async def _command(self, ref: Ref, context: Context) -> Command | None:
        try:
            return await followed(context, ref.key)
        except StoreUnavailable:
            raise Unread from None

    async def _read(self, ref: Ref, context: Context) -> Record | None:
        """As the scope sees it; a system that is away tells no one whose it is."""
        [told] = await context.reads.record_by_ref([ref])
        if told is None or isinstance(told, Record):
            return told
        raise Unread

    async def snapshot(self, sequence: int, context: Context) -> Payload:
        """The state now, before everything after `sequence`."""
        cursor = self.cursor(sequence)
        command = None
        if self.following.feed is Feed.COMMANDS and self.following.records:
            command = await followed(context, self.following.records[0].key)
        item = Snapshot(self.following.feed, cursor, sequence, self.following, command)
        return Payload(await self._encoded(item, context), cursor, sequence)

    async def gap(self, first: int, last: int, reason: GapReason, *, at: int) -> Payload:
        """That the events from `first` to `last` are not told; the stream is at `at`."""
        cursor = self.cursor(at)
        return Payload(await self._alone(Gap(cursor, first, last, reason)), cursor, at)

    async def beat(
        self, sequence: int, state: StreamState, *, back_to: int | None = None
    ) -> Payload:
        cursor = self.cursor(_first(sequence, back_to))
        return Payload(await self._alone(Beat(cursor, state)), cursor, sequence)

    async def _alone(self, item: Item) -> bytes:
        """An item that reads nothing."""
        context = self.means.open_context(self.principal, self.correlation_id)
        return await self._encoded(item, context)

    async def _encoded(self, item: Item, context: Context) -> bytes:
        result = await self.means.engine.run_event(self.request, item, context)
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"], _ = wire_errors(result.errors, self.correlation_id)
        return orjson.dumps(body)


def _first(place: int, back_to: int | None) -> int:
    return place if back_to is None else min(place, back_to)


def _as_told(event: Event, read: Record | None, *, is_past: bool) -> Record | None:
    """What the event says of the record it is about, where they may see the record as it is now.

    One that names another owner than now is not shown: it may have been somebody else's then.
    """
    told = event.record
    if is_past or read is None or told is None or told.ref != read.ref:
        return read
    names = [name for name, field in fields_of(type(told)).items() if field.kind == "reference"]
    return told if all(getattr(told, name) == getattr(read, name) for name in names) else read
