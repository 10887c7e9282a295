"""Shipments of both warehouses and the scans their carriers made."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from hub.demo.plan.records import Item, Line, Order, Rma, Scan, Shipment, ShippedLine
from hub.demo.plan.returned import STATUSES
from hub.demo.plan.when import REFERENCE_AT, dice

FIRST_NUMBER = {"north": 700001, "south": 40001}
UNMAPPED_SOUTH_SHIPMENT = 40021
"""The one southern shipment whose native status code nobody has mapped."""
RECYCLED_PAIRS = 6
RECYCLED_AFTER_DAYS = 366
CARRIERS = (("PXP", "GROUND"), ("PXP", "EXPRESS"), ("GLF", "STANDARD"), ("GLF", "FREIGHT"))
SPLIT_CHANCE = 0.15
TRAVELLED = frozenset(STATUSES[STATUSES.index("IN_TRANSIT") : STATUSES.index("CLOSED") + 1])
"""Return statuses in which the goods have left the customer."""
HUBS = ("Hannover", "Leipzig", "Rotterdam", "Louisville", "Memphis", "Chicago")
Items = Mapping[str, Item]


@dataclass
class Desk:
    """Running numbers of the warehouses and carriers while the plan is made."""

    rng: Random
    items: Items
    numbers: dict[str, int] = field(default_factory=lambda: dict(FIRST_NUMBER))

    def next_number(self, warehouse: str) -> str:
        number = self.numbers[warehouse]
        self.numbers[warehouse] = number + 1
        return f"N{number}" if warehouse == "north" else str(number)

    def tracking(self, carrier: str) -> str:
        return f"{carrier}{self.rng.randrange(10**9, 10**10)}"


def plan_shipments(orders: Sequence[Order], items: Items) -> tuple[Shipment, ...]:
    """Every shipment, by order; a late part may share its number with one a year older."""
    desk = Desk(dice("shipments"), items)
    shipments = [shipment for order in orders for shipment in _of_order(desk, order)]
    return tuple(_recycle_numbers(shipments))


def _of_order(desk: Desk, order: Order) -> Iterator[Shipment]:
    gone = [line for line in order.lines if line.progress.shipped]
    packed = [line for line in order.lines if line.progress.packed and not line.progress.shipped]
    for warehouse in ("north", "south"):
        here = [line for line in gone if line.warehouse == warehouse]
        if len(here) > 1 and desk.rng.random() < SPLIT_CHANCE:
            yield _shipment(desk, order, here[:1])
            yield _shipment(desk, order, here[1:])
        elif here:
            yield _shipment(desk, order, here)
    if packed:
        yield _labelled(desk, order, packed)


def _shipment(desk: Desk, order: Order, lines: Sequence[Line]) -> Shipment:
    rng = desk.rng
    created = order.placed_at + timedelta(hours=rng.randrange(3, 20))
    shipped = created + timedelta(hours=rng.randrange(2, 9))
    is_delivered = all(line.progress.delivered for line in lines)
    arrival = shipped + timedelta(hours=rng.randrange(20, 76), minutes=rng.randrange(60))
    delivered = min(arrival, REFERENCE_AT) if is_delivered else None
    carrier, service = rng.choice(CARRIERS)
    return Shipment(
        warehouse=lines[0].warehouse,
        number=desk.next_number(lines[0].warehouse),
        erp=order.erp,
        order=order.key,
        rma=None,
        direction="OUTBOUND",
        status="DELIVERED" if is_delivered else "IN_TRANSIT",
        carrier=carrier,
        service=service,
        tracking=desk.tracking(carrier),
        packages=1 + len(lines) // 3,
        weight_kg=_weight(desk.items, lines),
        created_at=created,
        shipped_at=shipped,
        estimated_at=shipped + timedelta(days=3),
        delivered_at=delivered,
        lines=tuple(_shipped_line(desk, line, line.progress.shipped) for line in lines),
        scans=tuple(scans_of(rng, created, shipped, delivered=delivered)),
    )


def _labelled(desk: Desk, order: Order, lines: Sequence[Line]) -> Shipment:
    """Packed and labelled, not yet gone."""
    created = min(order.placed_at + timedelta(hours=desk.rng.randrange(3, 20)), REFERENCE_AT)
    carrier, service = desk.rng.choice(CARRIERS)
    return Shipment(
        warehouse=lines[0].warehouse,
        number=desk.next_number(lines[0].warehouse),
        erp=order.erp,
        order=order.key,
        rma=None,
        direction="OUTBOUND",
        status="LABEL_CREATED",
        carrier=carrier,
        service=service,
        tracking=desk.tracking(carrier),
        packages=1,
        weight_kg=_weight(desk.items, lines),
        created_at=created,
        shipped_at=None,
        estimated_at=None,
        delivered_at=None,
        lines=tuple(_shipped_line(desk, line, line.progress.packed) for line in lines),
        scans=(Scan("LABEL_CREATED", "LB01", "Label printed", "", created),),
    )


def _weight(items: Items, lines: Iterable[Line]) -> Decimal:
    return sum((items[line.sku].weight_kg * line.progress.packed for line in lines), Decimal(0))


def _shipped_line(desk: Desk, line: Line, quantity: int) -> ShippedLine:
    item = desk.items[line.sku]
    serials = [f"{item.family}{desk.rng.randrange(10**7, 10**8)}" for _ in range(quantity)]
    return ShippedLine(
        order_line=line.number,
        sku=line.sku,
        unit=line.unit,
        quantity=quantity,
        serials=tuple(serials) if item.serial_tracked else (),
        lot=f"L{desk.rng.randrange(2400, 2700)}" if item.lot_tracked else None,
    )


def scans_of(
    rng: Random, created: datetime, shipped: datetime, *, delivered: datetime | None
) -> Iterator[Scan]:
    """What the carrier saw, oldest first: several scans share one milestone."""
    yield Scan("LABEL_CREATED", "LB01", "Label printed", "", created)
    yield Scan("PICKED_UP", "PU01", "Collected from shipper", rng.choice(HUBS), shipped)
    until = delivered or min(shipped + timedelta(days=2), REFERENCE_AT)
    hops = rng.randrange(3, 7)
    step = (until - shipped) / (hops + 3)
    for hop in range(1, hops + 1):
        place = rng.choice(HUBS)
        yield Scan(
            "IN_TRANSIT", f"TR{hop:02}", "Sorted at hub", place, _second(shipped, step * hop)
        )
    if delivered is None:
        return
    town = rng.choice(HUBS)
    out = _second(shipped, step * (hops + 1))
    yield Scan("OUT_FOR_DELIVERY", "OD01", "On the delivery vehicle", town, out)
    if rng.random() < 0.08:
        tried = _second(shipped, step * (hops + 2))
        yield Scan("DELIVERY_ATTEMPTED", "DA04", "Nobody at the ramp", town, tried)
    yield Scan("DELIVERED", "DL01", "Delivered, signed for", town, delivered)


def _second(start: datetime, passed: timedelta) -> datetime:
    return (start + passed).replace(microsecond=0)


def plan_return_shipments(rmas: Sequence[Rma], items: Items) -> tuple[Shipment, ...]:
    """The parcels in which returned goods travel; numbered after their RMA."""
    desk = Desk(dice("return shipments"), items)
    return tuple(_returning(desk, rma) for rma in rmas if rma.status in TRAVELLED)


def _returning(desk: Desk, rma: Rma) -> Shipment:
    rng = desk.rng
    created = rma.authorized_at or rma.requested_at
    shipped = min(created + timedelta(hours=rng.randrange(3, 24)), REFERENCE_AT)
    arrived = min((each.at for each in rma.receipts), default=None)
    arrived = None if arrived is None else max(shipped, arrived - timedelta(minutes=40))
    carrier, service = rng.choice(CARRIERS)
    return Shipment(
        warehouse=rma.warehouse,
        number=f"{rma.number.replace('-', '')}P1",
        erp=rma.erp,
        order=rma.order,
        rma=rma.number,
        direction="RETURN",
        status="IN_TRANSIT" if arrived is None else "DELIVERED",
        carrier=carrier,
        service=service,
        tracking=desk.tracking(carrier),
        packages=1,
        weight_kg=sum(
            (desk.items[line.sku].weight_kg * line.authorized for line in rma.lines), Decimal(0)
        ),
        created_at=created,
        shipped_at=shipped,
        estimated_at=shipped + timedelta(days=4),
        delivered_at=arrived,
        lines=tuple(
            ShippedLine(line.order_line, line.sku, line.unit, line.authorized, (), None)
            for line in rma.lines
        ),
        scans=tuple(scans_of(rng, created, shipped, delivered=arrived)),
    )


def _recycle_numbers(shipments: list[Shipment]) -> Iterator[Shipment]:
    """Give a few late shipments the tracking number of one over a year older."""
    last = max(each.created_at for each in shipments)
    old = [each for each in shipments if (last - each.created_at).days > RECYCLED_AFTER_DAYS + 14]
    taken: dict[str, str] = {}
    for early in old:
        for late in shipments:
            is_a_year_later = (late.created_at - early.created_at).days >= RECYCLED_AFTER_DAYS
            is_free = late.number not in taken and late.carrier == early.carrier
            if is_a_year_later and is_free and len(taken) < RECYCLED_PAIRS:
                taken[late.number] = early.tracking
                break
    for each in shipments:
        yield replace(each, tracking=taken[each.number]) if each.number in taken else each
