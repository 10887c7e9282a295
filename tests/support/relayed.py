"""A log, its relay and tails over a real NATS, as the processes of a hub have them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hub.events.connection import Nats, NatsAccess
from hub.events.event import Event
from hub.events.log import EventLog
from hub.events.relay import Relay
from hub.events.tail import Tail
from hub.observe.tasks import in_background
from hub.store.engine import Store
from hub.store.leases import Leases

WAIT_S = 20.0


@dataclass
class Member:
    """One process of the hub, as far as events go; `seen` is what its tail handed on."""

    store: Store
    log: EventLog
    nats: Nats | None
    relay: Relay
    tail: Tail
    seen: list[Event] = field(default_factory=list)
    replaced: int = 0

    async def append(self, *events: Event) -> None:
        async with self.store.write() as connection:
            await self.log.append_in(connection, events)
        self.relay.wake()

    @property
    def positions(self) -> list[int | None]:
        return [event.position for event in self.seen]

    async def seen_up_to(self, position: int, *, within_s: float = WAIT_S) -> None:
        await until(lambda: self.tail.position >= position, within_s=within_s)

    async def all_told(self, *, within_s: float = WAIT_S) -> None:
        async with asyncio.timeout(within_s):
            while await self.log.waiting():  # noqa: ASYNC110 (the store has no event)
                await asyncio.sleep(0.02)


@asynccontextmanager
async def member_of(
    store: Store, nats_url: str | None, *, name: str = "one", lease_s: float = 2.0
) -> AsyncIterator[Member]:
    """A running member; its tail stands at the head of the log."""
    log = EventLog(store, lambda: datetime.now(UTC))
    nats = None if nats_url is None else Nats(NatsAccess(nats_url))
    relay = Relay(log, nats, leases=Leases(store, holder=name, lease_s=lease_s))
    member = Member(store, log, nats, relay, Tail(log, nats))
    relay.assigned.append(member.tail.wake)
    member.tail.listen(member.seen.extend)

    def count_replaced() -> None:
        member.replaced += 1

    member.tail.on_replaced.append(count_replaced)
    async with AsyncExitStack() as stack:
        for work in (relay.follow, member.tail.follow, *([nats.follow] if nats else [])):
            stack.push_async_callback(ended, in_background(work()))
        await asyncio.wait_for(member.tail.started(), WAIT_S)
        yield member


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


async def until(is_so: Callable[[], object], *, within_s: float = WAIT_S) -> None:
    """Wait for it; TimeoutError where it does not come."""
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110 (what it asks has no event)
            await asyncio.sleep(0.005)


def numbers(events: Sequence[Event]) -> list[int]:
    return [event.version for event in events]
