"""What a stream promises: the state first, then everything or the newest, and where to go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.model.errors import (
    CursorExpired,
    CursorForeign,
    InputInvalid,
    NotFound,
    SlowConsumer,
)
from hub.model.order import Order, OrderStatus
from hub.model.shipment import ShipmentStatus
from hub.model.values import Ref
from subscriptions.outlet import WAITING_MAX
from tests.support.live_hub import (
    AGENT,
    BEGAN,
    ORDER,
    OTHER,
    RMA,
    SHIPMENT,
    ListOutlet,
    LiveHub,
    id_of,
    later,
    of,
    running_live_hub,
    scan,
    world,
)
from tests.support.stores import run_sql

ENVELOPE = (
    "... on StreamSnapshot { cursor sequence } ... on StreamEvent { eventId cursor sequence type "
    "occurredAt recordedAt correlationId causationId source { system externalId } entityVersion } "
    "... on StreamGap { from to reason cursor } ... on Heartbeat { cursor state }"
)
TIMELINE = f"""subscription($id: ID!, $after: String, $snapshot: Boolean) {{
  f: orderTimeline(orderId: $id, after: $after, snapshot: $snapshot) {{ __typename {ENVELOPE}
    ... on OrderTimelineSnapshot {{ nodes {{ title }} hasOlder }}
    ... on OrderTimelineEvent {{ node {{ title sequence }} }} }} }}"""
ORDERS = f"""subscription($ids: [ID!], $filter: OrderStatusFilter, $after: String) {{
  f: orderStatusChanged(orderIds: $ids, filter: $filter, after: $after) {{ __typename {ENVELOPE}
    ... on OrderStatusSnapshot {{ nodes {{ number status }} }}
    ... on OrderStatusEvent {{ changes {{ axis from to }} conflatedCount
      node {{ number status }} }} }} }}"""
MILESTONES = f"""subscription($id: ID!, $after: String) {{
  f: shipmentMilestones(shipmentId: $id, after: $after) {{ __typename {ENVELOPE}
    ... on ShipmentMilestonesSnapshot {{ nodes {{ number }} }}
    ... on ShipmentMilestoneEvent {{ milestone {{ code }} node {{ number }} }} }} }}"""


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[LiveHub]:
    async with running_live_hub(tmp_path) as running:
        yield running


def _order(ref: Ref = ORDER) -> Order:
    found = next(each for each in world() if each.ref == ref)
    assert isinstance(found, Order)
    return found


async def _flap(hub: LiveHub, times: int, *, start: int = 1, ref: Ref = ORDER) -> None:
    """The order is confirmed and opened again, so many times."""
    for n in range(start, start + times):
        status = OrderStatus.CONFIRMED if n % 2 else OrderStatus.OPEN
        await hub.tell(later(_order(ref), n, status=status))


async def _scans(hub: LiveHub, count: int, *, start: int = 1) -> None:
    codes = (ShipmentStatus.IN_TRANSIT, ShipmentStatus.OUT_FOR_DELIVERY)
    for n in range(start, start + count):
        await hub.tell(scan(n, codes[n % 2], minutes=n))


def _types(items: list[Any]) -> list[str]:
    return [each["__typename"] for each in items]


async def test_the_state_comes_first_and_everything_after_it(hub: LiveHub) -> None:
    await hub.tell(_order())
    _, outlet = await hub.open(AGENT, TIMELINE, id=id_of(ORDER))
    assert _types(outlet.items) == ["OrderTimelineSnapshot"]
    assert outlet.items[0]["sequence"] == 1
    assert outlet.items[0]["hasOlder"] is False
    await _flap(hub, 1)
    await hub.tell(next(each for each in world() if each.ref == RMA))
    await hub.settled()
    snapshot, *events = outlet.items
    assert [each["node"]["title"] for each in events] == ["Return requested: R1"]
    assert [each["sequence"] for each in events] == [2]
    assert [each["cursor"] for each in outlet.items] == outlet.cursors
    assert snapshot["cursor"] != events[0]["cursor"]


async def test_the_state_may_be_left_out(hub: LiveHub) -> None:
    _, outlet = await hub.open(AGENT, TIMELINE, id=id_of(ORDER), snapshot=False)
    await hub.settled()
    await hub.tell(_order())
    assert _types(await outlet.until(1)) == ["OrderTimelineEvent"]


async def test_an_event_says_all_of_its_envelope(hub: LiveHub) -> None:
    await hub.tell(_order())
    _, outlet = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)])
    await _flap(hub, 1)
    _, told = await outlet.until(2)
    event = hub.tail.events[-1]
    assert told == {
        "__typename": "OrderStatusEvent",
        "eventId": event.id,
        "cursor": outlet.cursors[1],
        "sequence": event.position,
        "type": "order.status_changed",
        "occurredAt": event.occurred_at.isoformat(),
        "recordedAt": event.recorded_at.isoformat(),
        "correlationId": event.correlation_id,
        "causationId": event.causation_id,
        "source": {"system": "erp", "externalId": "O1"},
        "entityVersion": event.version,
        "changes": [{"axis": "status", "from": "OPEN", "to": "CONFIRMED"}],
        "conflatedCount": 0,
        "node": {"number": "O1", "status": "CONFIRMED"},
    }


@pytest.mark.parametrize("is_in_memory", [True, False], ids=["memory", "log"])
async def test_a_lossless_feed_resumes_without_a_gap_and_without_a_double(
    hub: LiveHub, is_in_memory: bool
) -> None:
    await hub.tell(next(each for each in world() if each.ref == SHIPMENT))
    stream, first = await hub.open(AGENT, MILESTONES, id=id_of(SHIPMENT))
    await _scans(hub, 3)
    await first.until(4)
    stream.close()
    await _scans(hub, 4, start=4)
    if not is_in_memory:
        hub.streams.fanout.recent._events.clear()
    _, second = await hub.open(AGENT, MILESTONES, id=id_of(SHIPMENT), after=first.cursors[-2])
    await _scans(hub, 3, start=8)
    await hub.settled()
    seen = [each["source"]["externalId"] for each in first.items[1:-1] + second.items]
    assert seen == [f"M{n}" for n in range(1, 11)]
    assert hub.tail.replays == (0 if is_in_memory else 1)


async def test_a_timeline_resumes_while_more_is_recorded(hub: LiveHub) -> None:
    await hub.tell(_order(), next(each for each in world() if each.ref == SHIPMENT))
    stream, first = await hub.open(AGENT, TIMELINE, id=id_of(ORDER))
    stream.close()
    tellings = asyncio.create_task(_scans(hub, 2))
    _, second = await hub.open(AGENT, TIMELINE, id=id_of(ORDER), after=first.cursors[0])
    await tellings
    await hub.tell(next(each for each in world() if each.ref == RMA))
    await hub.settled()
    assert [each["sequence"] for each in second.items] == [3, 4, 5]
    begin = await _beginning(hub)
    _, whole = await hub.open(AGENT, TIMELINE, id=id_of(ORDER), after=begin)
    await hub.settled()
    assert [each["sequence"] for each in whole.items] == [1, 2, 3, 4, 5]


async def _beginning(hub: LiveHub) -> str:
    """The cursor of an order nothing was recorded of: another hub's process made it."""
    question = next(iter(hub.streams._audiences))
    return hub.streams._audiences[question].telling.cursor(0)


