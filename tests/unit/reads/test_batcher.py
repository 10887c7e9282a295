"""The merging batcher, by exact interleavings."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.reads.batcher import FLIGHTS_MAX, Batcher, Lane, Terms
from hub.reads.cache import Generations

LANE = Lane("erp", "order", None)


@dataclass(eq=False)
class Someone:
    calls: list[tuple[int, int]] = field(default_factory=list)

    def served_by(self, lane: Lane, keys: int, requests: int) -> None:
        self.calls.append((keys, requests))


class System:
    """Answers each key with its upper case once let go; `calls` are the keys of each call."""

    def __init__(self, *, batch_max: int = 100, waiting_max: int = 1000) -> None:
        self.calls: list[list[str]] = []
        self.generations = Generations()
        self.gate = asyncio.Event()
        self.defect: Exception | None = None
        self.batcher: Batcher[str, str] = Batcher(
            Terms(
                lane=LANE, call=self._call, batch_max=batch_max, begin=self.generations.begin,
                is_current=self.generations.is_current, refuse=lambda: "refused",
                broken=lambda error: f"broken: {error}", waiting_max=waiting_max,
            )
        )  # fmt: skip

    async def _call(self, keys: Sequence[str], begun: int, requests: int) -> Sequence[str]:
        self.calls.append(list(keys))
        await self.gate.wait()
        if self.defect is not None:
            raise self.defect
        return [key.upper() for key in keys]


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_keys_of_one_turn_leave_together_and_later_ones_wait_for_the_flight() -> None:
    system, me, you = System(), Someone(), Someone()
    first = [system.batcher.ask(key, me) for key in "ab"]
    await turns()
    later = [system.batcher.ask(key, you) for key in "cd"] + [system.batcher.ask("e", me)]
    await turns()
    assert system.calls == [["a", "b"]]
    system.gate.set()
    await asyncio.wait([*first, *later])
    assert system.calls == [["a", "b"], ["c", "d", "e"]]
    assert [future.result() for future in (*first, *later)] == list("ABCDE")
    assert (me.calls, you.calls) == ([(2, 1), (3, 2)], [(3, 2)])


async def test_a_key_in_flight_is_joined_unless_it_was_bumped() -> None:
    system, me, you = System(), Someone(), Someone()
    one = system.batcher.ask("a", me)
    await turns()
    joined = system.batcher.ask("a", you)
    assert joined is one
    system.generations.bump("a")
    after = system.batcher.ask("a", you)
    assert after is not one
    system.gate.set()
    await asyncio.wait([one, after])
    assert system.calls == [["a"], ["a"]]
    assert you.calls == [(1, 2), (1, 1)]


async def test_a_cancelled_waiter_cancels_nothing_for_the_others() -> None:
    system = System()

    async def wait_for(key: str) -> str:
        future = system.batcher.ask(key, Someone())
        await asyncio.wait([future])
        return future.result()

    leaver, stayer = asyncio.create_task(wait_for("a")), asyncio.create_task(wait_for("a"))
    await turns()
    leaver.cancel()
    await turns()
    system.gate.set()
    assert await stayer == "A"
    assert leaver.cancelled() and system.calls == [["a"]]


async def test_full_batches_leave_beside_the_flight_up_to_a_bound() -> None:
    system, me = System(batch_max=2), Someone()
    futures = [system.batcher.ask(key, me) for key in "abcdefghijk"]
    await turns()
    assert FLIGHTS_MAX == 4
    assert system.calls == [list("ab"), list("cd"), list("ef"), list("gh")]
    system.gate.set()
    await asyncio.wait(futures)
    assert system.calls[4:] == [list("ij"), ["k"]]


async def test_a_full_queue_refuses_at_once() -> None:
    system, me = System(waiting_max=2), Someone()
    futures = [system.batcher.ask(key, me) for key in "abc"]
    assert futures[2].result() == "refused"
    system.gate.set()
    await asyncio.wait(futures)
    assert system.calls == [["a", "b"]]


async def test_a_defect_reaches_those_who_wait_and_the_next_batch_goes_on() -> None:
    system, me = System(), Someone()
    system.defect = KeyError("x")
    system.gate.set()
    future = system.batcher.ask("a", me)
    await asyncio.wait([future])
    assert future.result() == "broken: 'x'"
    system.defect = None
    future = system.batcher.ask("a", me)
    await asyncio.wait([future])
    assert future.result() == "A"


async def test_close_ends_flights_and_waiters() -> None:
    system, me = System(), Someone()
    flying = system.batcher.ask("a", me)
    await turns()
    waiting = system.batcher.ask("b", me)
    await system.batcher.close()
    assert flying.cancelled() and waiting.cancelled()
    assert system.calls == [["a"]]
