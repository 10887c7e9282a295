"""A composed hub that polls one SQL database of a foreign company, and what it saw of that."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hub.app import Hub, open_hub
from hub.config.settings import Settings
from hub.config.systems import load_systems
from hub.events.feed_cursors import FeedCursors
from hub.events.ports import Taken
from hub.events.told import Told
from hub.model.errors import OpsHubError
from hub.security.tokens import TokenRules
from sources.polling import Poller, Polling
from sources.port import ChangeCursor, ChangePage
from tests.support.stores import rows_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FILE = """
version: 1
systems:
  erp:
    role: erp
    kind: sql
    url: sqlite:///{folder}/company.db
    entities:
      order:
        from: ord
        key: id
        fields:
          number: id
          status: {{ column: st, values: {{ "10": OPEN, "20": CONFIRMED, "90": COMPLETED }} }}
          placed_at: {{ const: "2020-01-01T00:00:00+00:00", zone: offset }}
          updated_at: {{ column: ts, read: "%Y%m%d%H%M%S", zone: UTC }}
        changes: {{ order_by: [ts, id], every: 100ms, overlap: 30s{backfill} }}
        fresh_for: 500ms
  wms:
    role: wms
    kind: sql
    url: sqlite:///{folder}/company.db
    entities:
      shipment:
        from: shp
        key: id
        fields:
          number: id
          order: {{ column: ord, to: erp.order }}
          updated_at: {{ column: ts, read: "%Y%m%d%H%M%S", zone: UTC }}
        changes: {{ order_by: [ts, id], every: 100ms, overlap: 30s }}
"""
ALL = ", backfill: { rate: 5000/s }"
_TABLES = """
CREATE TABLE IF NOT EXISTS ord (id text PRIMARY KEY, st text, ts text);
CREATE TABLE IF NOT EXISTS shp (id text PRIMARY KEY, ord text, ts text);
"""

Row = tuple[str, str, str]


@dataclass
class Seen:
    """What several pollers ask together: never two at once."""

    running: int = 0
    most: int = 0
    asked: list[tuple[str, ChangeCursor | None]] = field(default_factory=list)


@dataclass
class Polled:
    """One process that polls. `name` is its own among those of one `folder`."""

    hub: Hub
    folder: Path
    name: str
    seen: Seen
    at: datetime = NOW
    before_taking: Callable[[Sequence[Told]], None] = lambda told: None

    def poller(self, system: str) -> Poller:
        spec = self.hub.connected.systems.systems[system]
        polling = Polling(
            cursors=FeedCursors(self.hub.store, now=self.now), take=self.take,
            park=self.hub.letters.park, now=self.now,
        )  # fmt: skip
        return Poller(_Watched(self, system), spec, polling)

    async def take(self, told: Sequence[Told]) -> Sequence[Taken]:
        self.before_taking(told)
        return await self.hub.live.arriving.taking.take(told)

    def now(self) -> datetime:
        return self.at

    async def until_known(self, keys: set[str], *, noun: str = "order") -> None:
        """Until the hub believes something of every one of them."""
        async with asyncio.timeout(20):
            while not keys <= await self.known(noun):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)

    async def known(self, noun: str = "order") -> set[str]:
        return set(await states_of(self.hub, noun))


@dataclass
class _Watched:
    """A guarded source whose looks at changes are noted."""

    polled: Polled
    system: str

    async def changes(
        self, noun: str, after: ChangeCursor | None, limit: int
    ) -> ChangePage | OpsHubError:
        seen = self.polled.seen
        seen.asked.append((self.polled.name, after))
        seen.running += 1
        seen.most = max(seen.most, seen.running)
        try:
            source = self.polled.hub.connected.by_name[self.system]
            return await source.changes(noun, after, limit)
        finally:
            seen.running -= 1


def put(folder: Path, rows: Sequence[Row], *, table: str = "ord") -> None:
    """The company's rows from now on."""
    with closing(sqlite3.connect(folder / "company.db")) as db:
        db.executescript(_TABLES)
        db.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", rows)
        db.commit()


def drop(folder: Path, key: str) -> None:
    """The company deletes an order."""
    with closing(sqlite3.connect(folder / "company.db")) as db:
        db.execute("DELETE FROM ord WHERE id = ?", (key,))
        db.commit()


async def states_of(hub: Hub, noun: str) -> dict[str, tuple[int, str]]:
    """What is believed: version and content by key."""
    asked = f"SELECT key, version, content FROM entity_state WHERE noun = '{noun}'"
    return {key: (version, content) for key, version, content in await rows_of(hub.store, asked)}


async def events_of(hub: Hub) -> list[str]:
    """The ids of all events, in their order."""
    return [
        id_ for (id_,) in await rows_of(hub.store, "SELECT event_id FROM event_log ORDER BY id")
    ]


@asynccontextmanager
async def polled_hub(
    folder: Path, store_url: str, *, name: str = "one", backfill: str = "", seen: Seen | None = None
) -> AsyncIterator[Polled]:
    """Composed and at rest: nothing runs but what a test begins."""
    put(folder, [])
    path = folder / f"{name}.yaml"
    path.write_text(FILE.format(folder=folder, backfill=backfill))
    settings = Settings(data_dir=folder / name, store_url=store_url)
    hub = await open_hub(settings, load_systems(path, environ={}), TokenRules(keys={}))
    try:
        yield Polled(hub, folder, name, seen or Seen())
    finally:
        await hub.close()
