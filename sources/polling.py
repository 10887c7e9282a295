"""Changes found by asking: every entity of a system that declares `changes`, each on its own.

A look reads pages from the cursor less the overlap to the end. The cursor is saved after what was
read has been taken in, and stays before a record that still cannot be: a restart reads it again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol

from hub.config.event_specs import ChangesSpec
from hub.config.specs import SystemSpec
from hub.events.dead_letters import Parking
from hub.events.feed_cursors import FeedCursors, SavedCursor
from hub.events.intake import TOLD_MAX, delay_s, is_given_up
from hub.events.ports import Taken
from hub.events.told import Told, Via
from hub.model.errors import OpsHubError, SourceBusy
from hub.model.values import Ref
from hub.observe import metrics
from sources.polled import Polled, Seen, Waiter, content_of, message_of, polled_of, told_of
from sources.port import ChangeCursor, ChangedRow, ChangePage

PAGE_ROWS = 500
FOLLOW_ROWS_PER_S = 1_000.0  # of one entity; a backfill declares its own rate
UNSET_EVERY_S = 30.0  # how often rows without a time of change are looked at
WAITING_MAX = 1_000  # records of one entity that cannot be taken in yet; then no more are read
BACKOFF_MIN_S, BACKOFF_MAX_S = 1.0, 60.0

Take = Callable[[Sequence[Told]], Awaitable[Sequence[Taken]]]
Park = Callable[[Sequence[Parking]], Awaitable[None]]

_log = logging.getLogger(__name__)


class Asked(Protocol):
    """A guarded source, as far as it is polled."""

    async def changes(
        self, noun: str, after: ChangeCursor | None, limit: int
    ) -> ChangePage | OpsHubError: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """What all pollers share: `take` believes what is told, `park` keeps what it cannot."""

    cursors: FeedCursors
    take: Take
    park: Park
    now: Callable[[], datetime]


class Poller:
    """All entities of one system. To be run by one process at a time."""

    def __init__(self, source: Asked, spec: SystemSpec, polling: Polling) -> None:
        self.system = spec.name
        self.entities = tuple(
            EntityPoller(source, spec.name, noun, changes=each.changes, polling=polling)
            for noun, each in spec.entities.items()
            if each.changes is not None
        )

    async def follow(self) -> None:
        """Run for ever; entities do not wait for one another's troubles."""
        if not self.entities:
            await asyncio.Event().wait()
        async with asyncio.TaskGroup() as group:
            for each in self.entities:
                group.create_task(each.follow(), name=f"poll {self.system} {each.noun}")


