"""Taking in what systems tell: read where it must be, placed, and applied once, by version.

One transaction holds the inbox, the states, the timeline, the events and what is to be told
outside, so that all of it is true or nothing is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.events.applying import Applying, Doubt, by_version
from hub.events.candidates import (
    Candidate,
    candidate,
    is_just_read,
    is_to_read,
    message_mark,
    refs_in,
    wrong_in,
)
from hub.events.entity_states import EntityStates
from hub.events.event import Event
from hub.events.inbox import Inbox, Mark
from hub.events.making import events_of
from hub.events.ports import EventSink, Outgoing, Placing, Reading, Taken
from hub.events.told import Fate, Told
from hub.model.errors import Internal, OpsHubError, RecordUnknown, StoreUnavailable
from hub.model.record import Record
from hub.model.timeline import TimelineEntry
from hub.store.engine import Store
from hub.store.timeline_entries import Telling, TimelineEntries

TAKEN_MAX = 100  # told records a transaction

_DATA_EXCEPTIONS = "22"  # class of SQLSTATE: too long for its column, a NUL in a text

log = logging.getLogger(__name__)

Found = dict[int, Candidate | Taken]
"""What is known of each told record of a batch, by its place in it."""


@dataclass(eq=False)
class Taking:
    """Where everything that systems tell comes in; any number of processes at once.

    After their transaction was committed `applied` is called with the new events, and `confirmed`
    with records that were told later as they had been told before.
    """

    store: Store
    _: KW_ONLY
    timeline: TimelineEntries
    events: EventSink
    reading: Reading
    placing: Placing
    outgoing: Outgoing | None
    applied: Callable[[Sequence[Event]], None]
    now: Callable[[], datetime]
    confirmed: Callable[[Sequence[Record]], None] | None = None

    def __post_init__(self) -> None:
        self._inbox = Inbox(self.store, now=self.now)
        self._states = EntityStates(self.store)

    async def take(self, told: Sequence[Told]) -> list[Taken]:
        """What became of each, aligned, as if they were taken one after another.

        One that fails does not concern the others. Raises StoreUnavailable only: then those of
        the last TAKEN_MAX may be told again, as everything may.
        """
        taken: list[Taken] = []
        for start in range(0, len(told), TAKEN_MAX):
            taken += await self._take_batch(told[start : start + TAKEN_MAX])
        return taken

    async def forget_old(self) -> int:
        """Drop what the inbox kept long enough, a bounded part of it; how many rows it was."""
        return await self._inbox.forget_old()

    async def _take_batch(self, batch: Sequence[Told]) -> list[Taken]:
        try:
            return await self._take_together(batch)
        except Exception as error:  # the outermost loop of what is told: one must not stop others
            if isinstance(error, StoreUnavailable) and not _is_of_values(error):
                raise
            if len(batch) == 1:
                return [_refused(batch[0], error)]
        return [taken for one in batch for taken in await self._take_batch([one])]

    async def _take_together(self, batch: Sequence[Told]) -> list[Taken]:
        found: Found = dict(await self._known(batch))
        await self._find(batch, found, doubted=frozenset())
        doubted = await self._apply(batch, found)
        if doubted:
            await self._find(batch, found, doubted=doubted)
            await self._apply(batch, found)
        return [_fate(found[place]) for place in range(len(batch))]

    async def _known(self, batch: Sequence[Told]) -> dict[int, Fate]:
        """Messages that came before and would have their record read for nothing."""
        marks = {
            place: mark
            for place, told in enumerate(batch)
            if is_to_read(told) and (mark := message_mark(told)) is not None
        }
        known = await self._inbox.known(set(marks.values()))
        again = {place: mark for place, mark in marks.items() if mark in known}
        if again:
            async with self.store.write() as connection:
                await self._inbox.count_in(connection, list(again.values()))
        return dict.fromkeys(again, Fate.DUPLICATE)

    async def _find(self, batch: Sequence[Told], found: Found, *, doubted: frozenset[int]) -> None:
        """Read and place what is not decided yet; those in doubt are read whatever was told."""
        records = await self._records(batch, found, doubted)
        if not records:
            return
        places = await self.placing.place([record for record, _ in records.values()])
        for (place, (record, is_read)), where in zip(records.items(), places, strict=True):
            found[place] = (
                where
                if isinstance(where, OpsHubError)
                else candidate(
                    batch[place], record, where, is_read=is_read, is_final=place in doubted
                )
            )

    async def _records(
        self, batch: Sequence[Told], found: Found, doubted: frozenset[int]
    ) -> dict[int, tuple[Record, bool]]:
        """The records to be placed, and whether they were read; failures go to `found`."""
        waiting = [n for n in range(len(batch)) if n in doubted or n not in found]
        to_read = [n for n in waiting if n in doubted or is_to_read(batch[n])]
        refs = list(dict.fromkeys(batch[n].ref for n in to_read))
        read = dict(zip(refs, await self.reading.read(refs) if refs else (), strict=True))
        records: dict[int, tuple[Record, bool]] = {}
        for place in waiting:
            told = batch[place]
            record = read[told.ref] if place in to_read else told.record
            if (wrong := wrong_in(told, record)) is not None:
                found[place] = wrong
            elif record is None:
                ref = told.ref
                found[place] = RecordUnknown(ref.system, ref.noun, ref.key)
            elif isinstance(record, OpsHubError):
                found[place] = record
            else:
                records[place] = record, place in to_read
        return records

    async def _apply(self, batch: Sequence[Told], found: Found) -> frozenset[int]:
        """Decide all candidates in one transaction; those in doubt are left as they are."""
        told = {n: one for n in range(len(batch)) if isinstance(one := found[n], Candidate)}
        if not told or await self._are_all_told_before(list(told.values()), found, told):
            return frozenset()
        async with self.store.write() as connection:
            applying = await self._begin(connection, list(told.values()))
            fates = {place: applying.take(one) for place, one in told.items()}
            events = await self._write(connection, applying)
        if events:
            self.applied(events)
        if applying.confirmed and self.confirmed is not None:
            self.confirmed(applying.confirmed)
        found.update({n: fate for n, fate in fates.items() if isinstance(fate, Fate)})
        return frozenset(place for place, fate in fates.items() if isinstance(fate, Doubt))

    async def _are_all_told_before(
        self, told: Sequence[Candidate], found: Found, places: dict[int, Candidate]
    ) -> bool:
        """Whether a page of a poll brought nothing new: its overlap costs no transaction."""
        if not all(is_just_read(one.told) for one in told):
            return False
        known = await self._inbox.known({one.fact for one in told})
        if any(one.fact not in known for one in told):
            return False
        found.update(dict.fromkeys(places, Fate.DUPLICATE))
        return True

    async def _begin(self, connection: AsyncConnection, told: Sequence[Candidate]) -> Applying:
        """Lock what is believed of the records, then read the inbox: none can change any more."""
        refs = (ref for one in told for ref in refs_in(one))
        states = await self._states.lock_in(connection, refs)
        marks: set[Mark] = {one.fact for one in told}
        marks |= {mark for one in told if (mark := one.message) is not None}
        known = await self._inbox.known_in(connection, marks)
        return Applying(known, states, self.now(), by_version)

    async def _write(self, connection: AsyncConnection, applying: Applying) -> list[Event]:
        tellings = [Telling(*fact) for step in applying.steps for fact in step.facts]
        recorded = iter(await self.timeline.append_in(connection, tellings))
        events: list[Event] = []
        for step in applying.steps:
            new: list[TimelineEntry | None] = [next(recorded) for _ in step.facts]
            events += events_of(step, [one for one in new if one is not None], applying.now)
        await self._states.put_in(connection, applying.changed)
        await self._inbox.keep_in(connection, applying.kept)
        await self._inbox.count_in(connection, applying.counted)
        await self.timeline.count_again_in(connection, applying.again)
        if events:
            await self.events.append_in(connection, events)
            if self.outgoing is not None:
                await self.outgoing.note_in(connection, events)
        return events


def _fate(found: Candidate | Taken) -> Taken:
    assert not isinstance(found, Candidate)  # a doubt is decided by the second reading
    return found


def _is_of_values(error: StoreUnavailable) -> bool:
    """Whether the database is well and refused a value: it would refuse it for ever."""
    refused = getattr(error.__cause__, "orig", None)
    return str(getattr(refused, "sqlstate", None)).startswith(_DATA_EXCEPTIONS)


def _refused(told: Told, error: Exception) -> OpsHubError:
    if isinstance(error, OpsHubError) and not isinstance(error, StoreUnavailable):
        return error
    ref = told.ref
    log.error("%s %s of %s could not be taken", ref.noun, ref.key, ref.system, exc_info=error)
    return Internal(f"{ref.noun} of {ref.system} could not be taken; the log of the hub says why")
