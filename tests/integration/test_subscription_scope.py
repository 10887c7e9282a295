"""Who is told: asked when a stream opens, on replay, and again for each event."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.model.case import ActorType, Case, CaseStatus, Visibility
from hub.model.customer import Customer
from hub.model.errors import Forbidden, NotFound, OpsHubError, SourceUnavailable
from hub.model.ids import encode_id
from hub.model.order import Order, OrderStatus
from hub.model.returns import Return, RmaStatus
from hub.model.shipment import Shipment, ShipmentStatus
from hub.model.values import Ref
from hub.security.principal import Principal, Role
from hub.store.reference_acts import Act
from resolvers.schema import build_schema
from tests.support.live_hub import (
    AGENT,
    ALICE,
    ALICE_HERSELF,
    BEGAN,
    BOB,
    BOB_HIMSELF,
    CASE,
    ORDER,
    OTHER,
    RMA,
    SHIPMENT,
    ListOutlet,
    LiveHub,
    id_of,
    later,
    message,
    of,
    running_live_hub,
    scan,
    who,
    world,
)

TIMELINE = """subscription($id: ID!, $after: String) { f: orderTimeline(orderId: $id,
  after: $after) {
  __typename ... on StreamEvent { cursor } ... on StreamSnapshot { cursor }
  ... on OrderTimelineEvent { node { type visibility message actor { name } } } } }"""
ORDERS = """subscription($id: ID!, $after: String) { f: orderStatusChanged(orderIds: [$id],
  after: $after) { __typename ... on StreamSnapshot { cursor }
  ... on OrderStatusEvent { node { number } } } }"""
ORDERS_OF = """subscription($id: ID!) { f: orderStatusChanged(filter: { customer: $id }) {
  __typename ... on OrderStatusEvent { node { number } } } }"""
ALL_ORDERS = """subscription { f: orderStatusChanged(filter: {}) {
  __typename ... on OrderStatusEvent { node { number } } } }"""
RMA_BY_ID = """subscription($id: ID!) { f: returnStatusChanged(rmaId: $id) {
  __typename ... on ReturnStatusEvent { node { number } } } }"""
RMA_BY_NUMBER = """subscription($id: String!) { f: returnStatusChanged(rmaNumber: $id) {
  __typename ... on ReturnStatusEvent { node { number } } } }"""
ALL_RETURNS = """subscription { f: returnStatusChanged {
  __typename ... on ReturnStatusEvent { node { number } } } }"""
SHIPMENT_BY_ID = """subscription($id: ID!) { f: shipmentMilestones(shipmentId: $id) {
  __typename ... on ShipmentMilestoneEvent { node { number } } } }"""
SHIPMENTS_OF = """subscription($id: ID!) { f: shipmentMilestones(orderId: $id) {
  __typename ... on ShipmentMilestoneEvent { node { number } } } }"""
CASES_OF = """subscription($id: ID!, $after: String) { f: caseUpdated(orderId: $id, after: $after) {
  __typename ... on StreamSnapshot { cursor } ... on CaseEvent { type node { number } } } }"""
CASES_IN = 'subscription { f: caseUpdated(queue: "first") { __typename } }'
CASES_WITH = 'subscription { f: caseUpdated(assignee: "Ann") { __typename } }'

NAMED = {
    TIMELINE: id_of(ORDER), ORDERS: id_of(ORDER), ORDERS_OF: id_of(ALICE), RMA_BY_ID: id_of(RMA),
    RMA_BY_NUMBER: "R1", SHIPMENT_BY_ID: id_of(SHIPMENT), SHIPMENTS_OF: id_of(ORDER),
    CASES_OF: id_of(ORDER),
}  # fmt: skip
"""What names something of Alice's, by document."""

PROBED = {
    "orderTimeline(orderId)": TIMELINE, "orderStatusChanged(orderIds)": ORDERS,
    "OrderStatusFilter.customer": ORDERS_OF, "returnStatusChanged(rmaId)": RMA_BY_ID,
    "returnStatusChanged(rmaNumber)": RMA_BY_NUMBER, "shipmentMilestones(orderId)": SHIPMENTS_OF,
    "shipmentMilestones(shipmentId)": SHIPMENT_BY_ID, "caseUpdated(orderId)": CASES_OF,
}  # fmt: skip
OPEN = {
    "orderTimeline(categories)": "chooses among visible entries",
    "orderTimeline(minSeverity)": "chooses among visible entries",
    "orderStatusChanged(filter)": "its fields are probed",
    "OrderStatusFilter.businessUnit": "chooses among visible orders",
    "caseUpdated(queue)": "for the house only, tried below",
    "caseUpdated(assignee)": "for the house only, tried below",
}
"""Arguments that name nothing of a customer's, and why; `after` and `snapshot` of all beside."""

