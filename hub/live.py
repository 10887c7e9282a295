"""The live part of a hub: what comes in, the log of events, and who is told. A table, no logic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from random import uniform
from secrets import token_hex
from time import monotonic
from typing import Any

from starlette.routing import Route

from hub.commands.carrying import Carrier
from hub.commands.carrying import Means as Carrying
from hub.commands.claim_rows import SqlClaims
from hub.commands.dispatching import Dispatcher
from hub.commands.ledger import Ledger
from hub.commands.recording import Recording
from hub.config.settings import Settings
from hub.connected import CommandsInForce, Connected
from hub.events.condition import messages_part
from hub.events.confirmed import Confirmed
from hub.events.connection import Nats, NatsAccess
from hub.events.counted import counted
from hub.events.dead_letters import DeadLetters
from hub.events.delivering import Delivering, Records
from hub.events.delivery_tries import Trying
from hub.events.event import COMMAND, Event
from hub.events.feed_cursors import FeedCursors
from hub.events.inbound import Inbound
from hub.events.incoming import Incoming
from hub.events.intake import Intake, Message
from hub.events.log import EventLog
from hub.events.outgoing import Chosen
from hub.events.relay import Relay
from hub.events.spool import Spool
from hub.events.tail import Tail
from hub.events.taking import Taking
from hub.events.told import Via
from hub.events.webhooks import Webhooks
from hub.model.errors import StoreUnavailable
from hub.observe.health import Part
from hub.pollers import Pollers
from hub.reads.placing import Around
from hub.security.authenticator import Authenticator
from hub.store.engine import Store
from hub.store.leases import Leases
from hub.store.secrets import shared_secret
from hub.store.timeline_after import TimelineAfter
from hub.web.incoming import incoming_routes
from resolvers.engine import Engine
from resolvers.operations import OpenContext
from sources.feed import Feeds
from sources.polling import Polling
from subscriptions.cursor import Cursors
from subscriptions.sockets import Sockets
from subscriptions.stream import Means, Streams

FORGET_EVERY_S = 3_600.0

Follow = Callable[[], Coroutine[Any, Any, None]]


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


@dataclass(frozen=True, slots=True)
class EventStream:
    """The numbered events of this process. `nats` is None where there is no server."""

    nats: Nats | None
    log: EventLog
    leases: Leases
    relay: Relay
    tail: Tail
    confirmed: Confirmed


@dataclass(frozen=True, slots=True)
class Arriving:
    """The three ways in."""

    feeds: Feeds
    inbound: Inbound
    spool: Spool
    incoming: Incoming | None
    pollers: Pollers
    taking: Taking

    async def forget_old(self) -> None:
        """Drop what the inbox need not remember any longer, for ever."""
        while True:
            await asyncio.sleep(FORGET_EVERY_S)
            with suppress(StoreUnavailable):
                await self.taking.forget_old()

    async def keep(self, message: Message) -> None:
        """Store a webhook; it is taken in at once."""
        await self.inbound.keep(message)
        self.spool.wake()


@dataclass(frozen=True, slots=True)
class Telling:
    """Who is told: open streams, and whom the systems file names outside."""

    streams: Streams
    sockets: Sockets
    webhooks: Webhooks
    delivering: Delivering


@dataclass(frozen=True, slots=True)
class Commands:
    """What is wished is kept in the ledger, and carried out by the dispatcher."""

    ledger: Ledger
    dispatcher: Dispatcher


@dataclass(frozen=True, slots=True)
class Live:
    """Everything that runs beside the requests of one process."""

    ground: Ground
    events: EventStream
    arriving: Arriving
    telling: Telling
    commands: Commands

    def background(self) -> list[Follow]:
        """What must run as long as the hub does, each for ever."""
        events, arriving, telling = self.events, self.arriving, self.telling
        letters, feeds = self.ground.letters, arriving.feeds
        return [
            *([] if events.nats is None else [events.nats.follow]),
            *([] if arriving.incoming is None else [arriving.incoming.follow]),
            events.tail.follow,
            events.relay.follow,
            events.confirmed.follow,
            arriving.spool.follow,
            arriving.pollers.follow,
            telling.delivering.follow,
            telling.streams.follow,
            telling.sockets.follow,
            self.commands.dispatcher.follow,
            lambda: letters.follow(feeds.knows),
            arriving.forget_old,
        ]

    def routes(self) -> list[Route]:
        """Where systems post what they tell."""
        return incoming_routes(self.arriving.keep, self.arriving.feeds, now=self.ground.now)

    async def close(self) -> None:
        """End what `background` does not; that must have been cancelled before."""
        await self.telling.streams.close()
        await self.telling.webhooks.close()
        if self.events.nats is not None:
            await self.events.nats.close()

    async def part(self) -> Part:
        """How messages do; without NATS events come from the store, later."""
        return await messages_part(self.events.nats, self.events.log)


async def open_live(ground: Ground, access: NatsAccess | None) -> Live:
    """Composed and at rest; `background` makes it live."""
    events = _event_stream(ground, access)
    telling = _telling(ground, events, cursors=await shared_secret(ground.store, "cursor"))
    arriving = _arriving(ground, events, telling.delivering)
    return Live(ground, events, arriving, telling, _commands(ground, events))


def _event_stream(ground: Ground, access: NatsAccess | None) -> EventStream:
    nats = None if access is None else Nats(access)
    connected = ground.connected
    holder = f"{ground.store.process}:{token_hex(4)}"
    leases = Leases(ground.store, holder=holder)
    log = EventLog(ground.store, ground.now)
    relay, tail = Relay(log, nats, leases=leases), Tail(log, nats)
    relay.assigned.append(tail.wake)
    tail.listen(connected.hear)  # before the streams: the cache has it when they are told
    tail.on_unreadable.append(lambda event: connected.forget(event.ref))
    confirmed = Confirmed(nats, holder=holder, learn=connected.learn, forget=connected.forget)
    return EventStream(nats, log, leases, relay, tail, confirmed)


def _telling(ground: Ground, events: EventStream, *, cursors: bytes) -> Telling:
    store, connected, tail = ground.store, ground.connected, events.tail
    webhooks = Webhooks()
    delivering = Delivering(
        store,
        leases=events.leases,
        trying=Trying(
            declared=lambda: connected.systems.deliveries,
            webhooks=webhooks,
            commanding=CommandsInForce(connected),
            reading=Around(lambda: connected.reads),
            tries_max=ground.settings.delivery_tries_max,
        ),
        records=Records(
            timeline=connected.recorded,
            events=events.log,
            dead_letters=ground.letters,
            applied=lambda _: events.relay.wake(),
        ),
        now=ground.now,
    )
    means = Means(ground.engine, ground.open_context, Cursors(cursors), lambda: tail.epoch)
    streams = Streams(
        means,
        tail=tail,
        timeline=TimelineAfter(store),
        same_as=connected.references.same_as,
        heartbeat_s=ground.settings.heartbeat_s,
    )
    return Telling(streams, Sockets(ground.authenticator.check), webhooks, delivering)


def _commands(ground: Ground, events: EventStream) -> Commands:
    """Whoever hears of a command looks for it: after a commit here, and by the event stream."""
    connected, now = ground.connected, ground.now
    recording = Recording(
        store=ground.store, events=events.log, timeline=connected.recorded, now=now
    )

    def committed(new: Sequence[Event]) -> None:
        events.relay.wake()
        hear(new)

    def hear(new: Sequence[Event]) -> None:
        if any(event.noun == COMMAND for event in new):
            connected.forget_changed(new)
            ledger.hear(new)
            dispatcher.wake()

    claims = SqlClaims(recording, holder=f"{ground.store.process}:{token_hex(4)}", told=committed)
    means = Carrying(monotonic=monotonic, sleep=asyncio.sleep, jitter=uniform)
    dispatcher = Dispatcher(claims, Carrier(claims, CommandsInForce(connected), means))
    ledger = Ledger(recording, accepted=committed)
    events.tail.listen(hear)
    return Commands(ledger, dispatcher)


def _arriving(ground: Ground, events: EventStream, delivering: Delivering) -> Arriving:
    store, connected, letters, now = ground.store, ground.connected, ground.letters, ground.now
    taking = _taking(ground, events, delivering)
    feeds = Feeds(lambda: connected.systems, now=now)
    intake = Intake(feeds, taking, dead_letters=letters, now=now)
    letters.replay_by({via.value: intake.replay for via in Via})
    inbound = Inbound(store, now=now)
    polling = Polling(
        cursors=FeedCursors(store, now=now),
        take=counted(taking.take, now=now),
        park=letters.park,
        now=now,
    )
    return Arriving(
        feeds,
        inbound,
        Spool(inbound, intake, leases=events.leases, nats=events.nats),
        None if events.nats is None else Incoming(events.nats, intake),
        Pollers(connected, polling, leases=events.leases),
        taking,
    )


def _taking(ground: Ground, events: EventStream, delivering: Delivering) -> Taking:
    connected = ground.connected
    around = Around(lambda: connected.reads)

    def applied(new: Sequence[Event]) -> None:
        connected.hear(new)
        events.relay.wake()
        delivering.wake()

    return Taking(
        ground.store,
        timeline=connected.recorded,
        events=events.log,
        reading=around,
        placing=around,
        outgoing=Chosen(
            ground.store, declared=lambda: connected.systems.deliveries, now=ground.now
        ),
        applied=applied,
        confirmed=events.confirmed.tell,
        now=ground.now,
    )
