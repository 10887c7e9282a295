"""The live part of a hub over systems in memory: what they tell is taken in, and told to streams.

Real: taking in, placing, the store and its timeline, reads, the schema, streams. In memory: the
three systems, and the log that numbers events (`MemoryTail`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.connected import WallClock
from hub.events.event import Event
from hub.events.taking import Taking
from hub.events.told import Fate, Told, Via, version_of
from hub.model.case import Case, CaseStatus, Message, Visibility
from hub.model.customer import Customer
from hub.model.errors import OpsHubError
from hub.model.ids import encode_id
from hub.model.order import Order, OrderStatus
from hub.model.record import Record
from hub.model.returns import Return, RmaStatus
from hub.model.shipment import Milestone, Shipment, ShipmentStatus
from hub.model.values import Ref
from hub.reads.placing import Around
from hub.reads.reads import ReadHub
from hub.security.principal import Principal, Role, caller_class
from hub.security.scope import scope_of
from hub.store.cross_references import CrossReferences
from hub.store.engine import Store
from hub.store.secrets import shared_secret
from hub.store.timeline_after import TimelineAfter
from hub.store.timeline_entries import TimelineEntries
from resolvers.context import Context
from resolvers.engine import Engine, Request
from resolvers.errors import wire_errors
from resolvers.schema import build_schema
from subscriptions.cursor import Cursors
from subscriptions.stream import HEARTBEAT_S, Means, Stream, Streams
from subscriptions.telling import DEADLINE_S
from tests.support.fake_source import FakeSource, terms
from tests.support.stores import opened_store

NOUNS = {
    "erp": ("order", "customer", "return", "order_line", "invoice", "credit_memo"),
    "wms": ("shipment", "milestone", "receipt", "inspection", "disposition"),
    "crm": ("case", "message"),
}
EVERY = frozenset(NOUNS)
BEGAN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
ALICE, BOB = Ref("customer", "erp", "C1"), Ref("customer", "erp", "C2")
ORDER, OTHER = Ref("order", "erp", "O1"), Ref("order", "erp", "O2")
RMA = Ref("return", "erp", "R1")
SHIPMENT = Ref("shipment", "wms", "S1")
CASE = Ref("case", "crm", "K1")
SETTLE_S = 30.0  # 60 readers that read 800 events each take 8


class MemoryTail:
    """Numbers events and hands them on, as the hub's tail does. `kept_from` is the oldest kept."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.epoch = "one"
        self.is_degraded = False
        self.kept_from = 1
        self.replays = 0
        self.on_replaced: list[Callable[[], None]] = []
        self._listeners: list[Callable[[Sequence[Event]], None]] = []

    @property
    def position(self) -> int:
        return len(self.events)

    def listen(self, listener: Callable[[Sequence[Event]], None], /) -> None:
        self._listeners.append(listener)

    async def append_in(self, connection: AsyncConnection, events: Sequence[Event]) -> None:
        pass

    def hand_on(self, events: Sequence[Event]) -> None:
        numbered = [
            replace(each, position=self.position + n) for n, each in enumerate(events, start=1)
        ]
        self.events += numbered
        for hear in self._listeners:
            hear(numbered)

    async def replay(self, after: int, *, nouns: Collection[str] | None, limit: int) -> list[Event]:
        self.replays += 1
        await asyncio.sleep(0)
        kept = [
            each
            for each in self.events[max(after, self.kept_from - 1) :]
            if nouns is None or each.noun in nouns
        ]
        return kept[:limit]

    async def oldest(self) -> int:
        return self.kept_from

    async def last(self) -> int:
        return self.position


