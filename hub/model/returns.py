"""Returns (RMA): request to credit. ERP owns the RMA, WMS receipts, inspections, dispositions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated, ClassVar

from hub.model.record import Record, To
from hub.model.values import Money, Quantity, Ref


class RmaStatus(Enum):
    REQUESTED = "REQUESTED"
    PENDING_REVIEW = "PENDING_REVIEW"
    AUTHORIZED = "AUTHORIZED"
    DECLINED = "DECLINED"
    IN_TRANSIT = "IN_TRANSIT"
    PARTIALLY_RECEIVED = "PARTIALLY_RECEIVED"
    RECEIVED = "RECEIVED"
    INSPECTED = "INSPECTED"
    DISPOSITIONED = "DISPOSITIONED"
    CREDIT_PENDING = "CREDIT_PENDING"
    CREDITED = "CREDITED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class LogisticsStatus(Enum):
    NOT_SHIPPED = "NOT_SHIPPED"
    LABEL_ISSUED = "LABEL_ISSUED"
    IN_TRANSIT = "IN_TRANSIT"
    PARTIALLY_RECEIVED = "PARTIALLY_RECEIVED"
    RECEIVED = "RECEIVED"
    RECEIPT_CLOSED_SHORT = "RECEIPT_CLOSED_SHORT"
    NO_RETURN_REQUIRED = "NO_RETURN_REQUIRED"


class CreditStatus(Enum):
    NOT_APPLICABLE = "NOT_APPLICABLE"
    NOT_STARTED = "NOT_STARTED"
    BLOCKED = "BLOCKED"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    APPROVED = "APPROVED"
    POSTING = "POSTING"
    PARTIALLY_POSTED = "PARTIALLY_POSTED"
    POSTED = "POSTED"
    REJECTED = "REJECTED"
    REVERSED = "REVERSED"
    FAILED = "FAILED"


class Resolution(Enum):
    CREDIT = "CREDIT"
    REPLACEMENT = "REPLACEMENT"
    REPAIR = "REPAIR"
    NONE = "NONE"


class ReturnReason(Enum):
    DEFECTIVE = "DEFECTIVE"
    DAMAGED_IN_TRANSIT = "DAMAGED_IN_TRANSIT"
    WRONG_ITEM_SHIPPED = "WRONG_ITEM_SHIPPED"
    WRONG_QUANTITY = "WRONG_QUANTITY"
    NOT_AS_DESCRIBED = "NOT_AS_DESCRIBED"
    ORDERED_IN_ERROR = "ORDERED_IN_ERROR"
    NO_LONGER_NEEDED = "NO_LONGER_NEEDED"
    LATE_DELIVERY = "LATE_DELIVERY"
    RECALL = "RECALL"
    WARRANTY = "WARRANTY"
    EXPIRED = "EXPIRED"
    REFUSED_DELIVERY = "REFUSED_DELIVERY"
    PRICING_DISPUTE = "PRICING_DISPUTE"
    SHORT_SHIPMENT = "SHORT_SHIPMENT"
    OTHER = "OTHER"


class Verdict(Enum):
    PASS = "PASS"
    FAIL = "FAIL"
    CONDITIONAL = "CONDITIONAL"
    INCONCLUSIVE = "INCONCLUSIVE"


class Condition(Enum):
    NEW_SEALED = "NEW_SEALED"
    OPENED_LIKE_NEW = "OPENED_LIKE_NEW"
    USED_FUNCTIONAL = "USED_FUNCTIONAL"
    DEFECTIVE = "DEFECTIVE"
    CUSTOMER_DAMAGED = "CUSTOMER_DAMAGED"
    CARRIER_DAMAGED = "CARRIER_DAMAGED"
    WAREHOUSE_DAMAGED = "WAREHOUSE_DAMAGED"
    INCOMPLETE = "INCOMPLETE"
    WRONG_ITEM = "WRONG_ITEM"
    EXPIRED = "EXPIRED"
    CONTAMINATED = "CONTAMINATED"
    NOT_RECEIVED = "NOT_RECEIVED"


class DispositionCode(Enum):
    PENDING = "PENDING"
    RESTOCK = "RESTOCK"
    QUALITY_REVIEW = "QUALITY_REVIEW"
    REPAIR = "REPAIR"
    REFURBISH = "REFURBISH"
    SCRAP = "SCRAP"
    DONATE = "DONATE"
    SECONDARY = "SECONDARY"
    VENDOR_CLAIM = "VENDOR_CLAIM"
    RETURN_TO_CUSTOMER = "RETURN_TO_CUSTOMER"
    MISSING = "MISSING"
    NOT_APPLICABLE = "NOT_APPLICABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnLine(Record):
    """One line of an RMA; `order_line` is the number of the order's line that comes back."""

    NOUN: ClassVar[str] = "return_line"

    rma: Annotated[Ref | None, To("return")] = None
    line_number: int | None = None
    order_line: int | None = None
    sku: str | None = None
    reason: ReturnReason | None = None
    reason_note: str | None = None
    requested: Quantity | None = None
    authorized: Quantity | None = None
    received: Quantity | None = None
    accepted: Quantity | None = None
    rejected: Quantity | None = None
    credited: Quantity | None = None
    unit_credit_price: Money | None = None
    restocking_fee: Money | None = None
    serials: tuple[str, ...] | None = None
    lot: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Record):
    """Goods of an RMA that arrived: one row per receipt line, as the WMS booked it."""

    NOUN: ClassVar[str] = "receipt"

    number: str | None = None
    rma: Annotated[Ref | None, To("return")] = None
    line_number: int | None = None
    sku: str | None = None
    quantity: Quantity | None = None
    lot: str | None = None
    serials: tuple[str, ...] | None = None
    location: str | None = None
    received_at: datetime | None = None
    received_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection(Record):
    """What was found: one row per inspected unit group. `receipt` is the receipt's number."""

    NOUN: ClassVar[str] = "inspection"

    number: str | None = None
    rma: Annotated[Ref | None, To("return")] = None
    receipt: str | None = None
    line_number: int | None = None
    sku: str | None = None
    quantity: Quantity | None = None
    verdict: Verdict | None = None
    condition: Condition | None = None
    variance: Quantity | None = None
    serial_verified: bool | None = None
    inspector: str | None = None
    inspected_at: datetime | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition(Record):
    """Where an inspected unit group went. `inspection` is the inspection's number."""

    NOUN: ClassVar[str] = "disposition"

    number: str | None = None
    rma: Annotated[Ref | None, To("return")] = None
    inspection: str | None = None
    line_number: int | None = None
    sku: str | None = None
    code: DispositionCode | None = None
    quantity: Quantity | None = None
    location: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    supersedes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Record):
    """A return authorization (RMA) as a source tells it."""

    NOUN: ClassVar[str] = "return"

    number: str | None = None
    order: Annotated[Ref | None, To("order")] = None
    customer: Annotated[Ref | None, To("customer")] = None
    status: RmaStatus | None = None
    logistics_status: LogisticsStatus | None = None
    credit_status: CreditStatus | None = None
    resolution: Resolution | None = None
    reason: ReturnReason | None = None
    channel: str | None = None
    requested_by: str | None = None
    requested_at: datetime | None = None
    authorized_at: datetime | None = None
    expires_at: datetime | None = None
    closed_at: datetime | None = None
    warehouse: str | None = None
    updated_at: datetime | None = None
    lines: tuple[ReturnLine, ...] | None = None
