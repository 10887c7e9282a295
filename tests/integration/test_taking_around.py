"""Taking in over the hub's own reads: placed by walking, and told and fetched is one timeline."""

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest

from hub.events.event import Event
from hub.events.log import EventLog
from hub.events.taking import Taking
from hub.events.told import Fate, Told, Via, version_of
from hub.model.errors import RecordUnknown, SourceUnavailable
from hub.model.record import Record
from hub.model.shipment import ShipmentStatus
from hub.model.timeline import TimelineEntry
from hub.model.timeline_transitions import base_key
from hub.reads.placing import Around
from hub.reads.timeline_query import TimelineQuery
from hub.store.engine import Store
from hub.store.timeline_entries import TimelineEntries
from tests.unit.reads.test_timeline import eventful
from tests.unit.reads.world import NOW, World, make

SEEDS = range(2)


def taking_in(store: Store, world: World) -> tuple[Taking, list[Event]]:
    timeline = TimelineEntries(store, now=world.clock.now)
    world.hub.recorded = timeline
    around = Around(lambda: world.hub)
    events: list[Event] = []

    def applied(new: Sequence[Event]) -> None:
        events.extend(new)
        for event in new:
            if event.entry is None:
                world.hub.invalidate(event.ref, record=event.record)

    taking = Taking(
        store, timeline=timeline, events=EventLog(store, world.clock.now), reading=around,
        placing=around, outgoing=None, applied=applied, now=world.clock.now,
    )  # fmt: skip
    return taking, events


async def shown(world: World) -> list[TimelineEntry]:
    reads = world.open()
    orders = await world.orders(reads, "1")
    [page] = await reads.timeline_by_order(orders, TimelineQuery(first=100))
    assert page.failures == ()
    return list(page.entries)


def everything(world: World) -> list[Record]:
    systems = (world.erp, world.wms, world.crm, world.carrier)
    return [one for each in systems for one in each.records if one.ref.noun != "customer"]


@pytest.mark.parametrize("seed", SEEDS)
async def test_told_backfilled_and_fetched_is_one_timeline(store: Store, seed: int) -> None:
    """Any half of what the systems have is told, as a message, a key or a page, in any order."""
    print(f"seed {seed}")
    random_ = random.Random(seed)
    world = eventful()
    fetched = {entry.natural_key: entry for entry in await shown(world)}
    taking, events = taking_in(store, world)
    records = [one for one in everything(world) if random_.random() < 0.5] * 2
    random_.shuffle(records)
    told = []
    for number, record in enumerate(records):
        via = random_.choice([Via.NATS, Via.WEBHOOK, Via.BACKFILL])
        given = None if via is Via.WEBHOOK else record
        told.append(
            Told(ref=record.ref, via=via, record=given, version=version_of(record),
                 event_id=f"e{number}", is_replayed=via is Via.BACKFILL)
        )  # fmt: skip
    taken = await taking.take(told)
    assert all(isinstance(one, Fate) for one in taken), taken
    entries = await shown(world)
    keys = [base_key(entry.natural_key) for entry in entries]
    assert sorted(keys) == sorted(set(keys))
    recorded = {event.entry.natural_key for event in events if event.entry is not None}
    own = [event for event in events if event.entry and event.order == ("order", "erp", "1")]
    assert {entry.natural_key for entry in entries if entry.sequence is not None} == {
        event.entry.natural_key for event in own if event.entry
    }
    assert {*fetched} <= {*keys} <= {*fetched, *recorded}


async def test_a_scan_that_names_no_shipment_waits_for_it(store: Store) -> None:
    world = World()
    taking, events = taking_in(store, world)
    scan = make("milestone", "z", system="carrier", tracking_number="1ZNEW", carrier="UPS",
                code=ShipmentStatus.PICKED_UP, occurred_at=NOW - timedelta(hours=1))  # fmt: skip
    world.carrier.put(scan)
    told = Told(ref=scan.ref, via=Via.WEBHOOK, event_id="e1")
    [taken] = await taking.take([told])
    assert isinstance(taken, RecordUnknown) and events == []
    world.wms.failing["shipment"] = SourceUnavailable("wms", "refused")
    world.clock.elapsed_s += 700
    [taken] = await taking.take([told])
    assert isinstance(taken, SourceUnavailable) and events == []
    world.wms.failing.clear()
    world.clock.elapsed_s += 700
    world.wms.put(
        make("shipment", "new", system="wms", order=make("order", "1").ref, carrier="UPS",
             tracking_number="1ZNEW", shipped_at=NOW - timedelta(hours=2))
    )  # fmt: skip
    assert await taking.take([told, told]) == [Fate.APPLIED, Fate.DUPLICATE]
    assert [(event.noun, event.order and event.order.key) for event in events] == [
        ("milestone", "1"), ("timeline", "1"),
    ]  # fmt: skip
    assert {event.shipment and event.shipment.key for event in events} == {"new"}
    assert {event.business_unit for event in events} == {"EU"}
    assert {event.customer and event.customer.key for event in events} == {"c1"}
