"""Changes in pages, from every kind of source: all of them, once, and only what is asked for."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from hub.config.systems import load_systems
from hub.model.errors import InputInvalid
from sources.port import ChangeCursor, ChangedRow
from sources.registry import KINDS, CountingSource
from tests.support.postgres import new_database
from tests.support.rest_system import RestSystem, running_rest

ROWS: list[dict[str, Any]] = [
    *({"id": f"A{n:02}", "ts": 20260301100000} for n in range(9)),
    {"id": "B", "ts": 20260301110000},
    {"id": "C", "ts": None},
    {"id": "D", "ts": None},
]
FILE = """
version: 1
systems:
  erp:
    role: erp
    kind: {kind}
    url: {url}
    entities:
      order:
        {ask}
        key: id
        fields: {{ number: id, updated_at: {{ path: ts, read: "%Y%m%d%H%M%S", zone: UTC }} }}
        changes: {{ {get}order_by: [ts, id], every: 1s, overlap: 1s }}
"""
_REST = 'get: "/link/orders?since={since}", each: items, next: next, '


def opened(folder: Path, url: str, *, is_rest: bool = False) -> CountingSource:
    kind = "rest" if is_rest else "sql"
    ask = 'by_key: { get: "/link/orders?id={keys|csv}" }' if is_rest else "from: ord"
    path = folder / "systems.yaml"
    path.write_text(FILE.format(kind=kind, url=url, ask=ask, get=_REST if is_rest else ""))
    file = load_systems(path, environ={})
    return KINDS[kind](file.systems["erp"], file)


@pytest_asyncio.fixture(params=("sqlite", "postgresql", "rest"))
async def source(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CountingSource]:
    rows = [(row["id"], row["ts"]) for row in ROWS]
    if request.param == "rest":
        async with running_rest(RestSystem({"orders": ROWS})) as system:
            made = opened(tmp_path, system.url, is_rest=True)
            yield made
            await made.close()
            assert any("since=20260301103000" in each for each in system.asked)
        return
    if request.param == "sqlite":
        with closing(sqlite3.connect(tmp_path / "erp.db")) as db:
            db.execute("CREATE TABLE ord (id text PRIMARY KEY, ts integer)")
            db.executemany("INSERT INTO ord VALUES (?, ?)", rows)
            db.commit()
        made = opened(tmp_path, f"sqlite:///{tmp_path}/erp.db")
        yield made
        await made.close()
        return
    async with new_database(request.getfixturevalue("postgres_dsn")) as dsn:
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE TABLE ord (id text PRIMARY KEY, ts bigint)")
        await connection.executemany("INSERT INTO ord VALUES ($1, $2)", rows)
        await connection.close()
        made = opened(tmp_path, dsn)
        yield made
        await made.close()


async def everything(source: CountingSource, cursor: ChangeCursor) -> tuple[list[ChangedRow], int]:
    """The rows of one look, and how many pages it had."""
    found: list[ChangedRow] = []
    for count in range(1, 20):
        page = await source.changes("order", cursor, 4)
        found += page.records
        cursor = page.cursor
        if page.is_last:
            return found, count
    raise AssertionError("a look without an end")


async def test_changes_are_all_met_and_bounded_below(source: CountingSource) -> None:
    timed, pages = await everything(source, ChangeCursor())
    unset, _ = await everything(source, ChangeCursor(is_unset=True))
    keys = [each.key for each in [*timed, *unset]]
    assert keys == [row["id"] for row in ROWS]
    assert pages >= 3
    assert [each.at for each in timed[:10]] == [
        *[datetime(2026, 3, 1, 10, tzinfo=UTC)] * 9, datetime(2026, 3, 1, 11, tzinfo=UTC),
    ]  # fmt: skip
    half_past = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
    later, _ = await everything(source, ChangeCursor(since=half_past))
    assert [each.key for each in later][:1] == (["B"] if source.kind == "sql" else ["A00"])
    page = await source.changes("order", ChangeCursor(), 4)
    assert page.cursor.seen == datetime(2026, 3, 1, 10, tzinfo=UTC)


async def test_a_place_that_is_none_is_refused(source: CountingSource) -> None:
    with pytest.raises(InputInvalid):
        await source.changes("order", ChangeCursor(place="!"), 4)
    await source.changes("order", ChangeCursor(datetime(2026, 3, 1, 10, 30, tzinfo=UTC)), 4)


async def test_the_hour_that_a_local_clock_repeats_is_read_again(tmp_path: Path) -> None:
    """Berlin, 25 October 2026: 02:59 in summer is followed by 02:00 in winter."""
    with closing(sqlite3.connect(tmp_path / "erp.db")) as db:
        db.execute("CREATE TABLE ord (id text PRIMARY KEY, ts integer)")
        written = [("before", 20261025015800), ("last", 20261025025900), ("again", 20261025020500)]
        db.executemany("INSERT INTO ord VALUES (?, ?)", written)
        db.commit()
    path = tmp_path / "systems.yaml"
    text = FILE.format(kind="sql", url=f"sqlite:///{tmp_path}/erp.db", ask="from: ord", get="")
    path.write_text(text.replace("zone: UTC", "zone: Europe/Berlin"))
    file = load_systems(path, environ={})
    source = KINDS["sql"](file.systems["erp"], file)
    seen = datetime(2026, 10, 25, 0, 59, tzinfo=UTC)  # of "last"
    page = await source.changes("order", ChangeCursor(seen - timedelta(seconds=1)), 9)
    assert [each.key for each in page.records] == ["again", "last"]
    later = datetime(2026, 10, 25, 3, 0, tzinfo=UTC)
    assert (await source.changes("order", ChangeCursor(later), 9)).records == []
    await source.close()
