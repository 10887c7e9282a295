"""A system in memory: records by noun, a log of its calls, answers held back until a test lets go.

It keeps the contract of `hub.reads.port.RecordSource`: aligned answers, never an exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hub.model.catalog import NOUNS
from hub.model.errors import OpsHubError, SourceCannot
from hub.model.record import Record, fields_of
from hub.reads.port import Condition, FieldValue, ListPage, ListQuery, NounTerms, SystemHealth


class Call(NamedTuple):
    """One call as the system saw it; `operation` is `by_key`, `list` or the field asked by."""

    noun: str
    operation: str
    keys: tuple[Any, ...]


def terms(
    noun: str,
    *,
    points_to: str | frozenset[str] = frozenset(),
    fresh_for_s: float = 5.0,
    stale_for_s: float = 600.0,
    batch_max: int = 100,
    searchable: frozenset[str] = frozenset(),
    carries: frozenset[str] = frozenset(),
) -> NounTerms:
    """Terms of a noun that is asked by every one of its references and texts.

    `points_to` are the systems its reference fields may name.
    """
    known = fields_of(NOUNS[noun])
    systems = frozenset({points_to}) if isinstance(points_to, str) else points_to
    references = {name for name, each in known.items() if each.kind == "reference"}
    return NounTerms(
        fresh_for_s=fresh_for_s,
        stale_for_s=stale_for_s,
        batch_max=batch_max,
        asked_by=frozenset(
            name for name, each in known.items() if each.kind in ("reference", "text")
        ),
        targets={name: systems for name in references},
        carries=carries,
        searchable=searchable,
        filterable=frozenset(known),
        fields=frozenset(known),
        lists=bool(searchable),
    )


@dataclass
class FakeSource:
    """`failure`, while set, is the answer of every call; `failing` of one noun's calls.

    While `gate` is set, calls wait for it. `entered` is released once per call.
    """

    name: str
    nouns: Mapping[str, NounTerms]
    role: str = "erp"
    kind: str = "fake"
    records: list[Record] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    failure: OpsHubError | None = None
    failing: dict[str, OpsHubError] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    entered: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def put(self, *records: Record) -> None:
        """Add records, or replace those with the same ref."""
        refs = {record.ref for record in records}
        self.records = [each for each in self.records if each.ref not in refs] + list(records)

    async def by_key(self, noun: str, keys: Sequence[str]) -> Sequence[Record | OpsHubError | None]:
        told = {each.ref.key: each for each in self.records if each.ref.noun == noun}
        failure = await self._called(noun, "by_key", tuple(keys))
        return [failure or told.get(key) for key in keys]

    async def by_field(
        self, noun: str, field: str, values: Sequence[FieldValue]
    ) -> Sequence[Sequence[Record | OpsHubError] | OpsHubError]:
        own = [each for each in self.records if each.ref.noun == noun]
        failure = await self._called(noun, field, tuple(values))
        return [
            failure or [each for each in own if getattr(each, field) == value] for value in values
        ]

    async def list(self, noun: str, query: ListQuery) -> ListPage | OpsHubError:
        own = [each for each in self.records if each.ref.noun == noun]
        failure = await self._called(noun, "list", query.conditions)
        if failure is not None:
            return failure
        unknown = [each for each in query.conditions if each.operator not in ("contains", "in")]
        if unknown:
            return SourceCannot(self.name, f"cannot filter by {unknown[0].operator}")
        found = [each for each in own if all(_holds(each, one) for one in query.conditions)]
        return ListPage(found[: query.limit], None)

    def health(self) -> SystemHealth:
        return SystemHealth("UP", None, None, len(self.calls), 0, 0, None, None, None, {})

    async def _called(self, noun: str, operation: str, keys: tuple[Any, ...]) -> OpsHubError | None:
        self.calls.append(Call(noun, operation, keys))
        self.entered.release()
        failure = self.failing.get(noun, self.failure)
        if self.gate is not None:
            await self.gate.wait()
        return failure


def _holds(record: Record, condition: Condition) -> bool:
    value = getattr(record, condition.field)
    if condition.operator == "in":
        return value in condition.value
    return str(condition.value).casefold() in str(value or "").casefold()
