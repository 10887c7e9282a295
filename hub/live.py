"""The live part of a hub: what comes in, the log of events, and who is told. A table, no logic."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any

from hub.config.settings import Settings
from hub.connected import Connected
from hub.events.connection import Nats, NatsAccess
from hub.events.dead_letters import DeadLetters
from hub.events.event import Event
from hub.events.log import EventLog
from hub.events.relay import Relay
from hub.events.tail import Tail
from hub.events.taking import Taking
from hub.observe.health import Part
from hub.reads.placing import Around
from hub.security.authenticator import Authenticator
from hub.store.engine import Store
from hub.store.leases import Leases
from hub.store.secrets import shared_secret
from hub.store.timeline_after import TimelineAfter
from resolvers.engine import Engine
from resolvers.operations import OpenContext
from subscriptions.cursor import Cursors
from subscriptions.sockets import Sockets
from subscriptions.stream import Means, Streams

Follow = Callable[[], Coroutine[Any, Any, None]]


@dataclass(slots=True, kw_only=True)
class Live:
    """Everything that runs beside the requests of one process. `nats` is None without a server."""

    nats: Nats | None
    tail: Tail
    relay: Relay
    taking: Taking
    letters: DeadLetters
    streams: Streams
    sockets: Sockets

    def background(self) -> list[Follow]:
        """What must run as long as the hub does, each for ever."""
        return [
            *([] if self.nats is None else [self.nats.follow]),
            self.tail.follow,
            self.relay.follow,
            self.streams.follow,
            self.sockets.follow,
        ]

    async def close(self) -> None:
        """End what `background` does not; that must have been cancelled before."""
        await self.streams.close()
        if self.nats is not None:
            await self.nats.close()

    def part(self) -> Part:
        """How messages do; without NATS events come from the store, later."""
        return Part(
            "messages",
            is_ok=not self.tail.is_degraded,
            message="NATS is away: pushes come late" if self.tail.is_degraded else None,
            is_needed=False,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the live part of a hub stands on."""

    settings: Settings
    store: Store
    connected: Connected
    authenticator: Authenticator
    engine: Engine
    letters: DeadLetters
    open_context: OpenContext
    now: Callable[[], datetime]


async def open_live(ground: Ground, access: NatsAccess | None) -> Live:
    """Composed and at rest; `background` makes it live."""
    store, now, connected = ground.store, ground.now, ground.connected
    nats = None if access is None else Nats(access)
    leases = Leases(store, holder=f"{store.process}:{token_hex(4)}")
    log = EventLog(store, now)
    relay = Relay(log, nats, leases=leases)
    tail = Tail(log, nats)
    relay.assigned.append(tail.wake)
    tail.listen(connected.hear)  # before the streams: what they are told is in the cache by then
    around = Around(lambda: connected.reads)

    def applied(events: Sequence[Event]) -> None:
        connected.hear(events)
        relay.wake()

    taking = Taking(
        store,
        timeline=connected.recorded,
        events=log,
        reading=around,
        placing=around,
        outgoing=None,
        applied=applied,
        now=now,
    )
    means = Means(
        ground.engine,
        ground.open_context,
        Cursors(await shared_secret(store, "cursor")),
        lambda: tail.epoch,
    )
    return Live(
        nats=nats,
        tail=tail,
        relay=relay,
        taking=taking,
        letters=ground.letters,
        streams=Streams(means, tail=tail, timeline=TimelineAfter(store)),
        sockets=Sockets(ground.authenticator.check),
    )