async def test_a_status_feed_that_comes_back_is_told_the_newest_of_each(hub: LiveHub) -> None:
    await hub.tell(_order(), _order(OTHER))
    stream, first = await hub.open(AGENT, ORDERS, filter={"businessUnit": "EU1"})
    assert first.items[0]["nodes"] is None  # a filter is too wide to be listed
    stream.close()
    await _flap(hub, 5)
    await _flap(hub, 1, ref=OTHER)
    _, second = await hub.open(
        AGENT, ORDERS, filter={"businessUnit": "EU1"}, after=first.cursors[0]
    )
    await hub.settled()
    assert [
        (each["node"]["number"], each["conflatedCount"], each["changes"]) for each in second.items
    ] == [
        ("O1", 4, [{"axis": "status", "from": "OPEN", "to": "CONFIRMED"}]),
        ("O2", 0, [{"axis": "status", "from": "OPEN", "to": "CONFIRMED"}]),
    ]


async def test_a_slow_reader_of_a_status_feed_is_told_the_newest_and_how_many(
    hub: LiveHub,
) -> None:
    await hub.tell(_order(), _order(OTHER))
    outlet = ListOutlet(room=1)
    stream, _ = await hub.open(AGENT, ORDERS, outlet=outlet, ids=[id_of(ORDER), id_of(OTHER)])
    _, quick = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER), id_of(OTHER)])
    await _flap(hub, 7)
    await _flap(hub, 1, ref=OTHER)
    await hub.settled()
    assert len(outlet.messages) == 1
    assert [each["conflatedCount"] for each in quick.items[1:]] == [0] * 8
    outlet.room = None
    stream.resume()
    await hub.settled()
    told = outlet.items[1:]
    assert [(each["node"]["number"], each["conflatedCount"]) for each in told] == [
        ("O1", 6), ("O2", 0)
    ]  # fmt: skip
    assert told[0]["changes"] == [{"axis": "status", "from": "OPEN", "to": "CONFIRMED"}]
    versions = [each["entityVersion"] for each in told]
    assert versions == [quick.items[-2]["entityVersion"], quick.items[-1]["entityVersion"]]


