"""Invoices and credit memos: the money side, owned by the ERP. Amounts are positive."""

from __future__ import annotations

from datetime import date, datetime

import strawberry

from hub.model import invoice as model
from hub.reads import relations
from resolvers.edges import coded, internal, referred, related, related_one, told
from resolvers.fields import represents
from resolvers.lazy import LazyCustomer, LazyItem, LazyOrder, LazyRma
from resolvers.scalars import Long
from resolvers.sourced import Money, Quantity, SectionStatus, Sourced, sections_field, version_field


@represents(model.InvoiceLine)
@strawberry.type(description="One line of an invoice.")
class InvoiceLine(Sourced):
    line_number: int | None = told("Its number within the invoice.")
    order_line: int | None = told("The number of the order's line it bills.")
    sku: str | None = told("The item's SKU.")
    description: str | None = told("The item as the invoice words it.")
    quantity: Quantity | None = told("Billed.")
    unit_price: Money | None = told("Net price of one unit.")
    amount: Money | None = told("Net value of the line.")
    tax: Money | None = told("Tax on the line.")
    item: LazyItem | None = related_one(relations.ITEMS_BY_SKU, "The item billed.")


@represents(model.CreditMemo)
@strawberry.type(description="Money given back. It may name no invoice.")
class CreditMemo(Sourced):
    number: str | None = told("The ERP's document number.")
    status: model.CreditMemoStatus | None = coded("status", "Where the credit memo stands.")
    reason: str | None = told("Why it was given, in the ERP's words.")
    posted_at: datetime | None = told("When the ERP posted it.")
    subtotal: Money | None = told("Net value of the goods.")
    fees: Money | None = told("Withheld, such as restocking.")
    tax: Money | None = told("Tax given back.")
    total: Money | None = told("What the customer gets back, positive.")
    applied_total: Money | None = told("Already set off against invoices.")
    external_reference: str | None = internal(
        "credit_memo", "external_reference", "The reference it was asked for by."
    )
    updated_at: datetime | None = told("Last change in the system.")
    order: LazyOrder | None = referred("order", "order", "The order credited.")
    invoice: Invoice | None = referred("invoice", "invoice", "The invoice credited.")
    rma: LazyRma | None = referred("rma", "return", "The return that led to it.")
    customer: LazyCustomer | None = referred("customer", "customer", "Who gets the money back.")


@represents(model.Invoice)
@strawberry.type(description="A claim on the customer.")
class Invoice(Sourced):
    number: str | None = told("The ERP's document number.")
    status: model.InvoiceStatus | None = coded("status", "Where the invoice stands.")
    posted_at: datetime | None = told("When the ERP posted it.")
    due_on: date | None = told("The day it is to be paid.")
    total: Money | None = told("What is claimed, tax included.")
    tax: Money | None = told("Tax within the total.")
    credited_total: Money | None = told("Credited so far, as the ERP counts it.")
    is_disputed: bool | None = told("Whether the customer contests it.")
    updated_at: datetime | None = told("Last change in the system.")
    order: LazyOrder | None = referred("order", "order", "The order billed.")
    customer: LazyCustomer | None = referred("customer", "customer", "Who is billed.")
    lines: list[InvoiceLine] | None = related(
        relations.LINES_BY_INVOICE, "The lines, by line number."
    )
    credit_memos: list[CreditMemo] | None = related(
        relations.CREDIT_MEMOS_BY_INVOICE, "Credit memos that name the invoice, oldest first."
    )
    version: Long | None = version_field()
    sections: list[SectionStatus] = sections_field()
