"""Problems of a systems file as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hub.config.problems import Problem, SystemsFileInvalid
from hub.config.systems import load_systems


def problems_of(file: Path, *, environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """All mistakes of a systems file, in its order; none where it can be used."""
    try:
        load_systems(file, environ=environ)
    except SystemsFileInvalid as error:
        return error.problems
    return ()


def as_text(file: Path, problems: Sequence[Problem]) -> str:
    """One line a problem, then how many there are; `FILE: ok` where there is none."""
    if not problems:
        return f"{file}: ok"
    errors = sum(each.is_error for each in problems)
    counts = ((errors, "problem"), (len(problems) - errors, "note"))
    told = ", ".join(_counted(count, word) for count, word in counts if count)
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
