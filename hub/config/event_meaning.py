"""Rules of `events`: each row must lead to an entity the system serves, each secret be one."""

from __future__ import annotations

from hub.config import formats
from hub.config.event_specs import ANY_KIND, AtSpec, EventRow, EventsSpec, SignatureSpec
from hub.config.field_meaning import check_time_format, check_zone
from hub.config.findings import Findings
from hub.config.problems import Path, likely_word, one_of
from hub.config.specs import SystemSpec

SECRET_BYTES_MIN = 16
PREFIX_MAX = 40  # characters


def check_events(findings: Findings, system: SystemSpec, spec: EventsSpec) -> None:
    """All rules of one system's events."""
    path: Path = ("systems", system.name, "events")
    for kind, row in spec.of.items():
        _check_row(findings, system, row, path=(*path, "of", kind))
    _check_kinds(findings, spec, path)
    if spec.at is not None:
        _check_at(findings, spec.at, (*path, "at"))
    if spec.signature is not None:
        _check_signature(findings, spec.signature, (*path, "signature"))


def _check_kinds(findings: Findings, spec: EventsSpec, path: Path) -> None:
    if spec.kind is None and set(spec.of) != {ANY_KIND}:
        findings.key((*path, "of"), "rows by kind, but no kind",
                     expected='kind: the path of it, or one row "*"')  # fmt: skip
    if spec.kind is not None and ANY_KIND in spec.of:
        findings.key((*path, "of", ANY_KIND), "a row for any kind beside kind",
                     expected="a row for each kind; ignore: for the others")  # fmt: skip
    for kind in spec.ignore or ():
        if kind in spec.of:
            findings.value((*path, "ignore"), f"{kind!r} is ignored and has a row",
                           expected="one of both")  # fmt: skip
    if spec.ignore is not None and spec.kind is None:
        findings.key((*path, "ignore"), "ignore without kind", expected="kind: the path of it")


def _check_row(findings: Findings, system: SystemSpec, row: EventRow, *, path: Path) -> None:
    declared = findings.declared[system.name]
    if row.entity not in declared:
        findings.value((*path, "entity"), f"{system.name} serves no {row.entity!r}",
                       expected=one_of(declared),
                       likely=likely_word(row.entity, declared))  # fmt: skip
        return
    if (row.record is None) == (row.key is None):
        both = "record and key" if row.key is not None else "neither record nor key"
        findings.key(path, both, expected="exactly one of record and key")
    if row.record is not None and system.kind == "sql":
        findings.value((*path, "record"), "the record of a sql system in a message",
                       expected="key: and the record is read")  # fmt: skip
    entity = system.entities.get(row.entity)
    if entity is not None and row.key is not None and len(row.key) != len(entity.key):
        findings.value((*path, "key"), f"{len(row.key)} paths for a key of {len(entity.key)}",
                       expected=f"a path for each of {', '.join(entity.key)}")  # fmt: skip


def _check_at(findings: Findings, spec: AtSpec, path: Path) -> None:
    counts = spec.read is not None and spec.read in formats.INSTANT_WORDS and spec.read != "iso"
    if spec.zone is None and not counts:
        findings.key(path, "an instant without a zone",
                     expected="zone: UTC, Europe/Berlin ... or offset")  # fmt: skip
    check_zone(findings, path, spec.zone)
    if spec.read is not None:
        check_time_format(findings, path, spec.read)


def _check_signature(findings: Findings, spec: SignatureSpec, path: Path) -> None:
    at = (*path, "secret")
    written = findings.document.written(at)
    for text in written if isinstance(written, list) else [written]:
        if isinstance(text, str) and "${" not in text:
            findings.value(at, "a secret in the file (its text is not shown)",
                           expected='"${NAME}" or "${file:/run/secrets/x}"')  # fmt: skip
    if any(len(each.get_secret_value().encode()) < SECRET_BYTES_MIN for each in spec.secret):
        findings.value(at, "a secret that cannot sign (it is not shown)",
                       expected=f"{SECRET_BYTES_MIN} bytes or more")  # fmt: skip
    if len(spec.prefix) > PREFIX_MAX:
        findings.value((*path, "prefix"), "a long prefix", expected=f"{PREFIX_MAX} characters")
