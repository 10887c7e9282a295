"""Systems read by SQL: tables, views and SELECTs of SQLite and PostgreSQL (SQLAlchemy 2.1 Core).

One statement answers up to `limits.batch` keys. Nothing is written, ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement
from sqlalchemy.exc import SQLAlchemyError

from hub.config.problems import Problem
from hub.config.specs import SystemsFile, SystemSpec
from hub.model.errors import (
    OpsHubError,
    SourceCannot,
    SourceError,
    SourceInvalid,
    SourceMisconfigured,
)
from hub.model.record import Record
from hub.observe.spans import statement_span
from hub.reads.port import FieldValue, ListPage, ListQuery, NounTerms
from sources.alignment import (
    ASKED_KINDS,
    ReadRow,
    align_by_key,
    encode_asked,
    group_by_field,
    read_rows,
)
from sources.conditions import predicates_of
from sources.paths import Row
from sources.port import ROWS_MAX, ChangeCursor, ChangePage, NativeRecord
from sources.silence import no_answer
from sources.sql_changes import change_order, change_page, changes_after
from sources.sql_check import check_entity, located
from sources.sql_clauses import among_rows, clause_of, fitting_rows
from sources.sql_engine import check_size, fetch, open_engine
from sources.sql_errors import PostgresError, translated
from sources.sql_pages import after, decode_cursor, encode_cursor, ordering, steps_of
from sources.sql_plan import SqlEntity, plan_entities
from sources.sql_shape import EntityShape, read_shape

Result = TypeVar("Result")
Rows = list[Row]  # `list` inside the class is its method
ReadRows = list[ReadRow]
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class SqlSource:
    """A database as a source. It connects when first asked, so it may come up after the hub."""

    kind = "sql"

    def __init__(self, spec: SystemSpec, file: SystemsFile, *, now: Clock = utc_now) -> None:
        self.name = spec.name
        self.role: str = spec.role
        self._spec, self._file, self._now = spec, file, now
        self._engine = open_engine(spec)
        unmapped: dict[str, int] = {}
        self.unmapped: Mapping[str, int] = unmapped
        self._entities = plan_entities(spec, file, unmapped)
        self._shapes: dict[str, EntityShape] = {}
        self._shaping = asyncio.Lock()
        self._nouns = {noun: self._terms(each) for noun, each in self._entities.items()}

    @property
    def nouns(self) -> Mapping[str, NounTerms]:
        return self._nouns

    async def start(self) -> tuple[SourceError, ...]:
        """Look at every table now, so that a missing one is told at start; nothing is raised."""
        found: list[SourceError] = []
        for noun in self._entities:
            try:
                await self._shape(noun)
            except SourceMisconfigured as error:
                found += located(self._file, self._entities[noun].spec, error)
            except SourceError as error:
                return (*found, error)  # it is not there: asking for the other tables is no use
        return tuple(found)

    async def close(self) -> None:
        await self._engine.dispose()

    async def by_key(self, noun: str, keys: Sequence[str]) -> Sequence[Record | OpsHubError | None]:
        entity = self._entity(noun)
        native = {key: entity.mapping.native_key(key) for key in dict.fromkeys(keys)}
        rows = [row for row in native.values() if row is not None]
        read = await self._read_among(noun, "by_key", entity.mapping.key, rows)
        return align_by_key(entity.mapping, keys, read)

    async def by_field(
        self, noun: str, field: str, values: Sequence[FieldValue]
    ) -> Sequence[Sequence[Record | OpsHubError] | OpsHubError]:
        entity = self._entity(noun)
        if field not in self._nouns[noun].asked_by:
            raise SourceCannot(self.name, f"{noun}: it cannot be looked up by {field}")
        mapped = entity.mapping.fields[field]
        encoded = encode_asked(mapped, list(dict.fromkeys(values)))
        if encoded.is_complement:
            raise SourceCannot(self.name, f"{noun}.{field}: this value stands for all others")
        read = await self._read_among(noun, f"by_{field}", mapped.columns, encoded.rows)
        return group_by_field(entity.mapping, mapped, values, read)

    async def list(self, noun: str, query: ListQuery) -> ListPage:
        entity = self._entity(noun)
        steps = steps_of(entity.mapping, query.sort)
        predicates = predicates_of(entity.mapping, query.conditions)
        place = None if query.cursor is None else decode_cursor(steps, query.cursor)
        shape = await self._shape(noun)
        clauses = [clause_of(shape.columns, each) for each in predicates]
        if place is not None:
            clauses.append(after(shape.columns, steps, place, key=entity.mapping.key))
        limit = min(query.limit, ROWS_MAX)
        order = ordering(shape.columns, steps, entity.mapping.key)
        statement = shape.select.where(*clauses).order_by(*order).limit(limit + 1)
        with self._span(noun, "list", 1):
            rows = await self._fetch(shape, statement)
        page = read_rows(entity.mapping, rows[:limit], self._now())
        has_more = len(rows) > limit
        cursor = encode_cursor(steps, rows[limit - 1]) if has_more else None
        return ListPage([each.outcome for each in page], cursor)

    async def changes(self, noun: str, after: ChangeCursor | None, limit: int) -> ChangePage:
        entity = self._entity(noun)
        order = change_order(entity.spec, entity.mapping)
        shape = await self._shape(noun)
        cursor, limit = after or ChangeCursor(), min(limit, ROWS_MAX)
        statement = changes_after(shape, order, cursor).limit(limit + 1)
        with self._span(noun, "changes", 1):
            rows = await self._fetch(shape, statement)
        return change_page(order, cursor, rows=rows, limit=limit, now=self._now())

    async def native(self, noun: str, key: str) -> NativeRecord | None:
        entity = self._entity(noun)
        native = entity.mapping.native_key(key)
        rows = [] if native is None else [native]
        read = await self._read_among(noun, "native", entity.mapping.key, rows)
        return NativeRecord(read[0].row, read[0].outcome) if read else None

    async def check(self) -> Sequence[Problem]:
        problems: list[Problem] = []
        for entity in self._entities.values():
            try:
                problems += await self._translated(
                    check_entity(self._engine, self._file, self._spec, entity)
                )
            except SourceError as error:
                problems.append(no_answer(self._file, self.name, error))
                if problems[-1].is_unreachable:
                    break
        return problems

    def _entity(self, noun: str) -> SqlEntity:
        if noun not in self._entities:
            raise SourceCannot(self.name, f"it serves no {noun}")
        return self._entities[noun]

    def _terms(self, entity: SqlEntity) -> NounTerms:
        mapping, spec = entity.mapping, entity.spec
        fields = mapping.fields
        asked = {name for name, each in fields.items() if each.encode is not None}
        return NounTerms(
            fresh_for_s=spec.fresh_for_s,
            stale_for_s=spec.stale_for_s,
            batch_max=self._spec.limits.batch,
            asked_by=frozenset(n for n in asked if fields[n].field.kind in ASKED_KINDS),
            targets=mapping.targets,
            searchable=frozenset(name for name, each in fields.items() if each.is_text),
            filterable=frozenset(asked),
            fields=frozenset(fields),
            lists=True,
        )

    async def _read_among(
        self, noun: str, operation: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> ReadRows:
        """The rows whose columns hold one of the values: a statement per `limits.batch` of them."""
        if not rows:
            return []
        shape = await self._shape(noun)
        fitting = fitting_rows(shape.columns, columns, rows)
        batch = self._spec.limits.batch
        found: Rows = []
        for start in range(0, len(fitting), batch):
            chunk = fitting[start : start + batch]
            with self._span(noun, operation, len(chunk)):
                found += await self._among(shape, columns, chunk)
        return read_rows(self._entities[noun].mapping, found, self._now())

    def _span(self, noun: str, operation: str, keys: int) -> AbstractContextManager[Any]:
        dialect = self._engine.dialect.name
        return statement_span(self.name, dialect, noun=noun, operation=operation, keys=keys)

    async def _among(
        self, shape: EntityShape, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> Rows:
        """One statement; halves of it where its answer would be larger than one may be."""
        condition: ColumnElement[bool] = among_rows(shape.columns, columns, rows)
        found = await self._fetch(shape, shape.select.where(condition).limit(ROWS_MAX + 1))
        if len(found) <= ROWS_MAX:
            return found
        if len(rows) == 1:
            raise SourceInvalid(self.name, f"more than {ROWS_MAX:,} rows for one key")
        middle = len(rows) // 2
        return [
            *await self._among(shape, columns, rows[:middle]),
            *await self._among(shape, columns, rows[middle:]),
        ]

    async def _fetch(self, shape: EntityShape, statement: Any) -> Rows:
        rows = await self._translated(fetch(self._engine, statement, {}))
        check_size(self.name, rows)
        return [dict(zip(shape.names, row, strict=True)) for row in rows]

    async def _shape(self, noun: str) -> EntityShape:
        known = self._shapes.get(noun)
        if known is not None:
            return known
        async with self._shaping:
            if noun not in self._shapes:
                entity = self._entities[noun]
                self._shapes[noun] = await self._translated(
                    read_shape(self._engine, self.name, entity.spec, wanted=entity.wanted)
                )
            return self._shapes[noun]

    async def _translated(self, call: Awaitable[Result]) -> Result:
        try:
            return await call
        except (SQLAlchemyError, PostgresError, OSError, TimeoutError) as error:
            raise translated(self.name, error) from error
