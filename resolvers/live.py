"""The root fields of `Subscription`: what each asks to follow, checked before a stream is opened.

They only say what is meant; `subscriptions` opens the stream. What may not be seen is not found.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

import strawberry

from hub.events.event import COMMAND
from hub.events.outgoing import HUB
from hub.model.errors import InputInvalid, NotFound, OpsHubError
from hub.model.ids import decode_id_of
from hub.model.record import Record
from hub.model.timeline import Severity, TimelineCategory
from hub.model.values import Ref
from resolvers.commanding import CommandContext
from resolvers.commands import command_of
from resolvers.context import Context
from resolvers.edges import refuse_strangers
from resolvers.fields import stream
from resolvers.live_items import Feed, Following, Opening, digest_of
from resolvers.lookup import (
    argument,
    check_count,
    check_text,
    one_by_id,
    one_by_number,
    only_one,
)
from resolvers.partial import Partial

NAME_MAX = 100  # characters of a queue, an assignee, a business unit

AfterArgument = Annotated[
    str | None, argument("Go on after the item with this cursor; nothing between is left out.")
]
SnapshotArgument = Annotated[
    bool | None,
    argument("Whether the state now comes first. Absent: yes, unless `after` is given."),
]
OrderId = Annotated[strawberry.ID | None, argument("The opaque id of the order they belong to.")]


@strawberry.input(description="Which orders; both together where both are given, all in scope.")
class OrderStatusFilter:
    business_unit: str | None = strawberry.field(
        default=None, description="Only orders of this unit of the company."
    )
    customer: strawberry.ID | None = strawberry.field(
        default=None, description="Only orders of the customer with this opaque id."
    )


@partial(
    stream,
    description="The timeline of an order: each entry as it is recorded, none left out.",
)
async def order_timeline(
    ctx: Context,
    *,
    order_id: Annotated[strawberry.ID, argument("The opaque id of the order.")],
    categories: Annotated[
        list[TimelineCategory] | None, argument("Only entries of these categories.")
    ] = None,
    min_severity: Annotated[Severity | None, argument("Only this severe or more.")] = None,
    after: AfterArgument = None,
    snapshot: SnapshotArgument = None,
) -> Opening:
    """The timeline of one order the caller may see."""
    [order] = await _named(ctx, "order", [order_id])
    wanted = None if categories is None else frozenset(categories)
    following = Following(
        feed=Feed.TIMELINE, order=order, categories=wanted, min_severity=min_severity
    )
    names = None if wanted is None else sorted(each.value for each in wanted)
    severity = min_severity and min_severity.value
    said = {"order": order, "categories": names, "minSeverity": severity}
    return Opening(following, digest_of(Feed.TIMELINE, said), after, snapshot)


@partial(
    stream,
    description="Status changes of orders. A slow reader is told the newest of each order.",
)
async def order_status_changed(
    ctx: Context,
    *,
    order_ids: Annotated[
        list[strawberry.ID] | None, argument("Opaque ids of the orders, at most 100.")
    ] = None,
    filter: Annotated[OrderStatusFilter | None, argument("Which orders, by what they are.")] = None,
    after: AfterArgument = None,
    snapshot: SnapshotArgument = None,
) -> Opening:
    """Orders by id, or by a filter."""
    only_one({"orderIds": order_ids, "filter": filter})
    if order_ids is not None:
        records = await _named(ctx, "order", order_ids)
        digest = digest_of(Feed.ORDERS, {"records": sorted(records)})
        return Opening(Following(feed=Feed.ORDERS, records=records), digest, after, snapshot)
    assert filter is not None
    if filter.business_unit is not None:
        check_text("filter.businessUnit", filter.business_unit, NAME_MAX)
    customer = None
    if filter.customer is not None:
        customer = (await one_by_id(ctx, "customer", filter.customer)).ref
    customers = _bound(ctx) if customer is None else _refs_of(ctx, [customer])
    following = Following(feed=Feed.ORDERS, customers=customers, business_unit=filter.business_unit)
    said = {"businessUnit": filter.business_unit, "customer": customer}
    return Opening(following, digest_of(Feed.ORDERS, said), after, snapshot)


@partial(
    stream,
    description="Status changes of a return, or of all this caller may see where none is "
    "named. A slow reader is told the newest of each return.",
)
async def return_status_changed(
    ctx: Context,
    *,
    rma_id: Annotated[strawberry.ID | None, argument("The opaque id of the return.")] = None,
    rma_number: Annotated[str | None, argument("Its RMA number; every system is asked.")] = None,
    after: AfterArgument = None,
    snapshot: SnapshotArgument = None,
) -> Opening:
    """One return, or where none is named all that the caller may see."""
    if rma_id is None and rma_number is None:
        following = Following(feed=Feed.RETURNS, customers=_bound(ctx))
        return Opening(following, digest_of(Feed.RETURNS, {}), after, snapshot)
    only_one({"rmaId": rma_id, "rmaNumber": rma_number})
    if rma_id is not None:
        [ref] = await _named(ctx, "return", [rma_id])
    else:
        assert rma_number is not None
        ref = _found(await one_by_number(ctx, "return", rma_number), rma_number).ref
    following = Following(feed=Feed.RETURNS, records=(ref,))
    return Opening(following, digest_of(Feed.RETURNS, {"rma": ref}), after, snapshot)


@partial(
    stream,
    description="Scans and status changes of a shipment or an order's, none left out.",
)
async def shipment_milestones(
    ctx: Context,
    *,
    shipment_id: Annotated[strawberry.ID | None, argument("The opaque id of the shipment.")] = None,
    order_id: OrderId = None,
    after: AfterArgument = None,
    snapshot: SnapshotArgument = None,
) -> Opening:
    """One shipment, or all of an order."""
    only_one({"shipmentId": shipment_id, "orderId": order_id})
    if shipment_id is not None:
        [ref] = await _named(ctx, "shipment", [shipment_id])
        following = Following(feed=Feed.SHIPMENTS, records=(ref,))
    else:
        assert order_id is not None
        [ref] = await _named(ctx, "order", [order_id])
        following = Following(feed=Feed.SHIPMENTS, order=ref)
    return Opening(following, digest_of(Feed.SHIPMENTS, {"of": ref}), after, snapshot)


@partial(
    stream,
    description="Changes of service cases and their messages. A slow reader is told the "
    "newest of each case.",
)
async def case_updated(
    ctx: Context,
    *,
    order_id: OrderId = None,
    queue: Annotated[str | None, argument("The CRM's queue. Not for customers.")] = None,
    assignee: Annotated[str | None, argument("Who works on it. Not for customers.")] = None,
    after: AfterArgument = None,
    snapshot: SnapshotArgument = None,
) -> Opening:
    """The cases of an order, of a queue or of a person."""
    name = only_one({"orderId": order_id, "queue": queue, "assignee": assignee})
    if order_id is not None:
        [ref] = await _named(ctx, "order", [order_id])
        digest = digest_of(Feed.CASES, {"order": ref})
        return Opening(Following(feed=Feed.CASES, order=ref), digest, after, snapshot)
    refuse_strangers(ctx, f"caseUpdated({name})")
    check_text(name, queue or assignee or "", NAME_MAX)
    following = Following(feed=Feed.CASES, queue=queue, assignee=assignee)
    said = {"queue": queue, "assignee": assignee}
    return Opening(following, digest_of(Feed.CASES, said), after, snapshot)


@partial(
    stream,
    description="What becomes of a command, for who gave it and for operators; none left out.",
)
async def command_status_changed(
    ctx: CommandContext,
    *,
    command_id: Annotated[strawberry.ID, argument("The id of its receipt.")],
    after: AfterArgument = None,
    snapshot: SnapshotArgument = None,
) -> Opening:
    """One command the caller may see."""
    refuse_strangers(ctx, "commandStatusChanged")
    row = await command_of(ctx, command_id)
    following = Following(feed=Feed.COMMANDS, records=(Ref(COMMAND, HUB, row.id),))
    return Opening(following, digest_of(Feed.COMMANDS, {"command": row.id}), after, snapshot)


async def _named(ctx: Context, noun: str, ids: list[strawberry.ID]) -> tuple[Ref, ...]:
    """The refs behind the ids; raises as a query would for the first that cannot be read.

    Whoever may see all may follow what its system cannot tell at the moment.
    """
    if not ids:
        raise InputInvalid("ids", "none", expected="1 to 100")
    check_count("ids", ids, ctx.limits.ids_max)
    refs = [decode_id_of(noun, each) for each in ids]
    for id_, told in zip(ids, await ctx.reads.record_by_ref(refs), strict=True):
        if told is None:
            raise NotFound(noun, id_)
        if isinstance(told, OpsHubError) and (ctx.scope.is_bound or not told.retryable):
            raise told
    return tuple(dict.fromkeys(refs))


def _found(told: Record | Partial, number: str) -> Record:
    """The record a number names, though a system did not answer; else why there is none."""
    if isinstance(told, Record):
        return told
    if isinstance(told.value, Record):
        return told.value
    raise next(iter(told.errors), NotFound("return", number))


def _bound(ctx: Context) -> frozenset[Ref] | None:
    """Every ref of the customers the caller is bound to; None: of no customer in particular."""
    customers = ctx.scope.customers
    return None if customers is None else _refs_of(ctx, sorted(customers))


def _refs_of(ctx: Context, customers: list[Ref]) -> frozenset[Ref]:
    return frozenset(same for ref in customers for same in ctx.references.same_as(ref))
