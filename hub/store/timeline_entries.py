"""Recorded timeline entries: what events have told of an order, numbered without a gap.

A sequence is given while the order's row in `timeline_order` is locked, so that two processes never
give one twice and a rolled back transaction leaves none out. A fact is stored once, by its natural
key. `duplicate_count` says how often what told it came again: the same event, not a newer record
that still says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import FromClause

from hub.model.errors import InputInvalid
from hub.model.timeline import TimelineEntry
from hub.model.values import Ref
from hub.store.asked_keys import among
from hub.store.engine import Store
from hub.store.tables import timeline_entry, timeline_order
from hub.store.timeline_rows import entry_of_row, row_of_entry

ENTRIES_RECORDED_MAX = 1_000  # a transaction
TOLD_MAX = 20_000  # keys of what the records of one transaction tell, most of it known already
ENTRIES_PER_ORDER_MAX = 5_000  # read at once: the newest by sequence
NATURAL_KEY_LENGTH_MAX = 500  # characters

OrderKey = tuple[str, str]


_LAST_GIVEN = (
    update(timeline_order)
    .where(
        timeline_order.c.order_system == bindparam("of_system"),
        timeline_order.c.order_key == bindparam("of_key"),
    )
    .values(last_sequence=bindparam("last"))
)
_COUNT_AGAIN = (
    update(timeline_entry)
    .where(
        timeline_entry.c.order_system == bindparam("of_system"),
        timeline_entry.c.order_key == bindparam("of_key"),
        timeline_entry.c.causation_id == bindparam("of_cause"),
    )
    .values(duplicate_count=timeline_entry.c.duplicate_count + 1)
)


class Telling(NamedTuple):
    """A fact that a record tells. `again_key` is the key it has where `entry` is on the timeline
    already and the state it tells of was left and is reached again; None where that cannot be.
    `late_after` is the key of a fact after which it is late."""

    entry: TimelineEntry
    again_key: str | None = None
    late_after: str | None = None


class Again(NamedTuple):
    """An event that was told again: the entries of the order it has caused."""

    order: Ref
    causation_id: str


class TimelineEntries:
    """The recorded entries of every order."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def record(self, entries: Sequence[TimelineEntry]) -> list[TimelineEntry]:
        """Store what is new, in a transaction of its own; see `record_in`."""
        if not entries:
            return []
        async with self._store.write() as connection:
            return await self.record_in(connection, entries)

    async def record_in(
        self, connection: AsyncConnection, entries: Sequence[TimelineEntry]
    ) -> list[TimelineEntry]:
        """Store what is new inside the caller's transaction.

        One answer per entry, aligned: as it is stored now, with its sequence. `duplicate_count` is
        0 only for one that was new. InputInvalid for too many entries or too long a natural key.
        """
        _check(entries, ENTRIES_RECORDED_MAX)
        last = await self._lock_orders(connection, {_order(entry) for entry in entries})
        asked = sorted({(*_order(entry), entry.natural_key) for entry in entries})
        known = await _known(connection, asked, self._store)
        recorded_at = self._now()
        new: dict[tuple[OrderKey, str], TimelineEntry] = {}
        told_again: dict[tuple[OrderKey, str], int] = {}
        for entry in entries:
            place = (_order(entry), entry.natural_key)
            if place in known or place in new:
                told_again[place] = told_again.get(place, 0) + 1
                continue
            last[place[0]] += 1
            new[place] = replace(
                entry, sequence=last[place[0]], recorded_at=recorded_at, duplicate_count=0
            )
        await _insert(connection, list(new.values()), last)
        stored = known | new
        for place, count in told_again.items():
            stored[place] = await _count_duplicates(connection, stored[place], count)
        return [stored[_order(entry), entry.natural_key] for entry in entries]

    async def append_in(
        self, connection: AsyncConnection, told: Sequence[Telling]
    ) -> list[TimelineEntry | None]:
        """Store what is new inside the caller's transaction; what is not stays as it is.

        One answer per telling, aligned: the stored entry where it is new, else None. All orders of
        a transaction must be told in one call: their rows are locked in one order by all.
        InputInvalid for too many or too long a natural key.
        """
        if not told:
            return []
        _check([_under(each, key) for each in told for key in _keys(each)], TOLD_MAX)
        last = await self._lock_orders(connection, {_order(each.entry) for each in told})
        asked = sorted({(*_order(each.entry), key) for each in told for key in _asked(each)})
        known = await _known_keys(connection, asked, self._store)
        recorded_at = self._now()
        answers: list[TimelineEntry | None] = []
        for each in told:
            order = _order(each.entry)
            key = next((key for key in _keys(each) if (order, key) not in known), None)
            if key is None:
                answers.append(None)
                continue
            last[order] += 1
            known.add((order, key))
            is_late = each.entry.is_late or (order, each.late_after) in known
            answers.append(
                replace(_under(each, key), sequence=last[order], recorded_at=recorded_at,
                        is_late=is_late)
            )  # fmt: skip
        await _insert(connection, [each for each in answers if each is not None], last)
        return answers

    async def count_again_in(self, connection: AsyncConnection, again: Sequence[Again]) -> None:
        """Raise the `duplicate_count` of what events have told that were told again."""
        if not again:
            return
        await connection.execute(
            _COUNT_AGAIN,
            [
                {"of_system": order.system, "of_key": order.key, "of_cause": causation_id}
                for order, causation_id in sorted(again)
            ],
        )

    async def entries_by_order(self, orders: Sequence[Ref]) -> list[list[TimelineEntry]]:
        """Entries per order, aligned, by sequence; the newest ENTRIES_PER_ORDER_MAX of each.

        One statement, however many orders there are.
        """
        if not orders:
            return []
        wanted = list(dict.fromkeys((order.system, order.key) for order in orders))
        async with self._store.read() as connection:
            rows = (await connection.execute(_of_orders(wanted, self._store))).mappings().all()
        found: dict[OrderKey, list[TimelineEntry]] = {order: [] for order in wanted}
        for row in rows:
            found[row["order_system"], row["order_key"]].append(entry_of_row(row))
        return [found[order.system, order.key] for order in orders]

    async def _lock_orders(
        self, connection: AsyncConnection, orders: set[OrderKey]
    ) -> dict[OrderKey, int]:
        """The last sequence of each order, locked in one order by all, so that none deadlocks."""
        dialect = sqlite if self._store.is_sqlite else postgresql
        wanted = sorted(orders)
        await connection.execute(
            dialect.insert(timeline_order).on_conflict_do_nothing(),
            [{"order_system": s, "order_key": k, "last_sequence": 0} for s, k in wanted],
        )
        asked = among(wanted, self._store)
        rows = await connection.execute(
            select(timeline_order)
            .join(asked, _same_order(timeline_order, asked))
            .order_by(timeline_order.c.order_system, timeline_order.c.order_key)
            .with_for_update(of=timeline_order)
        )
        return {(row.order_system, row.order_key): row.last_sequence for row in rows}


