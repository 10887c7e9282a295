"""What the hub remembers of systems: records by ref, relations as lists of refs.

A relation is remembered only as the refs it gave: it is as current as each of its records.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from hub.events.candidates import AHEAD_MAX
from hub.model.catalog import NOUNS
from hub.model.errors import OpsHubError
from hub.model.record import Record, fields_of
from hub.model.values import Ref
from hub.reads.cache import GenerationCache, Generations, Held
from hub.reads.port import FieldValue

RECORDS_MAX = 50_000  # records; about 2 KB each
RELATIONS_MAX = 50_000  # answers to a relation or a number


class Asked(NamedTuple):
    """One relation of one value in one system: all `noun` records there whose `field` has it."""

    system: str
    noun: str
    field: str
    value: FieldValue


Question = Ref | Asked
Told = Record | tuple[Record, ...] | None
"""A record or None of a Ref, the records of an Asked."""


class Nouns(NamedTuple):
    """The key bumped where a record unknown to the hub changed: any relation may contain it now."""

    system: str
    noun: str


class Memory:
    """The caches every request shares. It holds scope-free facts; scope is checked after it."""

    def __init__(
        self, *, records_max: int = RECORDS_MAX, relations_max: int = RELATIONS_MAX
    ) -> None:
        self.generations = Generations()
        self._records: GenerationCache[Ref, Record | None] = GenerationCache(
            self.generations, entries_max=records_max
        )
        self._relations: GenerationCache[Asked, tuple[Ref, ...]] = GenerationCache(
            self.generations, entries_max=relations_max
        )

    def look(self, question: Question) -> Held[Record | None] | Held[tuple[Record, ...]] | None:
        """What is held of a question, at any age; None where nothing is, or a part is missing."""
        if isinstance(question, Ref):
            return self._records.look(question)
        return self._relation(question)

    def keep(self, question: Question, told: Told, *, begun: int, read_at: float,
             fetched_at: datetime) -> None:  # fmt: skip
        """Remember an answer, unless it is outdated already."""
        if isinstance(question, Ref):
            assert not isinstance(told, tuple)
            self._records.keep(question, Held(told, read_at, fetched_at, begun))
            return
        assert isinstance(told, tuple)
        for record in told:
            self._records.keep(record.ref, Held(record, read_at, fetched_at, begun))
        refs = tuple(record.ref for record in told)
        if self._is_whole(question, refs, begun):
            self._relations.keep(question, Held(refs, read_at, fetched_at, begun))

    def note_failure(self, question: Question, error: OpsHubError, *, retry_at: float) -> None:
        """Mark what is held of a question with the failure of its refresh."""
        held: Held[Record | None] | Held[tuple[Ref, ...]] | None
        if isinstance(question, Ref):
            held = self._records.look(question)
        else:
            held = self._relations.look(question)
        if held is not None:
            held.failure, held.retry_at = error, retry_at

    def is_current(self, question: Question, begun: int) -> bool:
        """Whether a read that began then may still be joined."""
        if isinstance(question, Ref):
            return self.generations.is_current(question, begun)
        return self._is_whole(question, (), begun)

    def bump(self, ref: Ref, *, record: Record | None = None) -> None:
        """A record changed; `record` is what it is now, where the caller knows.

        Relations that contain it, and those of its reference values, are outdated with it. Where
        neither the hub nor the caller knows its references, all relations of its noun are.
        """
        held = self._records.look(ref)
        known = [each for each in (held.value if held else None, record) if each is not None]
        self.generations.bump(ref)
        self._records.drop(ref)
        for each in known:
            for asked in _relations_with(each):
                self.generations.bump(asked)
                self._relations.drop(asked)
        if not known:
            self.generations.bump(Nouns(ref.system, ref.noun))

    def learn(self, record: Record, *, read_at: float) -> None:
        """What an event told of a record: kept as if it had been read then, unless what is held is
        newer. Its relations are outdated with it."""
        held = self._records.look(record.ref)
        known = held.value if held else None
        if known is not None and (known == record or _is_newer(known, record)):
            return
        self.bump(record.ref, record=record)
        begun = self.generations.begin()
        self._records.keep(record.ref, Held(record, read_at, record.fetched_at, begun))

    def _relation(self, asked: Asked) -> Held[tuple[Record, ...]] | None:
        held = self._relations.look(asked)
        if held is None or not self._is_whole(asked, held.value, held.begun):
            return None
        records = []
        for ref in held.value:
            one = self._records.look(ref)
            if one is None or one.value is None:
                return None
            records.append(one.value)
        return Held(
            tuple(records), held.read_at, held.fetched_at, held.begun, held.failure, held.retry_at
        )

    def _is_whole(self, asked: Asked, refs: tuple[Ref, ...], begun: int) -> bool:
        current = self.generations.is_current
        return (
            current(asked, begun)
            and current(Nouns(asked.system, asked.noun), begun)
            and all(current(ref, begun) for ref in refs)
        )


def _is_newer(known: Record, told: Record) -> bool:
    """By their system's time; one far in the future is a mistake that is newer than nothing."""
    return told.as_of < known.as_of <= known.fetched_at + AHEAD_MAX


def _relations_with(record: Record) -> list[Asked]:
    """The relations and numbers a record answers: its references and its texts."""
    ref = record.ref
    found = []
    known = fields_of(NOUNS[ref.noun])
    for name, field in known.items():
        if field.kind in ("reference", "text"):
            value = getattr(record, name)
            if value is not None:
                found.append(Asked(ref.system, ref.noun, name, value))
    return found
