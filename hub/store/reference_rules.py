"""Rules: records of several systems that agree in all the fields named are one real thing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hub.model.record import Record
from hub.model.values import Ref

# Codes that people write with blanks, dots and dashes; everywhere else those tell things apart.
_CODES = frozenset({"tax_number", "gtin", "phone", "postal_code"})


@dataclass(frozen=True, slots=True)
class Matches:
    """`links` are refs of one thing. `ambiguous` agree too, but two are of one system: which of
    them is meant only a person can say."""

    links: tuple[tuple[Ref, ...], ...]
    ambiguous: tuple[tuple[Ref, ...], ...]


def matched(records: Iterable[Record], fields: Sequence[str]) -> Matches:
    """Refs whose records agree; a record that lacks one of the fields agrees with none."""
    alike: dict[tuple[str, ...], dict[Ref, None]] = {}
    for record in records:
        values = tuple(normalised(name, getattr(record, name)) for name in fields)
        if all(values):
            alike.setdefault(values, {})[record.ref] = None
    groups = [tuple(refs) for refs in alike.values() if len(refs) > 1]
    return Matches(
        links=tuple(group for group in groups if not _repeats_a_system(group)),
        ambiguous=tuple(group for group in groups if _repeats_a_system(group)),
    )


def normalised(field: str, value: Any) -> str:
    """The text two values are compared by: case, blanks, width and, in codes, punctuation aside."""
    if value is None:
        return ""
    text = str(value.value if isinstance(value, Enum) else value)
    text = unicodedata.normalize("NFKC", text).casefold()
    if field in _CODES:
        return "".join(each for each in text if each.isalnum())
    return " ".join(text.split())


def _repeats_a_system(refs: Sequence[Ref]) -> bool:
    return len({ref.system for ref in refs}) < len(refs)
