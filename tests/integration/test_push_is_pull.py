"""For every kind of event of the five subscriptions: old view and event make the refetched view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hub.events.event import CHANGED, RECORDED, STATUS_CHANGED, TIMELINE, Event
from hub.model.case import CaseStatus, Message, Visibility
from hub.model.catalog import NOUNS
from hub.model.order import OrderStatus
from hub.model.record import Record
from hub.model.returns import CreditStatus, RmaStatus
from hub.model.shipment import ShipmentStatus
from hub.model.values import Ref
from hub.security.principal import Principal
from resolvers.live_items import Feed
from resolvers.schema import build_schema
from subscriptions.topics import topics_of_event
from tests.support.live_hub import (
    AGENT,
    ALICE_HERSELF,
    BEGAN,
    CASE,
    ORDER,
    RMA,
    SHIPMENT,
    LiveHub,
    id_of,
    later,
    message,
    running_live_hub,
    scan,
    world,
)
from tests.support.push_pull import FOLLOWED, assert_push_equals_pull

CHANGES = (CHANGED, STATUS_CHANGED, RECORDED)


class Happening(NamedTuple):
    """What is told before, what happens then, and how many items tell of it."""

    id: Ref
    before: tuple[Record, ...]
    then: tuple[Record, ...]
    items: int


def _known(ref: Ref) -> Any:
    return next(each for each in world() if each.ref == ref)


def _message(number: int, *, minutes: float, **fields: Any) -> Message:
    return replace(message(number, Visibility.CUSTOMER, minutes=minutes), **fields)


_ORDER, _RMA, _SHIPMENT, _CASE = (_known(ref) for ref in (ORDER, RMA, SHIPMENT, CASE))
_SCAN = scan(1, ShipmentStatus.PICKED_UP, minutes=5)

HAPPENINGS: Mapping[tuple[Feed, str, str], Happening] = {
    (Feed.TIMELINE, TIMELINE, RECORDED): Happening(
        ORDER,
        (_ORDER,),
        (
            later(_ORDER, 5, status=OrderStatus.CONFIRMED, confirmed_at=BEGAN),
            _SHIPMENT,
            _RMA,
            _SCAN,
            _message(1, minutes=9),
        ),
        5,
    ),
    (Feed.ORDERS, "order", STATUS_CHANGED): Happening(
        ORDER, (_ORDER,), (later(_ORDER, 5, status=OrderStatus.CONFIRMED),), 1
    ),
    (Feed.RETURNS, "return", STATUS_CHANGED): Happening(
        RMA,
        (_RMA,),
        (
            later(_RMA, 5, status=RmaStatus.AUTHORIZED),
            later(_RMA, 6, status=RmaStatus.AUTHORIZED, credit_status=CreditStatus.NOT_STARTED),
        ),
        2,
    ),
    (Feed.SHIPMENTS, "shipment", STATUS_CHANGED): Happening(
        ORDER, (_SHIPMENT,), (later(_SHIPMENT, 5, status=ShipmentStatus.IN_TRANSIT),), 1
    ),
    (Feed.SHIPMENTS, "milestone", RECORDED): Happening(
        ORDER, (_SHIPMENT,), (_SCAN, scan(2, ShipmentStatus.IN_TRANSIT, minutes=6)), 2
    ),
    (Feed.SHIPMENTS, "milestone", CHANGED): Happening(
        ORDER, (_SHIPMENT, _SCAN), (later(_SCAN, 8, location="Bremen"),), 1
    ),
    (Feed.CASES, "case", STATUS_CHANGED): Happening(
        ORDER, (_CASE,), (later(_CASE, 5, status=CaseStatus.OPEN),), 1
    ),
    (Feed.CASES, "case", CHANGED): Happening(
        ORDER, (_CASE,), (later(_CASE, 5, subject="Late"),), 1
    ),
    (Feed.CASES, "message", RECORDED): Happening(ORDER, (_CASE,), (_message(1, minutes=5),), 1),
    (Feed.CASES, "message", CHANGED): Happening(
        ORDER,
        (_CASE, _message(1, minutes=5)),
        (_message(1, minutes=6, body="Hello again"),),
        1,
    ),
}

BESIDE = frozenset({Feed.COMMANDS})
"""Feeds of no system's records: tried in `tests/e2e/test_commands`."""

