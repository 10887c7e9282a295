"""Return authorizations (RMA): the ERP's paper, the warehouse's evidence, the money's answer."""

from __future__ import annotations

from datetime import datetime

import strawberry

from hub.model import returns as model
from hub.reads import relations
from resolvers.edges import coded, internal, referred, related, related_one, told
from resolvers.fields import computed, represents
from resolvers.lazy import (
    LazyCase,
    LazyCreditMemo,
    LazyCustomer,
    LazyItem,
    LazyOrder,
    LazyShipment,
)
from resolvers.sourced import Money, Quantity, SectionStatus, Sourced, sections_field

SERIALS = "Serial numbers, where the item has them."


@represents(model.ReturnLine)
@strawberry.type(description="One line of a return.")
class RmaLine(Sourced):
    line_number: int | None = told("Its number within the return.")
    order_line: int | None = told("The number of the order's line that comes back.")
    sku: str | None = told("The item's SKU.")
    reason: model.ReturnReason | None = coded("reason", "Why it comes back.")
    reason_note: str | None = told("The reason in the customer's words.")
    requested: Quantity | None = told("Asked to come back.")
    authorized: Quantity | None = told("Allowed to come back.")
    received: Quantity | None = told("Arrived.")
    accepted: Quantity | None = told("Found good enough to credit.")
    rejected: Quantity | None = told("Refused.")
    credited: Quantity | None = told("Credited.")
    unit_credit_price: Money | None = told("Credited for one unit.")
    restocking_fee: Money | None = told("Withheld.")
    serials: list[str] = computed(lambda line: line.serials or (), description=SERIALS)
    lot: str | None = told("The lot it came from.")
    item: LazyItem | None = related_one(relations.ITEMS_BY_SKU, "The item that comes back.")


@represents(model.Receipt)
@strawberry.type(description="Goods of a return that arrived, as the warehouse booked them.")
class Receipt(Sourced):
    number: str | None = told("The warehouse's receipt number.")
    line_number: int | None = told("The number of the return's line.")
    sku: str | None = told("The item's SKU.")
    quantity: Quantity | None = told("Arrived.")
    lot: str | None = told("The lot it is of.")
    serials: list[str] = computed(lambda receipt: receipt.serials or (), description=SERIALS)
    location: str | None = told("Where it was put.")
    received_at: datetime | None = told("When it arrived.")
    received_by: str | None = internal("receipt", "received_by", "Who booked it.")


@represents(model.Inspection)
@strawberry.type(description="What the inspection of a group of returned units found.")
class Inspection(Sourced):
    number: str | None = told("The warehouse's inspection number.")
    receipt: str | None = told("The number of the receipt inspected.", name="receiptNumber")
    line_number: int | None = told("The number of the return's line.")
    sku: str | None = told("The item's SKU.")
    quantity: Quantity | None = told("Inspected.")
    verdict: model.Verdict | None = coded("verdict", "What was decided.")
    condition: model.Condition | None = coded("condition", "In which condition it is.")
    variance: Quantity | None = told("How far from the receipt.")
    serial_verified: bool | None = told("Whether the serial numbers agree.")
    inspector: str | None = internal("inspection", "inspector", "Who inspected.")
    inspected_at: datetime | None = told("When.")
    notes: str | None = internal("inspection", "notes", "The inspector's words.")


@represents(model.Disposition)
@strawberry.type(description="Where a group of inspected units went.")
class Disposition(Sourced):
    number: str | None = told("The warehouse's disposition number.")
    inspection: str | None = told("The number of the inspection.", name="inspectionNumber")
    line_number: int | None = told("The number of the return's line.")
    sku: str | None = told("The item's SKU.")
    code: model.DispositionCode | None = coded("code", "Where it goes.")
    quantity: Quantity | None = told("How much of it.")
    location: str | None = told("Where it was put.")
    decided_by: str | None = internal("disposition", "decided_by", "Who decided.")
    decided_at: datetime | None = told("When.")
    supersedes: str | None = told("The number of the disposition it replaces.")


@represents(model.Return)
@strawberry.type(description="A return authorization, from request to credit.")
class Rma(Sourced):
    number: str | None = told("The RMA number people use.")
    status: model.RmaStatus | None = coded("status", "Where the return stands.")
    logistics_status: model.LogisticsStatus | None = coded(
        "logistics_status", "Where the goods are."
    )
    credit_status: model.CreditStatus | None = coded("credit_status", "Where the money stands.")
    resolution: model.Resolution | None = coded("resolution", "What the customer gets.")
    reason: model.ReturnReason | None = coded("reason", "Why it comes back.")
    channel: str | None = told("How the request came in.")
    requested_by: str | None = told("Who asked.")
    requested_at: datetime | None = told("When it was asked for.")
    authorized_at: datetime | None = told("When it was allowed.")
    expires_at: datetime | None = told("Until when goods may arrive.")
    closed_at: datetime | None = told("When it was closed.")
    warehouse: str | None = told("Where the goods are to go.")
    updated_at: datetime | None = told("Last change in the system.")

    order: LazyOrder | None = referred("order", "order", "The order it returns from.")
    customer: LazyCustomer | None = referred("customer", "customer", "Who returns.")
    lines: list[RmaLine] | None = related(relations.LINES_BY_RETURN, "The lines, by line number.")
    receipts: list[Receipt] | None = related(
        relations.RECEIPTS_BY_RETURN, "What arrived, oldest first."
    )
    inspections: list[Inspection] | None = related(
        relations.INSPECTIONS_BY_RETURN, "What was found, oldest first."
    )
    dispositions: list[Disposition] | None = related(
        relations.DISPOSITIONS_BY_RETURN, "Where it went, oldest first."
    )
    credit_memos: list[LazyCreditMemo] | None = related(
        relations.CREDIT_MEMOS_BY_RETURN, "Money given back, oldest first."
    )
    shipments: list[LazyShipment] | None = related(
        relations.SHIPMENTS_BY_RETURN, "Consignments of the return, oldest first."
    )
    cases: list[LazyCase] | None = related(
        relations.CASES_BY_RETURN, "Service cases about the return, oldest first."
    )
    sections: list[SectionStatus] = sections_field()