def _keys(told: Telling) -> tuple[str, ...]:
    key = told.entry.natural_key
    return (key,) if told.again_key is None else (key, told.again_key)


def _asked(told: Telling) -> tuple[str, ...]:
    return _keys(told) if told.late_after is None else (*_keys(told), told.late_after)


def _under(told: Telling, key: str) -> TimelineEntry:
    return told.entry if key == told.entry.natural_key else replace(told.entry, natural_key=key)


def _check(entries: Sequence[TimelineEntry], entries_max: int) -> None:
    if len(entries) > entries_max:
        raise InputInvalid("entries", len(entries), expected=f"at most {entries_max} at a time")
    for entry in entries:
        if not 0 < len(entry.natural_key) <= NATURAL_KEY_LENGTH_MAX:
            raise InputInvalid(
                "naturalKey",
                entry.natural_key,
                expected=f"1 to {NATURAL_KEY_LENGTH_MAX} characters",
            )


def _order(entry: TimelineEntry) -> OrderKey:
    return entry.order.system, entry.order.key


async def _known(
    connection: AsyncConnection, wanted: Sequence[tuple[str, str, str]], store: Store
) -> dict[tuple[OrderKey, str], TimelineEntry]:
    """Which of the facts are stored already."""
    asked = among(wanted, store)
    rows = await connection.execute(
        select(timeline_entry).join(
            asked,
            _same_order(timeline_entry, asked) & (timeline_entry.c.natural_key == asked.c.part_2),
        )
    )
    found = [entry_of_row(row) for row in rows.mappings()]
    return {(_order(entry), entry.natural_key): entry for entry in found}


async def _known_keys(
    connection: AsyncConnection, wanted: Sequence[tuple[str, str, str]], store: Store
) -> set[tuple[OrderKey, str | None]]:
    """The keys of `_known` alone."""
    asked = among(wanted, store)
    same = _same_order(timeline_entry, asked) & (timeline_entry.c.natural_key == asked.c.part_2)
    rows = await connection.execute(select(asked).join(timeline_entry, same))
    return {((system, key), natural_key) for system, key, natural_key in rows}


async def _insert(
    connection: AsyncConnection, new: Sequence[TimelineEntry], last: dict[OrderKey, int]
) -> None:
    if not new:
        return
    rows = [
        row_of_entry(entry, sequence=entry.sequence, recorded_at=entry.recorded_at)
        for entry in new
        if entry.sequence is not None and entry.recorded_at is not None
    ]
    await connection.execute(insert(timeline_entry), rows)
    await connection.execute(
        _LAST_GIVEN,
        [
            {"of_system": system, "of_key": key, "last": last[system, key]}
            for system, key in sorted({_order(entry) for entry in new})
        ],
    )


async def _count_duplicates(
    connection: AsyncConnection, entry: TimelineEntry, count: int
) -> TimelineEntry:
    system, key = _order(entry)
    await connection.execute(
        update(timeline_entry)
        .where(
            timeline_entry.c.order_system == system,
            timeline_entry.c.order_key == key,
            timeline_entry.c.sequence == entry.sequence,
        )
        .values(duplicate_count=timeline_entry.c.duplicate_count + count)
    )
    return replace(entry, duplicate_count=entry.duplicate_count + count)


def _of_orders(orders: Sequence[OrderKey], store: Store) -> Select[Any]:
    asked = among(orders, store)
    oldest = timeline_order.c.last_sequence - ENTRIES_PER_ORDER_MAX
    return (
        select(timeline_entry)
        .join(asked, _same_order(timeline_entry, asked))
        .join(timeline_order, _same_order(timeline_order, asked))
        .where(timeline_entry.c.sequence > oldest)  # exact, since sequences have no gap
        .order_by(
            timeline_entry.c.order_system, timeline_entry.c.order_key, timeline_entry.c.sequence
        )
    )


def _same_order(table: Any, asked: FromClause) -> ColumnElement[bool]:
    same: ColumnElement[bool] = (table.c.order_system == asked.c.part_0) & (
        table.c.order_key == asked.c.part_1
    )
    return same
