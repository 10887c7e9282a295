"""Shipments, what is in them, and the carrier's scans. WMS and carrier own them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import strawberry

from hub.model import shipment as model
from hub.reads import relations
from resolvers.context import Context
from resolvers.edges import Answer, answer_of, coded, referred, related, told
from resolvers.fields import computed, edge, represents
from resolvers.lazy import LazyOrder, LazyRma
from resolvers.sourced import Quantity, SectionStatus, Sourced, sections_field


async def milestones_by_shipment(shipments: Sequence[model.Shipment], ctx: Context) -> list[Answer]:
    """Scans told under the shipment or its tracking number, oldest first."""
    return [answer_of(section) for section in await ctx.reads.milestones(shipments)]


@represents(model.ShipmentLine)
@strawberry.type(description="What of an order line is in a shipment.")
class ShipmentLine(Sourced):
    order_line: int | None = told("The number of the order's line.")
    item: str | None = told("The item's SKU.", name="sku")
    quantity: Quantity | None = told("In the shipment.")
    lot: str | None = told("The lot it was taken from.")
    serials: list[str] = computed(
        lambda line: line.serials or (), description="Serial numbers, where the item has them."
    )


@represents(model.Milestone)
@strawberry.type(description="A carrier scan: the moment a status was reached.")
class Milestone(Sourced):
    code: model.ShipmentStatus | None = coded("code", "The status it reached.")
    carrier: str | None = told("The carrier.")
    carrier_code: str | None = told("The carrier's own code, as it came.")
    carrier_sub_code: str | None = told("The carrier's finer code, as it came.")
    message: str | None = told("The carrier's words.")
    location: str | None = told("Where it was scanned.")
    occurred_at: datetime | None = told("When it was scanned.")
    sequence: int | None = told("The carrier's own order of scans.")


@represents(model.Shipment)
@strawberry.type(
    description="A consignment. A tracking number is recycled by carriers and identifies nothing."
)
class Shipment(Sourced):
    number: str | None = told("The warehouse's shipment number.")
    direction: model.ShipmentDirection | None = coded("direction", "Which way it travels.")
    status: model.ShipmentStatus | None = coded("status", "Where it stands.")
    sub_status: str | None = told("The carrier's finer status, as it came.")
    warehouse: str | None = told("Where it leaves from, or comes back to.")
    carrier: str | None = told("The carrier.")
    service: str | None = told("The carrier's service.")
    tracking_number: str | None = told("The carrier's tracking number.")
    packages: int | None = told("Number of packages.")
    weight: Quantity | None = told("Gross weight.")
    created_at: datetime | None = told("When the warehouse opened it.")
    shipped_at: datetime | None = told("When the carrier took it.")
    estimated_delivery_at: datetime | None = told("When the carrier means to deliver.")
    delivered_at: datetime | None = told("When it was delivered.")
    proof_of_delivery: str | None = told("Who signed, or where the proof is.")
    updated_at: datetime | None = told("Last change in the system.")
    order: LazyOrder | None = referred("order", "order", "The order it fulfils.")
    rma: LazyRma | None = referred("rma", "return", "The return it brings back.")
    lines: list[ShipmentLine] | None = related(
        relations.LINES_BY_SHIPMENT, "What is in it, by order line."
    )
    milestones: list[Milestone] | None = edge(
        milestones_by_shipment,
        reads=("MILESTONES_BY_SHIPMENT", "MILESTONES_BY_TRACKING"),
        description="Scans told by warehouse and carrier, oldest first.",
    )
    sections: list[SectionStatus] = sections_field()
