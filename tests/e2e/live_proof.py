"""The proof that nothing told is lost or goes back, whoever is killed meanwhile; at any scale.

A company changes and tells; subscribers with many filters come back with their cursors; the hub and
its nats-server are killed and started again in turn. Then the checker compares.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.e2e.live_checker import Verdict, check, wanted_of
from tests.e2e.live_stage import HubProcess, NatsProcess
from tests.e2e.live_store import LogReader
from tests.e2e.live_telling import Telling, sayings
from tests.e2e.live_wishes import Wish
from tests.e2e.live_world import Change, World
from tests.support.subscribers import Crowd, Subscriber, document_of

LOOK_EVERY_S = 0.5
STAND_STILL_S = 1.5  # after which nothing more is to come
DOWN_S = (0.2, 1.0)
SHAKEN_EVERY_S = 20.0  # seconds between two breaks of one subscriber's connection
FORGETFUL_AWAY_S = 0.8
FORGETTING_AT = (0.05, 0.75)  # of the changes


@dataclass(frozen=True)
class Scale:
    """How much of it. `rate` is changes a second at most, `patience_s` bounds each wait."""

    changes: int
    subscribers: int
    kills: int
    orders: int
    rate: float
    patience_s: float


def subscribers(hubs: Sequence[HubProcess], wished: Sequence[Wish]) -> list[Subscriber]:
    """One each, on the hubs in turn, each with a token of its own."""
    made = []
    for n, wish in enumerate(wished):
        hub, name = hubs[n % len(hubs)], f"{n} {wish.wanted.feed} {wish.role.value}"
        token = hub.token(f"subscriber {n}", wish.role, *wish.customers)
        document = document_of(wish.wanted.feed, wish.types)
        made.append(Subscriber(name, hub.socket_url, token, document, wish.variables))
    return made


@dataclass
class Proof:
    """One run of it."""

    scale: Scale
    world: World
    hubs: Sequence[HubProcess]
    nats: NatsProcess
    telling: Telling
    reader: LogReader
    random: Random
    changes: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    took_s: dict[str, float] = field(default_factory=dict)

    async def run(self, crowd: Crowd, forgetful: Crowd) -> None:
        """All is told, whoever was killed meanwhile, and has arrived wherever it should."""
        began = time.monotonic()
        shaking = [asyncio.create_task(each) for each in self._shakes(crowd, forgetful)]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell_all())
                group.create_task(self._kill_in_turn())
            await self.telling.all_told(self.scale.patience_s)
            self.took_s["told"] = time.monotonic() - began
        finally:
            for task in shaking:
                task.cancel()
        await self._drained()
        self.took_s["drained"] = time.monotonic() - began

    def _shakes(self, crowd: Crowd, forgetful: Crowd) -> list[Any]:
        """Connections break by themselves too; who forgets stays away until something is missed."""
        every_s = SHAKEN_EVERY_S / max(1, len(crowd.subscribers))
        return [crowd.shake(every_s), self._forget(forgetful)]

    async def _forget(self, forgetful: Crowd) -> None:
        """While much is told, and again."""
        for part in FORGETTING_AT:
            while self.changes < self.scale.changes * part:  # noqa: ASYNC110 - as below
                await asyncio.sleep(0.02)
            for each in forgetful.subscribers:
                each.drop(away_s=FORGETFUL_AWAY_S)

    async def _tell_all(self) -> None:
        for some in sayings(self._changed(), self.random):
            for saying in some:
                await self.telling.say(saying)
            await asyncio.sleep(1 / self.scale.rate)

    def _changed(self) -> Iterator[Change]:
        for _ in range(self.scale.changes):
            change = self.world.change()
            self.changes += 1
            self.steps[change.noun] += 1
            yield change

    async def _kill_in_turn(self) -> None:
        """The hub, then the nats-server, and so on, spread over the changes."""
        turns: list[HubProcess | NatsProcess] = [*self.hubs, self.nats]
        for n in range(self.scale.kills):
            due = (n + 1) * self.scale.changes // (self.scale.kills + 1)
            while self.changes < due:  # noqa: ASYNC110 - a counter has no event
                await asyncio.sleep(0.02)
            victim = turns[n % len(turns)]
            await victim.kill()
            await asyncio.sleep(self.random.uniform(*DOWN_S))
            await victim.start()

    async def _drained(self) -> None:
        """Nothing waits anywhere, and the log says what the systems say; an AssertionError where
        that does not come in time."""
        deadline = time.monotonic() + self.scale.patience_s
        behind, waiting = ["never looked"], {"never looked": 1}
        still_since: float | None = None
        while time.monotonic() < deadline:
            with suppress(Exception):  # a store or server that is busy is asked again
                await self.reader.read_on()
                behind = self.reader.behind(self.world)
                waiting = await self.reader.waiting(self.nats.url)
            if behind or any(waiting.values()):
                still_since = None
            elif still_since is None:
                still_since = time.monotonic()
            elif time.monotonic() - still_since > STAND_STILL_S:
                return
            await asyncio.sleep(LOOK_EVERY_S)
        raise AssertionError(f"waiting: {waiting}; behind: {len(behind)} {behind[:10]}")

    async def verdicts(
        self, crowd: Crowd, wished: Sequence[Wish], *, within_s: float
    ) -> list[Verdict]:
        """Of each subscriber, once each has the last it should see, or the time is over."""
        log = await self.reader.all()
        last = [
            due[-1].event_id if (due := wanted_of(wish.wanted, log)) else None for wish in wished
        ]
        deadline = time.monotonic() + within_s
        pairs = list(zip(crowd.subscribers, last, strict=True))
        while time.monotonic() < deadline:
            pairs = [(one, id_) for one, id_ in pairs if not _has(one, id_)]
            if not pairs:
                break
            await asyncio.sleep(LOOK_EVERY_S)
        await asyncio.sleep(LOOK_EVERY_S)
        return [
            check(one.name, wish.wanted, items=one.items, log=log)
            for one, wish in zip(crowd.subscribers, wished, strict=True)
        ]


def _has(subscriber: Subscriber, event_id: str | None) -> bool:
    return event_id is None or any(each.event_id == event_id for each in subscriber.items[-200:])
