"""Polling a real table into a real store's cursors: nothing is lost, whatever the timestamps."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest

from hub.config.systems import load_systems
from hub.events.dead_letters import Parking
from hub.events.feed_cursors import FeedCursors
from hub.events.told import Fate, Told, Via
from hub.model.errors import OpsHubError, RecordUnknown
from hub.store.engine import Store
from sources import polling
from sources.guard import GuardedSource
from sources.polling import EntityPoller, Polling
from sources.sql import SqlSource

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FILE = """
version: 1
systems:
  erp:
    role: erp
    kind: sql
    url: sqlite:///{db}
    entities:
      order:
        from: ord
        key: id
        fields:
          number: id
          status: {{ column: st, values: {{ "10": OPEN, "90": COMPLETED }} }}
          updated_at: {{ column: ts, read: "%Y%m%d%H%M%S", zone: UTC }}
        changes: {{ order_by: [ts, id], every: 1s, overlap: 30s{backfill} }}
"""
ALL = ", backfill: { rate: 5000/s }"


@dataclass
class Erp:
    """A table `ord`, polled into lists. `answers` are by key what taking it in comes to."""

    folder: Path
    store: Store
    told: list[Told] = field(default_factory=list)
    parked: list[Parking] = field(default_factory=list)
    answers: dict[str, OpsHubError] = field(default_factory=dict)
    at: datetime = NOW

    def put(self, rows: Sequence[tuple[str, str, str | None]]) -> None:
        with closing(sqlite3.connect(self.folder / "erp.db")) as db:
            db.execute("CREATE TABLE IF NOT EXISTS ord (id text PRIMARY KEY, st text, ts text)")
            db.executemany("INSERT OR REPLACE INTO ord VALUES (?, ?, ?)", rows)
            db.commit()

    def poller(self, backfill: str = "") -> tuple[SqlSource, EntityPoller]:
        path = self.folder / "systems.yaml"
        path.write_text(FILE.format(db=self.folder / "erp.db", backfill=backfill))
        file = load_systems(path, environ={})
        spec = file.systems["erp"]
        source = SqlSource(spec, file)
        guarded = GuardedSource(source, spec.limits, unmapped={})
        changes = spec.entities["order"].changes
        assert changes is not None
        shared = Polling(
            cursors=FeedCursors(self.store, now=self.now), take=self.take, park=self.park,
            now=self.now,
        )  # fmt: skip
        return source, EntityPoller(guarded, "erp", "order", changes=changes, polling=shared)

    def now(self) -> datetime:
        return self.at

    async def take(self, told: Sequence[Told]) -> list[Fate | OpsHubError]:
        self.told += told
        return [self.answers.get(each.ref.key, Fate.APPLIED) for each in told]

    async def park(self, letters: Sequence[Parking]) -> None:
        self.parked += letters

    @property
    def keys(self) -> list[str]:
        return [each.ref.key for each in self.told]


@pytest.fixture
def erp(tmp_path: Path, store: Store) -> Erp:
    return Erp(tmp_path, store)


async def read_all(poller: EntityPoller) -> None:
    """A look, the history to its end, and what it met last."""
    await poller.look()
    while await poller.read_history():
        pass
    await poller.look()


def rows(count: int, ts: str | None, *, prefix: str = "K") -> list[tuple[str, str, str | None]]:
    return [(f"{prefix}{number:05}", "10", ts) for number in range(count)]


async def test_rows_of_one_time_are_all_told_over_pages(
    erp: Erp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "PAGE_ROWS", 37)
    erp.put(rows(1000, "20260301115950"))
    source, poller = erp.poller()
    await poller.look()
    assert erp.keys == [f"K{number:05}" for number in range(1000)]
    assert {each.via for each in erp.told} == {Via.POLL}
    await poller.look()
    assert len(erp.told) == 1000  # the overlap is not told again
    await source.close()


async def test_rows_without_a_time_are_found(erp: Erp) -> None:
    erp.put([*rows(3, None, prefix="N"), *rows(2, "20260301115950")])
    source, poller = erp.poller()
    await poller.look()
    assert erp.keys == ["K00000", "K00001", "N00000", "N00001", "N00002"]
    assert [each.is_replayed for each in erp.told] == [False, False, True, True, True]
    erp.put([("N00009", "10", None)])
    poller._unset_due = 0.0
    await poller.look()
    assert (erp.told[-1].ref.key, erp.told[-1].via) == ("N00009", Via.POLL)
    await source.close()


async def test_a_restart_between_pages_loses_nothing(
    erp: Erp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "PAGE_ROWS", 10)
    erp.put(rows(95, "20200101000000"))
    for _ in range(20):
        source, poller = erp.poller(ALL)
        looking = asyncio.create_task(read_all(poller))
        while not looking.done() and len(erp.told) % 40 < 30:  # noqa: ASYNC110 - cut anywhere
            await asyncio.sleep(0)
        looking.cancel()
        await asyncio.wait({looking})
        await source.close()
        if not looking.cancelled() and looking.exception() is None:
            break
    source, poller = erp.poller(ALL)
    await read_all(poller)
    await source.close()
    assert set(erp.keys) == {f"K{number:05}" for number in range(95)}


async def test_backfill_is_history_and_then_goes_over_to_news(erp: Erp) -> None:
    erp.put([("OLD", "10", "20200101000000"), ("NEW", "10", "20260301120001")])
    source, poller = erp.poller(ALL)
    await read_all(poller)
    told = {each.ref.key: (each.via, each.is_replayed) for each in erp.told}
    assert told == {"OLD": (Via.BACKFILL, True), "NEW": (Via.POLL, False)}
    erp.put([("OLD", "90", "20260301120002")])
    erp.at = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
    await poller.look()
    assert (erp.told[-1].ref.key, erp.told[-1].via) == ("OLD", Via.POLL)
    await source.close()


async def test_what_cannot_be_taken_yet_waits_and_holds_the_saved_cursor(erp: Erp) -> None:
    erp.put(rows(2, "20260301115950"))
    erp.answers["K00001"] = RecordUnknown("erp", "order", "K00001")
    source, poller = erp.poller()
    await poller.look()
    assert await FeedCursors(erp.store, now=erp.now).load("erp", "order") is None
    erp.answers.clear()
    for waiter in poller._taking._waiting.values():
        waiter.due = 0.0
    await poller.look()
    assert erp.keys == ["K00000", "K00001", "K00001"]
    saved = await FeedCursors(erp.store, now=erp.now).load("erp", "order")
    assert saved is not None and (saved.mode, saved.rows) == ("FOLLOW", 2)
    await source.close()


async def test_a_row_that_cannot_be_read_is_put_by_once(erp: Erp) -> None:
    erp.put([("A", "10", "20260301115950"), ("", "10", "20260301115951")])
    source, poller = erp.poller()
    await poller.look()
    await poller.look()
    assert erp.keys == ["A"]
    assert [each.error.code for each in erp.parked][:1] == ["SOURCE_INVALID"]
    await source.close()


async def test_backfill_keeps_to_its_rate(erp: Erp) -> None:
    erp.put(rows(100, "20200101000000"))
    source, poller = erp.poller(", backfill: { rate: 20/s }")
    await poller.look()
    rested: list[float] = []
    while True:
        has_more = await poller.read_history()
        if not has_more:
            break
        rested.append(poller._history_due - monotonic())
    assert len(erp.told) == 100
    assert len(rested) == 5  # a rest behind each full page of 20
    assert 4.0 < sum(rested) <= 5.0
    await source.close()


async def test_news_comes_between_the_pages_of_a_long_backfill(erp: Erp) -> None:
    """News waits for `every` and one page, not for the 1,000 s that this history takes."""
    erp.put(rows(1000, "20200101000000"))
    source, poller = erp.poller(", backfill: { rate: 1/s }")
    following = asyncio.create_task(poller.follow())
    try:
        async with asyncio.timeout(10):
            while not erp.told:  # noqa: ASYNC110 - until the history is under way
                await asyncio.sleep(0.01)
            erp.put([("NEWS", "10", "20260301120002")])
            began = monotonic()
            while "NEWS" not in erp.keys:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        following.cancel()
        await asyncio.wait({following})
    assert monotonic() - began < 2.5  # `every` is 1 s, a page of one row far less
    assert [each.via for each in erp.told if each.ref.key == "NEWS"] == [Via.POLL]
    assert len(erp.told) < 10
    saved = await FeedCursors(erp.store, now=erp.now).load("erp", "order")
    assert saved is not None and saved.mode == "BACKFILL"
    await source.close()
