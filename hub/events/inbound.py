"""Messages of webhooks between the answer 202 and being taken in: rows, so that none is lost.

A sender may try only once, and the broker may be away; the hub's own database is what an
acknowledgement rests on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.events.dead_letter_rows import cut
from hub.events.intake import Message
from hub.events.told import Via
from hub.model.errors import StoreUnavailable
from hub.observe import metrics
from hub.store.engine import Store
from hub.store.tables import inbound

WAITING_MAX = 100_000
"""Rows that wait: at 64 KB each 6 GB. Beyond it senders are refused, and may come again."""
OF_A_SYSTEM_MAX = 20_000
"""Of them, rows of one system, so that who floods one address shuts no other."""
COUNT_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A row that is due, as a message."""

    id: int
    message: Message


class Inbound:
    """The rows of the store. `now` is the wall clock, aware."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._waiting = Counter[str]()
        self._has_refused = False
        self._counted_at: float | None = None

    async def keep(self, message: Message) -> None:
        """Keep a webhook's message; once this returns it will be taken in or be a dead letter.

        StoreUnavailable where it could not be kept, or WAITING_MAX wait already, or OF_A_SYSTEM_MAX
        of its system.
        """
        async with self._store.write() as connection:
            await self._check_room(connection, message.system)
            await connection.execute(insert(inbound).values(_row(message)))
        self._waiting[message.system] += 1

    async def due(self, limit: int) -> list[Kept]:
        """The rows whose time has come, the first that came first."""
        asked = (
            select(inbound)
            .where(inbound.c.next_at <= self._now())
            .order_by(inbound.c.id)
            .limit(limit)
        )
        async with self._store.read() as connection:
            return [_kept(row) for row in await connection.execute(asked)]

    async def settle(self, done: Sequence[int], again: Mapping[int, float]) -> None:
        """Forget the rows that have ended; the others come again after so many seconds."""
        now = self._now()
        later = [
            {"row": id_, "at": now + timedelta(seconds=delay_s)} for id_, delay_s in again.items()
        ]
        async with self._store.write() as connection:
            if done:
                await connection.execute(delete(inbound).where(inbound.c.id.in_(done)))
            if later:
                await connection.execute(_LATER, later)
        if done and self._has_refused:
            self._has_refused, self._counted_at = False, None  # there may be room: count anew

    async def waiting(self) -> int:
        """How many rows wait, those that are not due too."""
        async with self._store.read() as connection:
            return await _count(connection)

    async def _check_room(self, connection: AsyncConnection, system: str) -> None:
        """Counted now and then: other processes keep and settle rows too."""
        if self._counted_at is None or monotonic() - self._counted_at >= COUNT_EVERY_S:
            asked = select(inbound.c.system, func.count()).group_by(inbound.c.system)
            counts = {name: n for name, n in await connection.execute(asked)}
            self._waiting = Counter(counts)
            self._counted_at = monotonic()
            metrics.show_inbound_waiting(self._waiting.total())
        for waits, may, whose in (
            (self._waiting.total(), WAITING_MAX, "messages"),
            (self._waiting[system], OF_A_SYSTEM_MAX, f"messages of {system}"),
        ):
            if waits >= may:
                self._has_refused = True
                raise StoreUnavailable(
                    f"{waits} {whose} wait to be taken in and {may} may; send it again later"
                )


_LATER = (
    update(inbound)
    .where(inbound.c.id == bindparam("row"))
    .values(tries=inbound.c.tries + 1, next_at=bindparam("at", type_=inbound.c.next_at.type))
)


async def _count(connection: AsyncConnection) -> int:
    return int((await connection.execute(select(func.count(inbound.c.next_at)))).scalar_one())


def _row(message: Message) -> dict[str, Any]:
    return {
        "system": message.system,
        "payload": message.payload,
        "is_signed": message.is_trusted,
        "traceparent": cut(message.traceparent, 60),
        "received_at": message.received_at,
        "tries": message.tries,
        "next_at": message.received_at,
    }


def _kept(row: Any) -> Kept:
    message = Message(
        system=row.system,
        via=Via.WEBHOOK,
        payload=row.payload,
        is_trusted=row.is_signed,
        traceparent=row.traceparent,
        received_at=row.received_at,
        tries=row.tries,
    )
    return Kept(row.id, message)
