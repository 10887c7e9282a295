"""The recorded timeline of one order from a sequence on: what a stream resumes from.

It knows of no scope: whoever asks has looked whether the order may be seen.
"""

from __future__ import annotations

from sqlalchemy import select

from hub.model.timeline import TimelineEntry
from hub.model.values import Ref
from hub.store.engine import Store
from hub.store.tables import timeline_entry, timeline_order
from hub.store.timeline_rows import entry_of_row


class TimelineAfter:
    """Entries by their sequence, which has no gap within an order."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def entries(self, order: Ref, after: int, *, limit: int) -> list[TimelineEntry]:
        """The first `limit` entries with a higher sequence, in order of sequence."""
        of = timeline_entry.c
        asked = (
            select(timeline_entry)
            .where(of.order_system == order.system, of.order_key == order.key, of.sequence > after)
            .order_by(of.sequence)
            .limit(limit)
        )
        async with self._store.read() as connection:
            rows = (await connection.execute(asked)).mappings().all()
        return [entry_of_row(row) for row in rows]

    async def last_sequence(self, order: Ref) -> int:
        """The sequence of the newest entry; 0 where nothing was recorded yet."""
        of = timeline_order.c
        asked = select(of.last_sequence).where(
            of.order_system == order.system, of.order_key == order.key
        )
        async with self._store.read() as connection:
            return (await connection.execute(asked)).scalar() or 0
