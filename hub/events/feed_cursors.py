"""How far polling has come, of each entity of each system: rows of the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from hub.store.engine import Store
from hub.store.tables import feed_cursor

Mode = Literal["BACKFILL", "FOLLOW"]


@dataclass(frozen=True, slots=True)
class SavedCursor:
    """`text` is the poller's own, `rows` how many were taken in since the beginning."""

    text: str
    mode: Mode
    rows: int


class FeedCursors:
    """The rows of `feed_cursor`. `now` is the wall clock, aware."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def load(self, system: str, entity: str) -> SavedCursor | None:
        """Where it was left; None where it never began."""
        asked = select(feed_cursor).where(
            feed_cursor.c.system == system, feed_cursor.c.entity == entity
        )
        async with self._store.read() as connection:
            row = (await connection.execute(asked)).one_or_none()
        if row is None or row.cursor is None:
            return None
        return SavedCursor(row.cursor, row.mode, row.rows)

    async def save(self, system: str, entity: str, saved: SavedCursor) -> None:
        """Keep it, in place of what was kept before."""
        dialect = sqlite if self._store.is_sqlite else postgresql
        values = {
            "cursor": saved.text, "mode": saved.mode, "rows": saved.rows, "changed_at": self._now(),
        }  # fmt: skip
        kept = dialect.insert(feed_cursor).values(system=system, entity=entity, **values)
        kept = kept.on_conflict_do_update(
            index_elements=[feed_cursor.c.system, feed_cursor.c.entity], set_=values
        )
        async with self._store.write() as connection:
            await connection.execute(kept)
