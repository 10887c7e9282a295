"""Rules of one entity: where it is read from, what it belongs to, and what can be asked."""

from __future__ import annotations

import re

from hub.config.changes_meaning import check_changes
from hub.config.connection_specs import Request
from hub.config.field_meaning import check_attributes, check_fields
from hub.config.field_specs import FieldSpec
from hub.config.findings import Findings, Place
from hub.config.paging_meaning import PLACEHOLDER, check_paging
from hub.config.problems import Path, likely_word, one_of, with_article
from hub.config.vocabulary import KEY_WORDS, NESTED_NOUNS, OPERATORS, PAGE_WORDS
from hub.model.catalog import NOUNS

_WORD = re.compile(r"\w+")
_LITERAL = re.compile(
    r"'[^']*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|(\$\w*\$).*?\1", re.DOTALL
)  # texts, quoted names, comments and dollar quotes of SQL


def check_entity(findings: Findings, place: Place) -> None:
    """All rules of one entity of a known noun."""
    entity = place.entity
    _check_parent(findings, place)
    if not findings.is_left_out((*place.path[:2], "kind")):
        (_check_table if place.system.kind == "sql" else _check_requests)(findings, place)
    if entity.stale_for_s < entity.fresh_for_s:
        findings.value((*place.path, "stale_for"), "shorter than fresh_for",
                       expected="at least fresh_for")  # fmt: skip
    check_changes(findings, place)
    check_fields(findings, place, entity.fields, (*place.path, "fields"))
    check_attributes(findings, place, entity.attributes)


def _check_parent(findings: Findings, place: Place) -> None:
    parent, due = place.entity.parent, NESTED_NOUNS.get(place.noun)
    at = (*place.path, "parent")
    if parent is None:
        if due is not None:
            findings.key(place.path, f"{place.noun} without parent", expected=f"parent: {due}",
                         likely=due)  # fmt: skip
        return
    declared = findings.declared[place.system.name]
    if parent not in NOUNS:
        findings.value(at, f"unknown noun {parent!r}", expected=one_of(declared),
                       likely=likely_word(parent, NOUNS))  # fmt: skip
        return
    owners = {name for name, each in place.fields.items() if each.to == parent}
    if parent not in declared:
        findings.value(at, f"{place.system.name} declares no {parent}",
                       expected=f"{parent} among the entities of {place.system.name}")  # fmt: skip
    elif not owners:
        findings.value(at, f"{place.noun} does not belong to {parent}", expected=due or "no parent",
                       likely=due)  # fmt: skip
    elif not owners & place.entity.fields.keys():
        findings.value(at, f"no field that names the {parent}",
                       expected=f"{' or '.join(sorted(owners))} under fields:")  # fmt: skip


def _check_table(findings: Findings, place: Place) -> None:
    entity = place.entity
    if entity.from_ is None:
        findings.key(place.path, "an entity of a sql system without from",
                     expected="from: a table, a view or a SELECT")  # fmt: skip
    elif _has_two_statements(entity.from_):
        findings.value((*place.path, "from"), "more than one statement",
                       expected="a table, a view or one SELECT")  # fmt: skip
    asked = [("by_key", entity.by_key), ("list", entity.list)]
    asked += [(f"by_{name}", request) for name, request in entity.by.items()]
    for word, request in asked:
        if request is not None:
            findings.key((*place.path, word), f"{word!r} of a sql system",
                         expected="no requests: every mapped column can be asked")  # fmt: skip
    columns = _selected(entity.from_ or "")
    if columns is None:
        return
    for path, column in _columns_used(place):
        if column.rpartition(".")[2].casefold() not in columns:
            findings.value(path, f"{column!r} is not in the SELECT of from", expected="it selected",
                           likely=likely_word(column, columns))  # fmt: skip


def _has_two_statements(source: str) -> bool:
    """Whether something stands after a semicolon, texts and comments left aside."""
    _, _, rest = _LITERAL.sub(" ", source).partition(";")
    return bool(rest.strip(" \t\r\n;"))


def _selected(source: str) -> frozenset[str] | None:
    """The words of a SELECT's list; None for a table, a view, or a SELECT of everything."""
    if not source.lstrip().casefold().startswith("select"):
        return None
    listed = re.split(r"\bfrom\b", source, maxsplit=1, flags=re.IGNORECASE)[0]
    if "*" in listed or "(" in listed:
        return None
    return frozenset(word.casefold() for word in _WORD.findall(listed)[1:])


