"""Polling an HTTP system whose records change while its pages are read: none is passed over."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.config.systems import load_systems
from hub.events.dead_letters import Parking
from hub.events.feed_cursors import FeedCursors
from hub.events.told import Fate, Told
from hub.store.engine import Store
from sources import polling, rest_changes
from sources.guard import GuardedSource
from sources.polling import EntityPoller, Polling
from sources.registry import KINDS
from tests.support.rest_system import RestSystem, running_rest
from tests.support.stores import opened_store, run_sql

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AT = datetime(2026, 3, 1, 11, 0, tzinfo=UTC)  # an hour before: behind no overlap
PAGE = 3
PAGINGS = {"page": "page: 1, size: 3", "link": "next: next", "cursor": "cursor: next"}
HOLES = {"page": "&page={page}&per={size}", "link": "", "cursor": "&cursor={cursor}"}
FILE = """
version: 1
systems:
  wms:
    role: wms
    kind: rest
    url: {url}
    entities:
      shipment:
        by_key: {{ get: "/one?ids={{keys|csv}}" }}
        key: id
        fields: {{ number: id, updated_at: {{ path: ts, read: "%Y%m%d%H%M%S", zone: UTC }} }}
        changes:
          get: "/{style}/shipments?since={{since}}{hole}"
          each: items
          {paging}
          order_by: [ts, id]
          every: 1s
          overlap: 30s
          backfill: {{ rate: 10000/s }}
"""


@dataclass
class Moving(RestSystem):
    """Its records by id, oldest change first; `between` is called behind each page."""

    collections: dict[str, Sequence[dict[str, object]]] = field(default_factory=dict)
    stamps: dict[str, int] = field(default_factory=dict)
    between: Callable[[], None] = lambda: None

    def _answer(self, request: Request) -> Response:
        query = request.query_params
        since = int(query.get("since") or 0)
        rows = sorted((ts, id_) for id_, ts in self.stamps.items() if ts >= since)
        if request.path_params["style"] == "page":
            start = (int(query["page"]) - 1) * PAGE
        else:  # the place is that of a record: what moves before it moves nothing behind it
            after = query.get("cursor", "")
            place = (int(after.split("_")[0]), after.split("_")[1]) if after else (0, "")
            start = sum(1 for row in rows if row <= place)
        found = rows[start : start + PAGE]
        onward = f"{found[-1][0]}_{found[-1][1]}" if start + PAGE < len(rows) else None
        if onward and request.path_params["style"] == "link":
            onward = f"{request.url.path}?since={query.get('since') or ''}&cursor={onward}"
        self.between()
        items = [{"id": id_, "ts": ts} for ts, id_ in found]
        return JSONResponse({"items": items, "next": onward})


@dataclass
class Reader:
    poller: EntityPoller
    told: list[Told]
    parked: list[Parking]

    @property
    def keys(self) -> set[str]:
        return {each.ref.key for each in self.told}


@asynccontextmanager
async def reading(system: Moving, style: str, store: Store, folder: Path) -> AsyncIterator[Reader]:
    path = folder / "systems.yaml"
    path.write_text(
        FILE.format(url=system.url, style=style, hole=HOLES[style], paging=PAGINGS[style].replace(
            ", ", "\n          "
        ))
    )  # fmt: skip
    file = load_systems(path, environ={})
    spec = file.systems["wms"]
    source = KINDS["rest"](spec, file)
    told: list[Told] = []
    parked: list[Parking] = []

    async def take(some: Sequence[Told]) -> list[Fate]:
        told.extend(some)
        return [Fate.APPLIED] * len(some)

    async def park(letters: Sequence[Parking]) -> None:
        parked.extend(letters)

    changes = spec.entities["shipment"].changes
    assert changes is not None
    await run_sql(store, "DELETE FROM feed_cursor")
    shared = Polling(
        cursors=FeedCursors(store, now=lambda: NOW), take=take, park=park, now=lambda: NOW
    )
    guarded = GuardedSource(source, spec.limits, unmapped={})
    try:
        yield Reader(
            EntityPoller(guarded, "wms", "shipment", changes=changes, polling=shared), told, parked
        )
    finally:
        await source.close()


@pytest_asyncio.fixture
async def plain_store(tmp_path: Path) -> AsyncIterator[Store]:
    """What is polled has nothing to do with the kind of the hub's own store."""
    async with opened_store(f"sqlite:///{tmp_path}/hub.sqlite") as store:
        yield store