NEVER: Mapping[tuple[Feed, str, str], str] = {
    (Feed.SHIPMENTS, "milestone", STATUS_CHANGED): "a scan has no status",
    (Feed.CASES, "message", STATUS_CHANGED): "a message has no status",
    (Feed.CASES, "case", RECORDED): "a case is no fact that is told once",
    (Feed.TIMELINE, TIMELINE, CHANGED): "an entry is never changed",
    (Feed.TIMELINE, TIMELINE, STATUS_CHANGED): "an entry is never changed",
}
"""Combinations that are told if they came, and why none comes."""


@pytest.fixture
async def hub(tmp_path: Path) -> Any:
    async with running_live_hub(tmp_path) as running:
        yield running


def _event(noun: str, change: str) -> Event:
    ref = Ref(noun, "erp", "1")
    at = BEGAN + timedelta(minutes=1)
    return Event(
        id="e", noun=noun, change=change, ref=ref, version=1, occurred_at=at, recorded_at=at,
        order=ORDER, shipment=SHIPMENT, position=1,
    )  # fmt: skip


def test_every_kind_of_event_that_is_told_has_a_row() -> None:
    told = {
        (feed, noun, change)
        for noun in (*NOUNS, TIMELINE)
        for change in CHANGES
        for feed, _, _ in topics_of_event(_event(noun, change))
    }
    assert told == set(HAPPENINGS) | set(NEVER)
    assert not set(HAPPENINGS) & set(NEVER)


def test_every_subscription_has_a_view() -> None:
    type_ = build_schema()._schema.subscription_type
    assert type_ is not None
    assert set(type_.fields) - {each.value for each in BESIDE} == set(FOLLOWED)
    assert {feed for feed, _, _ in HAPPENINGS} == set(Feed) - BESIDE


@pytest.mark.parametrize("kind", HAPPENINGS, ids=lambda kind: ".".join(map(str, kind)))
@pytest.mark.parametrize("who", [AGENT, ALICE_HERSELF], ids=["agent", "customer"])
async def test_old_view_and_event_make_the_new_view(
    hub: LiveHub, kind: tuple[Feed, str, str], who: Principal
) -> None:
    feed, noun, change = kind
    told = HAPPENINGS[kind]
    if told.before:
        await hub.tell(*told.before)

    async def happens() -> None:
        for record in told.then:
            await hub.tell(record)

    items = await assert_push_equals_pull(hub, who, feed.value, id=id_of(told.id), happens=happens)
    assert [each["type"] for each in items] == [f"{noun}.{change}"] * told.items
    assert [each["sequence"] for each in items] == sorted(each["sequence"] for each in items)
    assert len({each["eventId"] for each in items}) == told.items


@pytest.mark.parametrize("who", [AGENT, ALICE_HERSELF], ids=["agent", "customer"])
async def test_events_ask_nothing_of_the_systems_they_come_from(
    hub: LiveHub, who: Principal
) -> None:
    await hub.tell(_ORDER)
    document = (
        "subscription($o: [ID!]) { f: orderStatusChanged(orderIds: $o) "
        "{ ... on OrderStatusEvent { node { number status } } } }"
    )
    _, outlet = await hub.open(who, document, o=[id_of(ORDER)])
    hub.sources["erp"].calls.clear()
    for n in range(5):
        status = OrderStatus.CONFIRMED if n % 2 == 0 else OrderStatus.OPEN
        await hub.tell(later(_ORDER, n + 1, status=status))
    await hub.settled()
    assert len(outlet.items) == 6
    assert [call.noun for call in hub.sources["erp"].calls if call.noun == "order"] == []
