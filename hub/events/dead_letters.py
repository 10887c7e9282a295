"""Dead letters: what could not be taken in or told outside, kept until a person decides.

Parking is idempotent: the same message parked twice is one row.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from sqlalchemy import case, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.events.dead_letter_acts import Acted, acted_before, carry_out, wanted
from hub.events.dead_letter_rows import (
    DeadLetter,
    LetterPage,
    LetterQuery,
    LetterState,
    cut,
    letters_by_id,
    page_of_letters,
    reason_of,
)
from hub.model.errors import NotServed, OpsHubError, StoreUnavailable
from hub.observe import metrics
from hub.store.engine import Store
from hub.store.reference_acts import Act
from hub.store.tables import dead_letter

WAITING_MAX = 100_000
"""Letters that wait. Beyond it messages stay where they come from, so that a system that sends
nothing but poison does not fill the disk: 64 KB each, 6 GB."""
UNTRUSTED_MAX = 1_000
"""Of those, letters of senders that nobody knows: an unsigned webhook may come from anybody, and
would else take every place, until no system's poison ended any more. What it told was a hint."""
ENDED_KEPT_FOR = timedelta(days=30)  # replayed and dropped ones
COUNT_EVERY_S = 15.0
PRUNE_EVERY_S = 3_600.0
DELIVERY = "DELIVERY"
"""The `via` of what was to be told outside; its `system` is the delivery's name."""

_log = logging.getLogger(__name__)

