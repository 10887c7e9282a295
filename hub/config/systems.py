"""The systems file: which systems there are and how each canonical field is made.

`load_systems` gives the file as frozen models (hub/config/specs.py) or all its mistakes at once;
`read_systems` gives both, for who tells them.
docs/systems-file.md is the vocabulary.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path as FilePath

from hub.config.command_specs import BodyRequest, CommandSpec, FindSpec, Over, RefusalSpec
from hub.config.connection_specs import AuthSpec, BasicSpec, Request
from hub.config.event_specs import ChangesSpec, EventsSpec
from hub.config.field_specs import AttributeSpec, CurrencySpec, FieldSpec, ToSpec, UnitSpec
from hub.config.includes import read_with_includes
from hub.config.problems import Problem, SystemsFileInvalid, in_order
from hub.config.semantics import check_meaning
from hub.config.specs import (
    CrossReferenceSpec,
    EntitySpec,
    Limits,
    Quota,
    SystemsFile,
    SystemSpec,
)
from hub.config.structure import build
from hub.config.variables import expand_variables

__all__ = [
    "AttributeSpec", "AuthSpec", "BasicSpec", "BodyRequest", "ChangesSpec", "CommandSpec",
    "CrossReferenceSpec", "CurrencySpec", "EntitySpec", "EventsSpec", "FieldSpec", "FindSpec",
    "Limits", "Over", "Problem", "Quota", "RefusalSpec", "Request", "SystemSpec", "SystemsFile",
    "SystemsFileInvalid", "ToSpec", "UnitSpec", "load_systems", "read_systems",
]  # fmt: skip

_log = logging.getLogger(__name__)


def load_systems(path: FilePath, *, environ: Mapping[str, str]) -> SystemsFile:
    """The systems file with its includes; SystemsFileInvalid with every problem it has.

    Notes of a file that can be used are logged as warnings.
    """
    systems, problems = read_systems(path, environ=environ)
    if systems is None:
        raise SystemsFileInvalid(problems)
    for note in problems:
        _log.warning("%s", note)
    return systems


def read_systems(
    path: FilePath, *, environ: Mapping[str, str]
) -> tuple[SystemsFile | None, tuple[Problem, ...]]:
    """The file, None where it cannot be used, and its problems and notes in their order."""
    document = read_with_includes(path)
    document.keep_written()
    expand_variables(document, environ)
    systems, left_out = build(document)
    if systems is not None:
        check_meaning(systems, document, left_out)
    problems = in_order(document.problems)
    if systems is None or any(each.is_error for each in problems):
        return None, problems
    systems._document = document
    return systems, problems
