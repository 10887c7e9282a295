"""Which systems a query will call, worked out from their terms alone. Pure; nothing is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.reads.port import NounTerms
from hub.reads.relations import RELATIONS, Relation


@dataclass(frozen=True, slots=True)
class ExplainedCall:
    """A call a system will get at most once for all parents together.

    `parents` are the systems whose records cause it, None where the field is plain text.
    `is_carried` says that the parent's own records may hold the children, which saves the call.
    """

    system: str
    noun: str
    field: str | None
    parents: tuple[str, ...] | None
    is_carried: bool
    batch_max: int


def explain_relation(
    name: str, systems: Mapping[str, Mapping[str, NounTerms]]
) -> list[ExplainedCall]:
    """The calls of a relation of the table, by system; KeyError where the table has no such name.

    `systems` is each system's nouns by name.
    """
    relation = RELATIONS[name]
    return [
        ExplainedCall(
            system, relation.noun, relation.by, _parents(relation, terms),
            _is_carried(relation, system, systems), terms.batch_max,
        )
        for system, nouns in systems.items()
        if (terms := nouns.get(relation.noun)) is not None
        and relation.by in terms.asked_by
        and (relation.is_text or terms.targets.get(relation.by))
    ]  # fmt: skip


def explain_key(noun: str, systems: Mapping[str, Mapping[str, NounTerms]]) -> list[ExplainedCall]:
    """The systems that can be asked for a noun by key; each id names one of them."""
    return [
        ExplainedCall(system, noun, None, None, False, nouns[noun].batch_max)
        for system, nouns in systems.items()
        if noun in nouns
    ]


def explain_number(
    noun: str, field: str, systems: Mapping[str, Mapping[str, NounTerms]]
) -> list[ExplainedCall]:
    """The systems that are asked for a number, all at once."""
    return [
        ExplainedCall(system, noun, field, None, False, nouns[noun].batch_max)
        for system, nouns in systems.items()
        if noun in nouns and field in nouns[noun].asked_by
    ]


def _parents(relation: Relation, terms: NounTerms) -> tuple[str, ...] | None:
    if relation.is_text:
        return None
    return tuple(sorted(terms.targets[relation.by]))


def _is_carried(
    relation: Relation, system: str, systems: Mapping[str, Mapping[str, NounTerms]]
) -> bool:
    parent: Sequence[str] = tuple(systems[system].get(relation.of, _NOTHING).carries)
    return relation.carried is not None and relation.carried in parent


_NOTHING = NounTerms(fresh_for_s=0, stale_for_s=0, batch_max=0, asked_by=frozenset())