async def test_a_slow_reader_of_a_lossless_feed_is_sent_away_with_a_cursor(hub: LiveHub) -> None:
    await hub.tell(next(each for each in world() if each.ref == SHIPMENT))
    outlet = ListOutlet(room=3)
    await hub.open(AGENT, MILESTONES, outlet=outlet, id=id_of(SHIPMENT))
    await _scans(hub, WAITING_MAX + 4)
    await hub.settled()
    assert isinstance(outlet.error, SlowConsumer)
    assert outlet.error.extensions["cursor"] == outlet.cursors[-1]
    assert hub.streams._audiences == {}
    again = ListOutlet(room=10)
    stream, _ = await hub.open(
        AGENT, MILESTONES, outlet=again, id=id_of(SHIPMENT), after=outlet.cursors[-1]
    )
    for _ in range(WAITING_MAX):
        again.room = 10
        stream.resume()
        await asyncio.sleep(0.001)
        if len(again.messages) == WAITING_MAX + 2:
            break
    seen = [each["source"]["externalId"] for each in outlet.items[1:] + again.items]
    assert seen == [f"M{n}" for n in range(1, WAITING_MAX + 5)]


async def test_what_is_no_longer_kept_is_a_gap_and_never_silence(hub: LiveHub) -> None:
    await hub.tell(next(each for each in world() if each.ref == SHIPMENT))
    stream, first = await hub.open(AGENT, MILESTONES, id=id_of(SHIPMENT))
    stream.close()
    await _scans(hub, 4)
    last = next(n for n, each in enumerate(hub.tail.events, 1) if each.ref.key == "M3")
    hub.tail.kept_from = last
    hub.streams.fanout.recent._events.clear()
    _, second = await hub.open(AGENT, MILESTONES, id=id_of(SHIPMENT), after=first.cursors[0])
    await hub.settled()
    gap, *told = second.items
    assert gap == {
        "__typename": "StreamGap", "from": first.items[0]["sequence"] + 1, "to": last - 1,
        "reason": "PURGED", "cursor": second.cursors[0],
    }  # fmt: skip
    assert [each["source"]["externalId"] for each in told] == ["M3", "M4"]


@pytest.mark.parametrize("document", [MILESTONES, TIMELINE], ids=["feed", "timeline"])
async def test_a_foreign_cursor_is_refused(hub: LiveHub, document: str) -> None:
    refs = [SHIPMENT, SHIPMENT] if document is MILESTONES else [ORDER, OTHER]
    _, outlet = await hub.open(AGENT, document, id=id_of(refs[0]))
    _, orders = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)])
    mine, other = outlet.cursors[0], orders.cursors[0]
    assert mine is not None and other is not None
    forged = ("B" if mine[0] == "A" else "A") + mine[1:]
    for wrong in (other, forged, "", "nonsense", mine[:-2]):
        refused = ListOutlet()
        with pytest.raises(CursorForeign, match=r"^after: received"):
            await hub.open(AGENT, document, outlet=refused, id=id_of(refs[0]), after=wrong)
        assert refused.messages == []
    if refs[0] != refs[1]:
        with pytest.raises(CursorForeign):
            await hub.open(AGENT, document, id=id_of(refs[1]), after=mine)
    await hub.open(AGENT, document, id=id_of(refs[0]), after=mine)


async def test_a_cursor_of_another_life_of_the_log_is_expired(hub: LiveHub) -> None:
    stream, outlet = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)])
    stream.close()
    hub.tail.epoch = "two"
    with pytest.raises(CursorExpired):
        await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)], after=outlet.cursors[0])


