"""What many streams missed is told page by page: a crowd that comes back holds few events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.events.event import Event, StatusChange
from hub.model.errors import SlowConsumer
from hub.model.order import Order, OrderStatus
from hub.model.values import Ref
from subscriptions import outlet as outlet_module
from subscriptions.resume import CATCHING_UP_MAX, FOLDED_MAX, REPLAYED_MAX
from tests.integration.test_subscription_streams import MILESTONES, ORDERS
from tests.support.live_hub import (
    AGENT,
    ORDER,
    SHIPMENT,
    ListOutlet,
    LiveHub,
    id_of,
    running_live_hub,
    world,
)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[LiveHub]:
    async with running_live_hub(tmp_path) as running:
        await running.tell(*(each for each in world() if each.ref in (ORDER, SHIPMENT)))
        yield running


async def _begun(hub: LiveHub, document: str, **of: Any) -> str:
    """The cursor of somebody who goes before anything happens."""
    stream, outlet = await hub.open(AGENT, document, **of)
    stream.close()
    assert outlet.cursors[0] is not None
    return outlet.cursors[0]


def _logged(hub: LiveHub, count: int, make: Callable[[Event, int], Event]) -> None:
    """So many events, none of them in memory any more."""
    first = next(each for each in hub.tail.events if each.noun == "order")
    hub.tail.hand_on([make(first, number) for number in range(count)])
    hub.streams.fanout.recent.clear()


def _scan(first: Event, number: int) -> Event:
    return replace(
        first, id=f"M{number}", noun="milestone", change="recorded", shipment=SHIPMENT,
        ref=Ref("milestone", "wms", f"M{number}"), record=None, changes=(),
    )  # fmt: skip


def _turn(orders: int) -> Callable[[Event, int], Event]:
    """Turns of so many orders, one after the other."""

    def make(first: Event, number: int) -> Event:
        ref = Ref("order", "erp", f"X{number % orders}")
        assert isinstance(first.record, Order)
        steps = tuple(OrderStatus)[:2]
        before, after = steps[number // orders % 2], steps[1 - number // orders % 2]
        return replace(
            first, id=f"t{number}", ref=ref, order=ref, version=first.version + number + 1,
            record=replace(first.record, ref=ref, number=ref.key, status=after),
            changes=(StatusChange("status", before.value, after.value),),
        )  # fmt: skip

    return make


async def _until_written(outlet: ListOutlet) -> None:
    await outlet.until(1)
    for _ in range(50):  # what goes on reading would have read on by now
        await asyncio.sleep(0)


async def test_a_lossless_feed_is_read_no_further_than_it_is_told(hub: LiveHub) -> None:
    after = await _begun(hub, MILESTONES, id=id_of(SHIPMENT))
    count = 3 * REPLAYED_MAX + 10
    _logged(hub, count, _scan)
    slow = ListOutlet(room=1)
    stream, _ = await hub.open(AGENT, MILESTONES, outlet=slow, id=id_of(SHIPMENT), after=after)
    await _until_written(slow)
    assert hub.tail.replays == 1
    slow.room = None
    stream.resume()
    await hub.settled()
    told = [each["source"]["externalId"] for each in slow.items]
    assert told == [f"M{number}" for number in range(count)]


@pytest.mark.parametrize(("orders", "pages"), [(3, 4), (2_000, 2)], ids=["few", "many"])
async def test_a_status_feed_holds_the_newest_of_a_bounded_number(
    hub: LiveHub, orders: int, pages: int
) -> None:
    """Each event is told or counted, whatever was held back."""
    of: dict[str, Any] = {"filter": {"businessUnit": "EU1"}}
    after = await _begun(hub, ORDERS, **of)
    count = 3 * REPLAYED_MAX + 10
    assert FOLDED_MAX < 2 * REPLAYED_MAX
    _logged(hub, count, _turn(orders))
    slow = ListOutlet(room=1)
    stream, _ = await hub.open(AGENT, ORDERS, outlet=slow, after=after, **of)
    await _until_written(slow)
    assert hub.tail.replays == pages
    slow.room = None
    stream.resume()
    await hub.settled()
    assert sum(1 + each["conflatedCount"] for each in slow.items) == count
    assert len(slow.items) == min(orders, count)


async def test_no_more_streams_hold_a_page_than_there_are_places(hub: LiveHub) -> None:
    after = await _begun(hub, MILESTONES, id=id_of(SHIPMENT))
    _logged(hub, 20, _scan)
    outlets = [ListOutlet(room=0) for _ in range(CATCHING_UP_MAX + 5)]
    of = {"id": id_of(SHIPMENT), "after": after}
    streams = [(await hub.open(AGENT, MILESTONES, outlet=each, **of))[0] for each in outlets]
    for _ in range(200):
        await asyncio.sleep(0)
    assert hub.tail.replays == CATCHING_UP_MAX
    for stream, outlet in zip(streams, outlets, strict=True):
        outlet.room = None
        stream.resume()
    await hub.settled()
    assert [len(each.items) for each in outlets] == [20] * len(outlets)


async def test_who_reads_nothing_of_what_it_missed_gives_its_place_up(
    hub: LiveHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet_module, "PATIENCE_S", 0.1)
    after = await _begun(hub, MILESTONES, id=id_of(SHIPMENT))
    _logged(hub, 20, _scan)
    slow = ListOutlet(room=3)
    await hub.open(AGENT, MILESTONES, outlet=slow, id=id_of(SHIPMENT), after=after)
    await hub.settled()
    assert isinstance(slow.error, SlowConsumer)
    assert slow.error.extensions["cursor"] == slow.cursors[2]