def _columns_used(place: Place) -> list[tuple[Path, str]]:
    used: list[tuple[Path, str]] = [((*place.path, "key"), each) for each in place.entity.key]
    for name, spec in place.entity.fields.items():
        path = (*place.path, "fields", name)
        used += [(path, column) for column in _columns_of(spec)]
    for name, attribute in place.entity.attributes.items():
        used.append(((*place.path, "attributes", name), attribute.column))
    return used


def _columns_of(spec: FieldSpec) -> list[str]:
    beside = [each.column for each in (spec.currency, spec.unit, spec.to) if each is not None]
    return [*spec.native, *(column for column in beside if column is not None)]


def _check_requests(findings: Findings, place: Place) -> None:
    entity = place.entity
    if entity.from_ is not None:
        findings.key((*place.path, "from"), f"from in {with_article(place.system.kind)} system",
                     expected="by_key, by_<field> or list")  # fmt: skip
    if entity.by_key is None and entity.list is None and not entity.by:
        findings.key(place.path, "nothing that can be asked",
                     expected="by_key, by_<field> or list")  # fmt: skip
    if entity.by_key is not None:
        _check_keyed(findings, (*place.path, "by_key"), entity.by_key)
    for name, request in entity.by.items():
        _check_by(findings, place, name, request)
    if entity.list is not None:
        _check_list(findings, place, entity.list)


def _check_by(findings: Findings, place: Place, name: str, request: Request) -> None:
    path = (*place.path, f"by_{name}")
    known = place.fields.get(name)
    if known is None or known.kind == "children":
        findings.key(path, f"by_{name}, but {place.noun} has no field {name!r} to ask by",
                     expected=one_of(place.fields), likely=_likely_by(name, place))  # fmt: skip
        return
    if "{keys" in request.get and name not in place.entity.fields:
        findings.key(path, f"{name!r} is asked by but not mapped, so answers cannot be told apart",
                     expected=f"{name} under fields:, or one {{key}} a request")  # fmt: skip
    _check_keyed(findings, path, request)


def _likely_by(name: str, place: Place) -> str | None:
    likely = likely_word(name, place.fields)
    return f"by_{likely}" if likely else None


def _check_keyed(findings: Findings, path: Path, request: Request) -> None:
    holes = PLACEHOLDER.findall(request.get)
    at = (*path, "get")
    unknown = [hole for hole in holes if hole not in KEY_WORDS | PAGE_WORDS]
    for hole in unknown:
        findings.value(at, f"unknown placeholder {{{hole}}}", expected="{keys|csv} or {key}",
                       likely=likely_word(hole, KEY_WORDS | PAGE_WORDS))  # fmt: skip
    asked = sum(hole in KEY_WORDS for hole in holes)
    if asked != 1 and not unknown:
        findings.value(at, f"{asked} placeholders for keys",
                       expected="exactly one {keys|csv} or {key}")  # fmt: skip
    check_paging(findings, path, request, holes=holes)


def _check_list(findings: Findings, place: Place, request: Request) -> None:
    path = (*place.path, "list")
    holes = PLACEHOLDER.findall(request.get)
    for hole in holes:
        if hole in PAGE_WORDS:
            continue
        name, _, operator = hole.removesuffix("|csv").partition(".")
        if name not in place.fields:
            findings.value((*path, "get"), f"unknown field {name!r} in {{{hole}}}",
                           expected=one_of(place.fields),
                           likely=likely_word(name, place.fields))  # fmt: skip
        elif operator and operator not in OPERATORS:
            findings.value((*path, "get"), f"unknown operator {operator!r} in {{{hole}}}",
                           expected=one_of(OPERATORS),
                           likely=likely_word(operator, OPERATORS))  # fmt: skip
    for order in request.sort or {}:
        if order.removeprefix("-") not in place.fields:
            findings.key((*path, "sort", order), f"unknown field {order!r}",
                         expected=one_of(place.fields),
                         likely=likely_word(order, place.fields))  # fmt: skip
    check_paging(findings, path, request, holes=holes)
