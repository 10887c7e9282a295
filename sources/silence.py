"""A system that does not answer while its declaration is checked, as a problem of the file."""

from __future__ import annotations

from dataclasses import replace

from hub.config.problems import Problem, problem
from hub.config.specs import SystemsFile
from hub.model.errors import OpsHubError, SourceBusy, SourceTimeout, SourceUnavailable

_SILENT = (SourceUnavailable, SourceTimeout, SourceBusy)


def no_answer(file: SystemsFile, system: str, error: OpsHubError) -> Problem:
    """The problem at the system's url; `is_unreachable` where nothing more can be asked of it."""
    path = ("systems", system, "url")
    found = problem(file.where(path), path, str(error), expected="a system that answers")
    return replace(found, is_unreachable=isinstance(error, _SILENT))
