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
    """One line a problem, then how many; `FILE: ok` where there is none."""
    if not problems:
        return f"{file}: ok"
    count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
    return "\n".join([*map(str, problems), f"{file}: {count}"])


def as_json(file: Path, problems: Sequence[Problem]) -> dict[str, Any]:
    """`{"file", "ok", "problems": [{file, line, column, path, message, expected, likely}]}`."""
    return {
        "file": str(file),
        "ok": not problems,
        "problems": [asdict(each) for each in problems],
    }