class EntityPoller:
    """One entity: where it is, what it has told lately, and what waits to be taken in."""

    def __init__(
        self, source: Asked, system: str, noun: str, *, changes: ChangesSpec, polling: Polling
    ) -> None:
        self.noun = noun
        self._source, self._system = source, system
        self._changes, self._polling = changes, polling
        self._overlap = timedelta(seconds=changes.overlap_s)
        self._seen = Seen()
        self._waiting: dict[str, Waiter] = {}
        self._at: Polled | None = None
        self._saved: SavedCursor | None = None
        self._failures = 0
        self._unset_due = 0.0  # of the monotonic clock

    async def follow(self) -> None:
        """Look, wait, look again, for ever; a failure is waited out and never ends it."""
        self._at = None  # another process may have gone on since
        self._waiting.clear()
        while True:
            pause_s = self._changes.every_s
            try:
                await self.look()
                self._failures = 0
            except OpsHubError as error:
                pause_s = self._backoff_s(error)
            except Exception:  # a defect of one entity must not end the others
                _log.exception("polling %s of %s met a defect", self.noun, self._system)
                pause_s = BACKOFF_MAX_S
            await asyncio.sleep(pause_s)

    async def look(self) -> None:
        """One look from the cursor to the end, and what still waits; raises what failed."""
        at = self._at if self._at is not None else await self._begin()
        self._at = at = replace(at, look_began=at.look_began or self._polling.now())
        await self._take_waiting()
        while at.look_began is not None and len(self._waiting) < WAITING_MAX:
            started = monotonic()
            page = await self._page(at)
            await self._take_page(at, page)
            at = self._at = self._advanced(self._at, page)
            await self._save(at)
            if at.look_began is not None:
                await asyncio.sleep(self._rest_s(at, len(page.records), monotonic() - started))

    async def _begin(self) -> Polled:
        """Where it was left, else at the beginning of the backfill, else now."""
        self._saved = await self._polling.cursors.load(self._system, self.noun)
        if self._saved is not None:
            return polled_of(self._saved)
        now, backfill = self._polling.now(), self._changes.backfill
        if backfill is None:
            since = now - self._overlap
            return Polled(cursor=ChangeCursor(since, seen=now), began=now, is_backfill=False)
        back = None if backfill.since_s is None else now - timedelta(seconds=backfill.since_s)
        return Polled(cursor=ChangeCursor(back), began=now, is_backfill=True)

    async def _page(self, at: Polled) -> ChangePage:
        limit = max(1, min(PAGE_ROWS, int(self._rows_per_s(at))))
        page = await self._source.changes(self.noun, at.cursor, limit)
        if isinstance(page, ChangePage):
            return page
        if at.cursor.place is not None and not page.retryable:
            # the place is of an order or of pages that are no more: this look begins anew
            self._at = replace(at, cursor=replace(at.cursor, place=None))
        raise page

    async def _take_page(self, at: Polled, page: ChangePage) -> None:
        """Take in what is new on the page; what cannot be yet waits, what cannot be read is put by.

        Nothing of the page counts as seen before its part was taken in or put by.
        """
        fresh, broken = [], list[ChangedRow]()
        for row in page.records:
            if self._seen.knows(row) or self._waits(row):
                continue
            told = told_of(row, at.via_of(row))
            if told is None:
                broken.append(row)
            else:
                fresh.append(Waiter(row, told, self._polling.now()))
        await self._take_all(fresh)
        for row in broken:
            await self._put_by(row, at.via_of(row), tries=1)

    def _waits(self, row: ChangedRow) -> bool:
        """Whether exactly this waits already, and is taken up again at its own time."""
        waiter = self._waiting.get(row.key or "")
        return waiter is not None and content_of(waiter.row) == content_of(row)

    async def _take_waiting(self) -> None:
        now = monotonic()
        await self._take_all([each for each in self._waiting.values() if each.due <= now])

    async def _take_all(self, waiters: Sequence[Waiter]) -> None:
        for start in range(0, len(waiters), TOLD_MAX):
            part = waiters[start : start + TOLD_MAX]
            taken = await self._polling.take([each.told for each in part])
            for waiter, fate in zip(part, taken, strict=True):
                await self._settle(waiter, fate)

    async def _settle(self, waiter: Waiter, fate: Taken) -> None:
        via, key = waiter.told.via, waiter.told.ref.key
        if not isinstance(fate, OpsHubError):
            metrics.count_event(self._system, via.value, fate.value)
            self._seen.add(waiter.row)
            self._waiting.pop(key, None)
            if self._at is not None:
                self._at = replace(self._at, rows=self._at.rows + 1)
            return
        before = self._waiting.get(key)
        if before is not None and before is not waiter:
            waiter.since, waiter.tries = before.since, before.tries
        message = message_of(waiter.told.ref, via=via, since=waiter.since, tries=waiter.tries)
        if is_given_up(message, fate, self._polling.now()):
            await self._put_by(waiter.row, via, tries=waiter.tries + 1, error=fate)
            self._waiting.pop(key, None)
            return
        metrics.count_event(self._system, via.value, "RETRIED")
        waiter.due = monotonic() + delay_s(waiter.tries)
        waiter.tries += 1
        self._waiting[key] = waiter

    async def _put_by(
        self, row: ChangedRow, via: Via, *, tries: int, error: OpsHubError | None = None
    ) -> None:
        """A dead letter, once for what it says now."""
        found = error if error is not None else row.outcome
        assert isinstance(found, OpsHubError)  # a record that is put by comes with its error
        ref = Ref(self.noun, self._system, row.key or "")
        message = message_of(ref, via=via, since=self._polling.now())
        letter = Parking(
            system=self._system, via=via.value, payload=message.payload,
            received_at=message.received_at, tries=tries, error=found,
        )  # fmt: skip
        await self._polling.park([letter])
        metrics.count_event(self._system, via.value, "DEAD")
        self._seen.add(row)

    def _advanced(self, at: Polled, page: ChangePage) -> Polled:
        """Behind the page; at the end of a look, before the next one."""
        if not page.is_last:
            return replace(at, cursor=page.cursor)
        is_due = at.is_backfill or monotonic() >= self._unset_due
        if not at.cursor.is_unset and is_due:
            return replace(at, cursor=replace(page.cursor, place=None, is_unset=True))
        if at.cursor.is_unset:
            self._unset_due = monotonic() + UNSET_EVERY_S
        seen = self._believable(at, page.cursor.seen)
        return replace(
            at,
            cursor=ChangeCursor(seen - self._overlap, seen=seen),
            is_backfill=False,
            look_began=None,
            knows_unset=at.knows_unset or at.cursor.is_unset,
        )

    def _believable(self, at: Polled, seen: datetime | None) -> datetime:
        """Until when all changes are known: never the future, whatever a row says of itself.

        Of a backfill, which takes long, only what was there when it began.
        """
        if seen is None:
            return at.began
        return min(seen, at.began if at.is_backfill else at.look_began or at.began)

    async def _save(self, at: Polled) -> None:
        """Never past a record that waits; and nothing where nothing has moved."""
        saved = at.saved()
        if self._waiting or saved == self._saved:
            return
        await self._polling.cursors.save(self._system, self.noun, saved)
        self._saved = saved

    def _rows_per_s(self, at: Polled) -> float:
        backfill = self._changes.backfill
        return backfill.rows_per_s if at.is_backfill and backfill else FOLLOW_ROWS_PER_S

    def _rest_s(self, at: Polled, rows: int, spent_s: float) -> float:
        return max(0.0, rows / self._rows_per_s(at) - spent_s)

    def _backoff_s(self, error: OpsHubError) -> float:
        """Longer with each failure, spread; the first of them is logged."""
        if not self._failures:
            _log.warning("polling %s of %s waits: %s", self.noun, self._system, error)
        self._failures += 1
        ceiling = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2 ** min(self._failures, 10))
        asked_s = (error.retry_after_s or 0.0) if isinstance(error, SourceBusy) else 0.0
        return max(random.uniform(ceiling / 2, ceiling), min(asked_s, BACKOFF_MAX_S))