@pytest.mark.parametrize(("document", "variables"), [
    (ORDERS, {"ids": [id_of(ORDER)]}), (TIMELINE, {"id": id_of(ORDER)}),
])  # fmt: skip
async def test_a_cursor_ahead_of_a_store_that_was_put_back_is_expired(
    hub: LiveHub, document: str, variables: dict[str, Any]
) -> None:
    """A backup has the epoch of the log and fewer events; the next ones would be taken for told."""
    await hub.tell(_order())
    stream, outlet = await hub.open(AGENT, document, **variables)
    await _flap(hub, 3)
    await hub.tell(next(each for each in world() if each.ref == RMA))
    await hub.settled()
    stream.close()
    cursor = outlet.cursors[-1]
    await hub.open(AGENT, document, **variables, after=cursor)
    del hub.tail.events[2:]
    await run_sql(hub.store, "UPDATE timeline_order SET last_sequence = 1")
    with pytest.raises(CursorExpired):
        await hub.open(AGENT, document, **variables, after=cursor)


async def test_a_stream_that_catches_up_ends_with_the_log_too(hub: LiveHub) -> None:
    await hub.tell(_order())
    stream, outlet = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)])
    await _flap(hub, 2)
    await hub.settled()
    stream.close()
    stuck = ListOutlet(room=0)
    await hub.open(AGENT, ORDERS, outlet=stuck, ids=[id_of(ORDER)], after=outlet.cursors[0])
    for replaced in hub.tail.on_replaced:
        replaced()
    await hub.settled()
    assert isinstance(stuck.error, CursorExpired)


async def test_what_cannot_be_meant_is_refused(hub: LiveHub) -> None:
    wrong: list[dict[str, Any]] = [{}, {"ids": [id_of(ORDER)], "filter": {}}, {"ids": []}]
    for variables in wrong:
        with pytest.raises(InputInvalid):
            await hub.open(AGENT, ORDERS, **variables)
    with pytest.raises(NotFound):
        await hub.open(AGENT, ORDERS, ids=[id_of(ORDER), id_of(Ref("order", "erp", "none"))])
    assert hub.streams._audiences == {}


async def test_subscribers_of_one_question_share_one_execution(hub: LiveHub) -> None:
    await hub.tell(_order())
    _, first = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)])
    _, second = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)], after=first.cursors[0])
    [audience] = hub.streams._audiences.values()
    assert len(audience.streams) == 2
    await _flap(hub, 1)
    await hub.settled()
    assert first.messages[-1] == second.messages[-1]


async def test_an_audience_goes_when_its_last_subscriber_does(hub: LiveHub) -> None:
    stream, _ = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)])
    other, _ = await hub.open(AGENT, TIMELINE, id=id_of(ORDER))
    await hub.settled()
    stream.close()
    other.close()
    stream.close()
    assert hub.streams._audiences == {}
    assert hub.streams.fanout._by_topic == {}


async def test_streams_live_and_say_when_messages_are_away(tmp_path: Path) -> None:
    async with running_live_hub(tmp_path, heartbeat_s=0.05) as hub:
        beating = asyncio.create_task(hub.streams.follow())
        _, outlet = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)])
        _, timeline = await hub.open(AGENT, TIMELINE, id=id_of(ORDER))
        assert _types(await outlet.until(3)) == ["OrderStatusSnapshot", "Heartbeat", "Heartbeat"]
        assert outlet.items[-1]["state"] == "LIVE"
        hub.tail.is_degraded = True
        told = len(outlet.messages)
        assert (await outlet.until(told + 2))[-1]["state"] == "DEGRADED"
        assert {each["state"] for each in (await timeline.until(3))[1:]} <= {"LIVE", "DEGRADED"}
        beating.cancel()
        stream, again = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)], after=outlet.cursors[-1])
        assert [each["state"] for each in again.items] == ["DEGRADED"]
        assert again.cursors == outlet.cursors[-1:]  # it says nothing of what was told
        stream.close()
        hub.tail.is_degraded = False
        stream, live = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)], after=outlet.cursors[-1])
        assert live.messages == []
        stream.close()


async def test_a_new_order_is_told_by_a_filter(hub: LiveHub) -> None:
    _, outlet = await hub.open(AGENT, ORDERS, filter={"businessUnit": "EU1"})
    new = of(Order, Ref("order", "erp", "O9"), number="O9", business_unit="EU1",
             customer=_order().customer, status=OrderStatus.OPEN, placed_at=BEGAN)  # fmt: skip
    await hub.tell(new, replace(new, ref=Ref("order", "erp", "U9"), business_unit="US1"))
    assert [each["node"]["number"] for each in (await outlet.until(2))[1:]] == ["O9"]
    await hub.settled()
    assert len(outlet.messages) == 2
