"""`adjustInventory`: a correction of stock in the ERP that keeps the item, with where and why."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Annotated

import strawberry

from hub.commands.words import UserError
from hub.model.errors import Forbidden, InputInvalid
from hub.model.ids import decode_id_of
from hub.model.inventory import InventoryPosition, Item
from hub.reads.relations import POSITIONS_BY_SKU
from resolvers.commanding import (
    NOT_FOUND,
    Asked,
    CommandContext,
    Commanded,
    Correlation,
    DryRun,
    Expected,
    Key,
    Note,
    Planned,
    Wait,
    commanded,
    not_found,
    subject_of,
)
from resolvers.fields import mutation
from resolvers.lookup import argument, check_text
from resolvers.scalars import decimal_text

REASON_MAX = 500  # characters
LOCATION_MAX = 100  # characters


@partial(
    mutation, description="Correct the stock of an item at a location. For warehouse, supervisors."
)
async def adjust_inventory(
    ctx: CommandContext,
    *,
    item_id: Annotated[strawberry.ID, argument("The opaque id of the item in its ERP.")],
    location: Annotated[str, argument("The location, as stock positions name it.")],
    quantity: Annotated[Decimal, argument("More than zero adds, less takes away; base unit.")],
    reason: Annotated[str, argument("Why; the ERP keeps it with the adjustment.")],
    idempotency_key: Key,
    expected_version: Expected = None,
    note: Note = None,
    dry_run: DryRun = False,
    wait: Wait = 0.0,
    correlation_id: Correlation = None,
) -> Commanded:
    """Accepted where the item is known and is kept at the location."""
    _check_unbound(ctx)
    check_text("location", location, LOCATION_MAX)
    check_text("reason", reason, REASON_MAX)
    if quantity == 0:
        raise InputInvalid("quantity", quantity, expected="another number than zero")
    asked = Asked(
        mutation="adjustInventory", subject=decode_id_of("item", item_id), key=idempotency_key,
        payload={"itemId": item_id, "location": location, "reason": reason,
                 "quantity": decimal_text(quantity.normalize())},
        note=note, expected=expected_version, is_dry=dry_run, wait_s=wait,
        correlation=correlation_id,
    )  # fmt: skip
    return await commanded(ctx, asked, lambda: _adjusted(ctx, asked, quantity))


def _check_unbound(ctx: CommandContext) -> None:
    """Forbidden for who acts for some business units only: whose stock it is, is not told."""
    if ctx.scope.is_bound and not ctx.scope.is_external:
        raise Forbidden("adjustInventory needs a token for every business unit; leave it out")


async def _adjusted(ctx: CommandContext, asked: Asked, quantity: Decimal) -> Planned:
    item = await subject_of(ctx, asked)
    if not isinstance(item, Item):
        return Planned(record=None, errors=[not_found("itemId", "item")])
    location = asked.payload["location"]
    values = {
        "sku": item.sku or item.ref.key,
        "location": location,
        "quantity": quantity,
        "reason": asked.payload["reason"],
    }
    errors = await _misplaced(ctx, item, location)
    return Planned(record=item, errors=errors, values=values)


async def _misplaced(ctx: CommandContext, item: Item, location: str) -> list[UserError]:
    """NOT_FOUND where every warehouse answers and none keeps the item at the location."""
    [section] = await ctx.reads.related(POSITIONS_BY_SKU, [item])
    for failure in section.failures:
        raise failure
    places = {each.location for each in section.records if isinstance(each, InventoryPosition)}
    if not section.is_served or location in places:
        return []
    known = ", ".join(sorted(place for place in places if place is not None))
    return [
        UserError(
            code=NOT_FOUND,
            field="location",
            message=f"the item is not kept at {location!r}; it is at {known or 'no location'}",
            evidence={"locations": known},
        )
    ]
