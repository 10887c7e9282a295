"""A world of clients, dispatchers that die and stop, and a system that loses answers; by one seed.

Time is a number and everything happens in one thread, so a seed always means the same history.
"""

import random
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field

from hub.commands.carrying import Carrier, Means
from hub.commands.steps import Step
from hub.commands.words import CommandStatus
from hub.events.commanding import (
    Applied,
    NotFound,
    NotSent,
    Outcome,
    Refused,
    Sought,
    Terms,
    Unknown,
    Values,
)
from hub.model.errors import (
    SourceMisconfigured,
    SourceTimeout,
    SourceUnavailable,
    StoreUnavailable,
)
from tests.unit.commands.simulated_store import Memory, MemoryClaims, pause

DEADLINE_S = 2.0
SETTLES_S = 10.0
STOPPED_MAX_S = 120.0  # a process is stopped (SIGSTOP) so long at most
LINGER_S = 20.0  # without such, some rounds in which nothing is left to do
FATES = ("well",) * 4 + ("lost", "lost", "never", "late", "down", "refused", "wrong", "slow")
NEVER_REFUSED = tuple(each for each in FATES if each not in ("refused", "wrong"))


@dataclass
class Erp:
    """Implements `Commanding`. `done` counts effects by what was wanted, whatever the reference.

    `is_bad` forgets which references it has seen; `is_unique` is what it promises. With
    `stops_on_wire` a process may also be stopped when it has decided to send and nothing has left
    it: then an effect may come later than any promise, and only the reference keeps it from being a
    second one.
    """

    memory: Memory
    is_unique: bool = True
    is_bad: bool = False
    stops_on_wire: bool = False
    fates: tuple[str, ...] = FATES
    done: Counter[str] = field(default_factory=Counter)
    references: set[str] = field(default_factory=set)
    order: list[str] = field(default_factory=list)
    coming: list[tuple[float, str, str]] = field(default_factory=list)

    def terms(self, command: str) -> Terms | None:
        return Terms(DEADLINE_S, SETTLES_S, self.is_unique)

    async def execute(self, command: str, values: Values, *, reference: str) -> Outcome:
        """What comes of it is decided when it is on the wire; the caller may not live to hear."""
        if self.stops_on_wire:
            await pause()
        fate = self.memory.chance.choice(self.fates)
        token, now = str(values["token"]), self.memory.now
        if fate in ("well", "lost", "slow"):
            later_s = DEADLINE_S * self.memory.chance.random() if fate == "slow" else 0.0
            self.coming.append((now + later_s, token, reference))
        elif fate == "late":
            later_s = (DEADLINE_S + SETTLES_S) * self.memory.chance.random()
            self.coming.append((now + later_s, token, reference))
        await pause(0.05)
        match fate:
            case "well":
                return Applied({"number": token})
            case "slow":
                await pause(DEADLINE_S)
                return Applied({"number": token})
            case "down":
                return NotSent(SourceUnavailable("erp", "refused"))
            case "wrong":
                return NotSent(SourceMisconfigured("erp", "credentials"))
            case "refused":
                return Refused("no")
        await pause(DEADLINE_S)
        return Unknown(SourceTimeout("erp", "no answer"))

    async def find(self, command: str, values: Values, *, reference: str) -> Sought:
        await pause(0.05)
        self.land()
        is_there = reference in self.references
        await pause(0.05)
        if "down" in self.fates and self.memory.chance.random() < 0.1:
            return SourceUnavailable("erp", "refused")
        return Applied({"number": str(values["token"])}) if is_there else NotFound()

    def land(self, *, everything: bool = False) -> None:
        """Let happen what is due."""
        for each in sorted(self.coming):
            at, token, reference = each
            if everything or at <= self.memory.now:
                self.coming.remove(each)
                self._do(token, reference)

    def _do(self, token: str, reference: str) -> None:
        if self.is_unique and not self.is_bad and reference in self.references:
            return
        self.references.add(reference)
        self.done[token] += 1
        self.order.append(token)


class Forgetful:
    """A hub with a defect: each call has a reference of its own."""

    def __init__(self, erp: Erp) -> None:
        self._erp, self._count = erp, 0
        self.terms = erp.terms

    async def execute(self, command: str, values: Values, *, reference: str) -> Outcome:
        self._count += 1
        return await self._erp.execute(command, values, reference=f"{reference}-{self._count}")

    async def find(self, command: str, values: Values, *, reference: str) -> Sought:
        return await self._erp.find(command, values, reference=reference)


@dataclass
class Actor:
    """Something that goes on: its coroutine, and when it next may."""

    name: str
    work: Coroutine[float, None, None]
    at: float = 0.0
    steps: int = 0


@dataclass(kw_only=True)
class Faults:
    """How often, of one, at each await: a process dies, is stopped; the database is away."""

    dies: float = 0.0
    stops: float = 0.0
    away: float = 0.0
    dies_at: int | None = None
    """The one await of the first process at which it dies, whatever the chance."""