class ListOutlet:
    """What a subscriber was sent. `room` is how many messages it takes; None: all."""

    def __init__(self, room: int | None = None) -> None:
        self.messages: list[Any] = []
        self.cursors: list[str | None] = []
        self.room = room
        self.is_over = False
        self.error: OpsHubError | None = None
        self._came = asyncio.Event()

    def write(self, payload: bytes, cursor: str | None) -> bool:
        assert not self.is_over
        if self.room is not None:
            if self.room == 0:
                return False
            self.room -= 1
        self.messages.append(orjson.loads(payload))
        self.cursors.append(cursor)
        self._came.set()
        return True

    def end(self, error: OpsHubError | None) -> None:
        self.is_over, self.error = True, error
        self._came.set()

    async def until(self, count: int) -> list[Any]:
        """The items, as soon as there are so many."""
        async with asyncio.timeout(SETTLE_S):
            while len(self.messages) < count:
                self._came.clear()
                await self._came.wait()
        return self.items

    @property
    def items(self) -> list[Any]:
        """The value of the root field of each message."""
        for message in self.messages:
            assert "errors" not in message, message
        return [next(iter(message["data"].values())) for message in self.messages]


@dataclass
class LiveHub:
    store: Store
    sources: dict[str, FakeSource]
    reads: ReadHub
    references: CrossReferences
    engine: Engine
    tail: MemoryTail
    streams: Streams
    taking: Taking
    outlets: list[ListOutlet] = field(default_factory=list)

    def context(self, principal: Principal, correlation_id: str = "c") -> Context:
        return open_context(self.reads, self.references, principal, correlation_id)

    async def tell(self, *records: Record) -> list[Any]:
        """The systems say so from now on, and tell the hub of it."""
        for record in records:
            self.sources[record.ref.system].put(record)
        told = [
            Told(ref=each.ref, via=Via.POLL, record=each, version=version_of(each))
            for each in records
        ]
        taken = await self.taking.take(told)
        assert all(isinstance(each, Fate) for each in taken), taken
        return taken

    def request(self, document: str, variables: dict[str, Any]) -> Request:
        request = self.engine.request(document, variables=variables)
        assert isinstance(request, Request), request
        return request

    async def open(
        self,
        who: Principal,
        document: str,
        *,
        outlet: ListOutlet | None = None,
        **variables: Any,
    ) -> tuple[Stream, ListOutlet]:
        outlet = outlet or ListOutlet()
        request = self.request(document, variables)
        stream = await self.streams.open(request, who, outlet, correlation_id="c")
        return stream, outlet

    async def ask(self, who: Principal, document: str, **variables: Any) -> Any:
        result = await self.engine.run(self.request(document, variables), self.context(who))
        assert not result.errors, result.errors
        return result.data

    async def codes(self, who: Principal, document: str, **variables: Any) -> list[str]:
        """The codes of a query's errors."""
        result = await self.engine.run(self.request(document, variables), self.context(who))
        wires, _ = wire_errors(result.errors or [], "c")
        return [each["extensions"]["code"] for each in wires]

    async def settled(self) -> None:
        """Until nothing is being told any more."""
        async with asyncio.timeout(SETTLE_S):
            while busy := [*self.streams.fanout._workers, *self.streams._catching]:
                await asyncio.wait(busy)


def open_context(
    reads: ReadHub, references: CrossReferences, who: Principal, correlation_id: str
) -> Context:
    return Context(
        reads=reads.open(scope_of(who), caller=caller_class(who)),
        references=references,
        principal=who,
        system_roles={name: name for name in NOUNS},
        correlation_id=correlation_id,
        started_at=datetime.now(UTC),
    )


@asynccontextmanager
async def running_live_hub(
    folder: Path, *, heartbeat_s: float = HEARTBEAT_S, deadline_s: float = DEADLINE_S
) -> AsyncIterator[LiveHub]:
    """A live hub whose systems know the `world`; nothing has been told yet."""
    async with opened_store(f"sqlite:///{folder}/hub.sqlite") as store:
        hub = await _composed(store, heartbeat_s, deadline_s)
        for record in world():
            hub.sources[record.ref.system].put(record)
        try:
            yield hub
        finally:
            await hub.streams.close()
            await hub.reads.close()


