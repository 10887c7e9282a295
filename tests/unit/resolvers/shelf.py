"""A connected system whose records lie on a shelf in memory, and a request over some of them.

It answers the port of `hub.reads` as a guarded source does: aligned, and errors as answers.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graphql import ExecutionResult

from hub.model.errors import OpsHubError
from hub.model.record import Record, fields_of
from hub.model.values import Ref
from hub.reads.port import FieldValue, ListPage, ListQuery, NounTerms, SystemHealth
from hub.reads.reads import ReadHub
from hub.security.principal import Principal, Role, caller_class
from hub.security.scope import scope_of
from hub.store.cross_references import CrossReferences
from hub.store.timeline_entries import TimelineEntries
from resolvers.context import Context
from resolvers.engine.execute import Engine
from resolvers.errors import wire_errors
from resolvers.schema import build_schema
from tests.support.stores import opened_store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class NoonClock:
    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0


def told(noun: type[Any], system: str, key: str, **fields: Any) -> Any:
    """A record as the system told it at noon."""
    return noun(ref=Ref(noun.NOUN, system, key), as_of=NOON, fetched_at=NOON, **fields)


@dataclass
class Shelf:
    """`records` are all it knows; `broken` is its answer for a noun that fails."""

    name: str
    role: str
    records: Sequence[Record] = ()
    serves: tuple[type[Record], ...] = ()
    broken: dict[str, OpsHubError] = field(default_factory=dict)
    all_systems: frozenset[str] = frozenset()
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    kind: str = "memory"

    @property
    def nouns(self) -> Mapping[str, NounTerms]:
        return {noun.NOUN: self._terms(noun) for noun in self.serves}

    def _terms(self, noun: type[Record]) -> NounTerms:
        declared = fields_of(noun)
        texts = frozenset(name for name, one in declared.items() if one.kind == "text")
        references = frozenset(name for name, one in declared.items() if one.kind == "reference")
        return NounTerms(
            fresh_for_s=60.0,
            stale_for_s=600.0,
            batch_max=100,
            asked_by=texts | references,
            targets={name: self.all_systems for name in references},
            searchable=frozenset({"number"}) & texts,
            filterable=texts,
            fields=frozenset(declared),
            lists=True,
        )

    async def by_key(self, noun: str, keys: Sequence[str]) -> Sequence[Record | OpsHubError | None]:
        self.asked.append((noun, "key", len(keys)))
        if noun in self.broken:
            return [self.broken[noun]] * len(keys)
        known = {record.ref.key: record for record in self.records if noun == record.NOUN}
        return [known.get(key) for key in keys]

    async def by_field(
        self, noun: str, field: str, values: Sequence[FieldValue]
    ) -> Sequence[Sequence[Record | OpsHubError] | OpsHubError]:
        self.asked.append((noun, field, len(values)))
        if noun in self.broken:
            return [self.broken[noun]] * len(values)
        mine = [record for record in self.records if noun == record.NOUN]
        return [[one for one in mine if getattr(one, field) == value] for value in values]

    async def list(self, noun: str, query: ListQuery) -> ListPage | OpsHubError:
        self.asked.append((noun, "list", 1))
        if noun in self.broken:
            return self.broken[noun]
        found = [one for one in self.records if noun == one.NOUN]
        for condition in query.conditions:
            wanted = str(condition.value).casefold()
            found = [
                one
                for one in found
                if wanted in str(getattr(one, condition.field) or "").casefold()
            ]
        return ListPage(found[: query.limit], None)

    def health(self) -> SystemHealth:
        state: Any = "DOWN" if self.broken else "UP"
        return SystemHealth(state, None, None, len(self.asked), 0, 0, 0.0015, None, 2.0, {"x": 3})


def principal(*roles: Role, customers: Sequence[tuple[str, str]] = ()) -> Principal:
    return Principal("sam", frozenset(roles), frozenset(customers), None, None, NOON)


AGENT = principal(Role.AGENT)
OPERATOR = principal(Role.OPERATOR)


@dataclass
class Desk:
    """Asks as one principal after another; every request has its own reads."""

    engine: Engine
    hub: ReadHub
    references: CrossReferences
    shelves: Sequence[Shelf]

    def context(self, who: Principal) -> Context:
        return Context(
            reads=self.hub.open(scope_of(who), caller=caller_class(who)),
            references=self.references,
            principal=who,
            system_roles={shelf.name: shelf.role for shelf in self.shelves},
            correlation_id="c0ffee00",
            started_at=NOON,
        )

    async def run(self, document: str, *, who: Principal = AGENT, **variables: Any) -> Any:
        result: ExecutionResult = await self.engine.execute(
            document, variables=variables, context=self.context(who)
        )
        return result

    async def ask(
        self, document: str, *, who: Principal = AGENT, **variables: Any
    ) -> tuple[Any, list[dict[str, Any]]]:
        """The data and the errors as clients see them."""
        result = await self.run(document, who=who, **variables)
        wires, omitted = wire_errors(result.errors or [], "c0ffee00")
        assert omitted == 0
        return result.data, wires


@asynccontextmanager
async def opened_desk(tmp_path: Path, *shelves: Shelf) -> AsyncIterator[Desk]:
    """A desk over the shelves, with a real store for cross references and recorded entries."""
    names = frozenset(shelf.name for shelf in shelves)
    for shelf in shelves:
        shelf.all_systems = names
    async with opened_store(f"sqlite:///{tmp_path}/hub.sqlite") as store:
        roles = {shelf.name: shelf.role for shelf in shelves}
        references = CrossReferences(store, roles=roles, now=NoonClock().now)
        recorded = TimelineEntries(store, now=NoonClock().now)
        hub = ReadHub(shelves, references=references, recorded=recorded, clock=NoonClock())
        yield Desk(Engine(build_schema()), hub, references, shelves)
        await hub.close()


def codes(errors: Sequence[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """(code, system) of each error."""
    return [(one["extensions"]["code"], one["extensions"].get("system")) for one in errors]
