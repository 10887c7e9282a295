"""What the plan knows, in neutral words. All instants are UTC, all amounts Decimal."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Item:
    sku: str
    description: str
    family: str
    unit: str
    serial_tracked: bool
    lot_tracked: bool
    list_price: Decimal
    cost: Decimal
    weight_kg: Decimal
    gtin: str
    return_days: int
    final_sale: bool
    hazardous: bool


@dataclass(frozen=True, slots=True)
class Customer:
    erp: str
    number: str
    name: str
    account: str | None
    country: str
    city: str
    street: str
    postcode: str
    email: str
    phone: str
    segment: str
    currency: str
    terms: str
    credit_limit: Decimal
    exposure: Decimal
    is_on_hold: bool


@dataclass(frozen=True, slots=True)
class Account:
    account: str
    name: str
    country: str
    city: str
    email: str
    phone: str
    tier: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a line is; every count in the line's unit."""

    status: str
    cancelled: int = 0
    allocated: int = 0
    backordered: int = 0
    picked: int = 0
    shorted: int = 0
    packed: int = 0
    shipped: int = 0
    delivered: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    sku: str
    unit: str
    ordered: int
    price: Decimal
    tax: Decimal
    promised_on: date
    warehouse: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class Order:
    """`key` is the ERP's own record key; `number` is what people say, and None in a draft."""

    erp: str
    key: str
    number: str | None
    customer: str
    currency: str
    placed_at: datetime
    confirmed_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    updated_at: datetime
    requested_on: date
    scenario: str
    status: str
    hold_reason: str | None
    po_number: str | None
    channel: str
    sales_person: str
    priority: int
    lines: tuple[Line, ...]

    @property
    def net(self) -> Decimal:
        return sum((line.price * line.ordered for line in self.lines), Decimal("0.00"))

    @property
    def total(self) -> Decimal:
        return self.net + sum((line.tax for line in self.lines), Decimal("0.00"))


@dataclass(frozen=True, slots=True)
class ShippedLine:
    order_line: int
    sku: str
    unit: str
    quantity: int
    serials: tuple[str, ...]
    lot: str | None


@dataclass(frozen=True, slots=True)
class Scan:
    code: str
    detail: str
    message: str
    place: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Shipment:
    warehouse: str
    number: str
    erp: str
    order: str
    rma: str | None
    direction: str
    status: str
    carrier: str
    service: str
    tracking: str
    packages: int
    weight_kg: Decimal
    created_at: datetime
    shipped_at: datetime | None
    estimated_at: datetime | None
    delivered_at: datetime | None
    lines: tuple[ShippedLine, ...]
    scans: tuple[Scan, ...]


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    number: int
    order_line: int
    sku: str
    unit: str
    quantity: int
    price: Decimal
    tax: Decimal

    @property
    def net(self) -> Decimal:
        return self.price * self.quantity


@dataclass(frozen=True, slots=True)
class Invoice:
    erp: str
    number: str
    order: str
    customer: str
    currency: str
    status: str
    posted_at: datetime
    due_on: date
    lines: tuple[InvoiceLine, ...]

    @property
    def total(self) -> Decimal:
        return sum((line.net + line.tax for line in self.lines), Decimal("0.00"))


@dataclass(frozen=True, slots=True)
class CreditMemo:
    """Amounts are positive here; erp-eu writes them negative."""

    erp: str
    number: str
    order: str
    customer: str
    invoice: str | None
    rma: str | None
    currency: str
    status: str
    reason: str
    posted_at: datetime
    lines: tuple[InvoiceLine, ...]

    @property
    def total(self) -> Decimal:
        return sum((line.net + line.tax for line in self.lines), Decimal("0.00"))


@dataclass(frozen=True, slots=True)
class Receipt:
    number: str
    rma_line: int
    sku: str
    unit: str
    quantity: int
    dock: str
    at: datetime
    serials: tuple[str, ...]
    lot: str | None


@dataclass(frozen=True, slots=True)
class Inspection:
    number: str
    receipt: str
    rma_line: int
    sku: str
    unit: str
    quantity: int
    condition: str
    verdict: str
    inspector: str
    notes: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Disposition:
    number: str
    inspection: str
    rma_line: int
    sku: str
    unit: str
    quantity: int
    code: str
    place: str
    decided_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RmaLine:
    number: int
    order_line: int
    sku: str
    unit: str
    reason: str
    note: str
    price: Decimal
    requested: int
    authorized: int
    received: int
    accepted: int
    rejected: int
    credited: int


@dataclass(frozen=True, slots=True)
class Rma:
    erp: str
    number: str
    order: str
    customer: str
    warehouse: str
    status: str
    channel: str
    resolution: str
    currency: str
    requested_at: datetime
    authorized_at: datetime | None
    expires_at: datetime | None
    updated_at: datetime
    lines: tuple[RmaLine, ...]
    receipts: tuple[Receipt, ...]
    inspections: tuple[Inspection, ...]
    dispositions: tuple[Disposition, ...]


@dataclass(frozen=True, slots=True)
class Message:
    number: str
    author: str
    is_internal: bool
    is_from_customer: bool
    body: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    number: str
    account: str | None
    erp: str | None
    order: str | None
    rma: str | None
    subject: str
    kind: str
    priority: str
    status: str
    queue: str
    assignee: str | None
    requester: str
    opened_at: datetime
    due_at: datetime
    first_response_at: datetime | None
    resolved_at: datetime | None
    updated_at: datetime
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Stock:
    """One item at one place, in the item's unit; `eta_on` belongs to `inbound`."""

    warehouse: str
    place: str
    sku: str
    unit: str
    lot: str | None
    on_hand: int
    allocated: int
    reserved: int
    quality_hold: int
    damaged: int
    quarantine: int
    safety: int
    inbound: int
    eta_on: date | None
    backordered: int
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class Price:
    """For one customer, or for all of an ERP where `customer` is None."""

    erp: str
    sku: str
    unit: str
    customer: str | None
    price_list: str
    price: Decimal
    currency: str
    minimum: int
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Plan:
    items: tuple[Item, ...]
    customers: tuple[Customer, ...]
    accounts: tuple[Account, ...]
    orders: tuple[Order, ...]
    shipments: tuple[Shipment, ...]
    invoices: tuple[Invoice, ...]
    credit_memos: tuple[CreditMemo, ...]
    rmas: tuple[Rma, ...]
    cases: tuple[Case, ...]
    stock: tuple[Stock, ...]
    prices: tuple[Price, ...]

    def orders_of(self, erp: str) -> tuple[Order, ...]:
        return tuple(order for order in self.orders if order.erp == erp)

    def shipments_of(self, warehouse: str) -> tuple[Shipment, ...]:
        return tuple(each for each in self.shipments if each.warehouse == warehouse)

    def rmas_of(self, erp: str) -> tuple[Rma, ...]:
        return tuple(rma for rma in self.rmas if rma.erp == erp)
