"""Streams in trouble: systems that are away, events that are lost or come again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hub.events.told import micros
from hub.model.errors import DeadlineExceeded, Internal, SourceTimeout, StoreUnavailable
from hub.model.order import OrderStatus
from hub.model.timeline import TimelineEntry
from hub.model.values import Ref
from subscriptions import owed, resume
from tests.integration.test_subscription_streams import ORDERS, TIMELINE, _flap, _order, hub
from tests.support.live_hub import (
    AGENT,
    ALICE,
    ALICE_HERSELF,
    BEGAN,
    CASE,
    ORDER,
    RMA,
    ListOutlet,
    LiveHub,
    id_of,
    later,
    running_live_hub,
    world,
)

__all__ = ["hub"]


async def test_one_dead_system_holds_up_nobody_else(tmp_path: Path) -> None:
    """The section of a system that never answers: the others are told meanwhile."""
    async with running_live_hub(tmp_path, deadline_s=0.5) as hub:
        await hub.tell(_order())
        slow = ORDERS.replace("node { number status }", "node { number cases { number } }")
        _, stuck = await hub.open(AGENT, slow.replace("nodes { number status }", "cursor"),
                                  ids=[id_of(ORDER)])  # fmt: skip
        _, quick = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)])
        hub.sources["crm"].gate = asyncio.Event()
        loop = asyncio.get_running_loop()
        began = loop.time()
        await _flap(hub, 4)
        await quick.until(5)
        assert loop.time() - began < 0.4
        assert len(stuck.messages) == 1
        gap = (await stuck.until(2))[1]
        assert (gap["__typename"], gap["reason"]) == ("StreamGap", "NOT_READ")
        hub.sources["crm"].gate.set()


async def test_a_system_that_fails_costs_its_section_alone(hub: LiveHub) -> None:
    await hub.tell(_order())
    document = ORDERS.replace("node { number status }", "node { number cases { number } }")
    _, outlet = await hub.open(AGENT, document, ids=[id_of(ORDER)])
    hub.sources["crm"].failure = SourceTimeout("crm", "no answer")
    await _flap(hub, 1)
    await hub.settled()
    message = outlet.messages[-1]
    assert message["data"]["f"]["node"] == {"number": "O1", "cases": None}
    assert [each["extensions"]["code"] for each in message["errors"]] == ["SOURCE_TIMEOUT"]


async def test_a_version_never_goes_back(hub: LiveHub) -> None:
    await hub.tell(_order())
    _, outlet = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)])
    await _flap(hub, 2)
    await hub.settled()
    hub.tail.hand_on([replace(hub.tail.events[0], id="again", changes=())])
    await _flap(hub, 1, start=3)
    await hub.settled()
    versions = [each["entityVersion"] for each in outlet.items[1:]]
    assert versions == sorted(versions)
    assert len(versions) == 3


async def test_a_lost_entry_is_read_again_before_the_next(hub: LiveHub) -> None:
    """An entry that was recorded without an event, or whose event was lost, is told in its turn."""
    await hub.tell(_order())
    _, outlet = await hub.open(AGENT, TIMELINE, id=id_of(ORDER))
    await hub.settled()
    hand_on, hub.tail.hand_on = hub.tail.hand_on, lambda events: None  # type: ignore[method-assign]
    await hub.tell(next(each for each in world() if each.ref == RMA))
    hub.tail.hand_on = hand_on  # type: ignore[method-assign]
    await hub.tell(next(each for each in world() if each.ref == CASE))
    await hub.settled()
    assert [each["sequence"] for each in outlet.items[1:]] == [2, 3]


async def test_opening_has_a_deadline(tmp_path: Path) -> None:
    async with running_live_hub(tmp_path, deadline_s=0.1) as hub:
        hub.sources["erp"].gate = asyncio.Event()
        with pytest.raises(DeadlineExceeded):
            await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)])
        hub.sources["erp"].gate.set()
        assert hub.streams._audiences == {}


def _restarted(hub: LiveHub) -> None:
    """What a process that has just started holds of the past: nothing. The ERP is away."""
    for ref in (ORDER, ALICE):
        hub.reads.memory.bump(ref)
    hub.streams.fanout.recent.clear()
    hub.sources["erp"].failure = SourceTimeout("erp", "no answer")


async def _beaten(hub: LiveHub) -> None:
    for audience in list(hub.streams._audiences.values()):
        audience.beat()
    await hub.settled()


def _changes(outlet: ListOutlet) -> list[tuple[str, str]]:
    events = [each for each in outlet.items if each["__typename"] == "OrderStatusEvent"]
    return [(one["from"], one["to"]) for each in events for one in each["changes"]]


async def test_what_was_missed_is_told_as_soon_as_it_can_be_read(hub: LiveHub) -> None:
    """A customer comes back to a hub that has just started, while the ERP is away."""
    await hub.tell(_order())
    stream, first = await hub.open(ALICE_HERSELF, ORDERS, filter={})
    await hub.settled()
    stream.close()
    await _flap(hub, 1)
    _restarted(hub)
    stream, second = await hub.open(ALICE_HERSELF, ORDERS, filter={}, after=first.cursors[-1])
    await hub.settled()
    await _beaten(hub)
    assert [each["__typename"] for each in second.items] == ["Heartbeat"]
    stream.close()  # and comes again from its last cursor: still owed
    _, third = await hub.open(ALICE_HERSELF, ORDERS, filter={}, after=second.cursors[-1])
    await hub.settled()
    hub.sources["erp"].failure = None
    await _beaten(hub)
    assert _changes(third) == [("OPEN", "CONFIRMED")]


async def test_a_timeline_waits_where_its_order_cannot_be_read(
    hub: LiveHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "TRY_AGAIN_S", 0.05)
    await hub.tell(_order())
    stream, first = await hub.open(ALICE_HERSELF, TIMELINE, id=id_of(ORDER))
    stream.close()
    await hub.tell(next(each for each in world() if each.ref == RMA))
    _, second = await hub.open(ALICE_HERSELF, TIMELINE, id=id_of(ORDER), after=first.cursors[-1])
    _restarted(hub)
    await asyncio.sleep(0.2)
    assert second.messages == []
    hub.sources["erp"].failure = None
    assert (await second.until(1))[0]["node"]["title"] == "Return requested: R1"


async def test_what_was_owed_never_comes_behind_what_is_newer(hub: LiveHub) -> None:
    await hub.tell(_order())
    _, outlet = await hub.open(ALICE_HERSELF, ORDERS, filter={})
    await hub.settled()
    hub.sources["erp"].failing = {"order": SourceTimeout("erp", "no answer")}
    hub.reads.memory.bump(ORDER)
    confirmed = later(_order(), 1, status=OrderStatus.CONFIRMED)
    hub.sources["erp"].put(confirmed)
    event = replace(hub.tail.events[0], id="first", record=confirmed, version=_version(1))
    hub.tail.hand_on([event])
    await hub.settled()
    assert _changes(outlet) == []
    hub.sources["erp"].failing = {}
    await _flap(hub, 1, start=2)
    await _beaten(hub)
    events = [each for each in outlet.items if each["__typename"] == "OrderStatusEvent"]
    versions = [each["entityVersion"] for each in events]
    assert versions == sorted(versions)
    assert [each["eventId"] for each in events][:1] == ["first"]


async def test_what_can_never_be_read_ends_as_a_gap(
    hub: LiveHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owed, "OWED_FOR_S", 0.0)
    await hub.tell(_order())
    _, outlet = await hub.open(ALICE_HERSELF, ORDERS, filter={})
    await hub.settled()
    hub.sources["erp"].failure = SourceTimeout("erp", "no answer")
    hub.reads.memory.bump(ORDER)
    hub.tail.hand_on([replace(hub.tail.events[0], id="lost")])
    await hub.settled()
    [_, gap] = outlet.items
    assert (gap["__typename"], gap["reason"]) == ("StreamGap", "NOT_READ")


def _version(minutes: float) -> int:
    return micros(BEGAN + timedelta(minutes=minutes))


async def test_a_store_that_is_away_ends_no_timeline(hub: LiveHub) -> None:
    """Of a lost entry the store is asked; `complete` would tell the reader not to come again."""
    await hub.tell(_order())
    _, outlet = await hub.open(AGENT, TIMELINE, id=id_of(ORDER))
    await hub.settled()
    hand_on, hub.tail.hand_on = hub.tail.hand_on, lambda events: None  # type: ignore[method-assign]
    await hub.tell(next(each for each in world() if each.ref == RMA))
    hub.tail.hand_on = hand_on  # type: ignore[method-assign]
    [audience] = hub.streams._audiences.values()
    entries, audience._entries = audience._entries, _away
    await hub.tell(next(each for each in world() if each.ref == CASE))
    await hub.settled()
    assert not outlet.is_over
    audience._entries = entries
    await _beaten(hub)
    assert [each["sequence"] for each in outlet.items[1:3]] == [2, 3]


async def test_a_defect_ends_a_stream_with_an_error(hub: LiveHub) -> None:
    await hub.tell(_order())
    _, outlet = await hub.open(AGENT, ORDERS, ids=[id_of(ORDER)])
    [audience] = hub.streams._audiences.values()
    audience._progress = None  # type: ignore[assignment]
    audience.beat()
    await hub.settled()
    assert isinstance(outlet.error, Internal)


async def _away(order: Ref, after: int, limit: int) -> list[TimelineEntry]:
    raise StoreUnavailable("away")
