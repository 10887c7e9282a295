"""Numbers people use, looked up in every system that serves the noun, at once.

Two systems may both know a number. Records that the cross references call one thing are one, the
leading one; where the number is of several things the answer is several records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from hub.model.errors import NotServed, OpsHubError
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


def leading(
    records: Iterable[Record], same_as: Callable[[Ref], tuple[Ref, ...]]
) -> dict[Ref, Record]:
    """One record of each thing, by the thing's primary ref, in the order the things came.

    Of several it is the one that stands first in the cross references.
    """
    things: dict[Ref, Record] = {}
    for record in records:
        group = same_as(record.ref)
        before = things.setdefault(group[0], record)
        if group.index(record.ref) < group.index(before.ref):
            things[group[0]] = record
    return things
