"""The event log: every event of the hub in the one order that everybody sees, kept for 7 days.

SQL is the truth of the event stream. Events are appended in the transaction that applies them;
their positions are given afterwards, gap-free, by one process at a time.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, Select, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.events.envelope import UNDECODABLE, decode, encode
from hub.events.event import TIMELINE, Event
from hub.model.values import Ref
from hub.store.engine import Store
from hub.store.tables import event_head, event_log

KEPT_FOR = timedelta(days=7)
APPENDED_AT_ONCE_MAX = 500  # rows a statement; SQLite takes 32,766 variables
PRUNED_AT_ONCE_MAX = 10_000  # rows a transaction: about 0.1 s, others write in between

_NAME = "events"
_EPOCH_BYTES = 8


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log ends. `epoch` names this log: another one counts positions of its own."""

    epoch: str
    last_position: int


@dataclass(frozen=True, slots=True)
class Unpublished:
    """An event that has its position and was not told over NATS yet."""

    position: int
    event_id: str
    noun: str
    change: str
    system: str
    key: str
    envelope: bytes


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event whose envelope this process cannot read: a newer one wrote a word it does not know.

    `ref` is the record it is about; of a timeline entry its order.
    """

    position: int
    event_id: str
    ref: Ref
    reason: str


class EventLog:
    """The log in the store that all processes share. `now` is the wall clock, aware."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def append_in(self, connection: AsyncConnection, events: Sequence[Event]) -> None:
        """Write the events in the caller's transaction; one whose id is there changes nothing.

        The row locks of their records and orders must be held: then the events of one record, and
        of one order, are numbered in the order they happened.
        """
        dialect = sqlite if self._store.is_sqlite else postgresql
        for start in range(0, len(events), APPENDED_AT_ONCE_MAX):
            rows = [_row(event) for event in events[start : start + APPENDED_AT_ONCE_MAX]]
            adding = dialect.insert(event_log).values(rows)
            await connection.execute(adding.on_conflict_do_nothing(index_elements=["event_id"]))

    async def assign(self, limit: int) -> int:
        """Give up to so many events their positions, in the order of their ids; how many it gave.

        The row of the head is locked for it, so two that try number one after the other.
        """
        async with self._store.write() as connection:
            last = await self._locked_head(connection)
            waiting = (
                select(
                    event_log.c.id.label("id"),
                    func.row_number().over(order_by=event_log.c.id).label("place"),
                )
                .where(event_log.c.position.is_(None))
                .order_by(event_log.c.id)
                .limit(limit)
                .subquery()
            )
            given: CursorResult[tuple[int]] = await connection.execute(
                update(event_log)
                .where(event_log.c.id == waiting.c.id)
                .values(position=last + waiting.c.place)
            )
            if given.rowcount:
                await connection.execute(
                    update(event_head)
                    .where(event_head.c.name == _NAME)
                    .values(last_position=last + given.rowcount)
                )
        return given.rowcount

    async def unpublished(self, limit: int, *, after: int = 0) -> list[Unpublished]:
        """The first that were not told yet, in order of position."""
        asked = (
            select(
                event_log.c.position, event_log.c.event_id, event_log.c.noun, event_log.c.change,
                event_log.c.system, event_log.c.key, event_log.c.envelope,
            )
            .where(event_log.c.published_at.is_(None), event_log.c.position > after)
            .order_by(event_log.c.position)
            .limit(limit)
        )  # fmt: skip
        async with self._store.read() as connection:
            return [Unpublished(*row) for row in await connection.execute(asked)]

    async def mark_published(self, positions: Collection[int]) -> None:
        if not positions:
            return
        async with self._store.write() as connection:
            await connection.execute(
                update(event_log)
                .where(event_log.c.position.in_(sorted(positions)))
                .values(published_at=self._now())
            )

    async def after(
        self, position: int, *, limit: int, nouns: Collection[str] | None = None
    ) -> list[Event]:
        """The first so many events after the position, in order; only of the nouns, if named.

        Those that cannot be read here are left out.
        """
        found: list[Event] = []
        while len(found) < limit:
            rows = await self.rows_after(position, limit=limit, nouns=nouns)
            found += [each for each in rows if isinstance(each, Event)]
            if len(rows) < limit:
                break
            position = rows[-1].position or 0
        return found[:limit]

    async def rows_after(
        self, position: int, *, limit: int, nouns: Collection[str] | None = None
    ) -> list[Event | Unreadable]:
        """As `after`, with what cannot be read here in its place."""
        asked = (
            select(
                event_log.c.position, event_log.c.event_id, event_log.c.noun, event_log.c.system,
                event_log.c.key, event_log.c.envelope,
            )
            .where(event_log.c.position > position)
            .order_by(event_log.c.position)
            .limit(limit)
        )  # fmt: skip
        if nouns is not None:
            asked = asked.where(event_log.c.noun.in_(sorted(nouns)))
        async with self._store.read() as connection:
            rows = (await connection.execute(asked)).all()
        return [_read(row) for row in rows]

    async def head(self) -> Head:
        """Where the log ends; the first to ask makes its epoch."""
        async with self._store.read() as connection:
            found = await _read_head(connection)
        if found is not None:
            return found
        async with self._store.write() as connection:
            await self._make_head(connection)
            made = await _read_head(connection)
        assert made is not None  # it was there already, or we made it
        return made

    async def oldest(self) -> int:
        """The first position that is still there; the one to come where none is."""
        first = select(func.min(event_log.c.position))
        async with self._store.read() as connection:
            found: int | None = (await connection.execute(first)).scalar_one()
        return found if found is not None else (await self.head()).last_position + 1

    async def waiting(self) -> int:
        """How many events NATS was not told of yet."""
        count = select(func.count()).where(event_log.c.published_at.is_(None))
        async with self._store.read() as connection:
            return int((await connection.execute(count)).scalar_one())

    async def prune(self) -> int:
        """Forget what is older than KEPT_FOR, published or not; how many events.

        What is left has no gap: the first event that is younger ends it.
        """
        pruned = 0
        while gone := await self._prune_some():
            pruned += gone
        return pruned

    async def _prune_some(self) -> int:
        before = self._now() - KEPT_FOR
        first_kept = select(func.min(event_log.c.position)).where(event_log.c.recorded_at >= before)
        async with self._store.write() as connection:
            bound: int | None = (await connection.execute(first_kept)).scalar_one()
            old = select(event_log.c.id).where(
                event_log.c.position.is_not(None), event_log.c.recorded_at < before
            )
            if bound is not None:
                old = old.where(event_log.c.position < bound)
            some = old.order_by(event_log.c.position).limit(PRUNED_AT_ONCE_MAX)
            gone: CursorResult[tuple[int]] = await connection.execute(
                delete(event_log).where(event_log.c.id.in_(some))
            )
        return gone.rowcount

    async def _locked_head(self, connection: AsyncConnection) -> int:
        """The last position given; the row is ours until the transaction ends."""
        asked = _head().with_for_update()
        found = (await connection.execute(asked)).one_or_none()
        if found is None:
            await self._make_head(connection)
            found = (await connection.execute(asked)).one()
        return int(found.last_position)

    async def _make_head(self, connection: AsyncConnection) -> None:
        dialect = sqlite if self._store.is_sqlite else postgresql
        epoch = secrets.token_hex(_EPOCH_BYTES)
        new = dialect.insert(event_head).values(name=_NAME, epoch=epoch, last_position=0)
        await connection.execute(new.on_conflict_do_nothing(index_elements=["name"]))


def _head() -> Select[tuple[str, int]]:
    return select(event_head.c.epoch, event_head.c.last_position).where(event_head.c.name == _NAME)


async def _read_head(connection: AsyncConnection) -> Head | None:
    found = (await connection.execute(_head())).one_or_none()
    return None if found is None else Head(found.epoch, found.last_position)


def _read(row: Any) -> Event | Unreadable:
    try:
        return decode(row.envelope, row.position)
    except UNDECODABLE as error:
        noun = "order" if row.noun == TIMELINE else row.noun
        ref, reason = Ref(noun, row.system, row.key), f"{type(error).__name__}: {error}"[:200]
        return Unreadable(row.position, row.event_id, ref, reason)


def _row(event: Event) -> dict[str, object]:
    return {
        "event_id": event.id,
        "noun": event.noun,
        "change": event.change,
        "system": event.ref.system,
        "key": event.ref.key,
        "envelope": encode(event),
        "recorded_at": event.recorded_at,
    }
