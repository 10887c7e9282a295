"""Whoever is cancelled in the middle of a transaction locks nobody out."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from hub.store.engine import Store, connect

SEED = 20261121
ROUNDS = 60


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    opened = connect(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    async with opened.write() as connection:
        await connection.execute(text("CREATE TABLE told (number INTEGER)"))
    return opened


async def _write(store: Store, rows: int = 3) -> None:
    async with store.write() as connection:
        for number in range(rows):
            await connection.execute(text(f"INSERT INTO told VALUES ({number})"))


async def _count(store: Store) -> int:
    async with store.read() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM told"))).scalar_one())


def _workers() -> int:
    """Threads of SQLite connections in this process, those of other tests too."""
    return sum("_connection_worker_thread" in each.name for each in threading.enumerate())


async def test_after_any_cancellation_the_next_write_goes_through(store: Store) -> None:
    random, before = Random(SEED), _workers()
    print("seed", SEED)
    for _ in range(ROUNDS):
        tasks = [asyncio.create_task(_write(store)) for _ in range(8)]
        tasks += [asyncio.create_task(_count(store)) for _ in range(4)]  # type: ignore[arg-type]
        await asyncio.sleep(random.random() * 0.01)
        for task in tasks:
            if random.random() < 0.6:
                task.cancel()
        await asyncio.sleep(random.random() * 0.004)
        for task in tasks:
            if random.random() < 0.3:
                task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(end) for end in ends} <= {type(None), int, asyncio.CancelledError}
        async with asyncio.timeout(2):
            await _write(store)
    assert await _count(store) % 3 == 0  # all of a transaction or nothing
    await store.close()
    assert _workers() <= before


async def test_a_deadline_that_passes_within_a_write_is_a_deadline(store: Store) -> None:
    slow = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) "
        "INSERT INTO told SELECT max(i) FROM n"
    )
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), store.write() as connection:
            await connection.execute(slow)
    await _write(store)
    await store.close()


async def test_a_refused_statement_does_not_hide_the_cancellation(store: Store) -> None:
    async def refused() -> None:
        async with store.write() as connection:
            await connection.execute(text("INSERT INTO told VALUES (1)"))
            me = asyncio.current_task()
            assert me is not None
            me.cancel()
            await connection.execute(text("INSERT INTO nowhere VALUES (1)"))

    task = asyncio.create_task(refused())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await _count(store) == 0
    await store.close()
