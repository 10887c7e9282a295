"""One text, looked for in every number and name people call with, in all systems at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hub.model.errors import InputInvalid, OpsHubError, SourceTimeout
from hub.model.record import Record
from hub.model.values import Ref
from hub.reads.answers import Hit, References, SearchResult
from hub.reads.asking import Asking
from hub.reads.memory import Asked
from hub.reads.numbers import leading
from hub.reads.owners import OWNERS, Owners
from hub.reads.port import Condition, ListQuery, NounTerms, RecordSource
from hub.security.masks import is_visible
from hub.security.scope import Scope

TEXT_MIN = 2  # characters; one matches everything and costs a scan in each system
TEXT_MAX = 100  # characters; no number or name people call with is longer
HITS_MAX = 100  # records in one answer, and read from one list
PAGES_MAX = 10  # pages of one list, read for a scope that may see few of its records

SEARCHED = (
    ("order", "number"), ("return", "number"), ("shipment", "tracking_number"),
    ("order", "po_number"), ("case", "number"), ("shipment", "number"), ("invoice", "number"),
    ("credit_memo", "number"), ("customer", "number"), ("customer", "name"), ("item", "sku"),
)  # fmt: skip
"""What is searched; of equal matches the earlier one comes first."""
NAMES = frozenset({"name"})
"""The fields people know only a part of."""


@dataclass(frozen=True, slots=True)
class Searching:
    """The search of one request."""

    asking: Asking
    owners: Owners
    scope: Scope
    sources: Mapping[str, RecordSource]
    references: References

    async def search(self, text: str, limit: int) -> SearchResult:
        """At most `limit` hits; InputInvalid where text or limit is out of bounds."""
        wanted = text.strip()
        if not TEXT_MIN <= len(wanted) <= TEXT_MAX:
            raise InputInvalid("text", text, expected=f"{TEXT_MIN} to {TEXT_MAX} characters")
        if not 1 <= limit <= HITS_MAX:
            raise InputInvalid("limit", limit, expected=f"1 to {HITS_MAX}")
        found, failures = await self._found(wanted)
        hits = ranked(wanted, found)
        visible = {record.ref for record in await self.owners.only_visible(
            [hit.record for hit in hits])}  # fmt: skip
        shown = self._by_thing([hit for hit in hits if hit.record.ref in visible])
        once = {(error.system, error.code): error for error in failures}
        return SearchResult(tuple(shown[:limit]), tuple(once.values()))

    def _by_thing(self, hits: Sequence[Hit]) -> list[Hit]:
        """The hits of one thing as its best one, showing the leading record; in order."""
        same_as = self.references.same_as
        shown = leading([hit.record for hit in hits], same_as)
        best: dict[Ref, Hit] = {}
        for hit in hits:
            thing = same_as(hit.record.ref)[0]
            before = best.setdefault(thing, hit)
            if hit.rank == before.rank and hit.record is shown[thing]:
                best[thing] = hit
        return [replace(hit, record=shown[thing]) for thing, hit in best.items()]

    async def _found(self, text: str) -> tuple[list[tuple[str, Record]], list[OpsHubError]]:
        exact: list[Asked] = []
        listed: list[tuple[RecordSource, str, str]] = []
        for noun, field in SEARCHED:
            if not is_visible(noun, field, self.scope):
                continue
            for name, source in self.sources.items():
                terms = source.nouns.get(noun)
                if terms is None:
                    continue
                if _by_part(field, terms):
                    listed.append((source, noun, field))
                elif field in terms.asked_by:
                    exact.append(Asked(name, noun, field, text))
        told = await asyncio.gather(
            self._asked(exact), *(self._listed(each, text) for each in listed)
        )
        pairs = [pair for some in told for pair in some]
        found = [(field, row) for field, row in pairs if isinstance(row, Record)]
        return found, [row for _, row in pairs if isinstance(row, OpsHubError)]

    async def _asked(self, questions: list[Asked]) -> list[tuple[str, Record | OpsHubError]]:
        answers = await self.asking.answers(questions)
        found: list[tuple[str, Record | OpsHubError]] = []
        for asked, answer in zip(questions, answers, strict=True):
            records, failures = self.owners.told(answer.value)
            found += [(asked.field, row) for row in records]
            found += [(asked.field, row) for row in failures]
        return found

    async def _listed(
        self, place: tuple[RecordSource, str, str], text: str
    ) -> list[tuple[str, Record | OpsHubError]]:
        source, noun, field = place
        mine = self.owners.customers
        if mine is not None and noun == "customer":
            own = sorted(ref for ref in mine if ref.system == source.name)
            return [(field, row) for row in await self._of_own(own, field, text)]
        try:
            async with asyncio.timeout(self.asking.time_left_s()):
                return [(field, row) for row in await self._pages(source, noun, field, text)]
        except TimeoutError:
            return [(field, SourceTimeout(source.name, "no answer in the request's time"))]

    async def _of_own(
        self, refs: Sequence[Ref], field: str, text: str
    ) -> list[Record | OpsHubError]:
        """A list of all customers would end before their own: so theirs are read and looked at."""
        values = [answer.value for answer in await self.asking.answers(refs)]
        failed = [self.owners.heard(each) for each in values if isinstance(each, OpsHubError)]
        found = [each for each in values if isinstance(each, Record)]
        sought = text.casefold()
        return [*failed, *(one for one in found if sought in str(getattr(one, field)).casefold())]

    async def _pages(
        self, source: RecordSource, noun: str, field: str, text: str
    ) -> list[Record | OpsHubError]:
        """The first HITS_MAX records the scope may see: what it may not see takes no place."""
        conditions = (Condition(field, "contains", text), *self._owned(noun, source.nouns[noun]))
        query = ListQuery(conditions, limit=HITS_MAX)
        found: list[Record | OpsHubError] = []
        for _ in range(PAGES_MAX):
            page = await self.asking.listed(source, noun, query)
            if isinstance(page, OpsHubError):
                return [*found, self.owners.heard(page)]
            records, failures = self.owners.told(tuple(page.records))
            for record in records:
                self.asking.told_by_list(record)
            found += [*await self.owners.only_visible(records), *failures]
            if len(found) >= HITS_MAX or page.next_cursor is None:
                break
            query = replace(query, cursor=page.next_cursor)
        return found[:HITS_MAX]

    def _owned(self, noun: str, terms: NounTerms) -> list[Condition]:
        """The scope as a predicate, where the system can filter by it; it is checked again here."""
        mine = self.owners.customers
        if mine is None or "customer" not in OWNERS[noun].by or "customer" not in terms.filterable:
            return []
        known = terms.targets.get("customer", frozenset())
        return [Condition("customer", "in", sorted(ref for ref in mine if ref.system in known))]


def _by_part(field: str, terms: NounTerms) -> bool:
    """Numbers are looked up whole, by the system's index; a part of one would scan its table."""
    if field in terms.asked_by and field not in NAMES:
        return False
    return field in terms.searchable


def ranked(text: str, found: Iterable[tuple[str, Record]]) -> list[Hit]:
    """Whole values first, then starts, then parts; a record appears once, by its best match."""
    best: dict[object, Hit] = {}
    for field, record in found:
        hit = _hit(text, field, record)
        before = best.get(record.ref)
        if before is None or _rank(hit) < _rank(before):
            best[record.ref] = hit
    return sorted(best.values(), key=_rank)


def _hit(text: str, field: str, record: Record) -> Hit:
    value = str(getattr(record, field) or "")
    sought, whole = text.casefold(), value.casefold()
    rank = 0 if whole == sought else 1 if whole.startswith(sought) else 2
    return Hit(record, field, value, rank)


def _rank(hit: Hit) -> tuple[int, int, str, object]:
    return (hit.rank, SEARCHED.index((hit.record.ref.noun, hit.field)), hit.value, hit.record.ref)
