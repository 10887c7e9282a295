"""Taking in over a real store, with systems in memory and the real event log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.events.entity_states import EntityStates
from hub.events.event import Event
from hub.events.log import EventLog
from hub.events.taking import Taking
from hub.events.told import Place
from hub.model.errors import OpsHubError
from hub.model.order import Order
from hub.model.record import Record
from hub.model.shipment import Shipment
from hub.model.values import Ref
from hub.store.engine import Store
from hub.store.timeline_entries import TimelineEntries
from tests.support.stores import NOON


@dataclass
class Systems:
    """What the systems say now, and what belongs to what. Implements Reading and Placing."""

    orders: dict[Ref, Order] = field(default_factory=dict)
    shipments: dict[Ref, Shipment] = field(default_factory=dict)
    records: dict[Ref, Record | OpsHubError] = field(default_factory=dict)
    lost: dict[Ref, OpsHubError] = field(default_factory=dict)
    read_refs: list[Ref] = field(default_factory=list)

    async def read(self, refs: Sequence[Ref]) -> Sequence[Record | OpsHubError | None]:
        self.read_refs += refs
        return [self.records.get(ref) for ref in refs]

    async def place(self, records: Sequence[Record]) -> Sequence[Place | OpsHubError]:
        return [self.lost.get(record.ref) or self._place(record) for record in records]

    def _place(self, record: Record) -> Place:
        if isinstance(record, Order):
            return Place(order=record)
        shipment_ref: Ref | None = getattr(record, "shipment", None)
        shipment = self.shipments.get(shipment_ref) if shipment_ref else None
        order_ref: Ref | None = getattr(shipment or record, "order", None)
        return Place(order=self.orders.get(order_ref) if order_ref else None, shipment=shipment)


@dataclass
class Intake:
    """A Taking, what it is composed of, and the events it told of after their commit."""

    store: Store
    systems: Systems = field(default_factory=Systems)
    events: list[Event] = field(default_factory=list)
    at: datetime = NOON + timedelta(hours=1)

    def __post_init__(self) -> None:
        self.timeline = TimelineEntries(self.store, now=self.now)
        self.states = EntityStates(self.store)
        self.taking = Taking(
            self.store,
            timeline=self.timeline,
            events=EventLog(self.store, self.now),
            reading=self.systems,
            placing=self.systems,
            outgoing=None,
            applied=self.events.extend,
            now=self.now,
        )

    def now(self) -> datetime:
        return self.at
