"""Problems of a systems file as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hub.config.problems import Problem
from hub.config.systems import read_systems


def problems_of(file: Path, *, environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """All mistakes and notes of a systems file, in its order; no error where it can be used."""
    return read_systems(file, environ=environ)[1]


def as_text(file: Path, problems: Sequence[Problem]) -> str:
    """One line a problem, then how many there are; `FILE: ok` where there is no error."""
    errors = sum(each.is_error for each in problems)
    counts = ((errors, "problem"), (len(problems) - errors, "note"))
    told = ", ".join(_counted(count, word) for count, word in counts if count)
    if not errors:
        told = f"ok, {told}" if told else "ok"
    return "\n".join([*map(str, problems), f"{file}: {told}"])


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'s' if count != 1 else ''}"


def as_json(file: Path, problems: Sequence[Problem]) -> dict[str, Any]:
    """`file`, `ok`, and `problems`, each with the members of `Problem`."""
    return {
        "file": str(file),
        "ok": not any(each.is_error for each in problems),
        "problems": [asdict(each) for each in problems],
    }
