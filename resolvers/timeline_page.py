"""A page of a timeline: the connection and what may be asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated

import strawberry

from hub.events.outgoing import HUB
from hub.model.case import ActorType, Visibility
from hub.model.errors import InputInvalid
from hub.model.ids import decode_id
from hub.model.order import Order
from hub.model.timeline import Severity, TimelineCategory
from hub.model.timeline import TimelineEntry as Entry
from hub.reads.timeline_query import PAGE_DEFAULT, PAGE_MAX, TimelinePage, TimelineQuery
from resolvers.context import Context
from resolvers.edges import told
from resolvers.fields import computed, edge, represents
from resolvers.lookup import check_systems
from resolvers.partial import Partial
from resolvers.timeline import TimelineEntry


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """An entry and where it stands on its page."""

    cursor: str
    node: Entry


def placed_entries(page: TimelinePage) -> list[PlacedEntry]:
    """The entries with their cursors, in display order."""
    return [PlacedEntry(*pair) for pair in zip(page.cursors, page.entries, strict=True)]


@represents(PlacedEntry)
@strawberry.type(description="An entry and its cursor.")
class TimelineEdge:
    cursor: str = told("Opaque place of the entry, for `after` and `before`.")
    node: TimelineEntry = told("The entry.")


@represents(TimelinePage)
@strawberry.type(description="Where a page lies in the whole.")
class PageInfo:
    has_next: bool = told("Whether older entries follow.", name="hasNextPage")
    has_previous: bool = told("Whether newer entries precede.", name="hasPreviousPage")
    start_cursor: str | None = told("Cursor of the first entry.")
    end_cursor: str | None = told("Cursor of the last entry.")


@represents(TimelinePage)
@strawberry.type(description="A page of the timeline, newest first, in a total order.")
class TimelineConnection:
    entries: list[TimelineEntry] = told("The entries.", name="nodes")
    edges: list[TimelineEdge] = computed(
        placed_entries, description="The entries with their cursors."
    )
    page_info: PageInfo = computed(
        lambda page: page, description="Where the page lies in the whole."
    )
    total: int = told("Entries that passed the filters.", name="totalCount")


def _argument(description: str) -> object:
    return strawberry.argument(description=description)


@partial(
    edge,
    reads=("TIMELINE_BY_ORDER",),
    description="What happened to the order in every system, newest first, each fact once.",
)
async def timeline(
    orders: Sequence[Order],
    ctx: Context,
    *,
    first: Annotated[
        int | None, _argument(f"Newest entries, at most {PAGE_MAX}; {PAGE_DEFAULT} where absent.")
    ] = None,
    after: Annotated[str | None, _argument("Only entries older than this cursor.")] = None,
    last: Annotated[int | None, _argument(f"Oldest entries, at most {PAGE_MAX}.")] = None,
    before: Annotated[str | None, _argument("Only entries newer than this cursor.")] = None,
    categories: Annotated[
        list[TimelineCategory] | None, _argument("Only these categories.")
    ] = None,
    types: Annotated[list[str] | None, _argument("Only these dotted names.")] = None,
    min_severity: Annotated[Severity | None, _argument("Only this severe or more.")] = None,
    systems: Annotated[list[str] | None, _argument("Only what these systems told.")] = None,
    actor_types: Annotated[list[ActorType] | None, _argument("Only what these did.")] = None,
    visibility: Annotated[list[Visibility] | None, _argument("Only what these may read.")] = None,
    since: Annotated[datetime | None, _argument("Only from this instant on.")] = None,
    until: Annotated[datetime | None, _argument("Only before this instant.")] = None,
    correlation_id: Annotated[str | None, _argument("Only with this correlation id.")] = None,
    subject: Annotated[strawberry.ID | None, _argument("Only about this object.")] = None,
    only_state_changes: Annotated[bool, _argument("Only changes of a state.")] = False,
    text: Annotated[str | None, _argument("Only with this text in title or message.")] = None,
) -> list[TimelinePage | Partial]:
    """A page for each order; what the systems that answered told, one error for each other."""
    check_systems(ctx, "systems", [each for each in systems or () if each != HUB])
    query = TimelineQuery(
        categories=frozenset(categories) if categories is not None else None,
        types=frozenset(types) if types is not None else None,
        min_severity=min_severity,
        systems=frozenset(systems) if systems is not None else None,
        actor_types=frozenset(actor_types) if actor_types is not None else None,
        visibility=frozenset(visibility) if visibility is not None else None,
        since=since,
        until=until,
        correlation_id=correlation_id,
        subject=decode_id(subject) if subject is not None else None,
        only_state_changes=only_state_changes,
        text=text,
        first=page_size(first, last),
        after=after,
        last=last,
        before=before,
    )
    return [told_of(page) for page in await ctx.reads.timeline_by_order(orders, query)]


def page_size(first: int | None, last: int | None) -> int | None:
    """`first`, or the default where neither is given; InputInvalid out of bounds or both."""
    if first is not None and last is not None:
        raise InputInvalid("first, last", f"{first}, {last}", expected="one of them")
    for name, size in (("first", first), ("last", last)):
        if size is not None and not 1 <= size <= PAGE_MAX:
            raise InputInvalid(name, size, expected=f"1 to {PAGE_MAX}")
    return PAGE_DEFAULT if first is None and last is None else first


def told_of(page: TimelinePage) -> TimelinePage | Partial:
    """The page, null where nothing arrived and something failed."""
    if not page.failures:
        return page
    return Partial(page if page.entries else None, page.failures)
