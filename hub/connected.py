"""The connected systems of a running hub: opened, looked at, replaced together, closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from hub.commands.words import CommandStatus
from hub.config.systems import SystemsFile
from hub.events.commanding import Outcome, Sought, Terms, Values
from hub.events.event import COMMAND, Event
from hub.model.errors import SourceError
from hub.model.record import Record
from hub.model.values import Ref
from hub.observe.health import SystemSeen
from hub.observe.tasks import in_background
from hub.reads.meeting import learn_references
from hub.reads.reads import ReadHub
from hub.store.cross_references import CrossReferences
from hub.store.timeline_entries import TimelineEntries
from sources.commanding import Commander
from sources.guard import GuardedSource
from sources.registry import open_sources

_MAY_HAVE_CHANGED = frozenset({CommandStatus.APPLIED.value, CommandStatus.OUTCOME_UNKNOWN.value})


class WallClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return monotonic()


@dataclass(slots=True)
class Connected:
    """The systems of the file in force, and the reads over them.

    `retire_after_s` is how long requests that run may go on with sources that were replaced;
    `learning` ends when the cross references of the file in force are known; `on_taken` is called
    whenever another file is in force.
    """

    systems: SystemsFile
    references: CrossReferences
    recorded: TimelineEntries
    records_max: int
    retire_after_s: float
    sources: Sequence[GuardedSource] = field(init=False)
    reads: ReadHub = field(init=False)
    commander: Commander = field(init=False)
    learning: asyncio.Task[None] | None = None
    on_taken: list[Callable[[], None]] = field(default_factory=list)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._take(self.systems, open_sources(self.systems))

    @property
    def by_name(self) -> Mapping[str, GuardedSource]:
        return {source.name: source for source in self.sources}

    @property
    def roles(self) -> dict[str, str]:
        """The role of each system, by its name."""
        return {source.name: source.role for source in self.sources}

    def hear(self, events: Sequence[Event]) -> None:
        """Hold what events tell of records, so that whoever asks next is told the same."""
        for event in events:
            if event.record is not None:
                self.learn(event.record)

    def learn(self, record: Record) -> None:
        """Hold what was told of a record, unless what is held is newer."""
        self.reads.invalidate(record.ref, record=record)

    def forget(self, ref: Ref) -> None:
        """Have a record read again by whoever asks for it next."""
        self.reads.invalidate(ref)

    def forget_changed(self, events: Sequence[Event]) -> None:
        """Read orders anew of which a command has changed something, or may have."""
        for event in events:
            if event.noun != COMMAND or event.order is None:
                continue
            if any(each.after in _MAY_HAVE_CHANGED for each in event.changes):
                self.reads.invalidate(event.order)

    def seen(self) -> list[SystemSeen]:
        """Each system as its guard saw it last; asks none."""
        healths = [(source.name, source.health()) for source in self.sources]
        return [SystemSeen(name, one.state, one.code, one.last_ok_age_s) for name, one in healths]

    async def start(self) -> list[SourceError]:
        """Look at every system once, each within its deadline; what is wrong there, never raised.

        A system that is not there yet is asked again by whoever needs it.
        """
        self._run_learning()
        return await _looked_at(self.sources)

    async def apply(self, systems: SystemsFile) -> list[SourceError]:
        """Put another systems file in force, if all of it connects.

        Sockets are not touched. What is wrong is returned, and then nothing has changed.
        """
        sources = open_sources(systems)
        problems = await _looked_at(sources)
        if problems:
            await _close(sources)
            return problems
        self._run(self._retire(self.reads, self.sources, self.commander))
        self._take(systems, sources)
        self._run_learning()
        return []

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.reads.close()
        await self.commander.close()
        await _close(self.sources)

    def _take(self, systems: SystemsFile, sources: Sequence[GuardedSource]) -> None:
        self.systems, self.sources = systems, sources
        self.reads = ReadHub(
            sources,
            references=self.references,
            recorded=self.recorded,
            clock=WallClock(),
            records_max=self.records_max,
        )
        self.commander = Commander(systems)
        for listener in self.on_taken:
            listener()

    async def _retire(
        self, reads: ReadHub, sources: Sequence[GuardedSource], commander: Commander
    ) -> None:
        try:
            await asyncio.sleep(self.retire_after_s)
        finally:
            await reads.close()
            await commander.close()
            await _close(sources)

    def _run_learning(self) -> None:
        """Import files and rules of the cross references, in the background."""
        folder = Path(self.systems.where(("version",)).file).parent
        specs = self.systems.cross_references
        work = learn_references(self.references, specs, self.sources, folder=folder)
        self.learning = self._run(work)

    def _run(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = in_background(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


async def _looked_at(sources: Sequence[GuardedSource]) -> list[SourceError]:
    found = await asyncio.gather(*(source.start() for source in sources))
    return [problem for problems in found for problem in problems]


async def _close(sources: Sequence[GuardedSource]) -> None:
    await asyncio.gather(*(source.close() for source in sources))


@dataclass(frozen=True, slots=True)
class CommandsInForce:
    """The declared commands of the file in force, whichever that is when one is asked for."""

    connected: Connected

    def terms(self, command: str) -> Terms | None:
        return self.connected.commander.terms(command)

    async def execute(self, command: str, values: Values, *, reference: str) -> Outcome:
        return await self.connected.commander.execute(command, values, reference=reference)

    async def find(self, command: str, values: Values, *, reference: str) -> Sought:
        return await self.connected.commander.find(command, values, reference=reference)
