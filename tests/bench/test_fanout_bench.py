"""Deliveries of events per second of CPU, against the stock handler in the same run.

1,000 websocket subscribers, of one feed and of 1,000 feeds, over the same in-process sockets. Ours
does all it does in production: topics, scope and record read again for each event, signed cursors.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.events.event import STATUS_CHANGED, Event, StatusChange
from hub.model.order import Order, OrderStatus
from hub.model.values import Ref
from hub.security.budget import Budgets
from resolvers.cost import Toll
from resolvers.http import GraphQLEndpoint
from resolvers.negotiation import Origins
from subscriptions.operation import Runner
from subscriptions.session import Parts
from subscriptions.sockets import Sockets
from subscriptions.websocket import WebSocketEndpoint
from tests.bench.sockets_in_process import Clients, clients_of
from tests.bench.stock_streams import Feeds, stock_app, stock_item
from tests.support.documents import documents_as_sent
from tests.support.live_hub import AGENT, ALICE, BEGAN, LiveHub, id_of, of, running_live_hub

SUBSCRIBERS = 1_000
ROUNDS = 5  # of deliveries to every subscriber; the best counts
ONE_FEED_MIN, MANY_FEEDS_MIN = 6.0, 2.5  # times the stock handler's deliveries

_ITEM = """__typename ... on OrderStatusEvent {
  eventId cursor sequence type occurredAt recordedAt correlationId entityVersion conflatedCount
  source { system externalId } changes { axis from to }
  node { id number status businessUnit placedAt updatedAt } }"""
ONE = f"""subscription {{
  orderStatusChanged(filter: {{ businessUnit: "EU1" }}, snapshot: false) {{ {_ITEM} }} }}"""
MANY = f"""subscription($id: ID!) {{
  orderStatusChanged(orderIds: [$id], snapshot: false) {{ {_ITEM} }} }}"""

Tell = Callable[[int], Awaitable[None]]


def _orders() -> list[Order]:
    return [
        of(Order, Ref("order", "erp", f"B{n}"), number=f"B{n}", customer=ALICE,
           status=OrderStatus.OPEN, business_unit="EU1", placed_at=BEGAN, updated_at=BEGAN)
        for n in range(SUBSCRIBERS)
    ]  # fmt: skip


def _event(hub: LiveHub, order: Order, number: int) -> Event:
    """The order's next status, which the hub's cache holds already."""
    status = OrderStatus.CONFIRMED if number % 2 else OrderStatus.OPEN
    at = BEGAN + timedelta(seconds=number)
    record = replace(order, status=status, as_of=at, fetched_at=datetime.now(UTC))
    hub.reads.invalidate(record.ref, record=record)
    return Event(
        id=f"{number:032x}", noun="order", change=STATUS_CHANGED, ref=record.ref, version=number,
        occurred_at=at, recorded_at=at, order=record.ref, customer=ALICE, business_unit="EU1",
        changes=(StatusChange("status", "OPEN", status.value),), record=record,
        correlation_id="correlation",
    )  # fmt: skip


def _endpoint(hub: LiveHub) -> WebSocketEndpoint:
    origins = Origins(frozenset())
    plain = GraphQLEndpoint(
        engine=hub.engine,
        authenticate=lambda token: AGENT,
        open_context=hub.context,
        deadline_s=lambda principal: 5.0,
        body_max=100_000,
        may_introspect=lambda principal: False,
        origins=origins,
        documents=documents_as_sent(),
        toll=Toll(hub.engine.graphql_schema, _plenty(), systems=dict),
    )
    sockets = Sockets(lambda principal: None, places=SUBSCRIBERS)
    sockets._count = lambda principal: None  # type: ignore[method-assign]  # all are one subject
    return WebSocketEndpoint(
        Parts(lambda token: AGENT, Runner(plain.operations, hub.streams), sockets), origins=origins
    )


def _plenty() -> Budgets:
    """A bucket that is full again at each look: what is measured is no refusal."""
    ticks = iter(range(10**9))
    return Budgets(clock=lambda: next(ticks) * 60.0)


async def _best_s(clients: Clients, tell: Tell, *, each: int, rounds: int = ROUNDS) -> float:
    """Seconds of CPU for one delivery, the best of the rounds; a round begins with a warm-up."""
    best = float("inf")
    for number in range(1, rounds + 2):
        expected = clients.results + each
        gc.collect()
        began = time.process_time()
        await tell(number)
        await clients.until(expected)
        took = time.process_time() - began
        assert clients.results == expected
        if number > 1:
            best = min(best, took / each)
    return best


async def _ours(folder: Path, *, is_one: bool) -> tuple[float, Any]:
    orders = _orders()
    async with running_live_hub(folder) as hub, clients_of(_endpoint(hub)) as clients:
        hub.sources["erp"].put(*orders)
        await clients.connect([(ONE, {})] * SUBSCRIBERS if is_one else _each(orders))
        told = orders[:10] if is_one else orders
        numbers = iter(range(1, 10**6))

        async def tell(_round: int) -> None:
            hub.tail.hand_on(events.pop())

        events = [[_event(hub, order, next(numbers)) for order in told] for _ in range(ROUNDS + 1)][
            ::-1
        ]
        for batch in events[:1]:  # the last that was told of each is what the cache holds
            for each in batch:
                assert each.record is not None
                hub.reads.invalidate(each.ref, record=each.record)
        await _all_listen(hub)
        took = await _best_s(clients, tell, each=len(told) * (SUBSCRIBERS if is_one else 1))
        return took, orjson.loads(clients.sample)


async def _all_listen(hub: LiveHub) -> None:
    for _ in range(1_000):
        if sum(len(each.streams) for each in hub.streams._audiences.values()) == SUBSCRIBERS:
            return
        await hub.settled()
        await _a_turn()
    raise AssertionError("not every subscriber listens")


async def _a_turn() -> None:
    await asyncio.sleep(0.005)


async def _stock(*, is_one: bool) -> tuple[float, Any]:
    orders, feeds = _orders(), Feeds()
    async with clients_of(stock_app(feeds)) as clients:
        await clients.connect([(ONE, {})] * SUBSCRIBERS if is_one else _each(orders))
        for _ in range(1_000):
            if sum(map(len, feeds.queues.values())) == SUBSCRIBERS:
                break
            await _a_turn()
        told = orders[:2] if is_one else orders

        async def tell(number: int) -> None:
            for order in told:
                feeds.tell(stock_item(order, BEGAN, number))

        each = len(told) * (SUBSCRIBERS if is_one else 1)
        took = await _best_s(clients, tell, each=each, rounds=3)
        return took, orjson.loads(clients.sample)


def _each(orders: list[Order]) -> list[tuple[str, dict[str, Any]]]:
    return [(MANY, {"id": id_of(order.ref)}) for order in orders]


@pytest.mark.bench
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("is_one", "least"), [(True, ONE_FEED_MIN), (False, MANY_FEEDS_MIN)], ids=["one", "many"]
)
async def test_deliveries_per_cpu_second(tmp_path: Path, is_one: bool, least: float) -> None:
    ours, told = await _ours(tmp_path, is_one=is_one)
    stock, same = await _stock(is_one=is_one)
    assert told["type"] == same["type"] == "next"
    shape = told["payload"]["data"]["orderStatusChanged"]
    assert shape.keys() == same["payload"]["data"]["orderStatusChanged"].keys()
    feeds = 1 if is_one else SUBSCRIBERS
    print(
        f"\n{SUBSCRIBERS} subscribers of {feeds} feed(s): {1 / ours:,.0f} deliveries a CPU second, "
        f"stock {1 / stock:,.0f}: {stock / ours:.1f}x"
    )
    assert stock / ours >= least
