"""Rules of what names other records: reference fields, and the keys that meet across systems.

What is certainly wrong is an error. What may come true once another system is connected is a note.
"""

from __future__ import annotations

from hub.config.field_specs import FieldSpec
from hub.config.findings import Findings, Place
from hub.config.outside_meaning import check_table_file
from hub.config.problems import Path, likely_word, one_of
from hub.config.specs import CrossReferenceSpec
from hub.model.catalog import NOUNS
from hub.model.record import Field, fields_of


def check_reference(
    findings: Findings, place: Place, path: Path, spec: FieldSpec, known: Field
) -> None:
    """A reference says whose record it names; a noun that nobody declares there is a note."""
    noun = known.to or ""
    if spec.to is None:
        _check_left_out(findings, place, path, spec, noun)
        return
    at = (*path, "to")
    if spec.to.column is not None:
        if spec.to.values is None:
            findings.value(at, "a column of systems without values",
                           expected='values: { "01": system, ... }')  # fmt: skip
        for native, system in (spec.to.values or {}).items():
            if findings.known_system((*at, "values", native), system):
                _note_undeclared(findings, (*at, "values", native), system, noun)
    elif spec.to.system is None or spec.to.noun is None:
        findings.value(at, f"{spec.to.system!r} names no noun", expected="system.noun",
                       likely=f"{spec.to.system}.{noun}")  # fmt: skip
    elif findings.known_system(at, spec.to.system):
        if spec.to.noun != noun:
            findings.value(at, f"a reference to {spec.to.noun!r}",
                           expected=f"{noun}, which it names",
                           likely=f"{spec.to.system}.{noun}")  # fmt: skip
        else:
            _note_undeclared(findings, at, spec.to.system, noun)


def _check_left_out(
    findings: Findings, place: Place, path: Path, spec: FieldSpec, noun: str
) -> None:
    serving = [name for name, nouns in findings.declared.items() if noun in nouns]
    if len(serving) == 1 or spec.python is not None:
        return
    which = f"{' and '.join(serving)} serve" if serving else "no system of the file serves"
    likely = f"{serving[0] if serving else place.system.name}.{noun}"
    findings.key(path, f"a reference without to, and {which} {noun}",
                 expected="to: system.noun", likely=likely)  # fmt: skip


def _note_undeclared(findings: Findings, at: Path, system: str, noun: str) -> None:
    """Such a reference can be read, but what it names cannot be followed."""
    if noun in findings.declared[system]:
        return
    serving = [name for name, nouns in findings.declared.items() if noun in nouns]
    findings.note(at, f"{system} declares no {noun}, so it leads nowhere",
                  expected=f"{noun} among the entities of {system}",
                  likely=f"{serving[0]}.{noun}" if len(serving) == 1 else None)  # fmt: skip


def check_cross_reference(findings: Findings, noun: str, spec: CrossReferenceSpec) -> None:
    """A table with its columns, or fields to match by, of a noun; the table is looked into."""
    path: Path = ("cross_references", noun)
    if noun not in NOUNS:
        findings.key(path, f"unknown noun {noun!r}", expected=one_of(NOUNS),
                     likely=likely_word(noun, NOUNS))  # fmt: skip
        return
    if (spec.table is None) != (spec.columns is None) or (spec.table or spec.match) is None:
        findings.key(path, "nothing to meet by", expected="table and columns, or match")
    for target in spec.columns or {}:
        _check_meeting(findings, (*path, "columns", target), target)
    if spec.table is not None:
        check_table_file(findings, path, spec.table, spec.columns or {})
    for field in spec.match or ():
        known = fields_of(NOUNS[noun])
        if field not in known:
            findings.value((*path, "match"), f"unknown field {field!r} of {noun}",
                           expected=one_of(known), likely=likely_word(field, known))  # fmt: skip


def _check_meeting(findings: Findings, path: Path, target: str) -> None:
    """A system that is not connected yet may have keys in the table; a misspelt one may not."""
    system, dot, word = target.partition(".")
    if not dot or not word:
        findings.key(path, f"{target!r} names no system and noun", expected="system.noun")
    elif system not in findings.declared:
        likely = likely_word(system, findings.declared)
        if likely is not None:
            findings.key(path, f"unknown system {system!r}", expected=one_of(findings.declared),
                         likely=f"{likely}.{word}")  # fmt: skip
        else:
            message = f"no system {system!r} in this file, so its keys meet nothing yet"
            findings.note_key(path, message, expected=one_of(findings.declared))
