"""Shipments, their lines and carrier milestones. WMS and carrier are the systems of record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated, ClassVar

from hub.model.record import Record, To
from hub.model.values import Quantity, Ref


class ShipmentStatus(Enum):
    """Also the vocabulary of milestones: a milestone is the moment a status was reached."""

    UNKNOWN = "UNKNOWN"
    LABEL_CREATED = "LABEL_CREATED"
    PRE_TRANSIT = "PRE_TRANSIT"
    PICKED_UP = "PICKED_UP"
    IN_TRANSIT = "IN_TRANSIT"
    DELAYED = "DELAYED"
    OUT_FOR_DELIVERY = "OUT_FOR_DELIVERY"
    DELIVERY_ATTEMPTED = "DELIVERY_ATTEMPTED"
    AVAILABLE_FOR_PICKUP = "AVAILABLE_FOR_PICKUP"
    DELIVERED = "DELIVERED"
    EXCEPTION = "EXCEPTION"
    RETURN_TO_SENDER = "RETURN_TO_SENDER"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class ShipmentDirection(Enum):
    OUTBOUND = "OUTBOUND"
    RETURN = "RETURN"
    REPLACEMENT = "REPLACEMENT"
    VENDOR = "VENDOR"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentLine(Record):
    """What of an order line is in a shipment. `order_line` is the line's number, `item` the SKU."""

    NOUN: ClassVar[str] = "shipment_line"

    shipment: Annotated[Ref | None, To("shipment")] = None
    order_line: int | None = None
    item: str | None = None
    quantity: Quantity | None = None
    lot: str | None = None
    serials: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone(Record):
    """A carrier scan. Carriers know a tracking number, a WMS its shipment; either may be absent."""

    NOUN: ClassVar[str] = "milestone"

    shipment: Annotated[Ref | None, To("shipment")] = None
    carrier: str | None = None
    tracking_number: str | None = None
    code: ShipmentStatus | None = None
    carrier_code: str | None = None
    carrier_sub_code: str | None = None
    message: str | None = None
    location: str | None = None
    occurred_at: datetime | None = None
    sequence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment(Record):
    """A consignment. Tracking numbers are recycled by carriers and identify nothing alone."""

    NOUN: ClassVar[str] = "shipment"

    number: str | None = None
    order: Annotated[Ref | None, To("order")] = None
    rma: Annotated[Ref | None, To("return")] = None
    direction: ShipmentDirection | None = None
    status: ShipmentStatus | None = None
    sub_status: str | None = None
    warehouse: str | None = None
    carrier: str | None = None
    service: str | None = None
    tracking_number: str | None = None
    packages: int | None = None
    weight: Quantity | None = None
    created_at: datetime | None = None
    shipped_at: datetime | None = None
    estimated_delivery_at: datetime | None = None
    delivered_at: datetime | None = None
    proof_of_delivery: str | None = None
    updated_at: datetime | None = None
    lines: tuple[ShipmentLine, ...] | None = None
    milestones: tuple[Milestone, ...] | None = None
