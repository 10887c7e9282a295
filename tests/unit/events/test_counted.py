"""What polls bring is counted as what messages bring is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.events.counted import counted
from hub.events.ports import Taken
from hub.events.told import Fate, Told, Via
from hub.model.errors import SourceTimeout
from hub.model.order import Order
from hub.model.values import Ref
from hub.observe.metrics import value_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDER = Order(ref=Ref("order", "polled", "1"), as_of=NOON, fetched_at=NOON, number="1")


def fates(via: str) -> dict[str, float]:
    labels = {"system": "polled", "via": via}
    return {
        fate: value_of("opshub_events_total", labels | {"fate": fate})
        for fate in ("APPLIED", "UNCHANGED", "RETRIED")
    }


async def test_fates_and_lag_of_polls() -> None:
    told = [Told(ref=ORDER.ref, via=Via.POLL, record=ORDER)] * 3
    history = replace(told[0], via=Via.BACKFILL, is_replayed=True)
    answers: list[Taken] = [
        Fate.APPLIED, Fate.UNCHANGED, SourceTimeout("polled", "slow"), Fate.APPLIED,
    ]  # fmt: skip

    async def take(_: Sequence[Told]) -> list[Taken]:
        return answers

    taking = counted(take, now=lambda: NOON + timedelta(seconds=2))
    assert await taking([*told, history]) == answers
    assert fates("POLL") == {"APPLIED": 1, "UNCHANGED": 1, "RETRIED": 1}
    assert fates("BACKFILL") == {"APPLIED": 1, "UNCHANGED": 0, "RETRIED": 0}
    for via, count, total in (("POLL", 1, 2.0), ("BACKFILL", 0, 0.0)):
        labels = {"system": "polled", "via": via}
        assert value_of("opshub_event_lag_seconds_count", labels) == count
        assert value_of("opshub_event_lag_seconds_sum", labels) == pytest.approx(total)
