"""Generated histories of many orders, and what is told of them: shuffled, each one to three times.

Every record of a history has its own time, so the last one is the truth whatever comes when.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from hub.events.told import Told, Via, version_of
from hub.model.case import Case, CaseStatus, Message, Visibility
from hub.model.order import LineStatus, Order, OrderLine, OrderStatus
from hub.model.record import Record
from hub.model.shipment import Milestone, Shipment, ShipmentStatus
from hub.model.values import Quantity, Ref
from tests.support.stores import NOON

STEP = timedelta(minutes=7)
CUSTOMER = Ref("customer", "erp", "c1")
CHANGES_PER_ORDER = 12
COPIES_MAX = 3
BATCH = 100

_MOVING = (
    ShipmentStatus.PRE_TRANSIT, ShipmentStatus.PICKED_UP, ShipmentStatus.IN_TRANSIT,
    ShipmentStatus.DELAYED, ShipmentStatus.OUT_FOR_DELIVERY, ShipmentStatus.EXCEPTION,
)  # fmt: skip
_ORDER = (OrderStatus.CONFIRMED, OrderStatus.ON_HOLD, OrderStatus.IN_FULFILLMENT)
_LINE = (LineStatus.ALLOCATED, LineStatus.PICKED, LineStatus.PACKED, LineStatus.BACKORDERED)
_CASE = (CaseStatus.OPEN, CaseStatus.PENDING_CUSTOMER, CaseStatus.SOLVED)


@dataclass
class Histories:
    """`changes` in the order they happened, each record with a new version."""

    changes: list[Record] = field(default_factory=list)
    orders: dict[Ref, Order] = field(default_factory=dict)
    shipments: dict[Ref, Shipment] = field(default_factory=dict)

    def final(self) -> dict[Ref, Record]:
        return {record.ref: record for record in self.changes}


def histories(count: int, random_: random.Random) -> Histories:
    """About `count` changes: orders with lines, their shipments, scans, cases and messages."""
    made = Histories()
    for number in range(max(1, count // CHANGES_PER_ORDER)):
        _one_order(made, number, random_)
    return made


def told_of(made: Histories, random_: random.Random) -> list[Told]:
    """Each change one to three times, with a new message id each time, in any order."""
    told = [
        Told(
            ref=record.ref, via=Via.NATS, record=record, version=version_of(record),
            event_id=f"e{number}-{copy}", occurred_at=record.as_of,
        )
        for number, record in enumerate(made.changes)
        for copy in range(random_.randint(1, COPIES_MAX))
    ]  # fmt: skip
    random_.shuffle(told)
    return told


def _one_order(made: Histories, number: int, random_: random.Random) -> None:
    at = NOON - timedelta(days=3) + timedelta(seconds=number)
    order = Order(
        ref=Ref("order", "erp", f"o{number}"), as_of=at, fetched_at=NOON, number=f"SO{number}",
        customer=CUSTOMER, business_unit="EU", status=OrderStatus.OPEN, placed_at=at,
        lines=(_line(number, LineStatus.PENDING, at, 0),),
    )  # fmt: skip
    shipment = Shipment(
        ref=Ref("shipment", "wms", f"s{number}"), as_of=at, fetched_at=NOON, order=order.ref,
        status=ShipmentStatus.LABEL_CREATED, created_at=at, milestones=(),
    )  # fmt: skip
    case = Case(
        ref=Ref("case", "crm", f"k{number}"), as_of=at, fetched_at=NOON, order=order.ref,
        status=CaseStatus.NEW, opened_at=at, messages=(),
    )  # fmt: skip
    made.orders[order.ref], made.shipments[shipment.ref] = order, shipment
    made.changes += [order, shipment, case]
    for turn in range(1, CHANGES_PER_ORDER - 2):
        at += STEP
        kind = random_.randrange(3)
        if kind == 0:
            order = replace(
                order, as_of=at, updated_at=at, status=random_.choice(_ORDER),
                lines=(_line(number, random_.choice(_LINE), at, turn),),
            )  # fmt: skip
            made.changes.append(order)
        elif kind == 1:
            shipment = _moved(shipment, at, turn, random_)
            made.changes.append(shipment)
        else:
            case = _talked(case, at, turn, random_)
            made.changes.append(case)


def _line(number: int, status: LineStatus, at: datetime, turn: int) -> OrderLine:
    return OrderLine(
        ref=Ref("order_line", "erp", f"o{number}/1"), as_of=at, fetched_at=NOON, status=status,
        order=Ref("order", "erp", f"o{number}"), line_number=1, sku="A",
        ordered=Quantity(Decimal(9), "EA"), picked=Quantity(Decimal(turn), "EA"), updated_at=at,
    )  # fmt: skip


def _moved(shipment: Shipment, at: datetime, turn: int, random_: random.Random) -> Shipment:
    status = random_.choice(_MOVING)
    scan = Milestone(
        ref=Ref("milestone", "wms", f"{shipment.ref.key}-{turn}"), as_of=at, fetched_at=NOON,
        shipment=shipment.ref, code=status, occurred_at=at, sequence=turn,
    )  # fmt: skip
    scans = (*(shipment.milestones or ()), scan)
    return replace(shipment, as_of=at, updated_at=at, status=status, milestones=scans)


def _talked(case: Case, at: datetime, turn: int, random_: random.Random) -> Case:
    message = Message(
        ref=Ref("message", "crm", f"{case.ref.key}-{turn}"), as_of=at, fetched_at=NOON,
        case=case.ref, body=f"turn {turn}", sent_at=at, visibility=Visibility.CUSTOMER,
    )  # fmt: skip
    messages = (*(case.messages or ()), message)
    return replace(
        case, as_of=at, updated_at=at, status=random_.choice(_CASE), messages=messages,
        assignee=random_.choice(("Ann", "Bob")),
    )  # fmt: skip
