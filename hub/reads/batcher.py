"""The merging batcher: while a call is in flight, keys of every request gather for the next one.

An idle batcher waits for nothing but the end of the loop's turn, so that the keys of one gather
leave together. A full batch has nothing to gain by waiting and leaves beside the one in flight.
Answers are values, errors too: a future of a batcher never raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

WAITING_MAX = 10_000  # keys gathering in one batcher; more are answered by `refuse` at once
FLIGHTS_MAX = 4  # full batches in flight at once; the guard's own bound of calls by default

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")


class Lane(NamedTuple):
    """What a batcher asks for: records by key, or by a field."""

    system: str
    noun: str
    field: str | None

    @property
    def relation(self) -> str:
        return self.noun if self.field is None else f"{self.noun}.{self.field}"


class Requester(Protocol):
    """Who asked; told of each call that served one of its keys."""

    def served_by(self, lane: Lane, keys: int, requests: int) -> None: ...


@dataclass(slots=True, eq=False)
class _Key(Generic[A]):
    future: asyncio.Future[A]
    requesters: set[Requester]


@dataclass(slots=True, eq=False)
class _Flight(Generic[K, A]):
    begun: int
    taken: dict[K, _Key[A]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(Generic[K, A]):
    """What a batcher does with keys.

    `call` answers a batch, aligned, and gets the moment it began and the number of requests.
    `begin` and `is_current` are the cache's generations: a key asked after its bump joins no
    older flight. `refuse` answers a key that finds the queue full, `broken` one whose call raised.
    """

    lane: Lane
    call: Callable[[Sequence[K], int, int], Awaitable[Sequence[A]]]
    batch_max: int
    begin: Callable[[], int]
    is_current: Callable[[K, int], bool]
    refuse: Callable[[], A]
    broken: Callable[[Exception], A]
    waiting_max: int = WAITING_MAX


class Batcher(Generic[K, A]):
    """One per system, noun, operation and class of caller."""

    def __init__(self, terms: Terms[K, A]) -> None:
        self._terms = terms
        self._gathering: dict[K, _Key[A]] = {}
        self._flying: dict[K, _Flight[K, A]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_scheduled = False

    def ask(self, key: K, requester: Requester) -> asyncio.Future[A]:
        """The answer of a key, shared by all who wait for it. Wait with `asyncio.wait`: awaiting
        the future itself would let one cancelled waiter cancel the others."""
        flight = self._flying.get(key)
        if flight is not None and self._terms.is_current(key, flight.begun):
            return _joined(flight.taken[key], requester)
        waiting = self._gathering.get(key)
        if waiting is not None:
            return _joined(waiting, requester)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[A] = loop.create_future()
        if len(self._gathering) >= self._terms.waiting_max:
            future.set_result(self._terms.refuse())
            return future
        self._gathering[key] = _Key(future, {requester})
        if not self._is_scheduled:
            self._is_scheduled = True
            loop.call_soon(self._launch)
        return future

    async def close(self) -> None:
        """Stop what is in flight; its waiters are cancelled."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for waiting in self._gathering.values():
            waiting.future.cancel()
        self._gathering.clear()

    def _launch(self) -> None:
        self._is_scheduled = False
        while self._may_leave():
            flight = self._take()
            task = asyncio.create_task(self._fly(flight))
            self._tasks.add(task)
            task.add_done_callback(self._landed)

    def _may_leave(self) -> bool:
        if not self._tasks:
            return bool(self._gathering)
        is_full = len(self._gathering) >= self._terms.batch_max
        return is_full and len(self._tasks) < FLIGHTS_MAX

    def _take(self) -> _Flight[K, A]:
        keys = list(self._gathering)[: self._terms.batch_max]
        flight: _Flight[K, A] = _Flight(self._terms.begin())
        for key in keys:
            flight.taken[key] = self._gathering.pop(key)
            self._flying[key] = flight
        return flight

    async def _fly(self, flight: _Flight[K, A]) -> None:
        keys = list(flight.taken)
        requests = len(_requesters_of(flight))
        try:
            answers = await self._terms.call(keys, flight.begun, requests)
            answered = dict(zip(keys, answers, strict=True))
        except asyncio.CancelledError:
            for taken in flight.taken.values():
                taken.future.cancel()
            raise
        except Exception as error:  # a defect of the call must reach those who wait for it
            answered = dict.fromkeys(keys, self._terms.broken(error))
        finally:
            self._forget(flight)
        self._answer(flight, answered)

    def _answer(self, flight: _Flight[K, A], answered: dict[K, A]) -> None:
        requesters = _requesters_of(flight)
        for requester in requesters:
            requester.served_by(self._terms.lane, len(answered), len(requesters))
        for key, taken in flight.taken.items():
            if not taken.future.done():
                taken.future.set_result(answered[key])

    def _forget(self, flight: _Flight[K, A]) -> None:
        for key in flight.taken:
            if self._flying.get(key) is flight:
                del self._flying[key]

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        self._launch()


def _joined(key: _Key[A], requester: Requester) -> asyncio.Future[A]:
    key.requesters.add(requester)
    return key.future


def _requesters_of(flight: _Flight[K, A]) -> set[Requester]:
    return {requester for taken in flight.taken.values() for requester in taken.requesters}
