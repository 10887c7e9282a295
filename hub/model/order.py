"""Sales orders and their lines: states, legal transitions, and the statuses derived from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Annotated, ClassVar

from hub.model.record import Record, To
from hub.model.values import Money, Quantity, Ref


class OrderStatus(Enum):
    OPEN = "OPEN"
    CONFIRMED = "CONFIRMED"
    ON_HOLD = "ON_HOLD"
    IN_FULFILLMENT = "IN_FULFILLMENT"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


_S = OrderStatus
ORDER_TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    _S.OPEN: frozenset({_S.CONFIRMED, _S.ON_HOLD, _S.CANCELLED}),
    _S.CONFIRMED: frozenset({_S.ON_HOLD, _S.IN_FULFILLMENT, _S.CANCELLED}),
    _S.ON_HOLD: frozenset({_S.CONFIRMED, _S.CANCELLED}),
    # to CANCELLED only while nothing has shipped
    _S.IN_FULFILLMENT: frozenset({_S.ON_HOLD, _S.COMPLETED, _S.CANCELLED}),
    _S.COMPLETED: frozenset(),
    _S.CANCELLED: frozenset(),
}


class HoldReason(Enum):
    CREDIT = "CREDIT"
    PRICE = "PRICE"
    ADDRESS = "ADDRESS"
    STOCK = "STOCK"
    COMPLIANCE = "COMPLIANCE"
    MANUAL = "MANUAL"


class OrderPriority(Enum):
    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


class LineStatus(Enum):
    PENDING = "PENDING"
    ALLOCATED = "ALLOCATED"
    BACKORDERED = "BACKORDERED"
    RELEASED = "RELEASED"
    PICKING = "PICKING"
    PICKED = "PICKED"
    SHORT_PICKED = "SHORT_PICKED"
    SUBSTITUTED = "SUBSTITUTED"
    PACKED = "PACKED"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    ON_HOLD = "ON_HOLD"
    CANCELLED = "CANCELLED"


class FulfillmentStatus(Enum):
    """Derived from the line counters, never stored."""

    UNFULFILLED = "UNFULFILLED"
    PARTIALLY_ALLOCATED = "PARTIALLY_ALLOCATED"
    ALLOCATED = "ALLOCATED"
    BACKORDERED = "BACKORDERED"
    IN_WAREHOUSE = "IN_WAREHOUSE"
    SHORT = "SHORT"
    PARTIALLY_SHIPPED = "PARTIALLY_SHIPPED"
    SHIPPED = "SHIPPED"
    PARTIALLY_DELIVERED = "PARTIALLY_DELIVERED"
    DELIVERED = "DELIVERED"


class OrderReturnStatus(Enum):
    """Derived from the order's returns, never stored."""

    NONE = "NONE"
    REQUESTED = "REQUESTED"
    IN_PROGRESS = "IN_PROGRESS"
    PARTIALLY_RETURNED = "PARTIALLY_RETURNED"
    RETURNED = "RETURNED"


class FinancialStatus(Enum):
    """Derived from the order's invoices and credit memos, never stored."""

    NOT_INVOICED = "NOT_INVOICED"
    INVOICED = "INVOICED"
    PARTIALLY_CREDITED = "PARTIALLY_CREDITED"
    CREDITED = "CREDITED"
    DISPUTED = "DISPUTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine(Record):
    """One line of an order. Counters are in the line's unit and never negative."""

    NOUN: ClassVar[str] = "order_line"

    order: Annotated[Ref | None, To("order")] = None
    line_number: int | None = None
    item: Annotated[Ref | None, To("item")] = None
    sku: str | None = None
    description: str | None = None
    status: LineStatus | None = None
    ordered: Quantity | None = None
    cancelled: Quantity | None = None
    allocated: Quantity | None = None
    backordered: Quantity | None = None
    picked: Quantity | None = None
    shorted: Quantity | None = None
    packed: Quantity | None = None
    shipped: Quantity | None = None
    delivered: Quantity | None = None
    unit_price: Money | None = None
    unit_cost: Money | None = None
    discount: Money | None = None
    amount: Money | None = None
    tax: Money | None = None
    promised_on: date | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Record):
    """A sales order. Its number may be absent in draft and may change; its key does not."""

    NOUN: ClassVar[str] = "order"

    number: str | None = None
    business_unit: str | None = None
    channel: str | None = None
    customer: Annotated[Ref | None, To("customer")] = None
    status: OrderStatus | None = None
    hold_reason: HoldReason | None = None
    priority: OrderPriority | None = None
    po_number: str | None = None
    placed_at: datetime | None = None
    confirmed_at: datetime | None = None
    completed_at: datetime | None = None
    cancelled_at: datetime | None = None
    requested_delivery_on: date | None = None
    currency: str | None = None
    total: Money | None = None
    tax: Money | None = None
    freight: Money | None = None
    ship_to_name: str | None = None
    ship_to_street: str | None = None
    ship_to_city: str | None = None
    ship_to_postal_code: str | None = None
    ship_to_country: str | None = None
    sales_person: str | None = None
    correlation_id: str | None = None
    updated_at: datetime | None = None
    lines: tuple[OrderLine, ...] | None = None
