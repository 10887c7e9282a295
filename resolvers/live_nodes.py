"""The state a stream begins with: the records it is about, as they are now.

What is too wide to be listed (every order of a business unit) has no nodes: null, not an empty
list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hub.model.errors import OpsHubError
from hub.model.order import Order
from hub.model.record import Record
from hub.model.values import Ref
from hub.reads import relations
from hub.reads.relations import Relation
from hub.reads.timeline_query import PAGE_MAX, TimelinePage, TimelineQuery
from resolvers.context import Context
from resolvers.edges import Answer, answer_of
from resolvers.fields import edge
from resolvers.live_items import Following, Snapshot
from resolvers.partial import Partial

Read = Callable[[Following, Context], Awaitable[Any]]


def nodes_now(read: Read, *, reads: tuple[str, ...], description: str) -> Any:
    """A field of a snapshot: what `read` finds of what is followed."""

    async def nodes(snapshots: Sequence[Snapshot], ctx: Context) -> list[Any]:
        return list(await asyncio.gather(*(read(each.following, ctx) for each in snapshots)))

    return edge(nodes, reads=reads, description=description)


async def timeline_now(following: Following, ctx: Context) -> Any:
    """The newest entries that pass the filters."""
    page = await _page(following, ctx)
    if not isinstance(page, TimelinePage):
        return page
    return Partial(list(page.entries), page.failures) if page.failures else list(page.entries)


async def has_older(following: Following, ctx: Context) -> Any:
    """Whether older entries than those of the snapshot pass the filters."""
    page = await _page(following, ctx)
    return page.has_next if isinstance(page, TimelinePage) else page


async def _page(following: Following, ctx: Context) -> TimelinePage | OpsHubError | None:
    [order] = await ctx.reads.record_by_ref([following.order])
    if not isinstance(order, Order):
        return order if isinstance(order, OpsHubError) else None
    query = TimelineQuery(
        categories=following.categories, min_severity=following.min_severity, first=PAGE_MAX
    )
    [page] = await ctx.reads.timeline_by_order([order], query)
    return page


async def records_now(following: Following, ctx: Context) -> Any:
    """The records that are named, in that order; null where none is."""
    if following.records is None:
        return None
    return _found(await ctx.reads.record_by_ref(following.records))


async def shipments_now(following: Following, ctx: Context) -> Any:
    """The shipment that is named, or those of the order."""
    if following.order is None:
        return await records_now(following, ctx)
    return await _of_order(relations.SHIPMENTS_BY_ORDER, following.order, ctx)


async def cases_now(following: Following, ctx: Context) -> Any:
    """The cases of the order; null for those of a queue or a person."""
    if following.order is None:
        return None
    return await _of_order(relations.CASES_BY_ORDER, following.order, ctx)


async def _of_order(relation: Relation, order: Ref, ctx: Context) -> Answer:
    [parent] = await ctx.reads.record_by_ref([order])
    if not isinstance(parent, Record):
        return parent
    [section] = await ctx.reads.related(relation, [parent])
    return answer_of(section)


def _found(told: Sequence[Record | OpsHubError | None]) -> list[Record] | Partial:
    """Those that are there; what could not be read becomes errors."""
    records = [each for each in told if isinstance(each, Record)]
    failures = [each for each in told if isinstance(each, OpsHubError)]
    return Partial(records, failures) if failures else records
