"""Orders as the hub carries them: `hub.model` records, prefetched and keyed by the parent's key."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hub.model.customer import Customer, CustomerStatus
from hub.model.order import LineStatus, Order, OrderLine, OrderPriority, OrderStatus
from hub.model.shipment import Milestone, Shipment, ShipmentLine, ShipmentStatus
from hub.model.values import Money, Quantity, Ref

LINES = 8
SHIPMENTS = 2
SHIPMENT_LINES = 2
MILESTONES = 3
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass
class Shop:
    """What a request has read: records by the key of the record they belong to."""

    orders: list[Order] = field(default_factory=list)
    customer_by_order: dict[str, Customer] = field(default_factory=dict)
    lines_by_order: dict[str, list[OrderLine]] = field(default_factory=dict)
    shipments_by_order: dict[str, list[Shipment]] = field(default_factory=dict)
    lines_by_shipment: dict[str, list[ShipmentLine]] = field(default_factory=dict)
    milestones_by_shipment: dict[str, list[Milestone]] = field(default_factory=dict)


def stocked(orders: int) -> Shop:
    """A shop of so many orders, each with 8 lines and 2 shipments of 2 lines and 3 scans."""
    shop = Shop()
    for number in range(orders):
        order = _order(number)
        key = order.ref.key
        shop.orders.append(order)
        shop.customer_by_order[key] = _customer(number)
        shop.lines_by_order[key] = [_line(key, n) for n in range(1, LINES + 1)]
        shop.shipments_by_order[key] = [_shipment(key, n) for n in range(SHIPMENTS)]
        for shipment in shop.shipments_by_order[key]:
            lines = [_shipment_line(shipment.ref.key, n) for n in range(SHIPMENT_LINES)]
            scans = [_milestone(shipment.ref.key, n) for n in range(MILESTONES)]
            shop.lines_by_shipment[shipment.ref.key] = lines
            shop.milestones_by_shipment[shipment.ref.key] = scans
    return shop


def _told(noun: str, key: str) -> dict[str, Any]:
    return {"ref": Ref(noun, "erp-eu", key), "as_of": START, "fetched_at": START}


def _money(cents: int) -> Money:
    return Money(Decimal(cents) / 100, "EUR")


def _order(number: int) -> Order:
    return Order(
        **_told("order", f"{4711 + number}"),
        number=f"SO-{4711 + number}",
        business_unit="EU-01",
        channel="EDI",
        status=OrderStatus.IN_FULFILLMENT,
        priority=OrderPriority.HIGH,
        po_number=f"PO-{90000 + number}",
        placed_at=START,
        requested_delivery_on=date(2026, 3, 9),
        currency="EUR",
        total=_money(123456 + number),
        tax=_money(19753),
        ship_to_name="Harbour Supplies",
        ship_to_city="Rotterdam",
        ship_to_country="NL",
        sales_person="J. de Vries",
        correlation_id=f"c-{number:08d}",
    )


def _customer(number: int) -> Customer:
    return Customer(
        **_told("customer", f"C{number % 7}"),
        number=f"1000{number % 7}",
        name="Harbour Supplies B.V.",
        status=CustomerStatus.ACTIVE,
        segment="MRO",
        credit_limit=_money(5_000_000),
        credit_hold=False,
    )


def _line(order: str, number: int) -> OrderLine:
    return OrderLine(
        **_told("order_line", f"{order}/{number}"),
        line_number=number,
        sku=f"SKU-{number:05d}",
        description="Hexagon bolt M8 x 40, zinc plated",
        status=LineStatus.SHIPPED if number % 2 else LineStatus.BACKORDERED,
        ordered=Quantity(Decimal(10 * number), "EA"),
        shipped=Quantity(Decimal(10 * number), "EA"),
        unit_price=_money(1295),
        amount=_money(12950 * number),
        promised_on=date(2026, 3, 6),
    )


def _shipment(order: str, number: int) -> Shipment:
    return Shipment(
        **_told("shipment", f"{order}-{number}"),
        number=f"SHP-{order}-{number}",
        status=ShipmentStatus.IN_TRANSIT,
        carrier="DHL",
        service="EXPRESS",
        tracking_number=f"JD0146{order}{number}",
        packages=2,
        weight=Quantity(Decimal("12.5"), "KGM"),
        shipped_at=START + timedelta(days=1),
    )


def _shipment_line(shipment: str, number: int) -> ShipmentLine:
    return ShipmentLine(
        **_told("shipment_line", f"{shipment}/{number}"),
        order_line=number + 1,
        item=f"SKU-{number + 1:05d}",
        quantity=Quantity(Decimal(10), "EA"),
    )


def _milestone(shipment: str, number: int) -> Milestone:
    return Milestone(
        **_told("milestone", f"{shipment}/{number}"),
        code=ShipmentStatus.IN_TRANSIT,
        message="Departed facility",
        occurred_at=START + timedelta(days=1, hours=number),
        location="Venlo, NL",
    )
