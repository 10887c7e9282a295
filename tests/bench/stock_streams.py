"""The stock way to the same items: Strawberry's types, generators and its own websocket handler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, NewType

import strawberry
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from hub.model.ids import encode_id
from hub.model.order import Order as OrderRecord
from hub.model.order import OrderStatus
from hub.model.values import Ref

Long = NewType("Long", int)
LONG = strawberry.scalar(name="Long", serialize=int, parse_value=int)


@strawberry.enum
class Status(Enum):
    OPEN = "OPEN"
    CONFIRMED = "CONFIRMED"


@strawberry.type
class StatusStep:
    axis: str
    before: str | None = strawberry.field(name="from")
    after: str | None = strawberry.field(name="to")


@strawberry.type
class Source:
    system: str
    external_id: str


@strawberry.type
class Order:
    id: strawberry.ID
    number: str | None
    status: Status | None
    business_unit: str | None
    placed_at: datetime | None
    updated_at: datetime | None


@strawberry.type
class OrderStatusEvent:
    event_id: strawberry.ID
    cursor: str
    sequence: Long
    type: str
    occurred_at: datetime
    recorded_at: datetime
    correlation_id: str | None
    source: Source
    entity_version: Long
    conflated_count: int
    changes: list[StatusStep]
    node: Order


@strawberry.type
class Heartbeat:
    cursor: str


Item = Annotated[OrderStatusEvent | Heartbeat, strawberry.union("OrderStatusItem")]


@dataclass
class Feeds:
    """A queue for each subscriber, by the order it follows; None follows all."""

    queues: dict[str | None, list[asyncio.Queue[Any]]] = field(default_factory=dict)

    def tell(self, item: OrderStatusEvent) -> None:
        for followed in (item.node.id, None):
            for queue in self.queues.get(followed, ()):
                queue.put_nowait(item)

    async def follow(self, followed: str | None) -> AsyncIterator[Any]:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self.queues.setdefault(followed, []).append(queue)
        while True:
            yield await queue.get()


@strawberry.input
class OrderStatusFilter:
    business_unit: str | None = None


def stock_app(feeds: Feeds) -> GraphQL[Any, Any]:
    """The stock ASGI application over the items of `feeds`."""

    @strawberry.type
    class Query:
        number: int = 1

    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def order_status_changed(
            self,
            order_ids: list[strawberry.ID] | None = None,
            filter: OrderStatusFilter | None = None,
            snapshot: bool = False,
        ) -> AsyncIterator[Item]:
            async for item in feeds.follow(order_ids[0] if order_ids else None):
                yield item

    config = StrawberryConfig(scalar_map={Long: LONG})
    schema = strawberry.Schema(Query, subscription=Subscription, config=config)
    return GraphQL(schema, subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL])


def stock_item(record: OrderRecord, at: datetime, number: int) -> OrderStatusEvent:
    """What the hub tells of the record, as instances of these types."""
    assert isinstance(record.status, OrderStatus)
    return OrderStatusEvent(
        event_id=strawberry.ID(f"{number:032x}"),
        cursor="c" * 36,
        sequence=Long(number),
        type="order.status_changed",
        occurred_at=at,
        recorded_at=at,
        correlation_id="correlation",
        source=Source(system=record.ref.system, external_id=record.ref.key),
        entity_version=Long(number),
        conflated_count=0,
        changes=[StatusStep(axis="status", before="OPEN", after=record.status.value)],
        node=Order(
            id=strawberry.ID(encode_id(Ref(*record.ref))),
            number=record.number,
            status=Status(record.status.value),
            business_unit=record.business_unit,
            placed_at=record.placed_at,
            updated_at=record.updated_at,
        ),
    )
