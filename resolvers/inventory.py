"""Items, stock, what may be promised of it, and prices."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import strawberry
from strawberry.utils.str_converters import to_camel_case

from hub.model import inventory as model
from hub.model.values import Staleness
from hub.reads import answers, relations
from resolvers.edges import internal, referred, related, related_one, told
from resolvers.fields import computed, represents
from resolvers.lazy import LazyCustomer
from resolvers.scalars import Long
from resolvers.sourced import Money, Quantity, SectionStatus, Sourced, sections_field, version_field


@represents(model.Item)
@strawberry.type(description="What is sold. Systems that share no item keys meet in the SKU.")
class Item(Sourced):
    sku: str | None = told("Stock keeping unit.")
    gtin: str | None = told("Global trade item number.")
    description: str | None = told("What it is.")
    category: str | None = told("The category it is sold in.")
    base_uom: str | None = told("The unit it is counted in.")
    serial_tracked: bool | None = told("Whether each piece has a serial number.")
    lot_tracked: bool | None = told("Whether it is kept by lot.")
    hazmat: bool | None = told("Whether it is dangerous goods.")
    final_sale: bool | None = told("Whether it may not come back.")
    requires_inspection: bool | None = told("Whether returns of it are inspected.")
    return_window_days: int | None = told("Days it may come back within.")
    is_active: bool | None = told("Whether it is still sold.")
    weight: Quantity | None = told("Gross weight of one unit.")
    list_price: Money | None = told("Price before any agreement.")
    unit_cost: Money | None = internal("item", "unit_cost", "What one unit costs us.")
    updated_at: datetime | None = told("Last change in the system.")
    positions: list[InventoryPosition] | None = related(
        relations.POSITIONS_BY_SKU, "Stock at each location, in every warehouse system."
    )
    version: Long | None = version_field()
    sections: list[SectionStatus] = sections_field()


@represents(model.InventoryPosition)
@strawberry.type(
    description="Stock of one SKU at one location and lot. A null bucket is unknown, not zero."
)
class InventoryPosition(Sourced):
    sku: str | None = told("The item's SKU.")
    location: str | None = told("The location.")
    lot: str | None = told("The lot.")
    on_hand: Quantity | None = told("On the shelf.")
    hard_allocated: Quantity | None = internal(
        "inventory_position", "hard_allocated", "Promised and reserved on the shelf."
    )
    soft_reserved: Quantity | None = internal(
        "inventory_position", "soft_reserved", "Reserved for a while."
    )
    quality_hold: Quantity | None = internal(
        "inventory_position", "quality_hold", "Kept until quality has looked."
    )
    damaged: Quantity | None = internal("inventory_position", "damaged", "Not sellable.")
    returns_quarantine: Quantity | None = internal(
        "inventory_position", "returns_quarantine", "Returned, not inspected yet."
    )
    safety_stock: Quantity | None = internal(
        "inventory_position", "safety_stock", "Kept for emergencies."
    )
    inbound: Quantity | None = told("On its way in.")
    inbound_on: date | None = told("The day the next of it arrives.")
    backorder_demand: Quantity | None = internal(
        "inventory_position", "backorder_demand", "Ordered and waiting."
    )
    counted_at: datetime | None = internal(
        "inventory_position", "counted_at", "When it was last counted."
    )
    updated_at: datetime | None = told("Last change in the system.")
    item: Item | None = related_one(relations.ITEMS_BY_SKU, "The item.")


def _bucket(field: str, description: str) -> Quantity | None:
    bucket: Quantity | None = internal("inventory_position", field, description)
    return bucket


@represents(answers.Availability)
@strawberry.type(description="What an availability was worked out from. Null: no system tells it.")
class AvailabilityBuckets:
    on_hand: Quantity | None = told("On the shelf.")
    hard_allocated: Quantity | None = _bucket("hard_allocated", "Promised and reserved.")
    soft_reserved: Quantity | None = _bucket("soft_reserved", "Reserved for a while.")
    quality_hold: Quantity | None = _bucket("quality_hold", "Kept until quality has looked.")
    damaged: Quantity | None = _bucket("damaged", "Not sellable.")
    returns_quarantine: Quantity | None = _bucket("returns_quarantine", "Returned, uninspected.")
    safety_stock: Quantity | None = _bucket("safety_stock", "Kept for emergencies.")
    inbound: Quantity | None = told("On its way in.")
    backorder_demand: Quantity | None = _bucket("backorder_demand", "Ordered and waiting.")
    unknown_buckets: list[str] = computed(
        lambda availability: [to_camel_case(name) for name in availability.unknown_buckets],
        description="Buckets no system tells; nothing is subtracted for them.",
    )


@represents(answers.Availability)
@strawberry.type(description="What of a SKU may be promised at a location, how surely, and why.")
class Availability:
    sku: str = told("The SKU asked for.")
    location: str | None = told("The location; null in the row of a system that failed.")
    systems: list[str] = told("The systems it was worked out from.")
    mode: model.AvailabilityMode = told("How far it is certain.")
    reasons: list[str] = told("Why it is not NORMAL; empty where it is.")
    available_to_sell: Quantity | None = told("What may be promised; null where it is UNKNOWN.")
    buckets: AvailabilityBuckets = computed(
        lambda availability: availability, description="What it was worked out from."
    )
    as_of: datetime | None = told("The oldest system time of the inputs.")
    fetched_at: datetime | None = told("When the oldest input was read.")
    staleness: Staleness = told("How far the inputs may be trusted as current.")
    code: str | None = told("The code of the error, in the row of a system that failed.")


@represents(model.Price)
@strawberry.type(description="A price row: for one customer or for all, from a quantity on.")
class PriceRow(Sourced):
    sku: str | None = told("The item's SKU.")
    price_list: str | None = internal("price", "price_list", "The price list it stands in.")
    unit_price: Money | None = told("Net price of one unit.")
    minimum_quantity: Quantity | None = told("From this quantity on.")
    valid_from: date | None = told("The first day it holds.")
    valid_to: date | None = told("The last day it holds.")
    customer: LazyCustomer | None = referred(
        "customer", "customer", "The customer it was agreed with; null for all."
    )


@represents(answers.PriceAnswer)
@strawberry.type(description="The price that holds today for a customer and a quantity.")
class Price:
    sku: str = told("The SKU asked for.")
    quantity: Decimal = told("The quantity asked for.")
    unit_price: Money | None = computed(
        lambda answer: answer.price.unit_price, description="Net price of one unit."
    )
    is_own: bool = told("Whether it was agreed with this customer; a list price where not.")
    price: PriceRow = told("The price row that holds.", name="row")