def stamp(seconds: int) -> int:
    return int((AT + timedelta(seconds=seconds)).strftime("%Y%m%d%H%M%S"))


def moves(system: Moving, chance: random.Random, *, most: int) -> None:
    """Some records change, or are deleted: all behind them move up."""
    for _ in range(chance.randint(0, most)):
        moved = chance.choice(sorted(system.stamps))
        if chance.random() < 0.3:
            del system.stamps[moved]
        else:
            system.stamps[moved] = stamp(100 + len(system.asked))


async def read_history(reader: Reader) -> None:
    await reader.poller.look()
    while await reader.poller.read_history():
        pass


@pytest.mark.parametrize("style", PAGINGS)
async def test_records_that_move_between_pages_are_all_told(
    style: str, plain_store: Store, tmp_path: Path
) -> None:
    for seed in range(3 if style == "page" else 1):
        chance = random.Random(seed)
        stamps = {f"s{n:03}": stamp(n // 4) for n in range(40)}
        system = Moving({}, stamps=stamps)
        async with (
            running_rest(system),
            reading(system, style, plain_store, tmp_path) as reader,
        ):
            system.between = lambda s=system, c=chance: moves(s, c, most=1)  # type: ignore[misc]
            await read_history(reader)
            system.between = lambda: None
            missed = {key for key in system.stamps if key not in reader.keys}
            assert missed == set(), f"seed {seed}"
            assert reader.parked == []


async def test_the_test_sees_what_page_numbers_alone_would_lose(
    plain_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known bad: pages that are not read again."""
    plain = rest_changes.RestChanges._numbered

    async def forgetful(self: object, cursor: object, now: object) -> object:
        page = await plain(self, cursor, now)  # type: ignore[arg-type]
        size = PAGE if len(page.records) > PAGE else 0
        return type(page)(page.records[size:], page.cursor, page.is_last)

    monkeypatch.setattr(rest_changes.RestChanges, "_numbered", forgetful)
    with pytest.raises(AssertionError, match="seed"):
        await test_records_that_move_between_pages_are_all_told("page", plain_store, tmp_path)


async def test_pages_without_an_order_are_refused_and_not_read_for_ever(
    plain_store: Store, tmp_path: Path
) -> None:
    system = Moving({}, stamps={f"s{n:03}": stamp(0) for n in range(30)})

    def shuffle() -> None:
        system.stamps = {id_: stamp(random.randrange(3000)) for id_ in system.stamps}

    system.between = shuffle
    async with running_rest(system), reading(system, "page", plain_store, tmp_path) as reader:
        with pytest.raises(Exception, match="no order that stays from page to page"):
            await asyncio.wait_for(read_history(reader), 20)
        system.between = lambda: None
        await read_history(reader)
        assert reader.keys == set(system.stamps)


async def test_records_of_one_time_go_over_pages(
    plain_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "PAGE_ROWS", 3)
    for style in PAGINGS:
        system = Moving({}, stamps={f"s{n:03}": stamp(0) for n in range(20)})
        async with running_rest(system), reading(system, style, plain_store, tmp_path) as reader:
            await read_history(reader)
            assert len(reader.told) == 20 and reader.keys == set(system.stamps)


async def test_a_system_that_went_away_is_polled_from_where_it_was(
    plain_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "BACKOFF_MIN_S", 0.1)
    system = Moving({}, stamps={f"s{n:03}": stamp(n) for n in range(10)})
    async with AsyncExitStack() as stack:
        async with running_rest(system):
            reader = await stack.enter_async_context(
                reading(system, "cursor", plain_store, tmp_path)
            )
            await read_history(reader)
        asked = len(system.asked)
        following = asyncio.create_task(reader.poller.follow())
        await asyncio.sleep(1.5)  # it is tried now and then, and nobody is there
        system.stamps |= {f"t{n:03}": stamp(3570 + n) for n in range(10)}
        assert len(system.asked) == asked and len(reader.told) == 10
        async with running_rest(system):
            async with asyncio.timeout(10):
                while reader.keys != set(system.stamps):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.02)
            following.cancel()
            await asyncio.wait({following})
        assert len(reader.told) == 20 and reader.parked == []
