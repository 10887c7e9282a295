"""The guard: bounds, breaker, quota and Retry-After, with a source of our own and our own clock."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from hub.config.problems import Problem
from hub.config.specs import Limits, Quota
from hub.model.errors import (
    Internal,
    OpsHubError,
    SourceBusy,
    SourceCannot,
    SourceError,
    SourceTimeout,
    SourceUnavailable,
)
from hub.model.order import Order
from hub.reads.port import FieldValue, ListPage, ListQuery
from sources.breaker import FAILURES_IN_A_ROW, PROBE_EVERY_S, WINDOW_CALLS, Breaker, TokenBucket
from sources.guard import GuardedSource
from sources.port import ChangeCursor, ChangePage, NativeRecord


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class FakeSource:
    """Answers None for every key, or raises what it is told to, and counts its calls."""

    name, role, kind = "erp", "erp", "sql"
    nouns: dict[str, Any] = {}  # noqa: RUF012 - a fake serves nothing

    def __init__(self) -> None:
        self.calls = 0
        self.running = self.most_running = 0
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def start(self) -> tuple[SourceError, ...]:
        return ()

    async def close(self) -> None:
        return None

    async def by_key(self, noun: str, keys: Sequence[str]) -> Sequence[Order | OpsHubError | None]:
        self.calls += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.error is not None:
                raise self.error
            return [None for _ in keys]
        finally:
            self.running -= 1

    async def by_field(
        self, noun: str, field: str, values: Sequence[FieldValue]
    ) -> Sequence[Sequence[Order | OpsHubError] | OpsHubError]:
        await self.by_key(noun, [])
        return [[] for _ in values]

    async def changes(self, noun: str, after: ChangeCursor | None, limit: int) -> ChangePage:
        return ChangePage((), after or ChangeCursor(), is_last=True)

    async def native(self, noun: str, key: str) -> NativeRecord | None:
        return None

    async def check(self) -> Sequence[Problem]:
        return []

    async def list(self, noun: str, query: ListQuery) -> ListPage:
        await self.by_key(noun, [])
        return ListPage([], None)


def guarded(source: FakeSource, clock: Callable[[], float], **limits: Any) -> GuardedSource:
    made = Limits.model_construct(**({"timeout_s": 2.0, "in_flight": 4, "quota": None} | limits))
    return GuardedSource(source, made, unmapped={}, clock=clock)


async def test_an_error_is_the_answer_of_every_key() -> None:
    source, clock = FakeSource(), Clock()
    guard = guarded(source, clock)
    source.error = SourceUnavailable("erp", "gone")
    assert await guard.by_key("order", ["1", "2"]) == [source.error] * 2
    assert await guard.by_field("order", "number", ["1"]) == [source.error]
    assert await guard.list("order", ListQuery()) is source.error


async def test_nothing_asked_is_no_call() -> None:
    source = FakeSource()
    guard = guarded(source, Clock())
    assert await guard.by_key("order", []) == []
    assert await guard.by_field("order", "number", []) == []
    assert source.calls == 0


async def test_a_defect_is_internal_and_tells_nothing() -> None:
    source = FakeSource()
    source.error = KeyError("password=hunter2")
    (answer,) = await guarded(source, Clock()).by_key("order", ["1"])
    assert isinstance(answer, Internal)
    assert "hunter2" not in str(answer)


async def test_the_breaker_opens_then_probes_then_closes() -> None:
    source, clock = FakeSource(), Clock()
    guard = guarded(source, clock)
    source.error = SourceUnavailable("erp", "gone")
    for _ in range(FAILURES_IN_A_ROW):
        await guard.by_key("order", ["1"])
    assert guard.health().state == "DOWN"
    for _ in range(10):
        (answer,) = await guard.by_key("order", ["1"])
        assert isinstance(answer, SourceUnavailable)
    assert source.calls == FAILURES_IN_A_ROW
    clock.now += PROBE_EVERY_S
    await asyncio.gather(*(guard.by_key("order", ["1"]) for _ in range(4)))
    assert source.calls == FAILURES_IN_A_ROW + 1
    clock.now += PROBE_EVERY_S
    source.error = None
    assert await guard.by_key("order", ["1"]) == [None]
    assert await guard.by_key("order", ["1"]) == [None]
    assert guard.health().state == "DEGRADED"


async def test_what_it_cannot_does_not_make_it_unwell() -> None:
    source = FakeSource()
    guard = guarded(source, Clock())
    source.error = SourceCannot("erp", "no")
    for _ in range(30):
        await guard.by_key("order", ["1"])
    source.error = None
    assert await guard.by_key("order", ["1"]) == [None]
    assert guard.health().state == "UP"


async def test_retry_after_is_obeyed_for_at_most_a_minute() -> None:
    source, clock = FakeSource(), Clock()
    guard = guarded(source, clock)
    source.error = SourceBusy("erp", "429", retry_after_s=3_600.0)
    await guard.by_key("order", ["1"])
    clock.now += 59.9
    (answer,) = await guard.by_key("order", ["1"])
    assert isinstance(answer, SourceBusy)
    assert source.calls == 1
    clock.now += 0.2
    source.error = None
    assert await guard.by_key("order", ["1"]) == [None]


async def test_the_quota_holds_and_refills() -> None:
    source, clock = FakeSource(), Clock()
    guard = guarded(source, clock, quota=Quota.model_construct(calls=3, per_s=60.0))
    answers = [(await guard.by_key("order", ["1"]))[0] for _ in range(5)]
    assert [isinstance(answer, SourceBusy) for answer in answers] == [False] * 3 + [True] * 2
    clock.now += 20.0
    assert await guard.by_key("order", ["1"]) == [None]
    assert source.calls == 4


async def test_no_more_calls_run_than_declared_and_waiting_counts() -> None:
    source = FakeSource()
    source.gate = asyncio.Event()
    guard = guarded(source, Clock(), in_flight=2, timeout_s=0.05)
    answers = await asyncio.gather(*(guard.by_key("order", ["1"]) for _ in range(5)))
    kinds = [type(answer[0]) for answer in answers]
    assert source.most_running == 2
    assert kinds.count(SourceTimeout) == 2
    assert kinds.count(SourceBusy) == 3
    assert source.running == 0
    assert guard.health().in_flight == 0


async def test_a_cancelled_caller_frees_its_place() -> None:
    source = FakeSource()
    source.gate = asyncio.Event()
    guard = guarded(source, Clock(), in_flight=1)
    call = asyncio.create_task(guard.by_key("order", ["1"]))
    while not source.running:  # noqa: ASYNC110 - a few turns of the loop
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait({call})
    source.gate.set()
    assert await guard.by_key("order", ["1"]) == [None]


def test_half_of_twenty_failures_open_the_breaker() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    for _ in range(WINDOW_CALLS // 2):
        breaker.succeeded()
        assert not breaker.is_open
        breaker.failed()
    assert breaker.is_open
    assert not breaker.lets_through()


def test_a_bucket_says_how_long_to_wait() -> None:
    clock = Clock()
    bucket = TokenBucket(2, 10.0, clock=clock)
    assert [bucket.take(), bucket.take()] == [0.0, 0.0]
    assert bucket.take() == 5.0
    clock.now += 100.0
    assert [bucket.take(), bucket.take()] == [0.0, 0.0]
    assert bucket.take() == 5.0