Replay = Callable[[Sequence[DeadLetter]], Awaitable[Sequence[OpsHubError | None]]]
"""Takes letters up again, idempotently: why each was not taken, or None, aligned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parking:
    """A message to be put by. `tries` is how often it was taken up, `error` why that failed."""

    system: str
    via: str
    payload: bytes
    subject: str | None = None
    is_trusted: bool = True
    traceparent: str | None = None
    received_at: datetime
    tries: int
    event_id: str | None = None
    error: OpsHubError

    @property
    def id(self) -> str:
        """The same for the same message of the same system, however often it comes."""
        digest = hashlib.sha256()
        for part in (self.system, self.via, self.subject or ""):
            told = part.encode("utf-8", "replace")
            digest.update(len(told).to_bytes(4, "big") + told)
        digest.update(self.payload)
        return digest.hexdigest()[:32]


class DeadLetters:
    """The letters of the store. `now` is the wall clock, aware."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._replays: dict[str, Replay] = {}
        self._waiting = 0
        self._untrusted = 0
        self._counted_at: float | None = None

    def replay_by(self, replays: Mapping[str, Replay]) -> None:
        """Who takes letters up again, by their `via`; those of another via cannot be replayed."""
        self._replays.update(replays)

    async def park(self, letters: Sequence[Parking]) -> None:
        """Keep messages, each once. One that was dropped stays dropped.

        StoreUnavailable where WAITING_MAX wait already; of those that are not trusted, what is
        over UNTRUSTED_MAX is not kept.
        """
        at = self._now()
        async with self._store.write() as connection:
            await self._check_room(connection)
            rows = {letter.id: _row(letter, at) for letter in self._with_room(letters)}
            for id_ in sorted(rows):  # by all in one order, so that none deadlocks
                await connection.execute(self._keeping(rows[id_]))
        self._waiting += len(rows)
        self._untrusted += sum(not each["is_trusted"] for each in rows.values())

    async def page(self, query: LetterQuery) -> LetterPage:
        """A page; InputInvalid where `after` is no cursor of a letter."""
        async with self._store.read() as connection:
            return await page_of_letters(connection, query)

    async def one(self, id_: str) -> DeadLetter | None:
        async with self._store.read() as connection:
            return (await letters_by_id(connection, [id_])).get(id_)

    async def replay(self, ids: Sequence[str], *, act: Act) -> Acted:
        """Take letters up again, the oldest first; one that is not taken stays, with the new
        reason. InputInvalid for no or too many ids, and for a key that came with others."""
        asked = wanted("replay", ids, act)
        async with self._store.read() as connection:
            before = await acted_before(connection, asked)
            found = await letters_by_id(connection, asked.ids)
        if before is not None:
            return before
        waiting = [each for each in found.values() if each.state is LetterState.PARKED]
        tried = await self._tried(waiting)
        return await carry_out(self._store, asked, tried, at=self._now())

    async def drop(self, ids: Sequence[str], *, act: Act) -> Acted:
        """Give letters up; their rows stay for ENDED_KEPT_FOR. Raises as `replay` does."""
        return await carry_out(self._store, wanted("drop", ids, act), {}, at=self._now())

    async def waiting(self) -> dict[tuple[str, str], int]:
        """How many wait, by system and via."""
        asked = (
            select(dead_letter.c.system, dead_letter.c.via, func.count())
            .where(dead_letter.c.state == LetterState.PARKED.value)
            .group_by(dead_letter.c.system, dead_letter.c.via)
        )
        async with self._store.read() as connection:
            return {(system, via): n for system, via, n in await connection.execute(asked)}

    async def prune(self) -> int:
        """Forget what ended more than ENDED_KEPT_FOR ago; how many those were."""
        old = dead_letter.c.ended_at < self._now() - ENDED_KEPT_FOR
        async with self._store.write() as connection:
            return (await connection.execute(delete(dead_letter).where(old))).rowcount

    async def follow(self, knows: Callable[[str], bool], *, every_s: float = COUNT_EVERY_S) -> None:
        """Show in the metrics how many wait, and prune, for ever. Cancel it to stop.

        `knows` says whether the file in force names a system: only those get a label.
        """
        pruned_at = monotonic()
        while True:
            try:
                _show(await self.waiting(), knows)
                if monotonic() - pruned_at >= PRUNE_EVERY_S:
                    pruned_at = monotonic()
                    await self.prune()
            except StoreUnavailable:
                _log.warning("the dead letters could not be counted; the last count stands")
            await asyncio.sleep(every_s)

    async def _tried(self, letters: Sequence[DeadLetter]) -> dict[str, OpsHubError | None]:
        """What came of taking each up again, by its id."""
        tried: dict[str, OpsHubError | None] = {}
        oldest_first = sorted(letters, key=lambda each: (each.received_at, each.id))
        for via in sorted({letter.via for letter in letters}):
            some = [each for each in oldest_first if each.via == via]
            replay = self._replays.get(via, _not_replayed)
            tried |= {each.id: error for each, error in zip(some, await replay(some), strict=True)}
        return tried

    async def _check_room(self, connection: AsyncConnection) -> None:
        if self._counted_at is None or monotonic() - self._counted_at >= COUNT_EVERY_S:
            waits = dead_letter.c.state == LetterState.PARKED.value
            asked = (
                select(dead_letter.c.is_trusted, func.count())
                .where(waits)
                .group_by(dead_letter.c.is_trusted)
            )
            counts = {bool(is_trusted): n for is_trusted, n in await connection.execute(asked)}
            self._waiting, self._untrusted = sum(counts.values()), counts.get(False, 0)
            self._counted_at = monotonic()
        if self._waiting >= WAITING_MAX:
            raise StoreUnavailable(
                f"{self._waiting} dead letters wait and {WAITING_MAX} may; drop or replay some"
            )

    def _with_room(self, letters: Sequence[Parking]) -> list[Parking]:
        free = max(0, UNTRUSTED_MAX - self._untrusted)
        unknown = [each for each in letters if not each.is_trusted]
        left_out = unknown[free:]
        if left_out:
            _log.warning(
                "%d unsigned messages are not kept: %d dead letters of unknown senders wait and "
                "%d may; the first is of %r",
                len(left_out), self._untrusted, UNTRUSTED_MAX, left_out[0].system[:80],
            )  # fmt: skip
        return [each for each in letters if each not in left_out]

    def _keeping(self, row: dict[str, Any]) -> Any:
        """Written where it is new; one that waits or was replayed waits with the new reason."""
        dialect = sqlite if self._store.is_sqlite else postgresql
        adding = dialect.insert(dead_letter).values(row)
        c, new = dead_letter.c, adding.excluded
        waits = c.state == LetterState.PARKED.value
        return adding.on_conflict_do_update(
            index_elements=["id"],
            set_={
                "code": new.code,
                "reason": new.reason,
                "is_trusted": or_(c.is_trusted, new.is_trusted),
                "tries": case((c.tries > new.tries, c.tries), else_=new.tries),
                "parked_at": case((waits, c.parked_at), else_=new.parked_at),
                "state": LetterState.PARKED.value,
                "ended_at": None,
                "ended_by": None,
            },
            where=c.state != LetterState.DROPPED.value,
        )


async def _not_replayed(letters: Sequence[DeadLetter]) -> Sequence[OpsHubError | None]:
    """Letters of a way that this process has no part in."""
    return [NotServed(f"the replay of {letter.via}") for letter in letters]


def _show(waiting: Mapping[tuple[str, str], int], knows: Callable[[str], bool]) -> None:
    counts: dict[str, int] = {}
    for (system, via), count in waiting.items():
        label = system if via == DELIVERY or knows(system) else metrics.UNKNOWN_SYSTEM
        counts[label] = counts.get(label, 0) + count
    metrics.show_dead_letters(counts)


def _row(letter: Parking, at: datetime) -> dict[str, Any]:
    """Cut to what its columns hold: whoever sends poison chooses how long its names are."""
    return {
        "id": letter.id,
        "system": cut(letter.system, 80),
        "via": letter.via,
        "subject": cut(letter.subject, 500),
        "event_id": cut(letter.event_id, 400),
        "code": letter.error.code,
        "reason": reason_of(letter.error),
        "payload": letter.payload,
        "is_trusted": letter.is_trusted,
        "traceparent": cut(letter.traceparent, 60),
        "tries": letter.tries,
        "received_at": letter.received_at,
        "parked_at": at,
        "state": LetterState.PARKED.value,
    }
