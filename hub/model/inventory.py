"""Items, stock positions and prices. Stock is the WMS's word, items and prices the ERP's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Annotated, ClassVar

from hub.model.record import Record, To
from hub.model.values import Money, Quantity, Ref


class AvailabilityMode(Enum):
    """NORMAL: formula over fresh inputs. CONSERVATIVE: an input is old. UNKNOWN: too old to say."""

    NORMAL = "NORMAL"
    CONSERVATIVE = "CONSERVATIVE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Record):
    """What is sold. Systems that do not share item keys meet in the SKU."""

    NOUN: ClassVar[str] = "item"

    sku: str | None = None
    gtin: str | None = None
    description: str | None = None
    category: str | None = None
    base_uom: str | None = None
    serial_tracked: bool | None = None
    lot_tracked: bool | None = None
    hazmat: bool | None = None
    final_sale: bool | None = None
    requires_inspection: bool | None = None
    return_window_days: int | None = None
    is_active: bool | None = None
    weight: Quantity | None = None
    list_price: Money | None = None
    unit_cost: Money | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryPosition(Record):
    """Stock of one SKU at one location (and lot). An absent bucket is unknown, not zero."""

    NOUN: ClassVar[str] = "inventory_position"

    sku: str | None = None
    item: Annotated[Ref | None, To("item")] = None
    location: str | None = None
    lot: str | None = None
    on_hand: Quantity | None = None
    hard_allocated: Quantity | None = None
    soft_reserved: Quantity | None = None
    quality_hold: Quantity | None = None
    damaged: Quantity | None = None
    returns_quarantine: Quantity | None = None
    safety_stock: Quantity | None = None
    inbound: Quantity | None = None
    inbound_on: date | None = None
    backorder_demand: Quantity | None = None
    counted_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Record):
    """A price row: for one customer or (customer absent) for all, from a minimum quantity on."""

    NOUN: ClassVar[str] = "price"

    sku: str | None = None
    customer: Annotated[Ref | None, To("customer")] = None
    price_list: str | None = None
    unit_price: Money | None = None
    minimum_quantity: Quantity | None = None
    valid_from: date | None = None
    valid_to: date | None = None
