"""Systems read over HTTP with JSON answers: by key, by a field, in lists, as they declare it.

What a system does not declare is refused by name; nothing is guessed or fetched to be filtered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hub.config.connection_specs import Request
from hub.config.problems import Problem
from hub.config.specs import EntitySpec, SystemsFile, SystemSpec
from hub.model.errors import OpsHubError, SourceCannot, SourceError, SourceMisconfigured
from hub.model.record import Record
from hub.reads.port import FieldValue, ListPage, ListQuery, NounTerms
from sources.alignment import (
    ReadRow,
    align_by_key,
    encode_asked,
    group_by_field,
    read_rows,
)
from sources.fields import Shape
from sources.mapping import EntityMapping, SpecUnusable, compile_entity
from sources.paths import Row
from sources.port import ROWS_MAX, ChangeCursor, ChangePage, NativeRecord
from sources.rest_changes import RestChanges
from sources.rest_client import HttpSystem
from sources.rest_conditions import (
    NoMatch,
    filterable,
    list_values,
    native_text,
    searchable,
    sort_word,
)
from sources.rest_pages import PAGES_MAX, Bookmark, PagedRequest, decode_bookmark
from sources.rest_templates import NoSuchPath, compile_template
from sources.silence import no_answer
from sources.sql_plan import unusable
from sources.unmapped import counting

Clock = Callable[[], datetime]
Rows = list[Row]  # `list` inside the class is its method
ReadRows = list[ReadRow]
Answers = list[tuple[Sequence[str], ReadRows | OpsHubError]]
Problems = list[Problem]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class RestEntity:
    """An entity with its compiled requests; `by` by field."""

    spec: EntitySpec
    mapping: EntityMapping
    by_key: PagedRequest | None
    by: Mapping[str, PagedRequest]
    list: PagedRequest | None
    changes: RestChanges | None


class RestSource:
    """An HTTP system as a source."""

    kind = "rest"

    def __init__(self, spec: SystemSpec, file: SystemsFile, *, now: Clock = utc_now) -> None:
        self.name = spec.name
        self.role: str = spec.role
        self._spec, self._file, self._now = spec, file, now
        self._http = HttpSystem(spec)
        unmapped: dict[str, int] = {}
        self.unmapped: Mapping[str, int] = unmapped
        self._entities = self._compiled(counting(spec.name, unmapped))
        self._nouns = {noun: self._terms(each) for noun, each in self._entities.items()}

    @property
    def nouns(self) -> Mapping[str, NounTerms]:
        return self._nouns

    async def start(self) -> tuple[SourceError, ...]:
        """Nothing is asked: an HTTP system need not be there before it is needed."""
        return ()

    async def close(self) -> None:
        await self._http.close()

    async def by_key(self, noun: str, keys: Sequence[str]) -> Sequence[Record | OpsHubError | None]:
        entity = self._entity(noun)
        request = entity.by_key
        if request is None:
            raise SourceCannot(self.name, f"{noun}: it declares no by_key")
        found: dict[str, Record | OpsHubError | None] = {}
        for chunk, answer in await self._ask(entity, request, list_of_texts(keys), "by_key"):
            found |= zip(chunk, _aligned(entity.mapping, chunk, answer), strict=True)
        return [found[key] for key in keys]

    async def by_field(
        self, noun: str, field: str, values: Sequence[FieldValue]
    ) -> Sequence[Sequence[Record | OpsHubError] | OpsHubError]:
        entity = self._entity(noun)
        request = entity.by.get(field)
        if request is None:
            raise SourceCannot(self.name, f"{noun}: it declares no by_{field}")
        mapped = entity.mapping.fields[field]
        count = len(entity.spec.fields[field].native)
        texts = {
            value: _asked_texts(encode_asked(mapped, [value]).rows, count) for value in set(values)
        }
        asked = list_of_texts([text for each in texts.values() for text in each])
        read: ReadRows = []
        failed: dict[str, OpsHubError] = {}
        for chunk, answer in await self._ask(entity, request, asked, f"by_{field}"):
            if isinstance(answer, OpsHubError):
                failed |= dict.fromkeys(chunk, answer)
            else:
                read += answer
        groups = group_by_field(entity.mapping, mapped, list(texts), read)
        found = dict(zip(texts, groups, strict=True))
        return [
            next((failed[text] for text in texts[value] if text in failed), None) or found[value]
            for value in values
        ]

    async def list(self, noun: str, query: ListQuery) -> ListPage:
        entity = self._entity(noun)
        if entity.list is None or entity.spec.list is None:
            raise SourceCannot(self.name, f"{noun}: it declares no list")
        try:
            values = list_values(entity.mapping, entity.list.template, query.conditions)
        except NoMatch:
            return ListPage([], None)
        values["sort"] = sort_word(entity.mapping, entity.spec.list, query.sort)
        rows, cursor = await self._listed(entity.list, values, query)
        read = read_rows(entity.mapping, rows, self._now())
        return ListPage([each.outcome for each in read], cursor)

    async def changes(self, noun: str, after: ChangeCursor | None, limit: int) -> ChangePage:
        """One page of the system's own size: it has no other, so `limit` says nothing here."""
        entity = self._entity(noun)
        if entity.changes is None:
            raise SourceCannot(self.name, f"{noun}: it declares no changes")
        return await entity.changes.page(after or ChangeCursor(), self._now())

    async def native(self, noun: str, key: str) -> NativeRecord | None:
        entity = self._entity(noun)
        if entity.by_key is None:
            raise SourceCannot(self.name, f"{noun}: it declares no by_key")
        ((_, answer),) = await self._ask(entity, entity.by_key, [key], "native")
        if isinstance(answer, OpsHubError):
            raise answer
        mine = [each for each in answer if entity.mapping.identify(each.row) == key]
        return NativeRecord(mine[0].row, mine[0].outcome) if mine else None

    async def check(self) -> Sequence[Problem]:
        from sources.rest_check import check_entity

        problems: Problems = []
        for entity in self._entities.values():
            try:
                problems += await check_entity(self, self._file, entity)
            except SourceError as error:
                problems.append(no_answer(self._file, self.name, error))
                if problems[-1].is_unreachable:
                    break
        return problems

    def _compiled(self, on_unmapped: Callable[[str, str], None]) -> Mapping[str, RestEntity]:
        """All entities compiled; SourceMisconfigured tells every position that cannot be."""
        compiled: dict[str, RestEntity] = {}
        problems: Problems = []
        for noun, spec in self._spec.entities.items():
            shape = Shape(self.name, noun, False, self._file.targets, None, on_unmapped)
            try:
                compiled[noun] = self._entity_of(spec, compile_entity(spec, shape))
            except SpecUnusable as error:
                problems.append(unusable(self.name, self._file, noun, error))
        if problems:
            raise SourceMisconfigured(self.name, "; ".join(map(str, problems)))
        return compiled

    def _entity_of(self, spec: EntitySpec, mapping: EntityMapping) -> RestEntity:
        def paged(request: Request | None) -> PagedRequest | None:
            if request is None:
                return None
            return PagedRequest(self._http, request, compile_template(request.get))

        by = {field: paged(request) for field, request in spec.by.items()}
        unknown = [field for field in by if field not in mapping.fields]
        if unknown:
            raise SpecUnusable((f"by_{unknown[0]}",), "it asks by a field that is not declared")
        made = {field: request for field, request in by.items() if request is not None}
        asked = paged(None if spec.changes is None else spec.changes.request)
        changes = None if asked is None else RestChanges(spec, mapping, asked)
        return RestEntity(spec, mapping, paged(spec.by_key), made, paged(spec.list), changes)

    def _entity(self, noun: str) -> RestEntity:
        if noun not in self._entities:
            raise SourceCannot(self.name, f"it serves no {noun}")
        return self._entities[noun]

    def _terms(self, entity: RestEntity) -> NounTerms:
        spec, mapping = entity.spec, entity.mapping
        template = None if entity.list is None else entity.list.template
        return NounTerms(
            fresh_for_s=spec.fresh_for_s,
            stale_for_s=spec.stale_for_s,
            batch_max=self._spec.limits.batch,
            asked_by=frozenset(entity.by),
            targets=mapping.targets,
            carries=mapping.carries,
            searchable=frozenset() if template is None else searchable(template),
            filterable=frozenset() if template is None else filterable(template),
            fields=frozenset(mapping.fields) | mapping.carries,
            lists=entity.list is not None,
        )

    async def _ask(
        self, entity: RestEntity, request: PagedRequest, texts: Sequence[str], operation: str
    ) -> Answers:
        """What each chunk of native texts was answered with; a failed request fails its chunk.

        Where all of them failed the first error is raised, so that the guard sees a failed call.
        """
        chunks = self._chunks(request, texts)
        answers = await asyncio.gather(
            *(self._ask_chunk(entity, request, chunk, operation) for chunk in chunks)
        )
        failures = [answer for answer in answers if isinstance(answer, OpsHubError)]
        if failures and len(failures) == len(answers):
            raise failures[0]
        return list(zip(chunks, answers, strict=True))

    def _chunks(self, request: PagedRequest, texts: Sequence[str]) -> Sequence[Sequence[str]]:
        is_batched = "keys" in request.template.csv or "key" in request.template.csv
        size = (request.batch_max or self._spec.limits.batch) if is_batched else 1
        return [texts[start : start + size] for start in range(0, len(texts), size)]

    async def _ask_chunk(
        self, entity: RestEntity, request: PagedRequest, texts: Sequence[str], operation: str
    ) -> ReadRows | OpsHubError:
        try:
            rows = await request.all_rows({"keys": texts, "key": texts}, operation)
        except NoSuchPath:
            return []
        except SourceError as error:
            return error
        return read_rows(entity.mapping, rows, self._now())

    async def _listed(
        self, request: PagedRequest, values: Mapping[str, Sequence[str]], query: ListQuery
    ) -> tuple[Rows, str | None]:
        """As many records as the limit says, over as many of the system's pages as that takes."""
        mark = decode_bookmark(query.cursor)
        limit = min(query.limit, ROWS_MAX)
        rows: Rows = []
        for _ in range(PAGES_MAX):
            page = await request.page(values, mark.place, "list")
            if page.is_nothing:
                raise SourceMisconfigured(self.name, "there is no list at its address (HTTP 404)")
            taken = page.rows[mark.given : mark.given + limit - len(rows)]
            rows += taken
            given = mark.given + len(taken)
            if given < len(page.rows):
                return rows, Bookmark(mark.place, given).encode()
            if page.next_place is None:
                return rows, None
            mark = Bookmark(page.next_place)
            if len(rows) >= limit:
                break
        return rows, mark.encode()


def list_of_texts(texts: Sequence[str]) -> list[str]:
    """The texts, each once, in their order."""
    return list(dict.fromkeys(texts))


def _asked_texts(rows: Sequence[Sequence[object]], count: int) -> list[str]:
    """The key columns of each row as one text; which system it is of is seen in the answer."""
    return ["/".join(native_text(part) for part in row[:count]) for row in rows]


def _aligned(
    mapping: EntityMapping, keys: Sequence[str], answer: ReadRows | OpsHubError
) -> Sequence[Record | OpsHubError | None]:
    if isinstance(answer, OpsHubError):
        return [answer] * len(keys)
    return align_by_key(mapping, keys, answer)
