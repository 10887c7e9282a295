"""What was taken in before: messages by their own id, facts by what they say.

A message that tells of several records has a row for each of them, so that one that could not be
taken yet is no duplicate when the message comes again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.model.values import Ref
from hub.store.asked_keys import among
from hub.store.engine import Store
from hub.store.tables import inbox

KEPT_FOR = timedelta(days=7)  # later a message is known by the state and the timeline it led to
FORGOTTEN_AT_ONCE_MAX = 5_000  # rows a transaction
VALUE_MAX = 600  # characters


_COUNT = (
    update(inbox)
    .where(
        inbox.c.system == bindparam("of_system"),
        inbox.c.kind == bindparam("of_kind"),
        inbox.c.value == bindparam("of_value"),
    )
    .values(duplicates=inbox.c.duplicates + bindparam("times"))
)


class Mark(NamedTuple):
    """One row: a message's id or a fact, for one record of a system."""

    system: str
    kind: Literal["id", "fact"]
    value: str


def mark_of_message(ref: Ref, event_id: str) -> Mark:
    return Mark(ref.system, "id", _cut(f"{event_id} {ref.noun}:{ref.key}"))


def mark_of_fact(ref: Ref, version: int, content: str) -> Mark:
    return Mark(ref.system, "fact", _cut(f"{ref.noun}:{ref.key}:{version}:{content}"))


class Inbox:
    """The rows of `inbox`; those of one record are written under the lock of its state."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def known(self, marks: Collection[Mark]) -> set[Mark]:
        """Which of them were taken in, as far as is committed."""
        if not marks:
            return set()
        async with self._store.read() as connection:
            return await self.known_in(connection, marks)

    async def known_in(self, connection: AsyncConnection, marks: Collection[Mark]) -> set[Mark]:
        if not marks:
            return set()
        asked = among(sorted(marks), self._store)
        rows = await connection.execute(
            select(inbox.c.system, inbox.c.kind, inbox.c.value).join(asked, _same(asked))
        )
        return {Mark(row.system, row.kind, row.value) for row in rows}

    async def keep_in(self, connection: AsyncConnection, marks: Collection[Mark]) -> None:
        """Note what was taken in."""
        if not marks:
            return
        dialect = sqlite if self._store.is_sqlite else postgresql
        at = self._now()
        await connection.execute(
            dialect.insert(inbox).on_conflict_do_nothing(),
            [_row(mark, at) for mark in sorted(marks)],
        )

    async def count_in(self, connection: AsyncConnection, marks: Sequence[Mark]) -> None:
        """Note each further time something came; a mark may stand several times."""
        if not marks:
            return
        await connection.execute(
            _COUNT, [{"of_" + name: value for name, value in mark._asdict().items()}
                     | {"times": times} for mark, times in sorted(Counter(marks).items())]
        )  # fmt: skip

    async def forget_old(self) -> int:
        """Drop what was kept long enough, at most FORGOTTEN_AT_ONCE_MAX rows; how many it was."""
        old = (
            select(inbox.c.system, inbox.c.kind, inbox.c.value)
            .where(inbox.c.kept_until < self._now())
            .limit(FORGOTTEN_AT_ONCE_MAX)
            .subquery("old")
        )
        same = (
            (inbox.c.system == old.c.system)
            & (inbox.c.kind == old.c.kind)
            & (inbox.c.value == old.c.value)
        )
        async with self._store.write() as connection:
            gone = await connection.execute(delete(inbox).where(select(1).where(same).exists()))
        return gone.rowcount


def _same(asked: Any) -> Any:
    return (
        (inbox.c.system == asked.c.part_0)
        & (inbox.c.kind == asked.c.part_1)
        & (inbox.c.value == asked.c.part_2)
    )


def _row(mark: Mark, at: datetime) -> dict[str, Any]:
    return {**mark._asdict(), "received_at": at, "kept_until": at + KEPT_FOR, "duplicates": 0}


def _cut(value: str) -> str:
    """The value, or a hash of one that is too long for its column."""
    return value if len(value) <= VALUE_MAX else sha256(value.encode()).hexdigest()
