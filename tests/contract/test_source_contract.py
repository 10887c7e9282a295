"""One suite for every kind of source: the same facts give the same answers, whatever the protocol.

SQLite and PostgreSQL are real databases, the HTTP system a real server with each way of paging.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.model.errors import (
    InputInvalid,
    SourceCannot,
    SourceError,
    SourceInvalid,
    SourceTimeout,
    SourceUnavailable,
    UnmappedValue,
)
from hub.model.order import Order, OrderStatus
from hub.model.record import Record
from hub.model.shipment import ShipmentStatus
from hub.model.values import Money, Quantity, Ref
from hub.reads.port import Condition, ListPage, ListQuery, Sort
from sources.guard import GuardedSource
from sources.registry import CountingSource
from tests.support.postgres import new_database
from tests.support.source_absence import absent
from tests.support.source_worlds import World, fill_postgres, fill_sqlite, rest_world

KINDS = ("sqlite", "postgresql", "rest-link", "rest-page", "rest-cursor")


@pytest_asyncio.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    if request.param == "sqlite":
        fill_sqlite(tmp_path / "erp.db")
        yield World("sqlite", "sql", f"sqlite:///{tmp_path}/erp.db", tmp_path)
    elif request.param == "postgresql":
        async with new_database(request.getfixturevalue("postgres_dsn")) as dsn:
            await fill_postgres(dsn)
            yield World("postgresql", "sql", dsn, tmp_path)
    else:
        async with rest_world(request.param.removeprefix("rest-"), tmp_path) as rest:
            yield rest


@pytest_asyncio.fixture
async def source(world: World) -> AsyncIterator[CountingSource]:
    opened = world.open()
    assert await opened.start() == ()
    yield opened
    await opened.close()


def order(key: str) -> Ref:
    return Ref("order", "main", key)


def keys(records: Any) -> list[str]:
    return [record.ref.key for record in records]


async def test_answers_are_aligned_with_the_keys(source: CountingSource) -> None:
    asked = ["4712", "none", "4711", "4712", "04711", "99999999999999999999", ""]
    found = await source.by_key("order", asked)
    assert [each and each.ref.key for each in found] == [  # type: ignore[union-attr]
        "4712", None, "4711", "4712", None, None, None,
    ]  # fmt: skip


async def test_a_record_has_exact_values(source: CountingSource) -> None:
    (found,) = await source.by_key("order", ["4711"])
    assert isinstance(found, Order)
    assert found.number == "4711"
    assert found.customer == Ref("customer", "main", "K1")
    assert found.status is OrderStatus.OPEN
    assert found.placed_at == datetime(2024, 1, 31, 8, 30, tzinfo=UTC)
    assert found.total == Money(Decimal("1234.56"), "EUR")
    assert found.gaps == ()


async def test_decimals_lose_no_digit(source: CountingSource) -> None:
    (found,) = await source.by_key("order", ["4713"])
    assert isinstance(found, Order)
    assert found.total == Money(Decimal("9007199254740993.25"), "EUR")
    assert type(found.total.amount) is Decimal


async def test_summer_time_is_another_offset(source: CountingSource) -> None:
    (found,) = await source.by_key("order", ["4712"])
    assert isinstance(found, Order)
    assert found.placed_at == datetime(2024, 6, 30, 22, 0, 1, tzinfo=UTC)
    assert found.po_number is None


async def test_an_unmapped_code_leaves_its_field_empty_and_is_counted(
    source: CountingSource,
) -> None:
    (found,) = await source.by_key("order", ["4713"])
    assert isinstance(found, Order)
    assert found.status is None
    (gap,) = found.gaps
    assert isinstance(gap, UnmappedValue)
    assert (gap.system, gap.field, gap.received, gap.known) == (
        "main", "status", "77", ("10", "12", "60", "90"),
    )  # fmt: skip
    assert source.unmapped == {"order.status": 1}


async def test_a_named_otherwise_takes_unknown_codes_and_counts_them(
    source: CountingSource,
) -> None:
    (found,) = await source.by_key("shipment", ["a,b/c"])
    assert found.status is ShipmentStatus.EXCEPTION  # type: ignore[union-attr]
    assert found.gaps == ()  # type: ignore[union-attr]
    assert source.unmapped == {"shipment.status": 1}


async def test_a_malformed_row_fails_alone_and_says_why(source: CountingSource) -> None:
    first, broken, last = await source.by_key("order", ["4711", "4714", "4715"])
    assert isinstance(first, Record) and isinstance(last, Record)
    assert isinstance(broken, SourceInvalid)
    assert str(broken).startswith("main: order: field 'placed_at' = (20241399, 1): ")


async def test_a_composite_key_is_found_by_all_its_parts(source: CountingSource) -> None:
    found = await source.by_key("order_line", ["4711/20", "4712/10", "4712/20", "4711"])
    assert [each and each.ref.key for each in found] == [  # type: ignore[union-attr]
        "4711/20", "4712/10", None, None,
    ]  # fmt: skip


async def test_a_relation_is_a_reference_asked_backwards(source: CountingSource) -> None:
    asked = [order("4712"), order("4799"), order("4711"), order("4712")]
    found = await source.by_field("order_line", "order", asked)
    assert [sorted(keys(each)) for each in found] == [
        ["4712/10"], [], ["4711/10", "4711/20", "4711/30"], ["4712/10"],
    ]  # fmt: skip
    quantities = {each.ref.key: each.ordered for each in found[2]}  # type: ignore[union-attr]
    assert quantities["4711/30"] == Quantity(Decimal("0.125"), "EA")


async def test_a_reference_into_two_systems_is_asked_by_its_own(source: CountingSource) -> None:
    asked = [order("4711"), Ref("order", "other", "4711"), Ref("order", "third", "4711")]
    found = await source.by_field("shipment", "order", asked)
    assert [keys(each) for each in found] == [["S1"], ["S2"], []]
    assert found[1][0].order == Ref("order", "other", "4711")  # type: ignore[index,union-attr]


async def test_a_text_is_asked_exactly(source: CountingSource) -> None:
    found = await source.by_field("order_line", "sku", ["A-1", "a-1", "B"])
    assert [sorted(keys(each)) for each in found] == [
        ["4711/10", "4711/30", "4712/10"], [], ["4711/20"],
    ]  # fmt: skip


async def test_a_code_is_asked_by_all_its_native_words(source: CountingSource) -> None:
    found = await source.by_field("shipment", "status", ["IN_TRANSIT", "DELIVERED", "nonsense"])
    assert [sorted(keys(each)) for each in found] == [["S1", "S2"], [], []]


async def test_a_negated_amount_is_positive(source: CountingSource) -> None:
    (found,) = await source.by_field("credit_memo", "order", [order("4711")])
    totals = {each.ref.key: each.total for each in found}  # type: ignore[union-attr]
    assert totals == {"C1": Money(Decimal("12.34"), "EUR"), "C2": Money(Decimal("0.01"), "EUR")}


async def test_special_letters_in_a_key_are_only_letters(source: CountingSource) -> None:
    asked = ["a,b/c", "S1' OR '1'='1", "S1%", "../S1", "S1&id=S2", "{key}", "\x00", "é€"]
    found = await source.by_key("shipment", asked)
    assert [each is not None for each in found] == [True, *[False] * 7]


async def test_many_keys_go_out_in_batches(world: World) -> None:
    source = world.open(batch=2)
    try:
        found = await source.by_key("order", ["4711", "4712", "4713", "4715", "1", "2", "3"])
        assert [each is not None for each in found] == [True] * 4 + [False] * 3
        if world.rest is not None and world.name == "rest-link":
            assert len(world.rest.asked) == 4
    finally:
        await source.close()


OPEN = Condition("status", "eq", OrderStatus.OPEN)


async def listed(source: CountingSource, *conditions: Condition, **query: Any) -> ListPage:
    return await source.list("order", ListQuery(conditions, **query))


async def test_a_filter_asks_for_every_native_word(source: CountingSource) -> None:
    assert sorted(keys((await listed(source, OPEN)).records)) == ["4711", "4712"]


async def test_a_filter_by_reference(source: CountingSource) -> None:
    both = [Ref("customer", "main", "K1"), Ref("customer", "main", "K2")]
    page = await listed(source, Condition("customer", "in", both))
    assert sorted(keys(page.records)) == ["4711", "4712", "4713"]
    foreign = Ref("customer", "elsewhere", "K1")
    assert (await listed(source, Condition("customer", "eq", foreign))).records == []


async def test_contains_takes_wildcards_as_letters(source: CountingSource) -> None:
    assert keys((await listed(source, Condition("po_number", "contains", "%"))).records) == ["4711"]
    assert keys((await listed(source, Condition("po_number", "contains", "O_"))).records) == [
        "4713"
    ]


async def test_pages_together_are_the_list_in_order(source: CountingSource) -> None:
    conditions = (Condition("customer", "in", [Ref("customer", "main", f"K{n}") for n in (1, 2)]),)
    seen: list[str] = []
    cursor = None
    for _ in range(5):
        page = await listed(
            source, *conditions, sort=(Sort("placed_at", True),), limit=1, cursor=cursor
        )
        seen += keys(page.records)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["4713", "4712", "4711"]
    assert cursor is None


async def test_an_order_it_has_not_is_refused_by_name(source: CountingSource) -> None:
    with pytest.raises(SourceCannot, match="cannot sort by"):
        await listed(source, sort=(Sort("status"),))


async def test_a_filter_it_has_not_is_refused_by_name(source: CountingSource) -> None:
    with pytest.raises(SourceCannot, match=r"order\.channel"):
        await listed(source, Condition("channel", "eq", "WEB"))


async def test_a_foreign_cursor_is_refused(source: CountingSource) -> None:
    with pytest.raises(InputInvalid):
        await listed(source, cursor="bm9uc2Vuc2U")


async def test_a_lookup_it_has_not_is_refused_by_name(source: CountingSource) -> None:
    with pytest.raises(SourceCannot, match="channel"):
        await source.by_field("order", "channel", ["WEB"])
    with pytest.raises(SourceCannot, match="invoice"):
        await source.by_key("invoice", ["1"])


async def test_native_beside_canonical(source: CountingSource) -> None:
    found = await source.native("order", "4711")
    assert found is not None
    assert (found.native["orno"], found.native["orst"]) == (4711, "10")
    assert isinstance(found.canonical, Order)
    assert await source.native("order", "1") is None


async def test_check_finds_the_code_without_a_row(source: CountingSource) -> None:
    problems = [str(problem) for problem in await source.check() if "77" in problem.message]
    assert len(problems) == 1
    assert ".order.fields.status.values: " in problems[0]


async def test_the_deadline_ends_the_work(world: World) -> None:
    opened = world.open(timeout="300ms", in_flight=1)
    source = GuardedSource(opened, limits_of(opened), unmapped=opened.unmapped)
    if world.rest is not None:
        world.rest.delay_s = 30.0
    try:
        started = asyncio.get_running_loop().time()
        (answer,) = await source.by_key("case", ["1"])
        assert isinstance(answer, SourceTimeout)
        assert asyncio.get_running_loop().time() - started < 5.0
        if world.rest is not None:
            world.rest.delay_s = 0.0
        # The only connection is free again: the work over there has ended, not only our wait.
        (found,) = await source.by_key("order", ["4711"])
        assert isinstance(found, Order)
    finally:
        await source.close()


async def test_no_more_calls_run_than_declared(world: World) -> None:
    opened = world.open(in_flight=2)
    source = GuardedSource(opened, limits_of(opened), unmapped=opened.unmapped)
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, source.health().in_flight)
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    try:
        answers = await asyncio.gather(*(source.by_key("order", ["4711"]) for _ in range(12)))
    finally:
        watching.cancel()
        await source.close()
    assert all(isinstance(answer[0], Order) for answer in answers)
    assert most == 2
    if world.rest is not None:
        assert world.rest.most_running <= 2


def limits_of(source: Any) -> Any:
    return source._spec.limits


async def test_a_system_that_is_not_there_is_unavailable_until_it_comes(
    world: World, tmp_path: Path
) -> None:
    async with absent(world, tmp_path) as (url, appear):
        opened = world.open(url=url)
        source = GuardedSource(opened, limits_of(opened), unmapped=opened.unmapped)
        problems = await source.start()
        assert all(isinstance(problem, SourceError) for problem in problems)
        (answer,) = await source.by_key("order", ["4711"])
        assert isinstance(answer, SourceUnavailable)
        assert url not in str(answer)
        await appear()
        (found,) = await source.by_key("order", ["4711"])
        assert isinstance(found, Order)
        await source.close()
