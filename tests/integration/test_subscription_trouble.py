"""Streams in trouble: systems that are away, events that are lost or come again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from hub.model.errors import DeadlineExceeded, SourceTimeout
from tests.integration.test_subscription_streams import ORDERS, TIMELINE, _flap, _order, hub
from tests.support.live_hub import AGENT, CASE, ORDER, RMA, LiveHub, id_of, running_live_hub, world

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
