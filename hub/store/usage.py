"""Who uses what of the schema: counts by the hour, the documents behind them, and who to ask.

Counts come in batches from a buffer in memory, never from a request. All rows of one transaction
are written in one order, so that processes that count the same things never wait in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Select, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from hub.store.engine import Store
from hub.store.tables import usage_coordinate, usage_count, usage_document

T = TypeVar("T")

KEPT_FOR = timedelta(days=90)
"""Counts are kept this long: a quarter, after which a client that rests is taken to be gone."""
TEXT_MAX = 100_000  # characters of one document's text; a longer one is counted, not kept
ROWS_MAX = 1_000  # rows of one transaction: SQLite's one writer is not held for long
DOCUMENTS_MAX = 10_000  # documents kept beyond their counts, the latest used first
NAMES_MAX = 500  # values of one IN list

OF_REQUESTS = ""
"""The coordinate under which requests themselves are counted."""


class UsageKey(NamedTuple):
    """What is counted: one client's runs of one operation in one hour.

    `coordinate` is OF_REQUESTS, or what the client gave in its variables.
    """

    hour: datetime
    client: str
    version: str
    document: str
    operation: str
    coordinate: str
    is_trusted: bool


@dataclass(slots=True)
class Counted:
    """How often, and when for the first and the last time."""

    count: int
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class UsedDocument:
    """An operation of a document: the coordinates it selects, and the document's text."""

    document: str
    operation: str
    coordinates: frozenset[str]
    text: str


@dataclass(frozen=True, slots=True)
class Use:
    """That a client uses an operation of a document; `coordinate` is empty for the whole of it."""

    client: str
    version: str
    document: str
    operation: str
    coordinate: str
    is_trusted: bool
    count: int
    first_seen_at: datetime
    last_seen_at: datetime


