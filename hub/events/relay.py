"""The relay: gives events their positions and tells them over NATS; one process at a time.

It works under the lease `events`. Positions are given whether NATS is there or not; what could not
be told waits in the event log.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.js.api import PubAck
from nats.js.errors import APIError

from hub.events.connection import PUBLISH_TIMEOUT_S, Nats
from hub.events.envelope import CONTENT_TYPE, traceparent_of
from hub.events.event import COMMAND
from hub.events.log import EventLog, Unpublished
from hub.events.subjects import RELAY_WAKE, subject_of
from hub.model.errors import NatsUnavailable, StoreUnavailable
from hub.observe import crash_points, metrics
from hub.store.leases import Leases, while_leased

LEASE = "events"
ASSIGN_MAX = 500  # positions given in one transaction
PUBLISH_MAX = 200  # messages on their way at once
LOOK_EVERY_S = 0.5  # for rows of which nobody told us
MARK_EVERY_S = 0.25  # what dies unmarked is told again, and dropped by its message id
UNMARKED_MAX = 1_000  # events told and not yet marked
PRUNE_EVERY_S = 3_600.0
AWAY_PAUSE_S = 1.0

_MESSAGE_TOO_LARGE = 10_054  # JetStream's code: over max_msg_size

POSITION, EPOCH = "Opshub-Position", "Opshub-Epoch"

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

_log = logging.getLogger(__name__)


class Relay:
    """One process's relay. `assigned` is called whenever events have got their positions."""

    def __init__(self, log: EventLog, nats: Nats | None, *, leases: Leases) -> None:
        self.assigned: list[Callable[[], None]] = []
        self._log = log
        self._nats = nats
        self._leases = leases
        self._is_leading = False
        self._epoch = ""
        self._woken = asyncio.Event()
        self._to_pass_on = asyncio.Event()
        self._numbered = asyncio.Event()
        self._unmarked: list[int] = []
        self._marked_at = 0.0
        self._told_to = 0  # positions up to it were told, marked or not
        if nats is not None:
            nats.subscribe(RELAY_WAKE, self._heard_wake)
            nats.on_change.append(self._numbered.set)

    def wake(self) -> None:
        """Events were appended: number them now, here or in the process that does."""
        (self._woken if self._is_leading else self._to_pass_on).set()

    async def follow(self) -> None:
        """Number and tell for ever, whenever the lease is ours. Cancel it to stop."""
        async with asyncio.TaskGroup() as both:
            both.create_task(while_leased(self._leases, LEASE, self._work))
            if self._nats is not None:
                both.create_task(self._pass_on(self._nats))

    async def _work(self) -> None:
        self._is_leading, self._told_to, self._epoch = True, 0, ""
        self._unmarked.clear()
        self._woken.set()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forever(self._number_all, self._woken, LOOK_EVERY_S))
                both.create_task(self._forever(self._tell_all, self._numbered, LOOK_EVERY_S))
                both.create_task(self._prune())
        finally:
            self._is_leading = False

    async def _forever(
        self, work: Callable[[], Awaitable[None]], woken: asyncio.Event, every_s: float
    ) -> None:
        """Do the work whenever woken, and now and then; a store that is away is waited for."""
        is_away = False
        while True:
            woken.clear()
            try:
                await work()
                is_away = False
            except StoreUnavailable as error:
                if not is_away:
                    _log.warning("events wait for the database: %s", error)
                is_away = True
                await asyncio.sleep(AWAY_PAUSE_S)
            await _woken_within(woken, every_s)

    async def _number_all(self) -> None:
        given = ASSIGN_MAX
        while given == ASSIGN_MAX:
            given = await self._log.assign(ASSIGN_MAX)
            if given:
                for listener in self.assigned:
                    listener()
                self._numbered.set()

    async def _tell_all(self) -> None:
        """Tell what waits, in order, while NATS takes it; then mark what was told."""
        while self._nats is not None and self._nats.is_connected:
            rows = await self._log.unpublished(PUBLISH_MAX, after=self._told_to)
            taken = await self._tell(self._nats, rows) if rows else 0
            self._unmarked += [row.position for row in rows[:taken]]
            if taken:
                if any(row.noun == COMMAND for row in rows[:taken]):
                    crash_points.reach("published")
                self._told_to = rows[taken - 1].position
            is_all = taken < PUBLISH_MAX
            await self._mark(now=len(self._unmarked) >= UNMARKED_MAX)
            if is_all:
                break
        await self._mark(now=False)

    async def _tell(self, nats: Nats, rows: Sequence[Unpublished]) -> int:
        """How many of them, from the first on, NATS has stored."""
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                epoch = self._epoch or (await self._log.head()).epoch
                self._epoch = epoch
                answers = [await _publish(nats, row, epoch) for row in rows]
            await asyncio.wait(answers, timeout=PUBLISH_TIMEOUT_S)
        except NatsUnavailable:
            return 0
        except (nats_errors.Error, OSError, TimeoutError):
            nats.suspect()
            return 0
        taken = _taken(answers, rows)
        if taken < len(rows):
            nats.suspect()
        return taken

    async def _mark(self, *, now: bool) -> None:
        if self._unmarked and (now or monotonic() - self._marked_at >= MARK_EVERY_S):
            await self._log.mark_published(self._unmarked)
            self._unmarked.clear()
            self._marked_at = monotonic()
            metrics.show_events_unpublished(await self._log.waiting())

    async def _prune(self) -> None:
        while True:
            try:
                await self._log.prune()
            except StoreUnavailable as error:
                _log.info("old events stay for now: %s", error)
            await asyncio.sleep(PRUNE_EVERY_S)

    async def _pass_on(self, nats: Nats) -> None:
        """Wake the process that leads, where that is another. What is lost, it finds by looking."""
        while True:
            await self._to_pass_on.wait()
            self._to_pass_on.clear()
            try:
                await nats.publish(RELAY_WAKE, b"")
            except NatsUnavailable:
                await asyncio.sleep(LOOK_EVERY_S)

    async def _heard_wake(self, _message: Msg) -> None:
        if self._is_leading:
            self._woken.set()


