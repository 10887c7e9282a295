"""Orders and their lines. The ERP owns them; the rest of an order is other systems' sections."""

from __future__ import annotations

from datetime import date, datetime

import strawberry

from hub.model import order as model
from hub.model.correlation import correlation_id_of
from hub.reads import relations
from resolvers.derived import financial_status, fulfillment_status, return_status
from resolvers.edges import coded, internal, referred, related, told
from resolvers.fields import computed, edge, represents
from resolvers.lazy import (
    LazyCase,
    LazyCreditMemo,
    LazyCustomer,
    LazyInvoice,
    LazyItem,
    LazyRma,
    LazyShipment,
)
from resolvers.line_item import item_by_line
from resolvers.scalars import Long
from resolvers.sourced import Money, Quantity, SectionStatus, Sourced, sections_field, version_field
from resolvers.timeline_page import TimelineConnection
from resolvers.timeline_page import timeline as timeline_by_order


@represents(model.OrderLine)
@strawberry.type(
    description="What has become of a line's quantity. Null: the system does not count it."
)
class LineCounters:
    ordered: Quantity | None = told("Asked for.")
    cancelled: Quantity | None = told("Given up.")
    allocated: Quantity | None = told("Promised from stock.")
    backordered: Quantity | None = told("Waiting for stock.")
    picked: Quantity | None = told("Taken from the shelf.")
    shorted: Quantity | None = told("Not found when picked.")
    packed: Quantity | None = told("In a box.")
    shipped: Quantity | None = told("Handed to the carrier.")
    delivered: Quantity | None = told("With the customer.")


@represents(model.OrderLine)
@strawberry.type(description="One line of an order.")
class OrderLine(Sourced):
    line_number: int | None = told("Its number within the order.")
    sku: str | None = told("The item's SKU.")
    description: str | None = told("The item as the order words it.")
    status: model.LineStatus | None = coded("status", "Where the line stands.")
    ordered: Quantity | None = told("Asked for.")
    counters: LineCounters = computed(
        lambda line: line, description="What has become of the quantity."
    )
    unit_price: Money | None = told("Net price of one unit.")
    unit_cost: Money | None = internal("order_line", "unit_cost", "What one unit costs us.")
    discount: Money | None = told("Taken off the line.")
    amount: Money | None = told("Net value of the line.")
    tax: Money | None = told("Tax on the line.")
    promised_on: date | None = told("The day promised to the customer.")
    updated_at: datetime | None = told("Last change in the system.")
    item: LazyItem | None = edge(
        item_by_line, reads=("ITEM_BY_REF", "ITEMS_BY_SKU"), description="The item sold."
    )


@represents(model.Order)
@strawberry.type(description="Where an order goes.")
class ShipTo:
    ship_to_name: str | None = told("Who receives it.", name="name")
    ship_to_street: str | None = told("Street and number.", name="street")
    ship_to_city: str | None = told("City.", name="city")
    ship_to_postal_code: str | None = told("Postal code.", name="postalCode")
    ship_to_country: str | None = told("Country.", name="country")


@represents(model.Order)
@strawberry.type(
    description="A sales order, whole: the ERP's record and every other system's part."
)
class Order(Sourced):
    number: str | None = told("The number people use; absent in draft. Two ERPs may share it.")
    business_unit: str | None = told("The unit of the company that sells.")
    channel: str | None = told("How the order came in.")
    status: model.OrderStatus | None = coded("status", "Where the order stands in the ERP.")
    hold_reason: model.HoldReason | None = internal("order", "hold_reason", "Why it is held.")
    priority: model.OrderPriority | None = coded("priority", "How urgent it is.")
    po_number: str | None = told("The customer's purchase order number.")
    placed_at: datetime | None = told("When the customer ordered.")
    confirmed_at: datetime | None = told("When we confirmed.")
    completed_at: datetime | None = told("When the ERP closed it.")
    cancelled_at: datetime | None = told("When it was cancelled.")
    requested_delivery_on: date | None = told("The day the customer wants it.")
    currency: str | None = told("ISO 4217 code of the order.")
    total: Money | None = told("What the customer pays, tax and freight included.")
    tax: Money | None = told("Tax within the total.")
    freight: Money | None = told("Freight within the total.")
    ship_to: ShipTo = computed(lambda order: order, description="Where it goes.")
    sales_person: str | None = internal("order", "sales_person", "Who sold it.")
    correlation_id: str = computed(
        correlation_id_of,
        description=(
            "Follows the order through every system: the one its ERP holds, else one the hub "
            "derives from the order's identity there, the same at every read."
        ),
    )
    updated_at: datetime | None = told("Last change in the system.")

    customer: LazyCustomer | None = referred("customer", "customer", "Who ordered.")
    lines: list[OrderLine] | None = related(relations.LINES_BY_ORDER, "The lines, by line number.")
    shipments: list[LazyShipment] | None = related(
        relations.SHIPMENTS_BY_ORDER, "Consignments the warehouses opened, oldest first."
    )
    invoices: list[LazyInvoice] | None = related(
        relations.INVOICES_BY_ORDER, "Invoices, oldest first."
    )
    credit_memos: list[LazyCreditMemo] | None = related(
        relations.CREDIT_MEMOS_BY_ORDER, "Credit memos, oldest first."
    )
    returns: list[LazyRma] | None = related(
        relations.RETURNS_BY_ORDER, "Return authorizations, oldest first."
    )
    cases: list[LazyCase] | None = related(
        relations.CASES_BY_ORDER, "Service cases about the order, oldest first."
    )
    timeline: TimelineConnection | None = timeline_by_order
    fulfillment_status: model.FulfillmentStatus | None = edge(
        fulfillment_status,
        reads=("LINES_BY_ORDER", "SHIPMENTS_BY_ORDER", "LINES_BY_SHIPMENT"),
        description="Derived from lines and shipments; null where they do not say enough.",
    )
    return_status: model.OrderReturnStatus | None = edge(
        return_status,
        reads=("RETURNS_BY_ORDER", "LINES_BY_ORDER", "LINES_BY_RETURN"),
        description="Derived from the returns; null where they do not say enough.",
    )
    financial_status: model.FinancialStatus | None = edge(
        financial_status,
        reads=("INVOICES_BY_ORDER", "CREDIT_MEMOS_BY_ORDER"),
        description="Derived from invoices and credit memos; null where they do not say enough.",
    )
    version: Long | None = version_field()
    sections: list[SectionStatus] = sections_field()
