"""The canonical enums as GraphQL enums: their public names and what they mean."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import strawberry

from hub.commands.words import CommandStatus
from hub.events.dead_letter_rows import LetterState
from hub.model import case, customer, inventory, invoice, order, returns, shipment, timeline, values


class SystemKind(Enum):
    """What a connected system is to the company."""

    ERP = "ERP"
    WMS = "WMS"
    CRM = "CRM"
    CARRIER = "CARRIER"
    COMMERCE = "COMMERCE"
    RETURNS = "RETURNS"
    HUB = "HUB"


class SystemCondition(Enum):
    """How a connected system has answered lately."""

    UP = "UP"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"
    UNKNOWN = "UNKNOWN"


class SectionCondition(Enum):
    """How a system answered for a section of an object."""

    AVAILABLE = "AVAILABLE"
    FAILED = "FAILED"
    NOT_CONFIGURED = "NOT_CONFIGURED"


class EnumRow(NamedTuple):
    enum: type[Enum]
    name: str
    description: str


ENUMS: tuple[EnumRow, ...] = (
    EnumRow(SystemKind, "SystemKind", "What a connected system is to the company."),
    EnumRow(SystemCondition, "SystemCondition", "How a connected system has answered lately."),
    EnumRow(SectionCondition, "SectionCondition", "How a system answered for a section."),
    EnumRow(values.Staleness, "Staleness", "How far a fact may be trusted as current."),
    EnumRow(values.AttributeType, "AttributeType", "The type of a company's own extra field."),
    EnumRow(customer.CustomerStatus, "CustomerStatus", "Whether we trade with a customer."),
    EnumRow(order.OrderStatus, "OrderStatus", "Where a sales order stands in the ERP."),
    EnumRow(order.HoldReason, "HoldReason", "Why an order is held."),
    EnumRow(order.OrderPriority, "OrderPriority", "How urgent an order is."),
    EnumRow(order.LineStatus, "LineStatus", "Where an order line stands, allocation to delivery."),
    EnumRow(
        order.FulfillmentStatus, "FulfillmentStatus",
        "How far an order is fulfilled: derived from its lines and shipments.",
    ),
    EnumRow(
        order.OrderReturnStatus, "OrderReturnStatus",
        "How much of an order comes back: derived from its returns.",
    ),
    EnumRow(
        order.FinancialStatus, "FinancialStatus",
        "How an order is billed and credited: derived from its invoices and credit memos.",
    ),
    EnumRow(shipment.ShipmentStatus, "ShipmentStatus", "Where a shipment or a scan stands."),
    EnumRow(shipment.ShipmentDirection, "ShipmentDirection", "Which way a shipment travels."),
    EnumRow(invoice.InvoiceStatus, "InvoiceStatus", "Where an invoice stands."),
    EnumRow(invoice.CreditMemoStatus, "CreditMemoStatus", "Where a credit memo stands."),
    EnumRow(returns.RmaStatus, "RmaStatus", "Where a return authorization stands."),
    EnumRow(returns.LogisticsStatus, "RmaLogisticsStatus", "Where the goods of a return are."),
    EnumRow(returns.CreditStatus, "RmaCreditStatus", "Where the money of a return stands."),
    EnumRow(returns.Resolution, "RmaResolution", "What the customer gets for the return."),
    EnumRow(returns.ReturnReason, "ReturnReason", "Why goods come back."),
    EnumRow(returns.Verdict, "InspectionVerdict", "What an inspection decided."),
    EnumRow(returns.Condition, "GoodsCondition", "In which condition returned goods are."),
    EnumRow(returns.DispositionCode, "DispositionCode", "Where inspected goods go."),
    EnumRow(inventory.AvailabilityMode, "AvailabilityMode", "How far an availability is certain."),
    EnumRow(case.CaseStatus, "CaseStatus", "Where a service case stands."),
    EnumRow(case.CasePriority, "CasePriority", "How urgent a service case is."),
    EnumRow(case.Visibility, "Visibility", "Who may read it."),
    EnumRow(case.ActorType, "ActorType", "What kind of party did something."),
    EnumRow(timeline.TimelineCategory, "TimelineCategory", "What an entry of a timeline is about."),
    EnumRow(timeline.Severity, "Severity", "How much attention an entry of a timeline wants."),
    EnumRow(
        CommandStatus, "CommandStatus",
        "ACCEPTED and DISPATCHED are under way; OUTCOME_UNKNOWN is neither done nor failed, and is "
        "found out; the others are final.",
    ),
    EnumRow(LetterState, "DeadLetterState", "Whether a dead letter waits, or how it ended."),
)  # fmt: skip


for _row in ENUMS:  # as a decorator would, but hub.model knows nothing of GraphQL
    strawberry.enum(_row.enum, name=_row.name, description=_row.description)
