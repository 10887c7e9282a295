"""Rules of `changes`: the cursor must be one from which nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from hub.config.event_specs import ChangesSpec
from hub.config.field_specs import FieldSpec
from hub.config.findings import Findings, Place
from hub.config.paging_meaning import PLACEHOLDER, check_paging
from hub.config.problems import Path, likely_word, one_of
from hub.config.vocabulary import PAGE_WORDS, SINCE_WORD
from hub.model.record import Field

_REST_WORDS = ("get", "each", "next", "page", "cursor", "size")
_SORTING = "YmdHMSf"
_PLACES = PAGE_WORDS - {"sort"} | {SINCE_WORD}


def change_instant(
    changes: ChangesSpec, fields: Mapping[str, FieldSpec], known: Mapping[str, Field]
) -> str | None:
    """The instant field whose native columns begin the order, None where there is none.

    Where several begin it the one of the most columns is meant. `known` are the noun's fields.
    """
    found = {
        name: len(spec.native)
        for name, spec in fields.items()
        if name in known
        and known[name].kind == "instant"
        and spec.native
        and changes.order_by[: len(spec.native)] == spec.native
    }
    return max(found, key=lambda name: found[name]) if found else None


def check_changes(findings: Findings, place: Place) -> None:
    """An instant that the entity maps, then its key; requests only where the system has them."""
    changes, path = place.entity.changes, (*place.path, "changes")
    if changes is None or findings.is_left_out((*path, "order_by")):
        return
    _check_order(findings, place, changes, path)
    if findings.is_left_out((*place.path[:2], "kind")):
        return
    if place.system.kind == "sql":
        for word in _REST_WORDS:
            if getattr(changes, word) is not None:
                findings.key((*path, word), f"{word!r} of a sql system",
                             expected="only order_by, every, overlap, backfill")  # fmt: skip
    else:
        _check_request(findings, changes, path)


def _check_order(findings: Findings, place: Place, changes: ChangesSpec, path: Path) -> None:
    at, order = (*path, "order_by"), changes.order_by
    fields = place.entity.fields
    name = change_instant(changes, fields, place.fields)
    if name is None:
        findings.value(at, f"{order[0]!r} is no instant that {place.noun} maps",
                       expected="the column of an instant under fields:, then the key",
                       likely=likely_word(order[0], _mapped_instants(place)))  # fmt: skip
        return
    field = fields[name]
    rest, key = order[len(field.native) :], place.entity.key
    if rest != key:
        findings.value(at, f"{', '.join(rest) or 'nothing'} after the time of change",
                       expected=f"the key after it: {', '.join(key)}")  # fmt: skip
    if field.read is not None and place.system.kind == "sql" and not _sorts(field.read):
        findings.value(at, f"{order[0]!r} as {field.read!r} does not sort as time does",
                       expected="a column that does: year first, or a native time")  # fmt: skip


def _mapped_instants(place: Place) -> list[str]:
    return [
        column
        for name, spec in place.entity.fields.items()
        if name in place.fields and place.fields[name].kind == "instant"
        for column in spec.native
    ]


def _sorts(read: str) -> bool:
    marks = [letter for before, letter in pairwise(read) if before == "%"]
    return not marks or marks == list(_SORTING)[: len(marks)]


def _check_request(findings: Findings, changes: ChangesSpec, path: Path) -> None:
    request = changes.request
    if request is None:
        findings.key(path, "changes of a rest system without get",
                     expected='get: "/path?since={since}"')  # fmt: skip
        return
    in_path, _, query = request.get.partition("?")
    holes = PLACEHOLDER.findall(query)
    for hole in PLACEHOLDER.findall(in_path):
        findings.value((*path, "get"), f"{{{hole}}} in the path", expected="it in the query")
    for hole in holes:
        if hole not in _PLACES:
            findings.value((*path, "get"), f"unknown placeholder {{{hole}}}",
                           expected=one_of(_PLACES), likely=likely_word(hole, _PLACES))  # fmt: skip
    if holes.count(SINCE_WORD) != 1 and not set(holes) - _PLACES:
        findings.value((*path, "get"), f"{holes.count(SINCE_WORD)} placeholders {{since}}",
                       expected="exactly one {since}")  # fmt: skip
    check_paging(findings, path, request, holes=holes)
