"""What analysts at full load do to agents: the same agents, with and without them, in one run."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pytest

from hub.config.problems import Problem
from hub.config.specs import Limits
from hub.model.errors import OpsHubError, SourceError
from hub.model.order import Order
from hub.model.record import Record
from hub.model.values import Ref
from hub.reads.port import FieldValue, ListPage, ListQuery
from hub.reads.reads import ReadHub
from hub.security.principal import CallerClass
from sources.guard import GuardedSource
from sources.port import ChangeCursor, ChangePage, NativeRecord
from tests.support.fake_source import terms
from tests.unit.reads.world import HOUSE, NOW, FakeClock, RecordedEntries, SameAs

CALL_S = 0.005  # of the slow system
IN_FLIGHT = 5
AGENTS, ANALYSTS = 8, 40  # askers at once, each with its next question as soon as it is answered
ROUND_S = 2.0
ROUNDS = 3  # the best counts: what the code costs, not what else the machine did
RATIO_MAX = 2.0  # of the agents' p99
PAUSE_S = 0.02  # an agent looks at the answer


@dataclass
class SlowSource:
    """Answers every order after CALL_S, however many calls run; notes how many did."""

    name: str = "erp"
    role: str = "erp"
    kind: str = "slow"
    nouns: Any = field(
        default_factory=lambda: MappingProxyType(
            {"order": terms("order", fresh_for_s=0.0, stale_for_s=0.0, batch_max=2)}
        )
    )
    running: int = 0
    most_running: int = 0

    async def start(self) -> tuple[SourceError, ...]:
        return ()

    async def close(self) -> None:
        return None

    async def by_key(self, noun: str, keys: Sequence[str]) -> Sequence[Record | OpsHubError | None]:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(CALL_S)
        finally:
            self.running -= 1
        return [
            Order(ref=Ref("order", self.name, key), as_of=NOW, fetched_at=NOW, number=key)
            for key in keys
        ]

    async def by_field(
        self, noun: str, field: str, values: Sequence[FieldValue]
    ) -> Sequence[Sequence[Record | OpsHubError] | OpsHubError]:
        return [[] for _ in values]

    async def list(self, noun: str, query: ListQuery) -> ListPage:
        return ListPage([], None)

    async def changes(self, noun: str, after: ChangeCursor | None, limit: int) -> ChangePage:
        return ChangePage((), after or ChangeCursor(), is_last=True)

    async def native(self, noun: str, key: str) -> NativeRecord | None:
        return None

    async def check(self) -> Sequence[Problem]:
        return []


async def ask(hub: ReadHub, caller: CallerClass, keys: Iterator[int]) -> tuple[float, int]:
    """Seconds of one request for a few orders nobody has asked for, and how many came."""
    begun = time.perf_counter()
    refs = [Ref("order", "erp", str(next(keys))) for _ in range(4)]
    told = await hub.open(HOUSE, caller=caller).record_by_ref(refs)
    return time.perf_counter() - begun, sum(isinstance(each, Record) for each in told)


async def p99_of_agents(*, analysts: int) -> tuple[float, int, int]:
    """The agents' p99 in seconds, the analysts' answered requests, the most calls at once."""
    source = SlowSource()
    limits = Limits.model_construct(timeout_s=2.0, in_flight=IN_FLIGHT, quota=None)
    guard = GuardedSource(source, limits, unmapped={})
    hub = ReadHub(
        [guard], references=SameAs(), recorded=RecordedEntries(), clock=FakeClock(),
        records_max=1_000,
    )  # fmt: skip
    keys, ends_at = itertools.count(), time.perf_counter() + ROUND_S
    waits: list[float] = []
    analysed = 0

    async def agent() -> None:
        while time.perf_counter() < ends_at:
            seconds, came = await ask(hub, CallerClass.AGENT, keys)
            assert came == 4, "an agent's call was refused"
            waits.append(seconds)
            await asyncio.sleep(PAUSE_S)

    async def analyst() -> None:
        nonlocal analysed
        while time.perf_counter() < ends_at:
            _, came = await ask(hub, CallerClass.ANALYST, keys)
            analysed += came == 4

    await asyncio.gather(*(agent() for _ in range(AGENTS)), *(analyst() for _ in range(analysts)))
    await hub.close()
    return sorted(waits)[int(len(waits) * 0.99)], analysed, source.most_running


@pytest.mark.bench
async def test_analysts_at_full_load_do_not_double_the_agents_p99() -> None:
    print("\n  round   agents alone   beside analysts   ratio   analysts answered")
    ratios = []
    for number in range(ROUNDS):
        alone, _, _ = await p99_of_agents(analysts=0)
        beside, analysed, most = await p99_of_agents(analysts=ANALYSTS)
        ratios.append(beside / alone)
        print(f"  {number + 1:5}   {alone * 1e3:9.1f} ms   {beside * 1e3:12.1f} ms"
              f"   {ratios[-1]:5.2f}   {analysed}")  # fmt: skip
        assert most <= IN_FLIGHT
        assert analysed > 0, "analysts are slow, not starved"
    assert min(ratios) < RATIO_MAX
