"""Rows of what is told outside: which are due, and what became of a try.

One order's rows of one delivery have an order: the next is due only when the one before has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import orjson
from sqlalchemy import CursorResult, Select, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.events.outgoing import DEAD, PENDING, SENT
from hub.model.values import Ref
from hub.store.engine import Store
from hub.store.tables import delivery, event_log

KEPT_FOR = timedelta(days=400)
"""Ended rows, so that the same news is never told again: as long as facts are known."""
PRUNED_AT_ONCE_MAX = 10_000
REASON_MAX = 500  # characters

IN_FLIGHT = "IN_FLIGHT"
"""The code of a row that a try was begun of; found at the next, the try was broken off."""
OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
ASKED_AGAIN = "ASKED_AGAIN"
"""The code of a row that a person wants sent again, whatever is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A row whose time has come. `told` is what is told, `about` what only the hub knows."""

    id: str
    name: str
    event_id: str
    order: Ref | None
    told: dict[str, Any]
    about: dict[str, Any]
    payload: bytes
    traceparent: str | None
    attempts: int
    code: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a row is after a try."""

    state: str
    next_at: datetime
    code: str | None = None
    reason: str | None = None


class DeliveryRows:
    """The rows of `delivery`."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def names_due(self) -> list[str]:
        """The deliveries that have a row whose time has come."""
        waiting = (delivery.c.state == PENDING) & (delivery.c.next_at <= self._now())
        asked = select(delivery.c.name).where(waiting).distinct().order_by(delivery.c.name)
        async with self._store.read() as connection:
            return list((await connection.execute(asked)).scalars())

    async def due(self, name: str, limit: int) -> list[Due]:
        """The first row of each order, where its time has come; the oldest first."""
        async with self._store.read() as connection:
            rows = (await connection.execute(_heads(name, self._now(), limit))).mappings()
            return [_due(row) for row in rows]

    async def one(self, id_: str) -> Due | None:
        async with self._store.read() as connection:
            asked = select(delivery).where(delivery.c.id == id_)
            row = (await connection.execute(asked)).mappings().one_or_none()
        return None if row is None else _due(row)

    async def begin(self, row: Due, *, next_at: datetime) -> bool:
        """Mark that a try begins; false where another has done something with the row since."""
        async with self._store.write() as connection:
            return await _set(connection, row, {"code": IN_FLIGHT, "next_at": next_at})

    async def end_in(self, connection: AsyncConnection, row: Due, ending: Ending) -> None:
        """Write what became of the try, in the caller's transaction."""
        ended = ending.state != PENDING
        values = {
            "state": ending.state,
            "attempts": row.attempts + 1,
            "next_at": ending.next_at,
            "code": ending.code,
            "reason": None if ending.reason is None else ending.reason[:REASON_MAX],
            "ended_at": self._now() if ended else None,
        }
        mine = (delivery.c.id == row.id) & (delivery.c.state == PENDING)
        await connection.execute(update(delivery).where(mine).values(values))

    async def again(self, ids: Sequence[str]) -> dict[str, str]:
        """Let dead rows be sent again; the state each is in afterwards, absent ones left out."""
        at = self._now()
        mine = delivery.c.id.in_(ids)
        async with self._store.write() as connection:
            await connection.execute(
                update(delivery)
                .where(mine, delivery.c.state == DEAD)
                .values(state=PENDING, next_at=at, code=ASKED_AGAIN, ended_at=None)
            )
            rows = await connection.execute(select(delivery.c.id, delivery.c.state).where(mine))
            return {id_: state for id_, state in rows}

    async def waiting(self) -> dict[str, int]:
        """How many rows wait, by delivery; those of which none does are left out."""
        pending = delivery.c.state == PENDING
        asked = select(delivery.c.name, func.count()).where(pending).group_by(delivery.c.name)
        async with self._store.read() as connection:
            return {name: count for name, count in await connection.execute(asked)}

    async def prune(self) -> int:
        """Forget what was told more than KEPT_FOR ago; how many those were."""
        old = (delivery.c.state == SENT) & (delivery.c.ended_at < self._now() - KEPT_FOR)
        some = select(delivery.c.id).where(old).limit(PRUNED_AT_ONCE_MAX)
        async with self._store.write() as connection:
            gone = await connection.execute(delete(delivery).where(delivery.c.id.in_(some)))
        return cast("CursorResult[Any]", gone).rowcount


def _heads(name: str, at: datetime, limit: int) -> Select[Any]:
    """By the number of the event: rows of one order are numbered as they happened."""
    log, table = event_log.c, delivery.c
    line = case((table.order_key.is_(None), table.id), else_=table.order_key)
    place = func.row_number().over(
        partition_by=(table.order_system, line),
        order_by=(func.coalesce(log.id, 0), table.created_at, table.id),
    )
    ranked = (
        select(delivery, place.label("place"), func.coalesce(log.id, 0).label("number"))
        .outerjoin(event_log, log.event_id == table.event_id)
        .where(table.state == PENDING, table.name == name)
        .subquery()
    )
    return (
        select(ranked)
        .where(ranked.c.place == 1, ranked.c.next_at <= at)
        .order_by(ranked.c.number, ranked.c.created_at, ranked.c.id)
        .limit(limit)
    )


async def _set(connection: AsyncConnection, row: Due, values: dict[str, Any]) -> bool:
    """Only where the row is still as it was read."""
    code = delivery.c.code.is_(None) if row.code is None else delivery.c.code == row.code
    unchanged = (
        (delivery.c.id == row.id)
        & (delivery.c.state == PENDING)
        & (delivery.c.attempts == row.attempts)
        & code
    )
    done = await connection.execute(update(delivery).where(unchanged).values(values))
    return cast("CursorResult[Any]", done).rowcount == 1


def _due(row: Any) -> Due:
    kept = orjson.loads(row["payload"])
    key = row["order_key"]
    return Due(
        id=row["id"],
        name=row["name"],
        event_id=row["event_id"],
        order=None if key is None else Ref("order", row["order_system"], key),
        told=kept["told"],
        about=kept["about"],
        payload=row["payload"],
        traceparent=row["traceparent"],
        attempts=row["attempts"],
        code=row["code"],
        created_at=row["created_at"],
    )
