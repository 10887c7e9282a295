"""Numbers people use, looked up in every system that serves the noun, at once.

Two systems may both know a number: then the answer is several records, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hub.model.errors import NotServed, NumberAmbiguous, OpsHubError
from hub.model.ids import encode_id
from hub.model.record import Record
from hub.model.values import Ref
from hub.reads.answers import Found
from hub.reads.asking import Asking
from hub.reads.memory import Asked
from hub.reads.owners import Owners
from hub.reads.port import RecordSource


def number_field(noun: str) -> str:
    """The canonical field that holds what people call the number of a noun."""
    return "sku" if noun == "item" else "number"


async def records_by_field(
    asking: Asking, owners: Owners, sources: Mapping[str, RecordSource], asked: tuple[str, str, str]
) -> Found:
    """The visible records whose text field has the value, by ref; `asked` is noun, field, value.

    NotServed where no connected system can look it up.
    """
    noun, field, value = asked
    questions = [
        Asked(name, noun, field, value)
        for name, source in sources.items()
        if noun in source.nouns and field in source.nouns[noun].asked_by
    ]
    if not questions:
        raise NotServed(noun)
    answers = await asking.answers(questions)
    records: list[Record] = []
    failures: list[OpsHubError] = []
    for answer in answers:
        told, failed = owners.told(answer.value)
        records += told
        failures += failed
    if not records:
        await owners.walk_in_vain([Ref(noun, questions[0].system, value)])
    visible = await owners.only_visible(records)
    return Found(tuple(sorted(visible, key=lambda record: record.ref)), tuple(failures))


def only_one(
    noun: str, number: str, found: Found, same_as: Callable[[Ref], tuple[Ref, ...]]
) -> Record | None:
    """The record a number names, None where none does.

    Records that the cross references call one thing are one: the leading one answers.
    NumberAmbiguous where several things have the number. Where none was found and a system failed
    its error is raised: nobody can say that the number does not exist.
    """
    things: dict[Ref, Record] = {}
    for record in found.records:
        group = same_as(record.ref)
        leading = things.setdefault(group[0], record)
        if group.index(record.ref) < group.index(leading.ref):
            things[group[0]] = record
    if len(things) > 1:
        candidates = tuple((one.ref.system, encode_id(one.ref)) for one in things.values())
        raise NumberAmbiguous(noun, number, candidates)
    if things:
        return next(iter(things.values()))
    if found.failures:
        raise found.failures[0]
    return None
