"""Problems of a systems file as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hub.config.problems import Problem, SystemsFileInvalid
from hub.config.systems import SystemsFile, load_systems


def check_file(
    file: Path, *, environ: Mapping[str, str]
) -> tuple[SystemsFile | None, tuple[Problem, ...]]:
    """The systems file, or None and all its mistakes in the order of the file."""
    try:
        return load_systems(file, environ=environ), ()
    except SystemsFileInvalid as error:
        return None, error.problems


def problems_as_text(problems: Sequence[Problem]) -> str:
    """One line a problem, then how many there are; empty where there is none."""
    if not problems:
        return ""
    errors = sum(each.is_error for each in problems)
    counts = ((errors, "problem"), (len(problems) - errors, "note"))
    told = ", ".join(_counted(count, word) for count, word in counts if count)
    return "\n".join([*map(str, problems), told])


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'s' if count != 1 else ''}"


def problems_as_json(problems: Sequence[Problem]) -> dict[str, Any]:
    """`ok`, and `problems`, each with the members of `Problem`."""
    return {
        "ok": not any(each.is_error for each in problems),
        "problems": [asdict(each) for each in problems],
    }


def problems_of(file: Path, *, environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """All mistakes of a systems file, in its order; none where it can be used."""
    return check_file(file, environ=environ)[1]


def as_text(file: Path, problems: Sequence[Problem]) -> str:
    return problems_as_text(problems) or f"{file}: no problems"


def as_json(file: Path, problems: Sequence[Problem]) -> dict[str, Any]:
    return {"file": str(file)} | problems_as_json(problems)