US_AGENT = who(Role.AGENT, unit="US1")
EU_AGENT = who(Role.AGENT, unit="EU1")
PARTNER = who(Role.INTEGRATION)
STRANGERS = {"customer": BOB_HIMSELF, "other unit": US_AGENT, "partner": PARTNER}


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[LiveHub]:
    async with running_live_hub(tmp_path) as running:
        yield running


def _known(ref: Ref) -> Any:
    return next(each for each in world() if each.ref == ref)


def _missing(named: str) -> str:
    if named == "R1":
        return "R99999"
    return {
        id_of(ref): encode_id(ref._replace(key="none")) for ref in (ORDER, ALICE, RMA, SHIPMENT)
    }[named]


async def _refused(hub: LiveHub, principal: Principal, document: str, named: str) -> bytes:
    outlet = ListOutlet()
    with pytest.raises(OpsHubError) as refused:
        await hub.open(principal, document, outlet=outlet, id=named)
    assert outlet.messages == []
    said = [str(refused.value), refused.value.extensions]
    return orjson.dumps(said).replace(named.encode(), b"<asked>")


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("document", NAMED, ids=lambda text: text.split(": ")[2].split(")")[0])
async def test_what_is_not_theirs_is_not_found_when_a_stream_opens(
    hub: LiveHub, stranger: str, document: str
) -> None:
    principal, named = STRANGERS[stranger], NAMED[document]
    foreign = await _refused(hub, principal, document, named)
    assert foreign == await _refused(hub, principal, document, _missing(named))
    await hub.open(EU_AGENT, document, id=named)
    await hub.open(ALICE_HERSELF, document, id=named)


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("document", [ALL_ORDERS, ALL_RETURNS], ids=["orders", "returns"])
async def test_a_wide_stream_tells_what_is_theirs(
    hub: LiveHub, stranger: str, document: str
) -> None:
    await hub.tell(*world())
    outlets = {}
    for name, principal in (STRANGERS | {"owner": ALICE_HERSELF, "unit": EU_AGENT}).items():
        _, outlets[name] = await hub.open(principal, document)
    await hub.tell(
        later(_known(ORDER), 5, status=OrderStatus.CONFIRMED),
        later(_known(RMA), 5, status=RmaStatus.AUTHORIZED),
    )
    await hub.settled()
    assert [each["__typename"] for each in outlets[stranger].items[1:]] == []
    told = "O1" if document is ALL_ORDERS else "R1"
    for owner in ("owner", "unit"):
        assert [each["node"]["number"] for each in outlets[owner].items[1:]] == [told]


@pytest.mark.parametrize("document", [CASES_IN, CASES_WITH], ids=["queue", "assignee"])
async def test_nobody_outside_chooses_by_an_internal_field(hub: LiveHub, document: str) -> None:
    for outside in (ALICE_HERSELF, PARTNER):
        with pytest.raises(Forbidden):
            await hub.open(outside, document)
    _, outlet = await hub.open(AGENT, document)
    await hub.tell(_known(CASE))
    moved = later(_known(CASE), 6, status=CaseStatus.OPEN, queue="second", assignee="Bert")
    await hub.tell(moved)
    await hub.settled()
    assert [each["__typename"] for each in outlet.items] == ["CaseSnapshot", "CaseEvent"]


async def test_an_order_that_went_to_another_customer_is_told_to_that_one(hub: LiveHub) -> None:
    await hub.tell(*world())
    _, before = await hub.open(ALICE_HERSELF, ORDERS, id=id_of(ORDER))
    _, timeline = await hub.open(ALICE_HERSELF, TIMELINE, id=id_of(ORDER))
    _, wide = await hub.open(ALICE_HERSELF, ALL_ORDERS)
    _, bobs = await hub.open(BOB_HIMSELF, ALL_ORDERS)
    _, house = await hub.open(AGENT, ORDERS, id=id_of(ORDER))
    await hub.tell(
        later(_known(ORDER), 5, status=OrderStatus.CONFIRMED, customer=BOB, confirmed_at=BEGAN)
    )
    await hub.settled()
    assert [len(each.messages) for each in (before, timeline, wide, bobs, house)] == [1, 1, 1, 2, 2]


