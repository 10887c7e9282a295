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
    if source_ref is not None:
        return await one_by_source_ref(ctx, "order", source_ref)
    return await _by_id_or_number(ctx, "order", id, number)


async def orders(ctx: Context, *, ids: Ids) -> list[Looked]:
    """Orders aligned with the ids; null and its error where there is none."""
    return await records_by_id(ctx, ids, noun="order")


async def customer(
    ctx: Context, *, id: IdArgument = None, number: NumberArgument = None
) -> Record | Partial:
    """One customer, by id or number."""
    only_one({"id": id, "number": number})
    return await _by_id_or_number(ctx, "customer", id, number)


async def item(
    ctx: Context,
    *,
    id: IdArgument = None,
    sku: Annotated[str | None, argument("Its SKU; every system is asked.")] = None,
) -> Record | Partial:
    """One item, by id or SKU."""
    only_one({"id": id, "sku": sku})
    return await _by_id_or_number(ctx, "item", id, sku)


async def rma(
    ctx: Context, *, id: IdArgument = None, number: NumberArgument = None
) -> Record | Partial:
    """One return, by id or RMA number."""
    only_one({"id": id, "number": number})
    return await _by_id_or_number(ctx, "return", id, number)


async def case(
    ctx: Context, *, id: IdArgument = None, number: NumberArgument = None
) -> Record | Partial:
    """One service case, by id or number."""
    only_one({"id": id, "number": number})
    return await _by_id_or_number(ctx, "case", id, number)


async def _by_id_or_number(
    ctx: Context, noun: str, id_: str | None, number: str | None
) -> Record | Partial:
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
) -> Record | Partial:
    """One shipment, by id, or by carrier and tracking number together."""
    if id is not None and carrier is None and tracking_number is None:
        return await one_by_id(ctx, "shipment", id)
    if id is not None or carrier is None or tracking_number is None:
        raise InputInvalid(
            "id, carrier, trackingNumber",
            [name for name, value in (("id", id), ("carrier", carrier)) if value],
            expected="id alone, or carrier and trackingNumber together",
        )
    check_text("trackingNumber", tracking_number, SKU_MAX)
    found = await ctx.reads.records_by_field("shipment", "tracking_number", tracking_number)
    return the_one("shipment", tracking_number, _carried_by(carrier, found))


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
