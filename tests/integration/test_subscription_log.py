"""Streams over the hub's own event log and tail: resumed from the rows, ended with the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.connected import WallClock
from hub.events.log import EventLog
from hub.events.tail import Tail
from hub.model.errors import CursorExpired, StoreUnavailable
from hub.model.shipment import ShipmentStatus
from hub.store.secrets import shared_secret
from hub.store.timeline_after import TimelineAfter
from subscriptions.cursor import Cursors
from subscriptions.stream import Means, Streams
from tests.integration.test_subscription_streams import MILESTONES
from tests.support.live_hub import AGENT, SHIPMENT, LiveHub, id_of, running_live_hub, scan, world
from tests.support.stores import run_sql


async def _over_the_log(hub: LiveHub) -> tuple[EventLog, Tail]:
    """The same hub, its events in the log's rows and told by the tail."""
    log = EventLog(hub.store, WallClock().now)
    tail = Tail(log, None)
    hub.tail.append_in = log.append_in  # type: ignore[method-assign]
    means = Means(
        hub.engine,
        hub.context,
        Cursors(await shared_secret(hub.store, "cursor")),
        lambda: tail.epoch,
    )
    timeline, same_as = TimelineAfter(hub.store), hub.references.same_as
    hub.streams = Streams(means, tail=tail, timeline=timeline, same_as=same_as)
    return log, tail


async def _until(holds: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come within 5 s")


async def _scans(hub: LiveHub, log: EventLog, tail: Tail, *numbers: int) -> None:
    for number in numbers:
        await hub.tell(scan(number, ShipmentStatus.IN_TRANSIT, minutes=number))
    await log.assign(100)
    tail.wake()
    last = (await log.head()).last_position
    await _until(lambda: tail.position >= last)
    await hub.settled()


async def test_a_stream_resumes_from_the_log_and_ends_with_it(tmp_path: Path) -> None:
    async with running_live_hub(tmp_path) as hub:
        log, tail = await _over_the_log(hub)
        with pytest.raises(StoreUnavailable):
            await hub.open(AGENT, MILESTONES, id=id_of(SHIPMENT))
        following = asyncio.create_task(tail.follow())
        await tail.started()
        stream, first = await hub.open(AGENT, MILESTONES, id=id_of(SHIPMENT))
        await _scans(hub, log, tail, 1, 2)
        stream.close()
        await _scans(hub, log, tail, 3, 4)
        hub.streams.fanout.recent.clear()
        _, second = await hub.open(AGENT, MILESTONES, id=id_of(SHIPMENT), after=first.cursors[-2])
        await hub.settled()
        await _scans(hub, log, tail, 5)
        told = [each["source"]["externalId"] for each in first.items[2:]]
        assert told == ["M1", "M2"]
        again = [each["source"]["externalId"] for each in second.items[1:]]
        assert again == ["M2", "M3", "M4", "M5"]
        assert first.items[-1]["eventId"] == second.items[1]["eventId"]
        assert first.items[-1]["cursor"] == second.items[1]["cursor"]
        for each, cursor in (
            (first.items[1], first.cursors[0]),
            (second.items[0], first.cursors[2]),
        ):
            assert (each["__typename"], each["state"]) == ("Heartbeat", "DEGRADED")  # without NATS
            assert each["cursor"] == cursor

        await run_sql(hub.store, "UPDATE event_head SET epoch = 'another'")
        tail.check()
        await _until(lambda: second.is_over)
        assert isinstance(second.error, CursorExpired)
        with pytest.raises(CursorExpired):
            await hub.open(AGENT, MILESTONES, id=id_of(SHIPMENT), after=second.cursors[-1])
        following.cancel()
        await hub.streams.close()


async def test_all_processes_sign_with_one_key(tmp_path: Path) -> None:
    async with running_live_hub(tmp_path) as hub:
        keys = await asyncio.gather(*(shared_secret(hub.store, "new") for _ in range(8)))
        assert len(set(keys)) == 1
        assert len(keys[0]) == 32
        assert keys[0] != await shared_secret(hub.store, "other")
        assert len(world()) == 7
