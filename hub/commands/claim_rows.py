"""Who carries out what, in SQL: aggregates are claimed for a time, with a number that grows.

PostgreSQL skips what another is claiming just now; SQLite has one writer at a time. What is written
later is written only while the number is still the one that was claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Select, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.commands.recording import Recording
from hub.commands.rows import command_of, errors_json, errors_of, from_now, inputs_of, to_json
from hub.commands.steps import Move, Step, Task
from hub.commands.words import Command, CommandStatus
from hub.events.event import Event
from hub.observe import crash_points
from hub.store.engine import Store
from hub.store.tables import command as ledger
from hub.store.tables import command_aggregate as aggregates

LEASE_S = 30.0
SYSTEMS_MAX = 256  # looked at in one round

_NOBODY = ""

Told = Callable[[Sequence[Event]], None]


class SqlClaims:
    """The claims of one holder, who names one life of one process; `told` hears after commits."""

    def __init__(
        self, recording: Recording, *, holder: str, told: Told, lease_s: float = LEASE_S
    ) -> None:
        self._store, self._recording, self._told = recording.store, recording, told
        self._holder, self._lease_s = holder, lease_s

    async def systems_due(self) -> list[str]:
        now = from_now(self._store, 0.0)
        asked = (
            select(aggregates.c.system)
            .where(aggregates.c.due_at <= now, aggregates.c.until <= now)
            .distinct()
            .order_by(aggregates.c.system)
            .limit(SYSTEMS_MAX)
        )
        async with self._store.read() as connection:
            return [each for each in (await connection.execute(asked)).scalars() if each]

    async def claim(self, system: str, limit: int) -> list[Task]:
        now = from_now(self._store, 0.0)
        free = (
            select(aggregates.c.aggregate)
            .where(
                aggregates.c.system == system,
                aggregates.c.due_at <= now,
                aggregates.c.until <= now,
            )
            .order_by(aggregates.c.due_at, aggregates.c.aggregate)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._store.write() as connection:
            names = list((await connection.execute(free)).scalars())
            if not names:
                return []
            taken = await connection.execute(
                update(aggregates)
                .where(aggregates.c.aggregate.in_(names), aggregates.c.until <= now)
                .values(
                    holder=self._holder,
                    fence=aggregates.c.fence + 1,
                    until=from_now(self._store, self._lease_s),
                )
                .returning(aggregates.c.aggregate, aggregates.c.fence)
            )
            fences = {name: fence for name, fence in taken}
            rows = (await connection.execute(_heads(list(fences), self._store))).mappings()
            return [_task(row, fences[row["aggregate"]]) for row in rows]

    async def begin(self, task: Task, *, busy_s: float, settles_in_s: float) -> bool:
        async with self._store.write() as connection:
            until = from_now(self._store, max(self._lease_s, busy_s))
            if not await self._still_ours(connection, task, {"until": until}):
                return False
            is_first = task.status is CommandStatus.ACCEPTED
            values: dict[str, Any] = {
                "step": Step.SEEK.value,
                "attempts": ledger.c.attempts + 1,
                "looks": 0,
                "is_doubtful": True,
                "settles_at": from_now(self._store, settles_in_s),
            }
            if is_first:
                values |= {"status": CommandStatus.DISPATCHED.value}
            before = task.status if is_first else None
            _, events = await change(connection, self._recording, task.id, values, before=before)
        self._told(events)
        return True

    async def settle(self, task: Task, move: Move) -> bool:
        async with self._store.write() as connection:
            free = {"holder": _NOBODY, "until": from_now(self._store, 0.0)}
            if not await self._still_ours(connection, task, free):
                return False
            was = await _status_now(connection, task.id)
            before = None if was is move.status else was
            values = self._values(move)
            command, events = await change(
                connection, self._recording, task.id, values, before=before
            )
            if command.status.is_final:
                await self._recording.audit_end_in(connection, command, before=was)
            await show_head(connection, task.aggregate)
            crash_points.reach("settling")
        crash_points.reach("settled")
        self._told(events)
        return True

    async def _still_ours(
        self, connection: AsyncConnection, task: Task, values: Mapping[str, Any]
    ) -> bool:
        """Write to the aggregate's row, which stays locked, if nobody has claimed it since."""
        done = await connection.execute(
            update(aggregates)
            .where(
                aggregates.c.aggregate == task.aggregate,
                aggregates.c.fence == task.fence,
                aggregates.c.holder == self._holder,
            )
            .values(**values)
        )
        return cast("CursorResult[Any]", done).rowcount == 1

    def _values(self, move: Move) -> dict[str, Any]:
        store, at = self._store, self._recording.now()
        values: dict[str, Any] = {
            "status": move.status.value,
            "step": move.step.value,
            "looks": move.looks,
            "is_doubtful": move.is_doubtful,
            "due_at": None if move.later_s is None else from_now(store, move.later_s),
            "errors": errors_json(move.errors),
            "result": to_json(dict(move.result)),
            "ended_at": at if move.status.is_final else None,
        }
        if move.settles_in_s is not None:
            values["settles_at"] = from_now(store, move.settles_in_s)
        return values


