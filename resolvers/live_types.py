"""The items of the streams as GraphQL types: one union for each subscription."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.utils.str_converters import to_camel_case

from hub.events.event import StatusChange
from resolvers import live_items as items
from resolvers.commands import Command
from resolvers.edges import told
from resolvers.fields import computed, represents
from resolvers.lazy import LazyCase, LazyOrder, LazyRma, LazyShipment
from resolvers.live_items import Feed, GapReason, StreamState
from resolvers.live_nodes import (
    cases_now,
    has_older,
    nodes_now,
    records_now,
    shipments_now,
    timeline_now,
)
from resolvers.scalars import Long
from resolvers.shipment import Milestone
from resolvers.sourced import SourceRef
from resolvers.timeline import TimelineEntry

strawberry.enum(
    StreamState,
    name="StreamState",
    description="LIVE: told at once. DEGRADED: messages are away, told some seconds later.",
)
strawberry.enum(
    GapReason,
    name="StreamGapReason",
    description=(
        "PURGED: no longer kept. TOO_MANY: more than a stream catches up with. "
        "NOT_READ: reading them took too long or failed."
    ),
)


def of_feed(record: type, feed: Feed) -> Callable[[type], type]:
    """The items of one kind that belong to one stream are of this type."""
    return represents(record, by="feed", values=(feed,))


@represents(StatusChange)
@strawberry.type(description="One status of a record that changed.")
class StatusStep:
    axis: str = computed(
        lambda change: to_camel_case(change.axis),
        description="The field of the record: `status`, `creditStatus`.",
    )
    before: str | None = told("What it was; null where it was not known.", name="from")
    after: str | None = told("What it became; null where it is no longer told.", name="to")


@strawberry.interface(description="The state a stream goes on from, its first item.")
class StreamSnapshot:
    cursor: str = told("Where the stream goes on: for `after`.")
    sequence: Long = told("The watermark: every event with a higher sequence is told after it.")


@strawberry.interface(description="An event of a stream. It may be told twice: drop a known id.")
class StreamEvent:
    event_id: strawberry.ID = told("Names the event, however often it is told.")
    cursor: str = told("Where to go on after it: for `after`.")
    sequence: Long = told("Its number: in the order's timeline, or over all events of the hub.")
    type: str = told("What kind of record did what: `order.status_changed`.")
    occurred_at: datetime = told("When it happened, as the system claims.")
    recorded_at: datetime = told("When the hub recorded it.")
    correlation_id: str | None = told("Follows it through every system.")
    causation_id: str | None = told("The event or command that caused it.")
    source: SourceRef = told("The record it is about, in the system that told it.")
    entity_version: Long = told("Grows with each change of the record: drop a lower one.")


@represents(items.Gap)
@strawberry.type(description="Events that are not told. Ask for the state again by a query.")
class StreamGap:
    cursor: str = told("Where the stream goes on: for `after`.")
    first: Long = told("The first sequence left out.", name="from")
    last: Long = told("The last sequence left out.", name="to")
    reason: GapReason = told("Why.")


@represents(items.Beat)
@strawberry.type(description="A sign of life, at intervals and whenever the state changes.")
class Heartbeat:
    cursor: str = told("Everything up to here was told: for `after`.")
    state: StreamState = told("How quickly the stream hears of what happens.")


@of_feed(items.Snapshot, Feed.TIMELINE)
@strawberry.type(description="The timeline of an order as it is now.")
class OrderTimelineSnapshot(StreamSnapshot):
    nodes: list[TimelineEntry] | None = nodes_now(
        timeline_now,
        reads=("ORDER_BY_REF", "TIMELINE_BY_ORDER"),
        description="The newest entries that pass the filters, newest first, at most 100.",
    )
    has_older: bool | None = nodes_now(
        has_older,
        reads=("ORDER_BY_REF", "TIMELINE_BY_ORDER"),
        description="Whether there are older ones; ask for them by a query.",
    )


@of_feed(items.LiveEvent, Feed.TIMELINE)
@strawberry.type(description="An entry was recorded. Insert it where it occurred, not at the top.")
class OrderTimelineEvent(StreamEvent):
    node: TimelineEntry = told("The entry.")


@of_feed(items.Snapshot, Feed.ORDERS)
@strawberry.type(description="The orders that are followed, as they are now.")
class OrderStatusSnapshot(StreamSnapshot):
    nodes: list[LazyOrder] | None = nodes_now(
        records_now, reads=("ORDER_BY_REF",), description="The orders; null for a filter."
    )


@of_feed(items.LiveEvent, Feed.ORDERS)
@strawberry.type(description="The status of an order changed.")
class OrderStatusEvent(StreamEvent):
    changes: list[StatusStep] = told("What changed.")
    conflated: int = told("Events of the order left out before this one.", name="conflatedCount")
    node: LazyOrder = told("The order now.")


@of_feed(items.Snapshot, Feed.RETURNS)
@strawberry.type(description="The return that is followed, as it is now.")
class ReturnStatusSnapshot(StreamSnapshot):
    nodes: list[LazyRma] | None = nodes_now(
        records_now, reads=("RETURN_BY_REF",), description="The return; null where none is named."
    )


@of_feed(items.LiveEvent, Feed.RETURNS)
@strawberry.type(description="A status of a return changed: its own, of its goods, of its money.")
class ReturnStatusEvent(StreamEvent):
    changes: list[StatusStep] = told("What changed.")
    conflated: int = told("Events of the return left out before this one.", name="conflatedCount")
    node: LazyRma = told("The return now.")


@of_feed(items.Snapshot, Feed.SHIPMENTS)
@strawberry.type(description="The shipments that are followed, as they are now.")
class ShipmentMilestonesSnapshot(StreamSnapshot):
    nodes: list[LazyShipment] | None = nodes_now(
        shipments_now,
        reads=("SHIPMENT_BY_REF", "ORDER_BY_REF", "SHIPMENTS_BY_ORDER"),
        description="The shipments, oldest first.",
    )


@of_feed(items.LiveEvent, Feed.SHIPMENTS)
@strawberry.type(description="A shipment was scanned, or its status changed.")
class ShipmentMilestoneEvent(StreamEvent):
    milestone: Milestone | None = told("The scan; null where the shipment itself was told.")
    changes: list[StatusStep] = told("What changed in the shipment.")
    node: LazyShipment = told("The shipment now.")


@of_feed(items.Snapshot, Feed.CASES)
@strawberry.type(description="The cases that are followed, as they are now.")
class CaseSnapshot(StreamSnapshot):
    nodes: list[LazyCase] | None = nodes_now(
        cases_now,
        reads=("ORDER_BY_REF", "CASES_BY_ORDER"),
        description="The order's cases, oldest first; null for a queue or an assignee.",
    )


@of_feed(items.LiveEvent, Feed.CASES)
@strawberry.type(description="A case changed, or a message was added to it.")
class CaseEvent(StreamEvent):
    changes: list[StatusStep] = told("The statuses that changed.")
    conflated: int = told("Events of the case left out before this one.", name="conflatedCount")
    node: LazyCase = told("The case now.")


@of_feed(items.Snapshot, Feed.COMMANDS)
@strawberry.type(description="The command that is followed, as it is now.")
class CommandSnapshot(StreamSnapshot):
    nodes: list[Command] = computed(
        lambda snapshot: [] if snapshot.command is None else [snapshot.command],
        description="The command; none where it may be seen no more.",
    )


@of_feed(items.LiveEvent, Feed.COMMANDS)
@strawberry.type(description="The status of a command changed.")
class CommandStatusEvent(StreamEvent):
    changes: list[StatusStep] = told("What changed.")
    node: Command = told("The command now.")


OrderTimelineItem = Annotated[
    OrderTimelineSnapshot | OrderTimelineEvent | StreamGap | Heartbeat,
    strawberry.union("OrderTimelineItem", description="An item of `orderTimeline`."),
]
OrderStatusItem = Annotated[
    OrderStatusSnapshot | OrderStatusEvent | StreamGap | Heartbeat,
    strawberry.union("OrderStatusItem", description="An item of `orderStatusChanged`."),
]
ReturnStatusItem = Annotated[
    ReturnStatusSnapshot | ReturnStatusEvent | StreamGap | Heartbeat,
    strawberry.union("ReturnStatusItem", description="An item of `returnStatusChanged`."),
]
ShipmentMilestoneItem = Annotated[
    ShipmentMilestonesSnapshot | ShipmentMilestoneEvent | StreamGap | Heartbeat,
    strawberry.union("ShipmentMilestoneItem", description="An item of `shipmentMilestones`."),
]
CaseItem = Annotated[
    CaseSnapshot | CaseEvent | StreamGap | Heartbeat,
    strawberry.union("CaseItem", description="An item of `caseUpdated`."),
]
CommandStatusItem = Annotated[
    CommandSnapshot | CommandStatusEvent | StreamGap | Heartbeat,
    strawberry.union("CommandStatusItem", description="An item of `commandStatusChanged`."),
]
