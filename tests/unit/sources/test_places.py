"""The lanes of the classes of callers: shares, bounds, order, and waiters that give up."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from hub.model.errors import OpsHubError, SourceBusy
from hub.model.order import Order
from hub.reads.callers import calling_for, current_caller
from hub.security.principal import CallerClass
from sources.guard import QUEUED_MAX
from sources.places import Places, analyst_share
from tests.unit.sources.test_guard import Clock, FakeSource, guarded

AGENT, CUSTOMER, ANALYST = CallerClass.AGENT, CallerClass.CUSTOMER, CallerClass.ANALYST
Caller = CallerClass | None


class Counted:
    """Runs calls of several classes and notes the order they began in, and how many at once."""

    def __init__(self, in_flight: int) -> None:
        self.places = Places(in_flight)
        self.begun: list[Caller] = []
        self.running: Counter[Caller] = Counter()
        self.most: Counter[Caller] = Counter()
        self.most_together = 0

    async def call(self, caller: Caller) -> None:
        async with self.places.place(caller):
            self.begun.append(caller)
            self.running[caller] += 1
            self.most[caller] = max(self.most[caller], self.running[caller])
            self.most_together = max(self.most_together, self.running.total())
            await asyncio.sleep(0.001)
            self.running[caller] -= 1

    async def all(self, *callers: Caller) -> None:
        await asyncio.gather(*(self.call(caller) for caller in callers))


@pytest.mark.parametrize(("bound", "share"), [(1, 1), (4, 1), (5, 1), (9, 1), (10, 2), (40, 8)])
def test_analysts_have_a_fifth_and_one_at_least(bound: int, share: int) -> None:
    assert analyst_share(bound) == share


async def test_analysts_never_hold_more_than_their_share() -> None:
    counted = Counted(10)
    await counted.all(*[ANALYST] * 40, *[AGENT] * 40)
    assert counted.most[ANALYST] == 2
    assert counted.most_together == 10
    assert counted.running.total() == 0


async def test_one_class_alone_may_use_every_place() -> None:
    for caller in (AGENT, CUSTOMER, None):
        counted = Counted(4)
        await counted.all(*[caller] * 12)
        assert counted.most[caller] == 4


async def test_waiting_classes_are_served_by_their_weights() -> None:
    counted = Counted(1)
    await counted.all(*[AGENT] * 30, *[CUSTOMER] * 30)
    first = Counter(counted.begun[:25])
    assert (first[AGENT], first[CUSTOMER]) == (15, 10)


async def test_a_class_that_was_away_saves_up_nothing() -> None:
    counted = Counted(1)
    await counted.all(*[AGENT] * 50)
    counted.begun.clear()
    await counted.all(*[AGENT] * 20, *[CUSTOMER] * 20)
    assert counted.begun[:10].count(CUSTOMER) == 4


async def test_callers_of_one_class_are_served_in_order() -> None:
    places, order = Places(1), list[int]()

    async def call(number: int) -> None:
        async with places.place(AGENT):
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(call(number) for number in range(10)))
    assert order == list(range(10))


async def test_waiters_that_give_up_leave_no_place_taken() -> None:
    counted = Counted(2)
    tasks = [asyncio.create_task(counted.call(each)) for each in (AGENT, CUSTOMER, ANALYST) * 10]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.sleep(0.003)
    for task in tasks[1::4]:
        task.cancel()
    await asyncio.wait(tasks)
    counted.running.clear()
    counted.most_together = 0
    assert [counted.places.waiting(each) for each in (AGENT, CUSTOMER, ANALYST, None)] == [0] * 4
    await counted.all(*[AGENT] * 10)
    assert counted.most_together == 2


async def test_a_place_that_comes_as_its_waiter_is_cancelled_goes_on() -> None:
    places = Places(1)
    held = places.place(AGENT)
    await held.__aenter__()
    waiter = asyncio.create_task(places.place(CUSTOMER).__aenter__())
    await asyncio.sleep(0)
    assert places.waiting(CUSTOMER) == 1
    await held.__aexit__(None, None, None)  # grants the place, the waiter has not run yet
    waiter.cancel()
    await asyncio.wait({waiter})
    async with asyncio.timeout(1), places.place(AGENT):
        pass


class Asked(FakeSource):
    """Notes which class each call was made for."""

    def __init__(self) -> None:
        super().__init__()
        self.callers: list[Caller] = []

    async def by_key(self, noun: str, keys: Sequence[str]) -> Sequence[Order | OpsHubError | None]:
        self.callers.append(current_caller())
        return await super().by_key(noun, keys)


async def test_the_guard_gives_analysts_a_fifth_of_its_places_and_quota() -> None:
    source = FakeSource()
    source.gate = asyncio.Event()
    guard = guarded(source, Clock(), in_flight=5, timeout_s=5.0)

    async def ask(caller: CallerClass) -> None:
        with calling_for(caller):
            await guard.by_key("order", ["1"])

    analysts = [asyncio.create_task(ask(ANALYST)) for _ in range(20)]
    await asyncio.sleep(0.01)
    assert source.running == 1
    agents = [asyncio.create_task(ask(AGENT)) for _ in range(20)]
    await asyncio.sleep(0.01)
    assert source.running == 5
    source.gate.set()
    await asyncio.gather(*analysts, *agents)
    assert source.most_running == 5


async def test_a_full_queue_of_analysts_refuses_analysts_only() -> None:
    source = FakeSource()
    source.gate = asyncio.Event()
    guard = guarded(source, Clock(), in_flight=5, timeout_s=5.0)

    async def ask(caller: CallerClass) -> object:
        with calling_for(caller):
            return (await guard.by_key("order", ["1"]))[0]

    waiting = [asyncio.create_task(ask(ANALYST)) for _ in range(QUEUED_MAX + 1)]
    await asyncio.sleep(0.01)
    assert isinstance(await ask(ANALYST), SourceBusy)
    agent = asyncio.create_task(ask(AGENT))
    await asyncio.sleep(0.01)
    assert source.running == 2
    source.gate.set()
    assert await agent is None
    assert await asyncio.gather(*waiting) == [None] * len(waiting)


async def test_who_calls_is_known_inside_and_forgotten_after() -> None:
    source = Asked()
    guard = guarded(source, Clock())
    with calling_for(ANALYST):
        await guard.by_key("order", ["1"])
        with calling_for(AGENT):
            await guard.by_key("order", ["1"])
        await guard.by_key("order", ["1"])
    await guard.by_key("order", ["1"])
    assert source.callers == [ANALYST, AGENT, ANALYST, None]
