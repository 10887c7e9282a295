"""Counts what is taken in by the ways that bring records themselves: polling and backfilling."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from hub.events.ports import Taken
from hub.events.told import Fate, Told
from hub.observe import metrics

Take = Callable[[Sequence[Told]], Awaitable[list[Taken]]]


def counted(take: Take, *, now: Callable[[], datetime]) -> Take:
    """`take` with its fates counted, RETRIED where it is told again, and the lag of what is new.

    The lag is from the reading of the record to its being applied. Of messages the intake counts.
    """

    async def taking(told: Sequence[Told]) -> list[Taken]:
        taken = await take(told)
        for each, fate in zip(told, taken, strict=True):
            _count(each, fate, now())
        return taken

    return taking


def _count(told: Told, taken: Taken, now: datetime) -> None:
    system, via = told.ref.system, told.via.value
    metrics.count_event(system, via, taken.value if isinstance(taken, Fate) else "RETRIED")
    if taken is Fate.APPLIED and told.record is not None and not told.is_replayed:
        lag = now - told.record.fetched_at
        metrics.observe_event_lag(system, via, max(0.0, lag.total_seconds()))