async def test_what_follows_an_order_goes_with_it(hub: LiveHub) -> None:
    await hub.tell(*world())
    _, scans = await hub.open(ALICE_HERSELF, SHIPMENTS_OF, id=id_of(ORDER))
    _, cases = await hub.open(ALICE_HERSELF, CASES_OF, id=id_of(ORDER))
    await hub.tell(later(_known(ORDER), 5, customer=BOB))
    await hub.tell(scan(1, ShipmentStatus.IN_TRANSIT, minutes=6))
    await hub.tell(later(_known(CASE), 6, customer=BOB, status=CaseStatus.OPEN))
    await hub.settled()
    assert (len(scans.messages), len(cases.messages)) == (1, 1)


async def test_a_case_that_is_nobodys_any_more_is_not_told(hub: LiveHub) -> None:
    await hub.tell(*world())
    _, customers = await hub.open(ALICE_HERSELF, CASES_OF, id=id_of(ORDER))
    inside = later(_known(CASE), 5, status=CaseStatus.OPEN, customer=None, order=None)
    await hub.tell(inside)
    await hub.settled()
    assert len(customers.messages) == 1


async def test_a_replay_asks_again_who_may_see(hub: LiveHub) -> None:
    await hub.tell(*world())
    for document, tell in (
        (ORDERS, later(_known(ORDER), 5, status=OrderStatus.CONFIRMED, confirmed_at=BEGAN)),
        (TIMELINE, None),
    ):
        stream, first = await hub.open(ALICE_HERSELF, document, id=id_of(ORDER))
        stream.close()
        if tell is not None:
            await hub.tell(tell)
        stream, again = await hub.open(
            ALICE_HERSELF, document, id=id_of(ORDER), after=first.items[0]["cursor"]
        )
        await hub.settled()
        assert len(again.messages) == (1 if tell is not None else 0)
        stream.close()
        cursor = first.items[0]["cursor"]
        with pytest.raises(NotFound):
            await hub.open(BOB_HIMSELF, document, id=id_of(ORDER), after=cursor)


async def test_a_customer_is_told_public_entries_without_our_names(hub: LiveHub) -> None:
    _, mine = await hub.open(ALICE_HERSELF, TIMELINE, id=id_of(ORDER))
    _, house = await hub.open(AGENT, TIMELINE, id=id_of(ORDER))
    notes = [
        replace(message(n, seen, minutes=n), author=author, author_type=kind)
        for n, (seen, author, kind) in enumerate(
            (
                (Visibility.INTERNAL, "Ann", ActorType.AGENT),
                (Visibility.CUSTOMER, "Ann", ActorType.AGENT),
                (Visibility.CUSTOMER, "Alice", ActorType.CUSTOMER),
            ),
            start=1,
        )
    ]
    await hub.tell(*world(), *notes)
    await hub.settled()
    seen = [each["node"] for each in mine.items[1:]]
    all_ = [each["node"] for each in house.items[1:]]
    assert {each["visibility"] for each in seen} == {"CUSTOMER"}
    assert len(all_) > len(seen)
    said = [each["actor"]["name"] for each in seen if each["type"] == "case.message"]
    assert said == [None, "Alice"]
    assert [each["actor"]["name"] for each in all_ if each["type"] == "case.message"] == [
        "Ann", "Ann", "Alice"
    ]  # fmt: skip


async def test_an_internal_note_moves_nothing_a_customer_hears(hub: LiveHub) -> None:
    await hub.tell(*world())
    _, mine = await hub.open(ALICE_HERSELF, CASES_OF, id=id_of(ORDER))
    _, house = await hub.open(AGENT, CASES_OF, id=id_of(ORDER))
    await hub.tell(message(1, Visibility.INTERNAL, minutes=5))
    await hub.tell(message(2, Visibility.CUSTOMER, minutes=6))
    await hub.settled()
    assert [each.get("type") for each in mine.items[1:]] == ["message.recorded"]
    assert [each.get("type") for each in house.items[1:]] == ["message.recorded"] * 2


