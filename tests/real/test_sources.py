"""The data sets through the SQL source alone: everything is there, counted by reading it whole."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hub.config.systems import load_systems
from hub.model.record import Record
from hub.reads.port import ListQuery
from sources.sql import SqlSource
from tests.real import facts, files
from tests.real.load import database_url

HERE = Path(__file__).parent
KEYS_A_CALL = 500
RECORDS_A_PAGE = 5_000

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def retail_url(request: pytest.FixtureRequest) -> str:
    """Online Retail in one of the two databases."""
    return database_url(request.getfixturevalue(f"online_retail_{request.param}"))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def northwind_url(request: pytest.FixtureRequest) -> str:
    """Northwind in one of the two databases."""
    return database_url(request.getfixturevalue(f"northwind_{request.param}"))


@asynccontextmanager
async def _opened(file: str, environ: Mapping[str, str]) -> AsyncIterator[SqlSource]:
    """The only system of a systems file, once every table it names is found."""
    systems = load_systems(HERE / file, environ=environ)
    (spec,) = systems.systems.values()
    source = SqlSource(spec, systems)
    try:
        assert await source.start() == ()
        yield source
    finally:
        await source.close()


async def _all(source: SqlSource, noun: str) -> AsyncIterator[Record]:
    """Every record of a noun, page by page; each must be readable."""
    cursor: str | None = None
    while True:
        page = await source.list(noun, ListQuery(limit=RECORDS_A_PAGE, cursor=cursor))
        for record in page.records:
            assert isinstance(record, Record), record
            yield record
        cursor = page.next_cursor
        if cursor is None:
            return


async def _count(source: SqlSource, noun: str) -> int:
    keys = [record.ref.key async for record in _all(source, noun)]
    assert len(set(keys)) == len(keys)
    return len(keys)


@files.needs_online_retail
async def test_online_retail_is_counted_whole(retail_url: str) -> None:
    retail = facts.online_retail()
    async with _opened("online_retail.yaml", {"ONLINE_RETAIL_URL": retail_url}) as source:
        assert await _count(source, "order") == len(retail.orders) == 20_725
        assert await _count(source, "invoice") == 20_725
        assert await _count(source, "credit_memo") == len(retail.credit_notes) == 3_836
        assert await _count(source, "customer") == len(retail.customers) == 4_372


@files.needs_online_retail
async def test_every_total_and_time_is_exact(retail_url: str) -> None:
    orders = facts.online_retail().orders
    numbers = list(orders)
    told: dict[str, tuple[Decimal, object]] = {}
    async with _opened("online_retail.yaml", {"ONLINE_RETAIL_URL": retail_url}) as source:
        for start in range(0, len(numbers), KEYS_A_CALL):
            records: Any = await source.by_key("order", numbers[start : start + KEYS_A_CALL])
            told |= {each.number: (each.total.amount, each.placed_at) for each in records}
    assert told == {each.number: (each.total, each.dated_at) for each in orders.values()}


@files.needs_online_retail
async def test_every_line_is_read(online_retail_postgres: str) -> None:
    url = database_url(online_retail_postgres)
    lines, value = 0, Decimal()
    async with _opened("online_retail.yaml", {"ONLINE_RETAIL_URL": url}) as source:
        async for line in _all(source, "order_line"):
            record: Any = line
            lines += 1
            value += record.amount.amount
    retail = facts.online_retail()
    kinds = (retail.orders, retail.credit_notes, retail.adjustments, retail.write_offs)
    assert lines == retail.lines == 541_909
    assert value == sum((each.total for kind in kinds for each in kind.values()), Decimal())


@files.needs_northwind
async def test_northwind_is_counted_whole(northwind_url: str) -> None:
    async with _opened("northwind.yaml", {"NORTHWIND_URL": northwind_url}) as source:
        assert await _count(source, "order") == 830
        assert await _count(source, "order_line") == 2_155
        assert await _count(source, "customer") == 91
        assert await _count(source, "item") == 77
        assert await _count(source, "inventory_position") == 77
        assert await _count(source, "shipment") == 809
