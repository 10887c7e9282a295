"""Changes found by asking: every entity of a system that declares `changes`, each on its own.

A look reads pages of news from the cursor less the overlap to the end. Until the next look the
history is read, a page at a time, so that a long backfill keeps no news waiting. The cursor is
saved after what was read has been taken in, and stays before a record that still cannot be: a
restart reads it again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol

from hub.config.event_specs import ChangesSpec
from hub.config.specs import SystemSpec
from hub.events.feed_cursors import FeedCursors, SavedCursor
from hub.model.errors import OpsHubError, SourceBusy
from sources.polled import Polled, polled_of
from sources.polled_taking import Park, PolledTaking, Take
from sources.port import ChangeCursor, ChangePage

PAGE_ROWS = 500
FOLLOW_ROWS_PER_S = 1_000.0  # of one entity; a backfill declares its own rate
UNSET_EVERY_S = 30.0  # how often rows without a time of change are looked at
BACKOFF_MIN_S, BACKOFF_MAX_S = 1.0, 60.0

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
        self._taking = PolledTaking(
            system, noun, take=polling.take, park=polling.park, now=polling.now
        )
        self._at: Polled | None = None
        self._saved: SavedCursor | None = None
        self._news_trouble = _Trouble(f"polling {noun} of {system}")
        self._history_trouble = _Trouble(f"the backfill of {noun} of {system}")
        self._unset_due = self._history_due = 0.0  # of the monotonic clock

    async def follow(self) -> None:
        """Look, wait, look again, for ever; a failure is waited out and never ends it."""
        self._at = None  # another process may have gone on since
        while True:
            pause_s = await self._news_trouble.over(self.look())
            if pause_s is None:
                await self._read_history_for(self._changes.every_s)
            else:
                await asyncio.sleep(pause_s)

    async def look(self) -> None:
        """One look from the cursor to the end, and what still waits; raises what failed."""
        at = self._at if self._at is not None else await self._begin()
        self._at = at = replace(at, look_began=at.look_began or self._polling.now())
        await self._taking.take_waiting()
        while at.look_began is not None and not self._taking.is_full:
            started = monotonic()
            page = await self._page(at.news, FOLLOW_ROWS_PER_S)
            await self._taking.take_page(page.records, at.via_of_news)
            at = self._behind_news(at, page)
            await self._put(at)
            if at.look_began is not None:
                await asyncio.sleep(_rest_s(page, FOLLOW_ROWS_PER_S, started))

    async def read_history(self) -> bool:
        """One page of history; whether there is more of it now. Raises what failed."""
        at, backfill = self._at, self._changes.backfill
        if at is None or at.history is None or self._taking.is_full:
            return False
        started, rate = monotonic(), backfill.rows_per_s if backfill else FOLLOW_ROWS_PER_S
        page = await self._page(at.history, rate)
        await self._taking.take_page(page.records, at.via_of_history)
        at = at.behind_history(page)
        await self._put(at)
        self._history_due = monotonic() + _rest_s(page, rate, started)
        return at.history is not None

    async def _read_history_for(self, wait_s: float) -> None:
        """Wait so long for the next look, and read history meanwhile, at its rate."""
        until, has_more = monotonic() + wait_s, True
        while (left_s := until - monotonic()) > 0:
            rest_s = min(left_s, self._history_due - monotonic()) if has_more else left_s
            if rest_s > 0:
                await asyncio.sleep(rest_s)
                continue
            has_more = await self._tried_history()

    async def _tried_history(self) -> bool:
        """Whether there is more to be read; its troubles are no troubles of the news."""
        has_more = True

        async def read() -> None:
            nonlocal has_more
            has_more = await self.read_history()

        pause_s = await self._history_trouble.over(read())
        if pause_s is not None:
            self._history_due = monotonic() + pause_s
        return has_more

    async def _begin(self) -> Polled:
        """Where it was left, else now, with the history that is to be read beside it."""
        self._saved = saved = await self._polling.cursors.load(self._system, self.noun)
        self._taking.begin(0 if saved is None else saved.rows)
        if saved is not None:
            return polled_of(saved)
        now, backfill = self._polling.now(), self._changes.backfill
        news, history = ChangeCursor(now - self._overlap, seen=now), None
        if backfill is not None:
            back_s = backfill.since_s
            history = ChangeCursor(None if back_s is None else now - timedelta(seconds=back_s))
        return Polled(news=news, history=history, began=now)

    async def _page(self, cursor: ChangeCursor, rows_per_s: float) -> ChangePage:
        limit = max(1, min(PAGE_ROWS, int(rows_per_s)))
        page = await self._source.changes(self.noun, cursor, limit)
        if isinstance(page, ChangePage):
            return page
        if cursor.place is not None and not page.retryable and self._at is not None:
            # the place is of an order or of pages that are no more: it begins anew
            self._at = self._at.from_the_start_of(cursor)
        raise page

    def _behind_news(self, at: Polled, page: ChangePage) -> Polled:
        """Rows without a time are looked at now and then; until its end the history meets them."""
        is_due = at.history is None and monotonic() >= self._unset_due
        if at.news.is_unset and page.is_last:
            self._unset_due = monotonic() + UNSET_EVERY_S
        return at.behind_news(page, overlap=self._overlap, is_unset_due=is_due)

    async def _put(self, at: Polled) -> None:
        """Be there; saved never past a record that waits, and not where nothing has moved."""
        self._at, saved = at, at.saved(self._taking.rows)
        if self._taking.is_waiting or saved == self._saved:
            return
        await self._polling.cursors.save(self._system, self.noun, saved)
        self._saved = saved

    @property
    def _overlap(self) -> timedelta:
        return timedelta(seconds=self._changes.overlap_s)


class _Trouble:
    """Failures of one kind of work in a row."""

    def __init__(self, what: str) -> None:
        self._what, self._failures = what, 0

    async def over(self, work: Awaitable[None]) -> float | None:
        """Run the work; None where it went well, else how many seconds to wait."""
        try:
            await work
        except OpsHubError as error:
            return self._backoff_s(error)
        except Exception:  # a defect of one entity must not end the others
            _log.exception("%s met a defect", self._what)
            return BACKOFF_MAX_S
        self._failures = 0
        return None

    def _backoff_s(self, error: OpsHubError) -> float:
        """Longer with each failure, spread; the first of them is logged."""
        if not self._failures:
            _log.warning("%s waits: %s", self._what, error)
        self._failures += 1
        ceiling = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2 ** min(self._failures, 10))
        asked_s = (error.retry_after_s or 0.0) if isinstance(error, SourceBusy) else 0.0
        return max(random.uniform(ceiling / 2, ceiling), min(asked_s, BACKOFF_MAX_S))


def _rest_s(page: ChangePage, rows_per_s: float, started: float) -> float:
    """How long to rest behind a page, so that no more rows are read a second."""
    return max(0.0, len(page.records) / rows_per_s - (monotonic() - started))
