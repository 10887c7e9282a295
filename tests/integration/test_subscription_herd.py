"""Many readers that come and go while much happens: each hears of everything, once, in order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from hub.events.event import Event
from hub.model.shipment import ShipmentStatus
from hub.model.values import Ref
from tests.integration.test_subscription_streams import MILESTONES, TIMELINE
from tests.support.live_hub import (
    AGENT,
    ORDER,
    SHIPMENT,
    ListOutlet,
    LiveHub,
    id_of,
    running_live_hub,
    scan,
    world,
)

READERS = int(os.environ.get("OPSHUB_PROVE_READERS", "25"))
EVENTS = int(os.environ.get("OPSHUB_PROVE_EVENTS", "300"))
SEED = int(os.environ.get("OPSHUB_PROVE_SEED", "20261121"))


async def _happening(hub: LiveHub, random: Random, first: Event) -> Sequence[str]:
    """Scans in bursts, handed on as the tail would; their keys in order."""
    told: list[str] = []
    while len(told) < EVENTS:
        keys = [f"M{len(told) + n}" for n in range(1, random.randint(2, 9))]
        told += keys
        hub.tail.hand_on(
            [
                replace(
                    first, id=key, noun="milestone", change="recorded", shipment=SHIPMENT,
                    ref=Ref("milestone", "wms", key), record=None,
                )
                for key in keys
            ]
        )  # fmt: skip
        if random.random() < 0.1:
            hub.streams.fanout.recent.clear()  # what is missed is read from the log
        await asyncio.sleep(random.choice((0, 0, 0.001, 0.005)))
    return told


async def _reader(hub: LiveHub, random: Random, start: str, ends: asyncio.Event) -> list[str]:
    """What somebody was told who goes and comes back with the last cursor, and is slow at times."""
    seen: list[str] = []
    after: str | None = start
    while True:
        is_last = ends.is_set()
        outlet = ListOutlet(room=None if is_last else random.randint(0, 30))
        stream, _ = await hub.open(AGENT, MILESTONES, outlet=outlet, id=id_of(SHIPMENT),
                                   after=after)  # fmt: skip
        await asyncio.sleep(random.random() * 0.02)
        if not outlet.is_over:
            outlet.room = None if is_last else random.randint(0, 30)
            stream.resume()
            await asyncio.sleep(random.random() * 0.01)
        if is_last:
            await hub.settled()
        stream.close()
        assert {each["__typename"] for each in outlet.items} <= {"ShipmentMilestoneEvent"}
        seen += [each["source"]["externalId"] for each in outlet.items]
        after = outlet.cursors[-1] if outlet.cursors else after
        if is_last:
            return seen


@pytest.mark.prove
@pytest.mark.timeout(600)
async def test_everybody_hears_of_everything_once_and_in_order(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    random = Random(SEED)
    async with running_live_hub(tmp_path) as hub:
        await hub.tell(next(each for each in world() if each.ref == SHIPMENT))
        stream, outlet = await hub.open(AGENT, MILESTONES, id=id_of(SHIPMENT))
        stream.close()
        start = outlet.cursors[0]
        assert start is not None
        ends = asyncio.Event()
        readers = [
            asyncio.create_task(_reader(hub, Random(SEED + n), start, ends)) for n in range(READERS)
        ]
        told = await _happening(hub, random, hub.tail.events[0])
        ends.set()
        for seen in await asyncio.gather(*readers):
            assert seen == told
        assert hub.streams._audiences == {}


@pytest.mark.prove
@pytest.mark.timeout(600)
async def test_a_timeline_is_heard_whole_by_who_comes_and_goes(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    random = Random(SEED)
    codes = [each for each in ShipmentStatus if each is not ShipmentStatus.UNKNOWN]
    async with running_live_hub(tmp_path) as hub:
        await hub.tell(next(each for each in world() if each.ref == SHIPMENT))
        stream, outlet = await hub.open(AGENT, TIMELINE, id=id_of(ORDER))
        stream.close()
        after, seen = outlet.cursors[0], [outlet.items[0]["sequence"]]

        async def tell() -> None:
            for number, code in enumerate(codes):
                await hub.tell(scan(number, code, minutes=number))

        telling = asyncio.create_task(tell())
        while not telling.done() or after is not None:
            is_last = telling.done()
            stream, outlet = await hub.open(AGENT, TIMELINE, id=id_of(ORDER), after=after)
            await asyncio.sleep(random.random() * 0.03)
            if is_last:
                await hub.settled()
            stream.close()
            seen += [each["sequence"] for each in outlet.items]
            after = None if is_last else outlet.cursors[-1] if outlet.cursors else after
        assert seen == list(range(seen[0], seen[0] + len(codes) + 1))