class UsageStore:
    """The counts of all processes that share the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, counts: Sequence[tuple[UsageKey, Counted]]) -> None:
        """Add to the counts, in one transaction; at most ROWS_MAX of them at a time."""
        rows = [_row(key, counted) for key, counted in sorted(counts, key=lambda each: each[0])]
        if not rows:
            return
        async with self._store.write() as connection:
            await connection.execute(self._adding(), rows)

    async def remember(self, documents: Iterable[UsedDocument]) -> None:
        """Keep texts and coordinates of documents; what is known already stays as it is."""
        kept = sorted(documents, key=lambda each: (each.document, each.operation))
        texts = {each.document: each.text for each in kept}
        told: list[dict[str, Any]] = [
            {"document": document, "text": text if len(text) <= TEXT_MAX else None}
            for document, text in texts.items()
        ]
        selected: list[dict[str, Any]] = [
            {"document": one.document, "operation": one.operation, "coordinate": coordinate}
            for one in kept
            for coordinate in sorted(one.coordinates)
        ]
        for rows in _portions(told, ROWS_MAX):
            await self._keep(usage_document, rows)
        for rows in _portions(selected, ROWS_MAX):
            await self._keep(usage_coordinate, rows)

    async def texts(self) -> dict[str, str]:
        """The kept texts by document, the latest used first."""
        latest = _latest(DOCUMENTS_MAX).subquery()
        asked = (
            select(usage_document.c.document, usage_document.c.text)
            .join(latest, latest.c.document == usage_document.c.document)
            .where(usage_document.c.text.is_not(None))
            .order_by(latest.c.last_seen_at.desc(), usage_document.c.document)
        )
        async with self._store.read() as connection:
            return {row.document: row.text for row in await connection.execute(asked)}

    async def users_of_documents(self, documents: Iterable[str]) -> list[Use]:
        """Who runs them, the latest first."""
        c = usage_count.c
        asked = [
            _uses(c.coordinate).where(c.coordinate == OF_REQUESTS, c.document.in_(some))
            for some in _portions(sorted(documents), NAMES_MAX)
        ]
        return await self._found(asked)

    async def users_of_coordinates(self, coordinates: Iterable[str]) -> list[Use]:
        """Who uses them, by what a document selects and by variables, the latest first."""
        c, selected = usage_count.c, usage_coordinate.c
        asked = []
        for some in _portions(sorted(coordinates), NAMES_MAX):
            is_same = (selected.document == c.document) & (selected.operation == c.operation)
            asked.append(
                _uses(selected.coordinate)
                .join(usage_coordinate, is_same)
                .where(c.coordinate == OF_REQUESTS, selected.coordinate.in_(some))
            )
            asked.append(_uses(c.coordinate).where(c.coordinate.in_(some)))
        return await self._found(asked)

    async def prune(self, *, before: datetime, documents_max: int = DOCUMENTS_MAX) -> int:
        """Forget counts of hours before that instant, and all documents but the latest used."""
        latest = select(_latest(documents_max).subquery().c.document)
        async with self._store.write() as connection:
            gone = await connection.execute(delete(usage_count).where(usage_count.c.hour < before))
            for table in (usage_coordinate, usage_document):
                await connection.execute(delete(table).where(table.c.document.not_in(latest)))
            return gone.rowcount

    async def _keep(self, table: Any, rows: Sequence[dict[str, Any]]) -> None:
        adding = self._dialect.insert(table).on_conflict_do_nothing()
        async with self._store.write() as connection:
            await connection.execute(adding, list(rows))

    async def _found(self, asked: Sequence[Select[Any]]) -> list[Use]:
        async with self._store.read() as connection:
            found = [_use(row) for each in asked for row in await connection.execute(each)]
        return sorted(found, key=_newest_first)

    @property
    def _dialect(self) -> Any:
        return sqlite if self._store.is_sqlite else postgresql

    def _adding(self) -> Any:
        adding = self._dialect.insert(usage_count)
        c, new = usage_count.c, adding.excluded
        return adding.on_conflict_do_update(
            index_elements=list(UsageKey._fields),
            set_={
                "count": c.count + new.count,
                "first_seen_at": _either(
                    new.first_seen_at < c.first_seen_at, new.first_seen_at, c.first_seen_at
                ),
                "last_seen_at": _either(
                    new.last_seen_at > c.last_seen_at, new.last_seen_at, c.last_seen_at
                ),
            },
        )


def _latest(limit: int) -> Select[Any]:
    """Documents by when they were last run, the latest first."""
    c, last = usage_count.c, func.max(usage_count.c.last_seen_at).label("last_seen_at")
    return (
        select(c.document, last).group_by(c.document).order_by(last.desc(), c.document).limit(limit)
    )


def _uses(coordinate: Any) -> Select[Any]:
    """The counts of all hours together, by client, operation and coordinate."""
    c = usage_count.c
    whose = (c.client, c.version, c.document, c.operation, coordinate.label("used"), c.is_trusted)
    return select(
        *whose, func.sum(c.count), func.min(c.first_seen_at), func.max(c.last_seen_at)
    ).group_by(c.client, c.version, c.document, c.operation, coordinate, c.is_trusted)


def _use(row: Any) -> Use:
    client, version, document, operation, coordinate, is_trusted, count, first, last = row
    return Use(
        client, version, document, operation, coordinate, is_trusted, int(count), first, last
    )


def _newest_first(use: Use) -> tuple[Any, ...]:
    whose = (use.client, use.version, use.document, use.operation, use.coordinate)
    return (-use.last_seen_at.timestamp(), *whose, use.is_trusted)


def _row(key: UsageKey, counted: Counted) -> dict[str, Any]:
    return key._asdict() | {
        "count": counted.count,
        "first_seen_at": counted.first_seen_at,
        "last_seen_at": counted.last_seen_at,
    }


def _either(condition: Any, value: Any, otherwise: Any) -> Any:
    return case((condition, value), else_=otherwise)


def _portions(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))