async def _publish(nats: Nats, row: Unpublished, epoch: str) -> asyncio.Future[PubAck]:
    """The server's answer to come. The message id lets it drop what it has already."""
    subject = subject_of(row.noun, row.change, system=row.system, key=row.key)
    headers = {
        "Nats-Msg-Id": row.event_id,
        "Content-Type": CONTENT_TYPE,
        POSITION: str(row.position),
        EPOCH: epoch,
    }
    traceparent = traceparent_of(row.envelope)
    if traceparent is not None and _TRACEPARENT.fullmatch(traceparent):
        headers["traceparent"] = traceparent
    try:
        return await nats.jetstream.publish_async(subject, row.envelope, headers=headers)
    except nats_errors.MaxPayloadError as error:
        return _failed(error)


def _failed(error: Exception) -> asyncio.Future[PubAck]:
    answer: asyncio.Future[PubAck] = asyncio.get_running_loop().create_future()
    answer.set_exception(error)
    return answer


def _taken(answers: Sequence[asyncio.Future[PubAck]], rows: Sequence[Unpublished]) -> int:
    """How many from the first on are stored, or never can be."""
    taken, is_whole = 0, True
    for answer, row in zip(answers, rows, strict=True):
        if not answer.done():
            answer.cancel()
            is_whole = False
            continue
        error = None if answer.cancelled() else answer.exception()
        if error is not None and _is_too_large(error):
            _log.warning("event %s is too large for NATS; others read it in SQL", row.event_id)
            error = None
        is_whole = is_whole and error is None
        taken += is_whole
    return taken


def _is_too_large(error: BaseException) -> bool:
    if isinstance(error, nats_errors.MaxPayloadError):
        return True
    return isinstance(error, APIError) and error.err_code == _MESSAGE_TOO_LARGE


async def _woken_within(woken: asyncio.Event, limit_s: float) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await woken.wait()
    except TimeoutError:
        return