async def test_a_customer_that_is_merged_while_they_listen_is_heard(hub: LiveHub) -> None:
    await hub.tell(*world())
    twin = Ref("customer", "crm", "X9")
    hub.sources["crm"].put(of(Customer, twin, number="X9", name="Alice"))
    document = "subscription { f: orderStatusChanged(filter: {}) { __typename } }"
    _, mine = await hub.open(ALICE_HERSELF, document)
    _, his = await hub.open(BOB_HIMSELF, document)
    await hub.references.link([ALICE, twin], act=Act("ann", "one person"))
    order = replace(_known(ORDER), ref=Ref("order", "erp", "O7"), number="O7", customer=twin)
    await hub.tell(order)
    await hub.settled()
    assert [each["__typename"] for each in mine.items[1:]] == ["OrderStatusEvent"]
    assert his.items[1:] == []


async def test_masked_fields_are_masked_in_events(hub: LiveHub) -> None:
    document = ORDERS.replace("{ number }", "{ number salesPerson }")
    await hub.tell(*world())
    _, mine = await hub.open(ALICE_HERSELF, document, id=id_of(ORDER))
    _, house = await hub.open(AGENT, document, id=id_of(ORDER))
    await hub.tell(later(_known(ORDER), 5, status=OrderStatus.CONFIRMED))
    await hub.settled()
    told = mine.messages[1]
    assert told["data"]["f"]["node"] == {"number": "O1", "salesPerson": None}
    assert [each["extensions"]["code"] for each in told["errors"]] == ["FORBIDDEN"]
    assert house.items[1]["node"] == {"number": "O1", "salesPerson": "Sam"}


async def test_the_house_and_a_customer_are_never_one_audience(hub: LiveHub) -> None:
    for principal in (AGENT, EU_AGENT, ALICE_HERSELF, who(Role.FINANCE)):
        await hub.open(principal, ORDERS, id=id_of(ORDER))
    assert len(hub.streams._audiences) == 4
    await hub.open(AGENT, ORDERS, id=id_of(ORDER))
    assert len(hub.streams._audiences) == 4


async def test_whose_it_is_cannot_be_known_so_nobody_bound_is_told_until_it_can(
    hub: LiveHub,
) -> None:
    """The ERP is away, and the shipment's order was never read: the carrier's scan waits."""
    await hub.tell(*world())
    _, mine = await hub.open(ALICE_HERSELF, SHIPMENT_BY_ID, id=id_of(SHIPMENT))
    _, house = await hub.open(AGENT, SHIPMENT_BY_ID, id=id_of(SHIPMENT))
    event = scan(1, ShipmentStatus.IN_TRANSIT, minutes=6)
    hub.sources["wms"].failing["shipment"] = SourceUnavailable("wms", "away")
    hub.reads.memory._records.drop(SHIPMENT)
    hub.tail.hand_on([replace(hub.tail.events[0], id="m", noun="milestone", change="recorded",
                              ref=event.ref, shipment=SHIPMENT, record=event)])  # fmt: skip
    await hub.settled()
    assert [each["__typename"] for each in mine.items[1:]] == []
    assert [each["__typename"] for each in house.items[1:]] == ["StreamGap"]
    hub.sources["wms"].failing.clear()
    [audience] = [each for each in hub.streams._audiences.values() if each.telling.scope.is_bound]
    audience.beat()
    await hub.settled()
    assert [each["__typename"] for each in mine.items[1:]] == [
        "ShipmentMilestoneEvent",
        "Heartbeat",
    ]


async def test_every_argument_of_a_stream_is_tried() -> None:
    schema = build_schema()._schema
    filter_: Any = schema.type_map["OrderStatusFilter"]
    assert schema.subscription_type is not None
    found = {f"OrderStatusFilter.{name}" for name in filter_.fields}
    for name, field in schema.subscription_type.fields.items():
        found |= {f"{name}({each})" for each in field.args if each not in ("after", "snapshot")}
    found.remove("commandStatusChanged(commandId)")  # see `tests/e2e/test_commands`
    assert found == set(PROBED) | set(OPEN)
    assert set(PROBED.values()) == set(NAMED)


async def test_the_records_named_are_those_of_the_world() -> None:
    """The refs of the documents above name records; else a refusal would prove nothing."""
    kinds = {Order: ORDER, Return: RMA, Shipment: SHIPMENT, Case: CASE}
    for kind, ref in kinds.items():
        assert isinstance(_known(ref), kind)
    assert isinstance(_known(OTHER), Order)
    assert of(Order, ORDER).ref == ORDER
