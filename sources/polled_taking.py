"""Polled rows on their way in: told once, told again while they cannot be taken, then put by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from hub.events.dead_letters import Parking
from hub.events.intake import TOLD_MAX, delay_s, is_given_up
from hub.events.ports import Taken
from hub.events.told import Told, Via
from hub.model.errors import OpsHubError
from hub.model.values import Ref
from hub.observe import metrics
from sources.polled import Seen, content_of, message_of, told_of
from sources.port import ChangedRow

WAITING_MAX = 1_000  # records of one entity that cannot be taken in yet; then no more are read

Take = Callable[[Sequence[Told]], Awaitable[Sequence[Taken]]]
Park = Callable[[Sequence[Parking]], Awaitable[None]]


@dataclass(slots=True)
class Waiter:
    """A row that could not be taken in yet. `due` is of the monotonic clock."""

    row: ChangedRow
    told: Told
    since: datetime
    tries: int = 0
    due: float = 0.0


class PolledTaking:
    """The rows of one entity. `rows` counts those taken in; `take` counts their fates itself."""

    def __init__(
        self, system: str, noun: str, *, take: Take, park: Park, now: Callable[[], datetime]
    ) -> None:
        self.rows = 0
        self._system, self._noun = system, noun
        self._take, self._park, self._now = take, park, now
        self._seen = Seen()
        self._waiting: dict[str, Waiter] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether something that was read is neither taken in nor put by."""
        return bool(self._waiting)

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= WAITING_MAX

    def begin(self, rows: int) -> None:
        """Forget what waits: it is read again. `rows` were taken in until now."""
        self._waiting.clear()
        self.rows = rows

    async def take_page(
        self, rows: Sequence[ChangedRow], via_of: Callable[[ChangedRow], Via]
    ) -> None:
        """Take in what is new on the page; what cannot be yet waits, what cannot be read is put by.

        Nothing of the page counts as seen before its part was taken in or put by.
        """
        fresh, broken = [], list[ChangedRow]()
        for row in rows:
            if self._seen.knows(row) or self._waits(row):
                continue
            told = told_of(row, via_of(row))
            if told is None:
                broken.append(row)
            else:
                fresh.append(Waiter(row, told, self._now()))
        await self._take_all(fresh)
        for row in broken:
            assert isinstance(row.outcome, OpsHubError)  # else it tells something
            await self._put_by(row, row.outcome, via_of(row), tries=1)

    async def take_waiting(self) -> None:
        """Try again what is due."""
        now = monotonic()
        await self._take_all([each for each in self._waiting.values() if each.due <= now])

    def _waits(self, row: ChangedRow) -> bool:
        """Whether exactly this waits already, and is taken up again at its own time."""
        waiter = self._waiting.get(row.key or "")
        return waiter is not None and content_of(waiter.row) == content_of(row)

    async def _take_all(self, waiters: Sequence[Waiter]) -> None:
        for start in range(0, len(waiters), TOLD_MAX):
            part = waiters[start : start + TOLD_MAX]
            taken = await self._take([each.told for each in part])
            for waiter, fate in zip(part, taken, strict=True):
                await self._settle(waiter, fate)

    async def _settle(self, waiter: Waiter, fate: Taken) -> None:
        via, key = waiter.told.via, waiter.told.ref.key
        if not isinstance(fate, OpsHubError):
            self._seen.add(waiter.row)
            self._waiting.pop(key, None)
            self.rows += 1
            return
        before = self._waiting.get(key)
        if before is not None and before is not waiter:
            waiter.since, waiter.tries = before.since, before.tries
        message = message_of(waiter.told.ref, via=via, since=waiter.since, tries=waiter.tries)
        if is_given_up(message, fate, self._now()):
            await self._put_by(waiter.row, fate, via, tries=waiter.tries + 1)
            self._waiting.pop(key, None)
            return
        waiter.due = monotonic() + delay_s(waiter.tries)
        waiter.tries += 1
        self._waiting[key] = waiter

    async def _put_by(self, row: ChangedRow, error: OpsHubError, via: Via, *, tries: int) -> None:
        """A dead letter, once for what it says now."""
        ref = Ref(self._noun, self._system, row.key or "")
        message = message_of(ref, via=via, since=self._now())
        letter = Parking(
            system=self._system, via=via.value, payload=message.payload,
            received_at=message.received_at, tries=tries, error=error,
        )  # fmt: skip
        await self._park([letter])
        metrics.count_event(self._system, via.value, "DEAD")
        self._seen.add(row)
