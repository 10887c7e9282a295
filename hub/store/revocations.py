"""Revoked tokens: rows that refuse one token by its `jti`, or every token of a `sub`.

Each is written with its audit entry in one transaction. A process asks a snapshot in memory, which
follows the store's version: a revocation holds everywhere within FOLLOW_EVERY_S.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.model.errors import InputInvalid, StoreUnavailable
from hub.observe.correlation import correlation_id
from hub.store import audit
from hub.store.engine import Store
from hub.store.tables import change_counter, revocation

FOLLOW_EVERY_S = 2.0  # so a revocation holds in every process within 5 s
REVOCATIONS_MAX = 100_000  # rows: about 20 MB of a process's memory
VALUE_MAX = 200  # characters of a jti or sub, as tokens may have them

_COUNTER = "revocation"
_log = logging.getLogger(__name__)

Claim = Literal["jti", "sub"]
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoking:
    """Who refuses which tokens until when, and why. `until` in the past lifts a revocation."""

    claim: Claim
    value: str
    until: datetime
    actor: str
    reason: str


class Revocations:
    """What is revoked, in memory. `now` is the clock that `until` is judged by."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._version = -1
        self._until: Mapping[Key, datetime] = {}

    def is_revoked(self, *, token_id: str | None, subject: str) -> bool:
        """Whether a token with this `jti` and `sub` is refused now; asks nobody."""
        if not self._until:
            return False
        return self._holds(("sub", subject)) or (
            token_id is not None and self._holds(("jti", token_id))
        )

    async def revoke(self, revoking: Revoking) -> None:
        """Write the row and its audit entry; a row that was there gets the new end.

        InputInvalid for an empty or too long value, and where REVOCATIONS_MAX hold already.
        """
        if not revoking.value.strip() or len(revoking.value) > VALUE_MAX:
            expected = f"1 to {VALUE_MAX} characters"
            raise InputInvalid(revoking.claim, revoking.value, expected=expected)
        at = self._now()
        async with self._store.write() as connection:
            await self._count_change(connection)  # first: it also makes writers take turns
            before = await _until(connection, revoking)
            await _check_room(connection, at)
            await self._put(connection, revoking, at)
            entry = _audited(revoking, before=before, at=at)
            await audit.append(connection, self._store, entry)
        await self.refresh()

    async def refresh(self) -> bool:
        """Read what holds again, where this process or another has changed it."""
        async with self._store.read() as connection:
            version = await _version(connection)
            if version == self._version:
                return False
            asked = select(revocation).where(revocation.c.until > self._now())
            rows = await connection.execute(asked)
            until = {(row.claim, row.value): row.until for row in rows}
        self._until, self._version = until, version
        return True

    async def follow(self, *, every_s: float = FOLLOW_EVERY_S) -> None:
        """Refresh for ever; the last snapshot stands while the store is away. Cancel it to stop."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.refresh()
            except StoreUnavailable:
                _log.warning("the revoked tokens could not be read again; the last ones stand")

    def _holds(self, key: Key) -> bool:
        until = self._until.get(key)
        return until is not None and self._now() < until

    async def _put(self, connection: AsyncConnection, revoking: Revoking, at: datetime) -> None:
        adding = self._dialect.insert(revocation).values(
            claim=revoking.claim, value=revoking.value, until=revoking.until, revoked_at=at
        )
        new = {name: adding.excluded[name] for name in ("until", "revoked_at")}
        await connection.execute(
            adding.on_conflict_do_update(index_elements=["claim", "value"], set_=new)
        )

    async def _count_change(self, connection: AsyncConnection) -> None:
        adding = self._dialect.insert(change_counter).values(name=_COUNTER, version=1)
        await connection.execute(
            adding.on_conflict_do_update(
                index_elements=["name"], set_={"version": change_counter.c.version + 1}
            )
        )

    @property
    def _dialect(self) -> Any:
        return sqlite if self._store.is_sqlite else postgresql


async def active_revocations(store: Store, *, at: datetime) -> int:
    """How many rows refuse tokens at that instant."""
    asked = select(func.count()).select_from(revocation).where(revocation.c.until > at)
    async with store.read() as connection:
        return int((await connection.execute(asked)).scalar_one())


async def _version(connection: AsyncConnection) -> int:
    asked = select(change_counter.c.version).where(change_counter.c.name == _COUNTER)
    return int((await connection.execute(asked)).scalar_one_or_none() or 0)


async def _until(connection: AsyncConnection, revoking: Revoking) -> datetime | None:
    c = revocation.c
    asked = select(c.until).where(c.claim == revoking.claim, c.value == revoking.value)
    found: datetime | None = (await connection.execute(asked)).scalar_one_or_none()
    return found


async def _check_room(connection: AsyncConnection, at: datetime) -> None:
    """Rows that ended are forgotten here; InputInvalid where there is no room for another."""
    await connection.execute(delete(revocation).where(revocation.c.until <= at))
    held = (await connection.execute(select(func.count()).select_from(revocation))).scalar_one()
    if held >= REVOCATIONS_MAX:
        raise InputInvalid("revocations", held, expected="fewer: change the signing key instead")


def _audited(revoking: Revoking, *, before: datetime | None, at: datetime) -> audit.AuditEntry:
    return audit.AuditEntry(
        at=at,
        actor=revoking.actor,
        action="token.revoke" if revoking.until > at else "token.restore",
        subject=f"{revoking.claim}:{revoking.value}",
        before=None if before is None else {"until": before},
        after={"until": revoking.until},
        reason=revoking.reason,
        correlation_id=correlation_id.get() or None,
    )
