"""Refusals, and privileged reads, counted per principal, code and minute.

Counting is an addition in memory; the background writes what came together, so that nobody buys a
write to the database with a request. A count that is in memory when the process dies is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import eq, ge, lt
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from hub.model.errors import StoreUnavailable
from hub.store.engine import Store
from hub.store.tables import refusal_count

ANONYMOUS = "anonymous"
"""The principal of whoever has no valid token: a forged one's subject is anybody's word."""
EVERYONE_ELSE = "(others)"
"""The principal of what came while PENDING_MAX counts waited already."""

PENDING_MAX = 10_000  # counts in memory: 500 principals with 20 codes each in a minute
FLUSH_EVERY_S = 5.0
ROWS_MAX = 1_000  # rows of one transaction: SQLite's one writer is not held for long
PRINCIPAL_MAX = 200  # characters
CODE_MAX = 120  # characters

_log = logging.getLogger(__name__)


class RefusalKey(NamedTuple):
    minute: datetime
    principal: str
    code: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """How often a principal met a code in a minute, over all processes."""

    minute: datetime
    principal: str
    code: str
    count: int


class Refusals:
    """The counts of this process. `now` is the clock that says the minute."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._pending: Counter[RefusalKey] = Counter()

    def count(self, principal: str, code: str, *, times: int = 1) -> None:
        """Remember that it happened. `code` is from a fixed set, never what a caller sent."""
        self._add(
            RefusalKey(
                self._now().replace(second=0, microsecond=0),
                principal[:PRINCIPAL_MAX],
                code[:CODE_MAX],
            ),
            times,
        )

    async def flush(self) -> None:
        """Add what came together to the store; where that fails it waits for the next time."""
        waiting, self._pending = self._pending, Counter()
        rows = [key._asdict() | {"count": n} for key, n in sorted(waiting.items())]
        written = 0
        try:
            for start in range(0, len(rows), ROWS_MAX):
                async with self._store.write() as connection:
                    await connection.execute(self._adding(), rows[start : start + ROWS_MAX])
                written = start + ROWS_MAX
        finally:
            for row in rows[written:]:
                key = RefusalKey(row["minute"], row["principal"], row["code"])
                self._add(key, waiting[key])

    async def follow(self, *, every_s: float = FLUSH_EVERY_S) -> None:
        """Flush for ever, and once more when cancelled."""
        try:
            while True:
                await asyncio.sleep(every_s)
                await self._flush_or_warn()
        finally:
            await self._flush_or_warn()

    async def _flush_or_warn(self) -> None:
        try:
            await self.flush()
        except StoreUnavailable:
            _log.warning("refusals could not be written; they are counted on in memory")

    def _add(self, key: RefusalKey, times: int) -> None:
        if key not in self._pending and len(self._pending) >= PENDING_MAX:
            key = key._replace(principal=EVERYONE_ELSE)
        self._pending[key] += times

    def _adding(self) -> Any:
        dialect = sqlite if self._store.is_sqlite else postgresql
        adding: Any = dialect.insert(refusal_count)
        return adding.on_conflict_do_update(
            index_elements=list(RefusalKey._fields),
            set_={"count": refusal_count.c.count + adding.excluded["count"]},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalQuery:
    """Which counts to read: `since` inclusive, `until` exclusive; None leaves a bound out."""

    first: int
    principal: str | None = None
    code: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def read_refusals(store: Store, query: RefusalQuery) -> list[Refusal]:
    """The newest minutes first, then by principal and code."""
    c = refusal_count.c
    asked = select(c.minute, c.principal, c.code, c["count"])
    for condition in _conditions(query):
        asked = asked.where(condition)
    asked = asked.order_by(c.minute.desc(), c.principal, c.code).limit(query.first)
    async with store.read() as connection:
        return [Refusal(*row) for row in await connection.execute(asked)]


async def refusals_total(store: Store) -> int:
    """All that was counted and is kept."""
    asked = select(func.coalesce(func.sum(refusal_count.c["count"]), 0))
    async with store.read() as connection:
        return int((await connection.execute(asked)).scalar_one())


def _conditions(query: RefusalQuery) -> Sequence[Any]:
    c = refusal_count.c
    wanted = (
        (query.principal, c.principal, eq),
        (query.code, c.code, eq),
        (query.since, c.minute, ge),
        (query.until, c.minute, lt),
    )
    return [compare(column, value) for value, column, compare in wanted if value is not None]
