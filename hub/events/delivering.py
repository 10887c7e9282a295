"""Telling outside: takes up what is due, sends it, and writes what came of it.

Each delivery has its own lane, and each order its own line in it: a receiver that fails holds
nobody else, and nobody hears of one order out of turn. A webhook whose answer was lost is sent
again under the same `webhook-id`; a command is looked up first, by the same reference.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from types import MappingProxyType
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.events.dead_letter_rows import DeadLetter
from hub.events.dead_letters import DELIVERY, DeadLetters, Parking
from hub.events.delivery_rows import DeliveryRows, Due, Ending
from hub.events.delivery_timeline import entry_of_try, event_of_entry
from hub.events.delivery_tries import Result, Tries, Trying
from hub.events.event import Event
from hub.events.outgoing import DEAD, PENDING, SENT
from hub.events.ports import EventSink
from hub.model.errors import DeliveryFailed, OpsHubError, RecordUnknown, StoreUnavailable
from hub.observe import metrics
from hub.store.engine import Store
from hub.store.leases import Leases, while_leased
from hub.store.timeline_entries import TimelineEntries

LEASE = "deliveries"
LOOK_EVERY_S = 0.5  # for what other processes noted, and for what is due again
BATCH_MAX = 32  # rows of one delivery taken up at once
AT_ONCE_MAX = 4  # tries of one delivery at once
LANES_MAX = 64  # deliveries worked on at once
AWAY_PAUSE_S = 1.0
PRUNE_EVERY_S = 3_600.0
COUNT_EVERY_S = 5.0  # what waits is counted anew

_OUTCOMES: Mapping[str, str] = MappingProxyType({SENT: SENT, DEAD: DEAD, PENDING: "AGAIN"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Where the worker writes: the order's timeline, the event log, the dead letters."""

    timeline: TimelineEntries
    events: EventSink
    dead_letters: DeadLetters
    applied: Callable[[Sequence[Event]], None]
    """Called after the commit with the events of the tries."""


class Delivering:
    """The worker of one process; it works while this process holds the lease."""

    def __init__(
        self,
        store: Store,
        *,
        leases: Leases,
        trying: Trying,
        records: Records,
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._leases, self._now = store, leases, now
        self._rows = DeliveryRows(store, now=now)
        self._tries = Tries(trying, self._rows, now=now)
        self._records = records
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        self._is_away = False
        records.dead_letters.replay_by({DELIVERY: self.replay})

    def wake(self) -> None:
        """Something was noted: look now."""
        self._woken.set()

    async def follow(self) -> None:
        """Tell for ever, whenever the lease is ours. Cancel it to stop."""
        await while_leased(self._leases, LEASE, self._work)

    async def tell_due(self) -> int:
        """One pass over all that is due; how many tries it made. Raises StoreUnavailable."""
        return sum([await self._drained(name) for name in await self._rows.names_due()])

    async def replay(self, letters: Sequence[DeadLetter]) -> list[OpsHubError | None]:
        """Let dead deliveries be sent again, under the same id; why one cannot, aligned.

        One that was told meanwhile is not told again.
        """
        states = await self._rows.again([letter.subject or "" for letter in letters])
        self.wake()
        return [
            None
            if states.get(letter.subject or "") in (PENDING, SENT)
            else RecordUnknown("hub", "delivery", letter.subject or "")
            for letter in letters
        ]

    async def _work(self) -> None:
        pruned_at, counted_at = monotonic(), 0.0
        try:
            while True:
                self._woken.clear()
                await self._unless_away(self._open_lanes())
                if monotonic() - counted_at >= COUNT_EVERY_S:
                    counted_at = monotonic()
                    await self._unless_away(self._count())
                if monotonic() - pruned_at >= PRUNE_EVERY_S:
                    pruned_at = monotonic()
                    await self._unless_away(self._prune())
                await self._rest()
        finally:
            metrics.show_deliveries_waiting({})  # whoever has the lease next shows them
            await self._end_lanes()

    async def _open_lanes(self) -> None:
        """A lane for each delivery with something due that has none; each ends when it is dry."""
        for name, lane in list(self._lanes.items()):
            if lane.done():
                del self._lanes[name]
                lane.result()  # a defect ends the worker, which is begun anew and tells it
        for name in await self._rows.names_due():
            if name not in self._lanes and len(self._lanes) < LANES_MAX:
                drying = self._unless_away(self._until_dry(name))
                self._lanes[name] = asyncio.create_task(drying, name=f"delivery {name}")

    async def _end_lanes(self) -> None:
        lanes = list(self._lanes.values())
        self._lanes.clear()
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)

    async def _until_dry(self, name: str) -> None:
        while await self._drained(name):
            pass

    async def _drained(self, name: str) -> int:
        """Try the first due row of each order once."""
        due = await self._rows.due(name, BATCH_MAX)
        places = asyncio.Semaphore(AT_ONCE_MAX)

        async def one(row: Due) -> None:
            async with places:
                await self._told(row)

        async with asyncio.TaskGroup() as group:
            for row in due:
                group.create_task(one(row))
        return len(due)

    async def _told(self, row: Due) -> None:
        """One try, and the record of it."""
        result = await self._tries.tell(row)
        if result is not None:
            await self._settle(row, result)

    async def _settle(self, row: Due, result: Result) -> None:
        """A dead letter is parked first: cut off between the two it is parked once more."""
        if result.ending.state == DEAD:
            await self._records.dead_letters.park([_letter(row, result.ending)])
        async with self._store.write() as connection:
            events = await self._tell_timeline(connection, row, result)
            await self._rows.end_in(connection, row, result.ending)
        self._records.applied(events)
        metrics.count_delivery(row.name, _OUTCOMES[result.ending.state])

    async def _tell_timeline(
        self, connection: AsyncConnection, row: Due, result: Result
    ) -> list[Event]:
        entry = entry_of_try(row, result, self._now())
        if entry is None:
            return []
        (stored,) = await self._records.timeline.record_in(connection, [entry])
        if stored.duplicate_count:
            return []
        event = event_of_entry(row, stored, self._now())
        await self._records.events.append_in(connection, [event])
        return [event]

    async def _count(self) -> None:
        metrics.show_deliveries_waiting(await self._rows.waiting())

    async def _prune(self) -> None:
        await self._rows.prune()

    async def _unless_away(self, work: Coroutine[Any, Any, None]) -> None:
        """A database that is away is waited for, and told of once."""
        try:
            await work
            self._is_away = False
        except* StoreUnavailable as group:
            if not self._is_away:
                _log.warning("deliveries wait for the database: %s", group.exceptions[0])
            self._is_away = True
            await asyncio.sleep(AWAY_PAUSE_S)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._woken.wait()
        except TimeoutError:
            return


def _letter(row: Due, ending: Ending) -> Parking:
    return Parking(
        system=row.name,
        via=DELIVERY,
        payload=row.payload,
        subject=row.id,
        traceparent=row.traceparent,
        received_at=row.created_at,
        tries=row.attempts + 1,
        event_id=row.event_id,
        error=DeliveryFailed(ending.reason or "it was not told"),
    )
