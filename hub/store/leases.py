"""Leases: who alone may do a thing now, among all processes on one database.

A lease ends by itself, so the work of a process that died goes on elsewhere within `lease_s`. The
clock is the database's; SQLite's is the machine's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from time import monotonic
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Interval,
    and_,
    case,
    func,
    literal,
    or_,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from hub.model.errors import StoreUnavailable
from hub.store.columns import Instant
from hub.store.engine import Store
from hub.store.tables import lease

LEASE_S = 10.0
TURNS_PER_LEASE = 4  # how often a lease is tried and renewed in its time
SAFE_PART = 0.75  # of its time: then unrenewed work is ended, before another may begin
RELEASE_WAIT_S = 2.0

_NOBODY = ""  # who holds a lease that was given back
_LIFE = "#"  # between a seat and one life on it
_LIFE_BYTES = 4

log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]


class Leases:
    """The leases of one holder. `holder` names one life of one process and is never used again."""

    def __init__(self, store: Store, *, holder: str, lease_s: float = LEASE_S) -> None:
        self.lease_s = lease_s
        self._store = store
        self._holder = holder

    async def acquire(self, name: str) -> int | None:
        """The fence, which grows with each new holder; None while another holds the lease.

        A lease that is ours already is renewed and keeps its fence.
        """
        dialect = sqlite if self._store.is_sqlite else postgresql
        async with self._store.write() as connection:
            now, until = self._at(0.0), self._at(self.lease_s)
            new = dialect.insert(lease).values(name=name, holder=self._holder, fence=1, until=until)
            is_ours = lease.c.holder == self._holder
            taken = new.on_conflict_do_update(
                index_elements=[lease.c.name],
                set_={
                    "holder": self._holder,
                    "fence": case((is_ours, lease.c.fence), else_=lease.c.fence + 1),
                    "until": until,
                },
                where=or_(is_ours, lease.c.until <= now),
            ).returning(lease.c.fence)
            fence: int | None = (await connection.execute(taken)).scalar_one_or_none()
        return fence

    async def release(self, name: str) -> None:
        """Give it back, so that another need not wait for its end; nothing where it is not ours."""
        async with self._store.write() as connection:
            await connection.execute(
                update(lease)
                .where(lease.c.name == name, lease.c.holder == self._holder)
                .values(holder=_NOBODY, until=self._at(0.0))
            )

    async def inherit(self, seat: str) -> int:
        """Take the seat: end what earlier lives on it held, and hold as its next life; how many
        leases were ended. Before the first `acquire`.

        Only for whoever has proof that no earlier life goes on, such as a lock of the kernel that
        ends with its holder; else two would do what only one may, for `lease_s / TURNS_PER_LEASE`.
        """
        self._holder = f"{seat}{_LIFE}{token_hex(_LIFE_BYTES)}"
        of_the_seat = and_(
            lease.c.holder.startswith(f"{seat}{_LIFE}", autoescape=True),
            func.length(lease.c.holder) == len(self._holder),
        )
        async with self._store.write() as connection:
            ended: CursorResult[Any] = await connection.execute(
                update(lease).where(of_the_seat).values(holder=_NOBODY, until=self._at(0.0))
            )
        return ended.rowcount

    def _at(self, later_s: float) -> ColumnElement[datetime]:
        """So long after now, by the clock of the database."""
        later = timedelta(seconds=later_s)
        if self._store.is_sqlite:
            return literal(datetime.now(UTC) + later, Instant)
        return type_coerce(func.clock_timestamp() + literal(later, Interval), Instant)


async def while_leased(leases: Leases, name: str, work: Work) -> None:
    """Run `work`, which runs for ever, whenever we hold the lease; for ever.

    It is cancelled when the lease is lost, or could not be renewed in time. A database that is away
    is waited for; any other failure of `work` ends this too. At the end the lease is given back.
    """
    tenure = _Tenure(leases, name, work)
    try:
        while True:
            await tenure.turn()
            await tenure.rest()
    finally:
        await tenure.end()


class _Tenure:
    """Our time with one lease: the running work and until when it may go on unrenewed."""

    def __init__(self, leases: Leases, name: str, work: Work) -> None:
        self._leases = leases
        self._name = name
        self._work = work
        self._task: asyncio.Task[None] | None = None
        self._safe_until = 0.0  # of the monotonic clock
        self._is_away = False

    async def turn(self) -> None:
        """Try or renew the lease; begin the work, or end it."""
        asked_at = monotonic()
        try:
            fence = await self._acquired()
        except StoreUnavailable as error:
            self._tell_away(error)
            if monotonic() >= self._safe_until:
                await self._stop()
            return
        self._is_away = False
        safe_until = asked_at + self._leases.lease_s * SAFE_PART
        if fence is None or monotonic() >= safe_until:
            await self._stop()
            return
        self._safe_until = safe_until
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name=f"leased {self._name}")

    async def _acquired(self) -> int | None:
        """The fence. Work is ended in time while the database has not answered yet: giving the
        question up would wait for it too (SQLite: up to 2 s for another writer)."""
        asking = asyncio.create_task(self._leases.acquire(self._name))
        try:
            await asyncio.wait({asking}, timeout=self._patience_s())
            if not asking.done():
                self._tell_away(StoreUnavailable("it has not answered yet"))
                await self._stop()
            return await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def rest(self) -> None:
        """Wait for the next turn, or for the end of the work; its failure is ours."""
        pause_s = self._leases.lease_s / TURNS_PER_LEASE
        if self._task is None:
            await asyncio.sleep(pause_s)
            return
        await asyncio.wait({self._task}, timeout=pause_s)
        if not self._task.done():
            return
        ended, self._task = self._task, None
        try:
            ended.result()
        except StoreUnavailable as error:
            self._tell_away(error)
        await asyncio.sleep(pause_s)

    async def end(self) -> None:
        """End the work, then give the lease back."""
        await self._stop()
        if monotonic() < self._safe_until:
            with suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(RELEASE_WAIT_S):
                    await self._leases.release(self._name)

    def _patience_s(self) -> float | None:
        """How long a renewal may take; a lease that is not ours is waited for without an end."""
        return None if self._task is None else max(0.0, self._safe_until - monotonic())

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and (error := task.exception()) is not None:
                log.warning("%s failed as it was ended: %s", self._name, error)

    def _tell_away(self, error: Exception) -> None:
        """Once for each time the database is away."""
        if not self._is_away:
            log.warning("lease %s waits for the database: %s", self._name, error)
        self._is_away = True