async def change(
    connection: AsyncConnection,
    recording: Recording,
    id_: str,
    values: Mapping[str, Any],
    *,
    before: CommandStatus | None,
) -> tuple[Command, list[Event]]:
    """Write to a command's row whose aggregate is locked; `before` is None where that is no news.

    As it is now, and what is to be told after the commit.
    """
    at = recording.now()
    counted = {"changed_at": at} | ({} if before is None else {"version": ledger.c.version + 1})
    changed = await connection.execute(
        update(ledger).where(ledger.c.id == id_).values(**values, **counted).returning(ledger)
    )
    command = command_of(changed.mappings().one())
    if before is None:
        return command, []
    return command, await recording.tell_in(connection, command, before=before)


async def lock(connection: AsyncConnection, store: Store, aggregate: str) -> None:
    """Hold the aggregate's row until the transaction ends; make it where it is new."""
    dialect = sqlite if store.is_sqlite else postgresql
    new = dialect.insert(aggregates).values(
        aggregate=aggregate, holder=_NOBODY, fence=0, until=from_now(store, 0.0)
    )
    await connection.execute(
        new.on_conflict_do_update(
            index_elements=[aggregates.c.aggregate], set_={"fence": aggregates.c.fence}
        )
    )


async def take_back(connection: AsyncConnection, store: Store, aggregate: str) -> bool:
    """Lock an aggregate nobody works on, whoever did is fenced off; false where somebody does."""
    now = from_now(store, 0.0)
    done = await connection.execute(
        update(aggregates)
        .where(aggregates.c.aggregate == aggregate, aggregates.c.until <= now)
        .values(fence=aggregates.c.fence + 1, holder=_NOBODY)
    )
    return cast("CursorResult[Any]", done).rowcount == 1


async def show_head(connection: AsyncConnection, aggregate: str) -> None:
    """Say on the locked aggregate's row when its first open command is due, and where."""
    first = (
        select(ledger.c.system, ledger.c.due_at)
        .where(ledger.c.aggregate == aggregate, ledger.c.ended_at.is_(None))
        .order_by(ledger.c.number)
        .limit(1)
    )
    head = (await connection.execute(first)).one_or_none()
    values = {"system": None, "due_at": None} if head is None else dict(head._mapping)
    await connection.execute(
        update(aggregates).where(aggregates.c.aggregate == aggregate).values(**values)
    )


async def _status_now(connection: AsyncConnection, id_: str) -> CommandStatus:
    asked = select(ledger.c.status).where(ledger.c.id == id_)
    return CommandStatus((await connection.execute(asked)).scalar_one())


def _heads(names: Sequence[str], store: Store) -> Select[Any]:
    firsts = (
        select(func.min(ledger.c.number))
        .where(ledger.c.aggregate.in_(names), ledger.c.ended_at.is_(None))
        .group_by(ledger.c.aggregate)
    )
    now: Any = from_now(store, 0.0)
    return select(ledger, now.label("now")).where(ledger.c.number.in_(firsts))


def _task(row: Mapping[Any, Any], fence: int) -> Task:
    settles_at: datetime | None = row["settles_at"]
    rest_s = 0.0 if settles_at is None else (settles_at - row["now"]).total_seconds()
    return Task(
        id=row["id"],
        aggregate=row["aggregate"],
        fence=fence,
        command=row["command"],
        values=inputs_of(row["inputs"]),
        correlation_id=row["correlation_id"],
        status=CommandStatus(row["status"]),
        step=Step(row["step"]),
        attempts=row["attempts"],
        looks=row["looks"],
        is_doubtful=row["is_doubtful"],
        settles_in_s=max(0.0, rest_s),
        errors=errors_of(row["errors"]),
    )
