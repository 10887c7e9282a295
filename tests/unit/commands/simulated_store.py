"""The store of the command path in memory, with the meaning of `hub.commands.claim_rows`.

Every operation may be interrupted before it is written and after; a database that is away says so
before or after, and then nobody knows whether it was written.
"""

import random
from collections.abc import Generator
from dataclasses import dataclass, field
from types import coroutine
from typing import Any

from hub.commands.claim_rows import LEASE_S
from hub.commands.steps import Move, Step, Task
from hub.commands.words import CommandStatus, UserError
from hub.model.errors import StoreUnavailable


@coroutine
def pause(seconds: float = 0.0) -> Generator[float, None, None]:
    """Let the world go on; it may never come back."""
    yield seconds


@dataclass
class Row:
    """One command. `token` is what the client wants done; effects are counted by it."""

    id: str
    token: str
    aggregate: str
    number: int
    due_at: float | None
    status: CommandStatus = CommandStatus.ACCEPTED
    step: Step = Step.SEND
    attempts: int = 0
    looks: int = 0
    is_doubtful: bool = False
    settles_at: float = 0.0
    errors: tuple[UserError, ...] = ()
    statuses: list[CommandStatus] = field(default_factory=lambda: [CommandStatus.ACCEPTED])

    def show(self, status: CommandStatus) -> None:
        if status is not self.status:
            self.status = status
            self.statuses.append(status)


@dataclass
class Held:
    """The claim of one aggregate."""

    holder: str = ""
    fence: int = 0
    until: float = 0.0


@dataclass
class Memory:
    """All rows. `away` is how often, of one, the database does not answer as it should."""

    chance: random.Random
    now: float = 0.0
    away: float = 0.0
    rows: dict[str, Row] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)

    async def accept(self, key: str, aggregate: str) -> str:
        """One row for one key; its id."""
        await self.before()
        if key not in self.by_key:
            id_ = f"c{len(self.rows) + 1}"
            self.by_key[key] = id_
            self.rows[id_] = Row(id_, key, aggregate, len(self.rows) + 1, self.now)
            self.held.setdefault(aggregate, Held())
        await self.after()
        return self.by_key[key]

    def head(self, aggregate: str) -> Row | None:
        mine = [each for each in self.rows.values() if each.aggregate == aggregate]
        return next((each for each in mine if not each.status.is_final), None)

    def ask_again(self, row: Row) -> None:
        """A person wants it tried again."""
        row.step, row.due_at = Step.ASKED, self.now

    async def before(self) -> None:
        await pause()
        if self.chance.random() < self.away:
            raise StoreUnavailable("away")

    async def after(self) -> None:
        await pause()
        if self.chance.random() < self.away:
            raise StoreUnavailable("away, and it was written")


class MemoryClaims:
    """Implements `Claims` for one process."""

    def __init__(self, memory: Memory, holder: str) -> None:
        self._memory, self._holder = memory, holder

    async def systems_due(self) -> list[str]:
        await self._memory.before()
        return ["erp"] if self._due() else []

    async def claim(self, system: str, limit: int) -> list[Task]:
        memory = self._memory
        await memory.before()
        tasks = []
        for row in self._due()[:limit]:
            held = memory.held[row.aggregate]
            held.holder, held.fence = self._holder, held.fence + 1
            held.until = memory.now + LEASE_S
            tasks.append(_task(row, held.fence, memory.now))
        await memory.after()
        return tasks

    async def begin(self, task: Task, *, busy_s: float, settles_in_s: float) -> bool:
        memory = self._memory
        await memory.before()
        is_ours = self._still_ours(task)
        if is_ours:
            row = memory.rows[task.id]
            memory.held[task.aggregate].until = memory.now + max(LEASE_S, busy_s)
            row.step, row.is_doubtful, row.looks = Step.SEEK, True, 0
            row.attempts += 1
            row.settles_at = memory.now + settles_in_s
            if row.status is CommandStatus.ACCEPTED:
                row.show(CommandStatus.DISPATCHED)
        await memory.after()
        return is_ours

    async def settle(self, task: Task, move: Move) -> bool:
        memory = self._memory
        await memory.before()
        is_ours = self._still_ours(task)
        if is_ours:
            held, row = memory.held[task.aggregate], memory.rows[task.id]
            held.holder, held.until = "", memory.now
            row.step, row.is_doubtful, row.looks = move.step, move.is_doubtful, move.looks
            row.errors = move.errors
            row.due_at = None if move.later_s is None else memory.now + move.later_s
            if move.settles_in_s is not None:
                row.settles_at = memory.now + move.settles_in_s
            row.show(move.status)
        await memory.after()
        return is_ours

    def _still_ours(self, task: Task) -> bool:
        held = self._memory.held[task.aggregate]
        return (held.holder, held.fence) == (self._holder, task.fence)

    def _due(self) -> list[Row]:
        memory = self._memory
        heads = [
            memory.head(name) for name, held in memory.held.items() if held.until <= memory.now
        ]
        return [
            row
            for row in heads
            if row is not None and row.due_at is not None and row.due_at <= memory.now
        ]


def _task(row: Row, fence: int, now: float) -> Task:
    values: dict[str, Any] = {"token": row.token}
    return Task(
        id=row.id,
        aggregate=row.aggregate,
        fence=fence,
        command="erp.credit",
        values=values,
        correlation_id="corr-simulated",
        status=row.status,
        step=row.step,
        attempts=row.attempts,
        looks=row.looks,
        is_doubtful=row.is_doubtful,
        settles_in_s=max(0.0, row.settles_at - now),
        errors=row.errors,
    )
