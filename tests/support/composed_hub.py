"""A composed hub over the six demo systems, and what those systems saw of it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import event

from hub.app import Hub, open_hub
from hub.config.settings import Settings
from hub.config.systems import load_systems
from hub.demo.supervisor import DemoSystems
from hub.observe.correlation import correlated
from hub.security.principal import Principal, Role
from hub.security.tokens import TokenRules
from sources.sql import SqlSource

_TABLE = re.compile(r"FROM (\w+)|FROM \(SELECT .*? FROM (\w+)", re.DOTALL)

Calls = Counter[str]
"""`system collection` and how often: a table read by SQL, or a path of an HTTP system."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer. `relations` is what the hub says it asked, `seen` what the systems saw."""

    data: Any
    errors: list[Any]
    relations: Counter[str]
    seen: Calls


class ComposedHub:
    """A hub whose calls are counted where they arrive: in the demo systems and in the database."""

    def __init__(self, hub: Hub, demo: DemoSystems) -> None:
        self.hub = hub
        self._urls = {each.name: each.url for each in demo.systems if each.kind == "rest"}
        self._statements: Calls = Counter()
        for source in hub.connected.sources:
            if isinstance(source._source, SqlSource):
                self._count_statements(source._source)

    async def ask(self, document: str, **variables: Any) -> Answered:
        """Run the document as an agent, and count until it is answered: one at a time."""
        await self.seen()
        answer = await self.answer(document, variables)
        return replace(answer, seen=await self.seen())

    async def answer(self, document: str, variables: Mapping[str, Any]) -> Answered:
        """Run the document as an agent; what the systems see is not told apart by request."""
        with correlated() as correlation:
            context = self.hub.open_context(agent(), correlation)
            result = await self.hub.engine.execute(document, variables=variables, context=context)
        relations = Counter(f"{call.system} {call.relation}" for call in context.reads.calls)
        return Answered(result.data, list(result.errors or ()), relations, Counter())

    async def seen(self) -> Calls:
        """The calls since the last look, of which there are then none."""
        counted, self._statements = self._statements, Counter()
        async with httpx2.AsyncClient(timeout=5) as client:
            for name, url in self._urls.items():
                told = (await client.delete(f"{url}/__stats")).json()
                counted.update(_by_collection(name, told["calls"]))
        return counted

    def _count_statements(self, source: SqlSource) -> None:
        def count(
            connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
        ) -> None:
            table = _TABLE.search(statement)
            assert table is not None, statement
            self._statements[f"{source.name} {table[1] or table[2]}"] += 1

        event.listen(source._engine.sync_engine, "before_cursor_execute", count)


def _by_collection(system: str, calls: Mapping[str, int]) -> Calls:
    return Counter({f"{system} {path.removeprefix('GET ')}": n for path, n in calls.items()})


def agent() -> Principal:
    """Who asks: an agent who sees every customer and business unit."""
    ends = datetime.now(UTC) + timedelta(hours=1)
    return Principal("agent", frozenset({Role.AGENT}), frozenset(), None, None, ends)


@asynccontextmanager
async def composed_hub(demo: DemoSystems, data_dir: Path) -> AsyncIterator[ComposedHub]:
    """A new hub with a cold cache that has learnt its cross references and asks nothing more."""
    systems = load_systems(demo.systems_file, environ=demo.environment)
    hub = await open_hub(Settings(data_dir=data_dir), systems, TokenRules(keys={}))
    try:
        assert await hub.connected.start() == []  # without what runs beside requests
        assert hub.connected.learning is not None
        await asyncio.wait_for(asyncio.shield(hub.connected.learning), 20)
        yield ComposedHub(hub, demo)
    finally:
        await hub.close()