class World:
    """`run` lets everything happen; then `acknowledged`, the memory and the system can be looked
    at."""

    def __init__(
        self, seed: int, faults: Faults, *,
        commands: int = 6, processes: int = 2, is_unique: bool = True,
        is_bad: bool = False, is_forgetful: bool = False, stops_on_wire: bool = False,
        fates: tuple[str, ...] = FATES,
    ) -> None:  # fmt: skip
        self.chance = random.Random(seed)
        self.faults = faults
        self.memory = Memory(self.chance, away=faults.away)
        self.erp = Erp(self.memory, is_unique, is_bad, stops_on_wire, fates)
        self.commanding = Forgetful(self.erp) if is_forgetful else self.erp
        self.acknowledged: dict[str, str] = {}
        self.linger_s = STOPPED_MAX_S if faults.stops else LINGER_S
        self.lives = 0
        self.died_idle = False  # the last that died had nothing left to do
        self.processes = [self._process() for _ in range(processes)]
        self.clients = [
            Actor(f"client {n}", self._client(f"k{n}"), at=self.chance.random() * 5)
            for n in range(commands)
        ]

    def run(self, *, trouble_s: float = 200.0, steps_max: int = 60_000) -> None:
        """Trouble for a while, then a quiet time in which everything must come to its end."""
        for _ in range(steps_max):
            if self.memory.now > trouble_s:
                self.faults = Faults(dies_at=self.faults.dies_at)
                self.memory.away = 0.0
                self.erp.fates = ("well",)
                if self._is_over(trouble_s):
                    break
            self._step()
        else:
            raise AssertionError(f"not quiet after {steps_max} steps: {self.memory.rows}")
        for process in self.processes:
            process.work.close()
        self.erp.land(everything=True)

    def _is_over(self, quiet_since: float) -> bool:
        """Whether nobody who was stopped may still come, and a person has looked after the rest."""
        if self.clients or self.memory.now < quiet_since + self.linger_s:
            return False
        for row in self.memory.rows.values():
            if row.step is Step.PERSON:
                self.memory.ask_again(row)
        return self._all_ended()

    def _all_ended(self) -> bool:
        return all(each.status.is_final for each in self.memory.rows.values())

    def _step(self) -> None:
        actors = [*self.processes, *self.clients]
        soon = min(each.at for each in actors)
        self.memory.now = max(self.memory.now, soon)
        self.erp.land()
        actor = self.chance.choice([each for each in actors if each.at <= self.memory.now])
        if actor in self.processes and self._is_struck(actor):
            return
        try:
            actor.at = self.memory.now + actor.work.send(None)
            actor.steps += 1
        except StopIteration:
            self.clients.remove(actor)

    def _is_struck(self, process: Actor) -> bool:
        """It dies and begins anew later, or stands still and goes on."""
        first = process.name == "p1" and process.steps == self.faults.dies_at
        if first or self.chance.random() < self.faults.dies:
            self.died_idle = not self.clients and self._all_ended()
            process.work.close()
            self.processes[self.processes.index(process)] = self._process()
            return True
        if self.chance.random() < self.faults.stops:
            process.at = self.memory.now + self.chance.random() * STOPPED_MAX_S
            return True
        return False

    def _process(self) -> Actor:
        self.lives += 1
        name = f"p{self.lives}"
        return Actor(name, self._dispatch(name), at=self.memory.now + self.chance.random())

    async def _dispatch(self, name: str) -> None:
        claims = MemoryClaims(self.memory, name)
        means = Means(monotonic=lambda: self.memory.now, sleep=pause, jitter=self.chance.uniform)
        carrier = Carrier(claims, self.commanding, means)
        while True:
            try:
                for system in await claims.systems_due():
                    for task in await claims.claim(system, 2):
                        await carrier.carry_out(task)
            except StoreUnavailable:
                await pause(1.0)
            await pause(0.5)

    async def _client(self, key: str) -> None:
        """Sends until it is told that it was accepted."""
        aggregate = f"order/{self.chance.randrange(3)}"
        while True:
            try:
                self.acknowledged[key] = await self.memory.accept(key, aggregate)
            except StoreUnavailable:
                await pause(1.0)
                continue
            return


def breaches(world: World) -> list[str]:
    """What must never be: an acknowledged command lost, an effect twice, an outcome that is not so,
    an aggregate out of turn."""
    rows, done = world.memory.rows, world.erp.done
    found = [
        f"{key} was acknowledged and is lost"
        for key, id_ in world.acknowledged.items()
        if world.memory.by_key.get(key) != id_ or id_ not in rows
    ]
    for row in rows.values():
        times = done[row.token]
        if times > 1:
            found.append(f"{row.token} was done {times} times")
        if not row.status.is_final:
            found.append(f"{row.token} has no end")
        elif (row.status is CommandStatus.APPLIED) != (times > 0):
            found.append(f"{row.token} is shown as {row.status.value} and was done {times} times")
        if any(each.is_final for each in row.statuses[:-1]):
            found.append(f"{row.token} went on after its end: {row.statuses}")
    for name in world.memory.held:
        mine = [row.token for row in rows.values() if row.aggregate == name and done[row.token]]
        order = [each for each in world.erp.order if each in mine]
        if order != mine:
            found.append(f"{name} was done in the order {order}, accepted in {mine}")
    return found
