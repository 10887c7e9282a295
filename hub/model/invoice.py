"""Invoices and credit memos: the money side. The ERP is the system of record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Annotated, ClassVar

from hub.model.record import Record, To
from hub.model.values import Money, Quantity, Ref


class InvoiceStatus(Enum):
    DRAFT = "DRAFT"
    POSTED = "POSTED"
    PARTIALLY_PAID = "PARTIALLY_PAID"
    PAID = "PAID"
    DISPUTED = "DISPUTED"
    WRITTEN_OFF = "WRITTEN_OFF"
    CANCELLED = "CANCELLED"


class CreditMemoStatus(Enum):
    DRAFT = "DRAFT"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    POSTING = "POSTING"
    POST_FAILED = "POST_FAILED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    POSTED = "POSTED"
    PARTIALLY_APPLIED = "PARTIALLY_APPLIED"
    APPLIED = "APPLIED"
    REVERSED = "REVERSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine(Record):
    """One line of an invoice; `order_line` is the number of the order's line it bills."""

    NOUN: ClassVar[str] = "invoice_line"

    invoice: Annotated[Ref | None, To("invoice")] = None
    line_number: int | None = None
    order_line: int | None = None
    sku: str | None = None
    description: str | None = None
    quantity: Quantity | None = None
    unit_price: Money | None = None
    amount: Money | None = None
    tax: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice(Record):
    """A posted claim on the customer. Amounts are positive."""

    NOUN: ClassVar[str] = "invoice"

    number: str | None = None
    order: Annotated[Ref | None, To("order")] = None
    customer: Annotated[Ref | None, To("customer")] = None
    status: InvoiceStatus | None = None
    posted_at: datetime | None = None
    due_on: date | None = None
    total: Money | None = None
    tax: Money | None = None
    credited_total: Money | None = None
    is_disputed: bool | None = None
    updated_at: datetime | None = None
    lines: tuple[InvoiceLine, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditMemo(Record):
    """Money given back, in positive amounts. It may name no invoice."""

    NOUN: ClassVar[str] = "credit_memo"

    number: str | None = None
    order: Annotated[Ref | None, To("order")] = None
    invoice: Annotated[Ref | None, To("invoice")] = None
    rma: Annotated[Ref | None, To("return")] = None
    customer: Annotated[Ref | None, To("customer")] = None
    status: CreditMemoStatus | None = None
    reason: str | None = None
    posted_at: datetime | None = None
    subtotal: Money | None = None
    fees: Money | None = None
    tax: Money | None = None
    total: Money | None = None
    applied_total: Money | None = None
    external_reference: str | None = None
    updated_at: datetime | None = None
