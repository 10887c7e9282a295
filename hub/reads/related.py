"""Relations read for many parents at once: asked of every system that can answer, joined, scoped.

A relation costs one call a system, whatever the number of parents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.model.errors import OpsHubError
from hub.model.record import Record
from hub.model.values import Ref, Staleness
from hub.reads.answers import References
from hub.reads.asking import Asking
from hub.reads.lanes import Answer
from hub.reads.memory import Asked
from hub.reads.owners import Owners, names_no_owner
from hub.reads.port import RecordSource
from hub.reads.relations import Relation, can_answer, in_order
from hub.reads.sections import Section, SectionRecorder, SectionState, oldest
from hub.reads.tracking import is_scan_of


@dataclass(slots=True)
class _Part:
    """What one system gave of a relation for one parent."""

    system: str
    answer: Answer
    records: list[Record]
    failures: list[OpsHubError]


class Relating:
    """The relations of one request."""

    def __init__(
        self,
        asking: Asking,
        *,
        owners: Owners,
        sources: Mapping[str, RecordSource],
        references: References,
        recorder: SectionRecorder,
    ) -> None:
        self._asking = asking
        self._owners = owners
        self._sources = sources
        self._references = references
        self._recorder = recorder

    async def related(self, relation: Relation, parents: Sequence[Record]) -> list[Section]:
        """One section per parent, aligned; its records in the relation's order."""
        asked = [self._questions(relation, parent) for parent in parents]
        answers = await self._asking.answers([each for some in asked for each in some])
        ahead = iter(answers)
        found = [
            self._carried(relation, parent)
            + [self._part(each.system, next(ahead)) for each in some]
            for parent, some in zip(parents, asked, strict=True)
        ]
        await self._keep_visible(relation, parents, found)
        return [
            self._section(relation, parent, parts)
            for parent, parts in zip(parents, found, strict=True)
        ]

    def _questions(self, relation: Relation, parent: Record) -> list[Asked]:
        """What to ask of whom, each once, by system in the order of the systems file."""
        values: tuple[Ref | str, ...]
        if relation.via is not None:
            text = getattr(parent, relation.via)
            values = () if text is None else (text,)
        else:
            values = self._references.same_as(parent.ref)
        own = parent.ref.system if _has_children(relation, parent) else None
        asked = [
            Asked(name, relation.noun, relation.by, value)
            for name, source in self._sources.items()
            if name != own and (terms := source.nouns.get(relation.noun)) is not None
            for value in values
            if can_answer(terms, relation.by, value.system if isinstance(value, Ref) else None)
        ]
        return list(dict.fromkeys(asked))

    def _part(self, system: str, answer: Answer) -> _Part:
        value = answer.value
        rows = value if isinstance(value, tuple) else () if value is None else (value,)
        records = [row for row in rows if isinstance(row, Record)]
        failures = [self._owners.heard(row) for row in rows if isinstance(row, OpsHubError)]
        return _Part(system, answer, records, failures)

    def _carried(self, relation: Relation, parent: Record) -> list[_Part]:
        if not _has_children(relation, parent):
            return []
        children = getattr(parent, relation.carried or "")
        self._asking.carries(parent, children)
        seen = self._asking.provenance(parent)
        answer = Answer((), parent.fetched_at, seen.staleness, seen.from_cache)
        return [_Part(parent.ref.system, answer, list(children), [])]

    async def _keep_visible(
        self, relation: Relation, parents: Sequence[Record], found: list[list[_Part]]
    ) -> None:
        """Drop what the scope may not see, and scans of another shipment with the same number."""
        if relation.noun == "milestone" and relation.is_text:
            for parent, parts in zip(parents, found, strict=True):
                for part in parts:
                    part.records = [one for one in part.records if is_scan_of(one, parent)]
        records = [one for parts in found for part in parts for one in part.records]
        checked = [one for one in records if not (relation.is_text and names_no_owner(one))]
        seen = await self._owners.visible(checked)
        hidden = {id(one) for one, is_seen in zip(checked, seen, strict=True) if not is_seen}
        if not hidden:
            return
        for parts in found:
            for part in parts:
                part.records = [one for one in part.records if id(one) not in hidden]

    def _section(self, relation: Relation, parent: Record, parts: list[_Part]) -> Section:
        if not parts:
            self._recorder.note(
                parent.ref,
                SectionState(name=relation.section, system=None, state="NOT_CONFIGURED"),
            )
            return Section((), (), is_served=False)
        for part in parts:
            self._recorder.note(parent.ref, row_of(relation.section, part.system, part.answer,
                                                   part.records, part.failures))  # fmt: skip
        records = in_order(relation, [one for part in parts for one in part.records])
        failures = _each_once([error for part in parts for error in part.failures])
        return Section(records, failures, is_served=True)


def row_of(
    name: str, system: str, answer: Answer, records: Sequence[Record],
    failures: Sequence[OpsHubError],
) -> SectionState:  # fmt: skip
    """The row of `sections` for what a system answered."""
    if isinstance(answer.value, OpsHubError):
        return SectionState(
            name=name, system=system, state="FAILED", staleness=Staleness.UNAVAILABLE,
            code=answer.value.code,
        )  # fmt: skip
    why = answer.failure or next(iter(failures), None)
    return SectionState(
        name=name,
        system=system,
        state="AVAILABLE",
        as_of=oldest(record.as_of for record in records) or answer.fetched_at,
        fetched_at=oldest((answer.fetched_at, *(record.fetched_at for record in records))),
        staleness=answer.staleness,
        code=None if why is None else why.code,
    )


def _has_children(relation: Relation, parent: Record) -> bool:
    return relation.carried is not None and getattr(parent, relation.carried) is not None


def _each_once(errors: Sequence[OpsHubError]) -> tuple[OpsHubError, ...]:
    return tuple({(error.system, error.code, str(error)): error for error in errors}.values())
