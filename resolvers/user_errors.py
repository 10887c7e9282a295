"""Why a mutation was not carried out, as data: refusals are told here, faults are errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry

from resolvers.edges import told
from resolvers.fields import computed, represents


@dataclass(frozen=True, slots=True)
class Word:
    """One named value, as text."""

    name: str
    value: str | None


def words_of(named: Mapping[str, Any]) -> list[Word]:
    """Named values in their order, each as text; None stays null."""
    return [Word(name, None if value is None else str(value)) for name, value in named.items()]


@represents(Word)
@strawberry.type(description="A named value.")
class NamedValue:
    name: str = told("What it is.")
    value: str | None = told("Its value as text; null where there is none.")


@strawberry.type(description="What of a mutation was not done, and why.")
class UserError:
    code: str = told("What hindered it; `docs/errors.md` lists all.")
    field: str | None = told(
        "The value of the input that is meant, by its path, such as `ids.2`; null where none is."
    )
    message: str = told("Why it was not done, and what to do.")
    retryable: bool = told("Whether the same may succeed later.")
    system: str | None = told("The system that hindered it.")
    evidence: list[NamedValue] = computed(
        lambda error: words_of(error.evidence), description="What it was decided by."
    )
