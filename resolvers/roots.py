"""The root fields that find nouns. What is not found is null with the error that says so."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import strawberry

from hub.model.errors import InputInvalid, NotFound
from hub.model.ids import decode_id_of
from hub.model.record import Record
from hub.model.shipment import Shipment
from hub.reads.answers import Availability, Found, PriceAnswer
from resolvers.context import Context
from resolvers.lookup import (
    IdArgument,
    Looked,
    NumberArgument,
    SourceRefArgument,
    SourceRefInput,
    argument,
    check_count,
    check_text,
    one_by_id,
    one_by_number,
    one_by_source_ref,
    only_one,
    records_by_id,
    the_one,
)
from resolvers.partial import Partial

SKU_MAX = 100  # characters
SHIPMENT_WAYS = (["id"], ["sourceRef"], ["carrier", "trackingNumber"])

Ids = Annotated[list[strawberry.ID], argument("Opaque ids, at most 100.")]
Skus = Annotated[list[str], argument("SKUs, at most 100.")]
Locations = Annotated[list[str] | None, argument("Only these locations; all where absent.")]


async def order(
    ctx: Context,
    *,
    id: IdArgument = None,
    number: NumberArgument = None,
    source_ref: SourceRefArgument = None,
) -> Record | Partial:
    """One order, by exactly one of the arguments."""
    only_one({"id": id, "number": number, "sourceRef": source_ref})
    return await _one(ctx, "order", id_=id, number=number, source_ref=source_ref)


async def orders(ctx: Context, *, ids: Ids) -> list[Looked]:
    """Orders aligned with the ids; null and its error where there is none."""
    return await records_by_id(ctx, ids, noun="order")


async def customer(
    ctx: Context,
    *,
    id: IdArgument = None,
    number: NumberArgument = None,
    source_ref: SourceRefArgument = None,
) -> Record | Partial:
    """One customer, by exactly one of the arguments."""
    only_one({"id": id, "number": number, "sourceRef": source_ref})
    return await _one(ctx, "customer", id_=id, number=number, source_ref=source_ref)


async def item(
    ctx: Context,
    *,
    id: IdArgument = None,
    sku: Annotated[str | None, argument("Its SKU; every system is asked.")] = None,
    source_ref: SourceRefArgument = None,
) -> Record | Partial:
    """One item, by exactly one of the arguments."""
    only_one({"id": id, "sku": sku, "sourceRef": source_ref})
    return await _one(ctx, "item", id_=id, number=sku, source_ref=source_ref)


async def rma(
    ctx: Context,
    *,
    id: IdArgument = None,
    number: NumberArgument = None,
    source_ref: SourceRefArgument = None,
) -> Record | Partial:
    """One return, by exactly one of id, RMA number and sourceRef."""
    only_one({"id": id, "number": number, "sourceRef": source_ref})
    return await _one(ctx, "return", id_=id, number=number, source_ref=source_ref)


async def case(
    ctx: Context,
    *,
    id: IdArgument = None,
    number: NumberArgument = None,
    source_ref: SourceRefArgument = None,
) -> Record | Partial:
    """One service case, by exactly one of the arguments."""
    only_one({"id": id, "number": number, "sourceRef": source_ref})
    return await _one(ctx, "case", id_=id, number=number, source_ref=source_ref)


async def _one(
    ctx: Context,
    noun: str,
    *,
    id_: str | None,
    number: str | None,
    source_ref: SourceRefInput | None,
) -> Record | Partial:
    """By the only one that is given."""
    if source_ref is not None:
        return await one_by_source_ref(ctx, noun, source_ref)
    if id_ is not None:
        return await one_by_id(ctx, noun, id_)
    assert number is not None
    return await one_by_number(ctx, noun, number)


async def shipment(
    ctx: Context,
    *,
    id: IdArgument = None,
    carrier: Annotated[str | None, argument("The carrier, with trackingNumber.")] = None,
    tracking_number: Annotated[str | None, argument("Its number there, with carrier.")] = None,
    source_ref: SourceRefArgument = None,
) -> Record | Partial:
    """One shipment: by id, by sourceRef, or by carrier and tracking number together."""
    given = {
        "id": id, "sourceRef": source_ref, "carrier": carrier, "trackingNumber": tracking_number
    }  # fmt: skip
    names = [name for name, value in given.items() if value is not None]
    if names not in SHIPMENT_WAYS:
        expected = "id or sourceRef alone, or carrier and trackingNumber together"
        raise InputInvalid(", ".join(given), ", ".join(names) or "none", expected=expected)
    if carrier is None or tracking_number is None:
        return await _one(ctx, "shipment", id_=id, number=None, source_ref=source_ref)
    check_text("trackingNumber", tracking_number, SKU_MAX)
    found = await ctx.reads.records_by_field("shipment", "tracking_number", tracking_number)
    carried = _carried_by(carrier, found)
    return await the_one(ctx, "shipment", number=tracking_number, found=carried)


def _carried_by(carrier: str, found: Found) -> Found:
    """Those of the carrier: two carriers may use the same number."""
    named = tuple(
        one
        for one in found.records
        if isinstance(one, Shipment) and (one.carrier or "").casefold() == carrier.casefold()
    )
    return Found(named, found.failures)


async def availability(
    ctx: Context, *, skus: Skus, locations: Locations = None
) -> list[Availability]:
    """By SKU as asked, then location; a row without a location for each system that failed."""
    check_count("skus", skus, ctx.limits.skus_max)
    check_count("locations", locations or (), ctx.limits.skus_max)
    for sku in skus:
        check_text("skus", sku, SKU_MAX)
    return await ctx.reads.availability(skus, locations)


async def price(
    ctx: Context,
    *,
    customer: Annotated[strawberry.ID, argument("The customer's id.")],
    sku: Annotated[str, argument("The SKU.")],
    quantity: Annotated[Decimal, argument("How much, above zero.")],
) -> PriceAnswer | Partial:
    """The price row that holds today: the customer's own, else the list's."""
    check_text("sku", sku, SKU_MAX)
    if quantity <= 0:
        raise InputInvalid("quantity", quantity, expected="more than zero")
    answer = await ctx.reads.price(decode_id_of("customer", customer), sku, quantity)
    if answer is None:
        raise NotFound("price", sku)
    return Partial(answer, answer.failures) if answer.failures else answer


async def node(ctx: Context, *, id: Annotated[strawberry.ID, argument("Any opaque id.")]) -> Looked:
    """Whatever the id names."""
    (found,) = await records_by_id(ctx, [id])
    return found


async def nodes(ctx: Context, *, ids: Ids) -> list[Looked]:
    """What the ids name, aligned with them; null and its error where there is none."""
    return await records_by_id(ctx, ids)