async def _composed(store: Store, heartbeat_s: float, deadline_s: float) -> LiveHub:
    sources = {
        name: FakeSource(
            name,
            {noun: terms(noun, points_to=EVERY, fresh_for_s=600) for noun in nouns},
            role=name,
        )
        for name, nouns in NOUNS.items()
    }
    clock = WallClock()
    references = CrossReferences(store, roles={name: name for name in NOUNS}, now=clock.now)
    await references.refresh()
    timeline = TimelineEntries(store, now=clock.now)
    reads = ReadHub(list(sources.values()), references=references, recorded=timeline, clock=clock)
    tail = MemoryTail()

    def applied(events: Sequence[Event]) -> None:
        for event in events:
            if event.entry is None:
                reads.invalidate(event.ref, record=event.record)
        tail.hand_on(events)

    around = Around(lambda: reads)
    taking = Taking(
        store, timeline=timeline, events=tail, reading=around, placing=around, outgoing=None,
        applied=applied, now=clock.now,
    )  # fmt: skip
    engine = Engine(build_schema())
    means = Means(
        engine,
        lambda who, correlation_id: open_context(reads, references, who, correlation_id),
        Cursors(await shared_secret(store, "cursor")),
        lambda: tail.epoch,
        deadline_s,
    )
    streams = Streams(
        means, tail=tail, timeline=TimelineAfter(store), same_as=references.same_as,
        heartbeat_s=heartbeat_s,
    )  # fmt: skip
    return LiveHub(store, sources, reads, references, engine, tail, streams, taking)


def world() -> list[Record]:
    """Two customers with an order each, and of the first one's a shipment, a return and a case."""
    return [
        of(Customer, ALICE, number="C1", name="Alice", business_unit="EU1"),
        of(Customer, BOB, number="C2", name="Bob", business_unit="EU1"),
        of(Order, ORDER, number="O1", customer=ALICE, status=OrderStatus.OPEN,
           business_unit="EU1", placed_at=BEGAN, sales_person="Sam"),
        of(Order, OTHER, number="O2", customer=BOB, status=OrderStatus.OPEN,
           business_unit="EU1", placed_at=BEGAN),
        of(Return, RMA, number="R1", customer=ALICE, order=ORDER, status=RmaStatus.REQUESTED,
           requested_at=BEGAN),
        of(Shipment, SHIPMENT, number="S1", order=ORDER, status=ShipmentStatus.LABEL_CREATED,
           created_at=BEGAN),
        of(Case, CASE, number="K1", order=ORDER, customer=ALICE, status=CaseStatus.NEW,
           queue="first", assignee="Ann", opened_at=BEGAN),
    ]  # fmt: skip


def of(noun: type[Record], ref: Ref, *, minutes: float = 0, **fields: Any) -> Any:
    """A record as its system had it so many minutes after it all began."""
    at = BEGAN + timedelta(minutes=minutes)
    return noun(ref=ref, as_of=at, fetched_at=datetime.now(UTC), **fields)


def later(record: Any, minutes: float, **changes: Any) -> Any:
    """The record as its system has it later."""
    at = BEGAN + timedelta(minutes=minutes)
    return replace(record, as_of=at, fetched_at=datetime.now(UTC), **changes)


def scan(number: int, code: ShipmentStatus, *, minutes: float) -> Milestone:
    ref = Ref("milestone", "wms", f"M{number}")
    at = BEGAN + timedelta(minutes=minutes)
    told: Milestone = of(
        Milestone, ref, minutes=minutes, shipment=SHIPMENT, code=code, occurred_at=at, carrier="UPS"
    )
    return told


def message(number: int, visibility: Visibility, *, minutes: float) -> Message:
    ref = Ref("message", "crm", f"N{number}")
    at = BEGAN + timedelta(minutes=minutes)
    told: Message = of(
        Message, ref, minutes=minutes, case=CASE, visibility=visibility, body="Hello", sent_at=at
    )
    return told


def who(role: Role, *customers: Ref, unit: str | None = None) -> Principal:
    return Principal(
        subject=role.value,
        roles=frozenset({role}),
        customers=frozenset((ref.system, ref.key) for ref in customers),
        business_units=frozenset({unit}) if unit else None,
        token_id=None,
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )


AGENT = who(Role.AGENT)
ALICE_HERSELF, BOB_HIMSELF = who(Role.CUSTOMER, ALICE), who(Role.CUSTOMER, BOB)


def id_of(ref: Ref) -> str:
    return encode_id(ref)
