"""An event of a newer version, with a word this one does not know, stops nobody's events."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hub.events import log as log_module
from hub.events.envelope import encode
from hub.events.event import TIMELINE, Event
from hub.events.log import Unreadable
from hub.model.shipment import Shipment, ShipmentStatus
from hub.model.values import Ref
from hub.observe import metrics
from hub.store.engine import Store
from tests.support.events import numbered_event
from tests.support.relayed import Member, member_of, until


def newer(event: Event) -> bytes:
    """As a newer version writes it where the number ends in 3."""
    made = encode(event)
    if event.version % 10 != 3:
        return made
    assert b"PICKED_UP" in made
    return made.replace(b"PICKED_UP", b"TELEPORTED")


def picked(number: int) -> Event:
    event = numbered_event(number, key=f"S{number}", at=datetime.now(UTC))  # an old one is pruned
    assert isinstance(event.record, Shipment)
    return replace(event, record=replace(event.record, status=ShipmentStatus.PICKED_UP))


async def _passed_by(member: Member, caplog: pytest.LogCaptureFixture) -> None:
    unreadable: list[Unreadable] = []
    member.tail.on_unreadable.append(unreadable.append)
    counted = metrics.value_of("opshub_events_unreadable_total", {})
    with caplog.at_level(logging.ERROR):
        for start in range(0, 20, 5):
            await member.append(*(picked(number) for number in range(start, start + 5)))
            await member.seen_up_to(start + 5)
    read = [number for number in range(20) if number % 10 != 3]
    assert member.positions == [number + 1 for number in read]
    assert member.replaced == 0
    assert [(each.position, each.event_id, each.ref) for each in unreadable] == [
        (number + 1, f"event-{number}", Ref("shipment", "wms-north", f"S{number}"))
        for number in (3, 13)
    ]
    assert metrics.value_of("opshub_events_unreadable_total", {}) == counted + 2
    told = [each for each in caplog.messages if "cannot be read by this version" in each]
    assert [each.split(" cannot")[0] for each in told] == [
        f"event event-{number} at {number + 1} of the shipment wms-north:S{number}"
        for number in (3, 13)
    ]
    again = await member.tail.replay(0, nouns=None, limit=10)
    assert [event.version for event in again] == read[:10]
    assert len(await member.tail.replay(0, nouns={"shipment"}, limit=500)) == len(read)
    assert len([each for each in caplog.messages if "passed by" in each]) == 2


async def test_it_is_passed_by_and_told_of_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(log_module, "encode", newer)
    async with member_of(store, None) as member:
        await _passed_by(member, caplog)


async def test_one_that_comes_over_nats_is_passed_by_too(
    store: Store, nats_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(log_module, "encode", newer)
    async with member_of(store, nats_url) as member:
        await until(lambda: not member.tail.is_degraded)
        await _passed_by(member, caplog)


async def test_an_entry_that_cannot_be_read_is_of_its_order(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "encode", lambda event: b"{}")
    ref = Ref("order", "erp", "O1")
    async with member_of(store, None) as member:
        unreadable: list[Unreadable] = []
        member.tail.on_unreadable.append(unreadable.append)
        await member.append(replace(picked(1), noun=TIMELINE, ref=ref, record=None))
        await member.seen_up_to(1)
    assert [each.ref for each in unreadable] == [ref]
    assert member.seen == []
