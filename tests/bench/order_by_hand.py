"""The same JSON by hand: what one would write for exactly this answer and nothing else."""

from typing import Any

from hub.model.customer import Customer
from hub.model.order import Order, OrderLine
from hub.model.shipment import Milestone, Shipment, ShipmentLine
from hub.model.values import Money, Quantity
from tests.bench.order_records import Shop


def order_json(shop: Shop, order: Order) -> dict[str, Any]:
    key = order.ref.key
    return {
        "number": order.number,
        "status": order.status.name if order.status else None,
        "priority": order.priority.name if order.priority else None,
        "channel": order.channel,
        "currency": order.currency,
        "poNumber": order.po_number,
        "placedAt": order.placed_at.isoformat() if order.placed_at else None,
        "requestedDeliveryOn": (
            order.requested_delivery_on.isoformat() if order.requested_delivery_on else None
        ),
        "businessUnit": order.business_unit,
        "shipToName": order.ship_to_name,
        "shipToCity": order.ship_to_city,
        "shipToCountry": order.ship_to_country,
        "salesPerson": order.sales_person,
        "correlationId": order.correlation_id,
        "total": _money(order.total),
        "tax": _money(order.tax),
        "customer": _customer(shop.customer_by_order[key]),
        "lines": [_line(one) for one in shop.lines_by_order[key]],
        "shipments": [_shipment(shop, one) for one in shop.shipments_by_order[key]],
    }


def _money(money: Money | None) -> dict[str, Any] | None:
    return {"amount": str(money.amount), "currency": money.currency} if money else None


def _quantity(quantity: Quantity | None) -> dict[str, Any] | None:
    return {"value": str(quantity.value), "uom": quantity.uom} if quantity else None


def _customer(customer: Customer) -> dict[str, Any]:
    return {
        "number": customer.number,
        "name": customer.name,
        "status": customer.status.name if customer.status else None,
        "segment": customer.segment,
        "creditHold": customer.credit_hold,
        "creditLimit": _money(customer.credit_limit),
    }


def _line(line: OrderLine) -> dict[str, Any]:
    return {
        "lineNumber": line.line_number,
        "sku": line.sku,
        "description": line.description,
        "status": line.status.name if line.status else None,
        "promisedOn": line.promised_on.isoformat() if line.promised_on else None,
        "ordered": _quantity(line.ordered),
        "shipped": _quantity(line.shipped),
        "unitPrice": _money(line.unit_price),
        "amount": _money(line.amount),
    }


def _shipment(shop: Shop, shipment: Shipment) -> dict[str, Any]:
    key = shipment.ref.key
    return {
        "number": shipment.number,
        "status": shipment.status.name if shipment.status else None,
        "carrier": shipment.carrier,
        "trackingNumber": shipment.tracking_number,
        "service": shipment.service,
        "packages": shipment.packages,
        "shippedAt": shipment.shipped_at.isoformat() if shipment.shipped_at else None,
        "weight": _quantity(shipment.weight),
        "lines": [_shipment_line(one) for one in shop.lines_by_shipment[key]],
        "milestones": [_milestone(one) for one in shop.milestones_by_shipment[key]],
    }


def _shipment_line(line: ShipmentLine) -> dict[str, Any]:
    return {
        "orderLine": line.order_line,
        "item": line.item,
        "quantity": _quantity(line.quantity),
    }


def _milestone(milestone: Milestone) -> dict[str, Any]:
    return {
        "code": milestone.code.name if milestone.code else None,
        "message": milestone.message,
        "occurredAt": milestone.occurred_at.isoformat() if milestone.occurred_at else None,
        "location": milestone.location,
    }
