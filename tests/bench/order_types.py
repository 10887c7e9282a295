"""The same Strawberry types twice: for the engine, and as stock Strawberry would have them.

The stock resolvers are the fastest there can be: plain functions that look into a dict.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry
from strawberry.extensions import ParserCache, ValidationCache

from hub.model import customer, order, shipment, values
from hub.model.customer import CustomerStatus
from hub.model.order import LineStatus, OrderPriority, OrderStatus
from hub.model.shipment import ShipmentStatus
from resolvers.fields import edge, represents, root
from tests.bench.order_records import Shop

ORDER_FIELDS = """
  number status priority channel currency poNumber placedAt requestedDeliveryOn businessUnit
  shipToName shipToCity shipToCountry salesPerson correlationId
  total { amount currency } tax { amount currency }
  customer { number name status segment creditHold creditLimit { amount currency } }
  lines {
    lineNumber sku description status promisedOn
    ordered { value uom } shipped { value uom }
    unitPrice { amount currency } amount { amount currency }
  }
  shipments {
    number status carrier trackingNumber service packages shippedAt weight { value uom }
    lines { orderLine item quantity { value uom } }
    milestones { code message occurredAt location }
  }
"""
ONE_ORDER = f"query Desk($number: String!) {{ order(number: $number) {{ {ORDER_FIELDS} }} }}"
MANY_ORDERS = f"query Board {{ orders {{ {ORDER_FIELDS} }} }}"

for _codes in (OrderStatus, OrderPriority, LineStatus, CustomerStatus, ShipmentStatus):
    strawberry.enum(_codes)


@dataclass(frozen=True)
class Style:
    """How a type says what stands behind it and how a relation of the shop becomes a field."""

    represents: Callable[[type], Callable[[Any], Any]]
    relation: Callable[[str], Any]
    one: Callable[[], Any]
    many: Callable[[], Any]


def _edge_over(relation: str) -> Any:
    def by_parent(parents: Sequence[Any], ctx: Shop) -> list[Any]:
        found = getattr(ctx, relation)
        return [found.get(parent.ref.key) for parent in parents]

    return edge(by_parent)


def _stock_relation(relation: str) -> Any:
    def by_parent(parent: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return getattr(info.context, relation).get(parent.ref.key)

    return strawberry.field(resolver=by_parent)


def order_by_number(ctx: Shop, *, number: str) -> Any:
    return next(one for one in ctx.orders if one.number == number)


def all_orders(ctx: Shop) -> Any:
    return ctx.orders


def _stock_one() -> Any:
    def resolve(info: strawberry.Info, number: str) -> Any:
        return order_by_number(info.context, number=number)

    return strawberry.field(resolver=resolve)


def _stock_many() -> Any:
    def resolve(info: strawberry.Info) -> Any:
        return all_orders(info.context)

    return strawberry.field(resolver=resolve)


ENGINE = Style(represents, _edge_over, lambda: root(order_by_number), lambda: root(all_orders))
STOCK = Style(lambda _record: lambda cls: cls, _stock_relation, _stock_one, _stock_many)


def build_schema(style: Style) -> strawberry.Schema:
    """The schema of the bench in one of the two styles."""
    money_type, quantity_type = _value_types(style)
    order_type: Any = _order_type(style, money_type, quantity_type)

    @strawberry.type
    class Query:
        order: order_type | None = style.one()
        orders: list[order_type] = style.many()

    extensions: Any = [ParserCache, ValidationCache] if style is STOCK else []
    return strawberry.Schema(query=Query, extensions=extensions)


def _value_types(style: Style) -> tuple[Any, Any]:
    @style.represents(values.Money)
    @strawberry.type
    class Money:
        amount: Decimal
        currency: str

    @style.represents(values.Quantity)
    @strawberry.type
    class Quantity:
        value: Decimal
        uom: str

    return Money, Quantity


def _order_type(style: Style, money_type: Any, quantity_type: Any) -> Any:
    customer_type: Any = _customer_type(style, money_type)
    shipment_type: Any = _shipment_type(style, quantity_type)

    @style.represents(order.OrderLine)
    @strawberry.type
    class OrderLine:
        line_number: int | None
        sku: str | None
        description: str | None
        status: LineStatus | None
        promised_on: date | None
        ordered: quantity_type | None
        shipped: quantity_type | None
        unit_price: money_type | None
        amount: money_type | None

    @style.represents(order.Order)
    @strawberry.type
    class Order:
        number: str | None
        status: OrderStatus | None
        priority: OrderPriority | None
        channel: str | None
        currency: str | None
        po_number: str | None
        placed_at: datetime | None
        requested_delivery_on: date | None
        business_unit: str | None
        ship_to_name: str | None
        ship_to_city: str | None
        ship_to_country: str | None
        sales_person: str | None
        correlation_id: str | None
        total: money_type | None
        tax: money_type | None
        customer: customer_type | None = style.relation("customer_by_order")
        lines: list[OrderLine] | None = style.relation("lines_by_order")
        shipments: list[shipment_type] | None = style.relation("shipments_by_order")

    return Order


def _customer_type(style: Style, money: Any) -> Any:
    @style.represents(customer.Customer)
    @strawberry.type
    class Customer:
        number: str | None
        name: str | None
        status: CustomerStatus | None
        segment: str | None
        credit_hold: bool | None
        credit_limit: money | None

    return Customer


def _shipment_type(style: Style, quantity_type: Any) -> Any:
    @style.represents(shipment.ShipmentLine)
    @strawberry.type
    class ShipmentLine:
        order_line: int | None
        item: str | None
        quantity: quantity_type | None

    @style.represents(shipment.Milestone)
    @strawberry.type
    class Milestone:
        code: ShipmentStatus | None
        message: str | None
        occurred_at: datetime | None
        location: str | None

    @style.represents(shipment.Shipment)
    @strawberry.type
    class Shipment:
        number: str | None
        status: ShipmentStatus | None
        carrier: str | None
        tracking_number: str | None
        service: str | None
        packages: int | None
        shipped_at: datetime | None
        weight: quantity_type | None
        lines: list[ShipmentLine] | None = style.relation("lines_by_shipment")
        milestones: list[Milestone] | None = style.relation("milestones_by_shipment")

    return Shipment
