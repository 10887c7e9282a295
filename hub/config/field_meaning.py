"""Rules of one line under `fields:`: the canonical field decides which words it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from zoneinfo import available_timezones

from hub.config import formats
from hub.config.field_specs import AttributeSpec, CurrencySpec, FieldSpec, UnitSpec
from hub.config.findings import Findings, Place
from hub.config.outside_meaning import check_python
from hub.config.problems import Path, likely_word, one_of, with_article
from hub.config.reference_meaning import check_reference
from hub.config.vocabulary import OFFSET_ZONE, READERS
from hub.model.record import Field, Kind

_MAKERS = ("column", "columns", "const", "python", "each")
_SIGNED: frozenset[Kind] = frozenset({"money", "quantity", "decimal", "whole"})
_NUMERIC: frozenset[Kind] = frozenset({"money", "quantity", "decimal"})
_TIMED: frozenset[Kind] = frozenset({"instant", "day"})
_TRANSLATED: frozenset[Kind] = frozenset({"coded", "text", "flag", "whole"})
_WRITTEN: frozenset[Kind] = frozenset({"text", "whole", "reference"})
_FLAGS = frozenset({"true", "false"})
_OTHERWISE = frozenset({"error", "warn"})
_ONLY_FOR: dict[str, frozenset[Kind]] = {
    "currency": frozenset({"money"}), "unit": frozenset({"quantity"}), "zone": _TIMED,
    "to": frozenset({"reference"}), "negate": _SIGNED, "values": _TRANSLATED, "write": _WRITTEN,
    "each": frozenset({"children"}), "read": _NUMERIC | _TIMED | {"texts"},
}  # fmt: skip


def check_fields(findings: Findings, place: Place, fields: dict[str, FieldSpec], at: Path) -> None:
    """Every field of an entity, or of children nested in one."""
    for name, spec in fields.items():
        path = (*at, name)
        known = place.fields.get(name)
        if known is None:
            findings.key(path, f"unknown field {name!r} of {place.noun}",
                         expected=one_of(place.fields),
                         likely=likely_word(name, place.fields))  # fmt: skip
            continue
        _check_words(findings, path, known, spec)
        _RULES.get(known.kind, _no_rule)(findings, place, path, spec, known)
        _check_values(findings, path, spec, known)
        _check_formats(findings, path, spec, known)
        if spec.python is not None:
            check_python(findings, (*path, "python"), spec.python)


def _check_words(findings: Findings, path: Path, known: Field, spec: FieldSpec) -> None:
    made = [word for word in _MAKERS if getattr(spec, word) is not None]
    if len(made) != 1:
        findings.key(path, " and ".join(made) or "nothing that makes the value",
                     expected="exactly one of column, columns, const, python, each")  # fmt: skip
    for word, kinds in _ONLY_FOR.items():
        if getattr(spec, word) not in (None, False) and known.kind not in kinds:
            findings.value((*path, word), f"{word!r} for {with_article(known.kind)} field",
                           expected=f"it only for {', '.join(sorted(kinds))}")  # fmt: skip
    for word in ("entity", "key", "fields"):
        if getattr(spec, word) is not None and spec.each is None:
            findings.value((*path, word), f"{word!r} without each", expected="it beside each")


def _no_rule(findings: Findings, place: Place, path: Path, spec: FieldSpec, known: Field) -> None:
    """Text, numbers, flags and days need nothing beside their column."""


def _money(findings: Findings, place: Place, path: Path, spec: FieldSpec, known: Field) -> None:
    if spec.currency is None:
        if spec.python is None:
            findings.key(path, "money without a currency",
                         expected="currency: a column, or { const: EUR }")  # fmt: skip
        return
    _exactly_one(findings, (*path, "currency"), spec.currency)
    if spec.currency.parent is not None and place.around is None:
        findings.value((*path, "currency"), "the currency of a parent, but there is no parent",
                       expected="parent: on the entity, or a column of its own")  # fmt: skip


def _quantity(findings: Findings, place: Place, path: Path, spec: FieldSpec, known: Field) -> None:
    if spec.unit is not None:
        _exactly_one(findings, (*path, "unit"), spec.unit)
    elif spec.python is None:
        findings.key(path, "a quantity without a unit",
                     expected="unit: EA, { column: ... } or item")  # fmt: skip


def _exactly_one(findings: Findings, path: Path, spec: CurrencySpec | UnitSpec) -> None:
    words = type(spec).model_fields
    if sum(1 for word in words if getattr(spec, word) not in (None, False)) != 1:
        findings.value(path, "not exactly one word", expected=f"exactly one of {', '.join(words)}")


def _instant(findings: Findings, place: Place, path: Path, spec: FieldSpec, known: Field) -> None:
    counts_seconds = spec.read is not None and spec.read.startswith("epoch")
    if spec.columns is not None and spec.read is None:
        findings.key(path, "an instant of several columns without read",
                     expected='read: "%Y%m%d %H%M%S", one part a column')  # fmt: skip
    if spec.zone is None and spec.python is None and not counts_seconds:
        findings.key(path, "an instant without a zone",
                     expected="zone: UTC, Europe/Berlin ... or offset")  # fmt: skip
    check_zone(findings, path, spec.zone)


def check_zone(findings: Findings, path: Path, zone: str | None) -> None:
    """A zone is `offset` or a name of the IANA time zone database."""
    if zone is None or zone == OFFSET_ZONE or zone in _zones():
        return
    findings.value((*path, "zone"), f"unknown zone {zone!r}",
                   expected="offset, UTC or an IANA name such as Europe/Berlin",
                   likely=likely_word(zone, [*_zones(), OFFSET_ZONE]))  # fmt: skip


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _children(findings: Findings, place: Place, path: Path, spec: FieldSpec, known: Field) -> None:
    if spec.each is None or known.to is None:
        if spec.python is None:
            findings.key(path, "children without each",
                         expected=f"each: path, entity: {known.to}, fields: ...")  # fmt: skip
        return
    if place.system.kind == "sql":
        findings.value((*path, "each"), "nested records in a table",
                       expected=f"{known.to} as an entity with parent: {place.noun}")  # fmt: skip
    if spec.entity != known.to:
        findings.key((*path, "entity"), f"entity {spec.entity!r}", expected=known.to,
                     likely=known.to)  # fmt: skip
    if not spec.fields:
        findings.key(path, "children without fields", expected="fields: of the child")
    inner = Place(place.system, place.entity, known.to, path, around=place.noun)
    check_fields(findings, inner, spec.fields or {}, (*path, "fields"))


_RULES = {
    "money": _money, "quantity": _quantity, "instant": _instant, "reference": check_reference,
    "children": _children,
}  # fmt: skip


def _check_values(findings: Findings, path: Path, spec: FieldSpec, known: Field) -> None:
    members = frozenset(known.codes.__members__) if known.codes is not None else None
    allowed = _FLAGS if known.kind == "flag" else members
    if allowed is None:
        return
    for native, code in (spec.values or {}).items():
        _check_code(findings, (*path, "values", native), code, allowed)
    if spec.const is not None:
        _check_code(findings, (*path, "const"), spec.const, allowed)
    if spec.otherwise not in _OTHERWISE:
        _check_code(findings, (*path, "otherwise"), spec.otherwise, allowed | _OTHERWISE)


def _check_code(findings: Findings, path: Path, code: str, allowed: Iterable[str]) -> None:
    words = frozenset(allowed)
    if code not in words:
        findings.value(path, f"unknown code {code!r}", expected=one_of(words),
                       likely=likely_word(code, words))  # fmt: skip


def _check_formats(findings: Findings, path: Path, spec: FieldSpec, known: Field) -> None:
    if spec.write is not None and known.kind in _WRITTEN and not formats.is_invertible(spec.write):
        findings.value((*path, "write"), f"{spec.write!r} cannot be read backwards",
                       expected=formats.TEMPLATE_FORM)  # fmt: skip
    if spec.write is not None and spec.column is None:
        findings.value((*path, "write"), "'write' without one column",
                       expected="column: or path: beside it")  # fmt: skip
    if spec.read is None:
        return
    if known.kind in _NUMERIC and spec.read not in formats.NUMBER_FORMATS:
        findings.value((*path, "read"), f"unknown number format {spec.read!r}",
                       expected=one_of(formats.NUMBER_FORMATS),
                       likely=likely_word(spec.read, formats.NUMBER_FORMATS))  # fmt: skip
    if known.kind in _TIMED:
        check_time_format(findings, path, spec.read)
        _check_parts(findings, path, spec)


def _check_parts(findings: Findings, path: Path, spec: FieldSpec) -> None:
    parts, columns = len((spec.read or "").split(" ")), len(spec.columns or ())
    if columns > 1 and parts != columns:
        findings.value((*path, "read"), f"{parts} parts for {columns} columns",
                       expected="one part a column, with a blank between")  # fmt: skip


_PATTERN_MARK = re.compile(r"%[A-Za-z]")


def check_time_format(findings: Findings, path: Path, read: str) -> None:
    """A strptime pattern that works, or one of the words for instants."""
    if read in formats.INSTANT_WORDS:
        return
    try:
        moment = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
        datetime.strptime(moment.strftime(read), read)  # noqa: DTZ007 only whether it parses
        is_pattern = _PATTERN_MARK.search(read) is not None
    except (ValueError, re.error):
        is_pattern = False
    if not is_pattern:
        findings.value((*path, "read"), f"{read!r} is no time format",
                       expected="a pattern such as %Y%m%d %H%M%S, or iso, epoch_s, epoch_ms",
                       likely=likely_word(read, formats.INSTANT_WORDS))  # fmt: skip


def check_attributes(
    findings: Findings, place: Place, attributes: dict[str, AttributeSpec]
) -> None:
    """Extra fields: a name of their own, known roles, and a zone where they are instants."""
    for name, spec in attributes.items():
        path = (*place.path, "attributes", name)
        if name in place.fields:
            findings.key(path, f"{name!r} is a canonical field of {place.noun}",
                         expected="it under fields:, or another name")  # fmt: skip
        for role in spec.visible_to:
            if role not in READERS:
                findings.value((*path, "visible_to"), f"unknown role {role!r}",
                               expected=one_of(READERS),
                               likely=likely_word(role, READERS))  # fmt: skip
        if spec.type == "instant" and spec.zone is None:
            findings.key(path, "an instant without a zone", expected="zone: UTC, ... or offset")
        check_zone(findings, path, spec.zone)
        if spec.read is not None and spec.type in ("instant", "date"):
            check_time_format(findings, path, spec.read)
