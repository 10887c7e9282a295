"""Changes of an HTTP system: its own request with {since}, followed over its own pages.

Page numbers are no places: a record that changes, or goes, moves all behind it up, and one of them
from a page not yet read to one already read. So the page before is read again after each page; as
long as records of it are still there, whatever moved up is on one of the two.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from hub.config.specs import EntitySpec
from hub.config.vocabulary import SINCE_WORD
from hub.model.errors import InputInvalid, SourceInvalid, SourceMisconfigured
from sources.changed import asked_since, change_field, changed_rows, latest
from sources.mapping import EntityMapping
from sources.paths import Row
from sources.port import ChangeCursor, ChangedRow, ChangePage
from sources.rest_conditions import native_text
from sources.rest_pages import Page, PagedRequest, Place

ANCHORS = 3  # records at the end of a page, of which one must still be on it
RESTARTS_MAX = 5  # looks over page numbers that began anew; then its pages have no order


@dataclass(frozen=True, slots=True)
class Numbered:
    """A page by its number, and by what the page before is known; `restarts` of this look."""

    page: int
    anchors: tuple[str, ...]
    restarts: int


class RestChanges:
    """The compiled `changes` of one entity."""

    def __init__(self, spec: EntitySpec, mapping: EntityMapping, request: PagedRequest) -> None:
        self._spec, self._mapping, self._request = spec, mapping, request
        self._field = change_field(spec, mapping)
        self._first = None if spec.changes is None else spec.changes.page

    async def page(self, cursor: ChangeCursor, now: datetime) -> ChangePage:
        """The page at the cursor. What has no time of change comes with the others, if at all."""
        if cursor.is_unset:
            return ChangePage((), cursor, is_last=True)
        if self._first is not None:
            return await self._numbered(cursor, now)
        found = await self._found(cursor, _place(cursor.place))
        is_last = found.next_place is None
        place = cursor.place if is_last else json.dumps(found.next_place)
        return _behind(cursor, self._read(found.rows, now), place=place, is_last=is_last)

    async def _numbered(self, cursor: ChangeCursor, now: datetime) -> ChangePage:
        """A page by number, with the page before it: see above. It may begin anew."""
        assert self._first is not None  # asked for by the caller
        at = _numbered_place(cursor.place, self._first)
        found = await self._found(cursor, at.page)
        records = self._read(found.rows, now)
        again: Sequence[ChangedRow] = ()
        if at.page > self._first:
            again = self._read((await self._found(cursor, at.page - 1)).rows, now)
        both = [*again, *records]
        if at.anchors and not {_mark(each) for each in again} & {*at.anchors}:
            anew = self._anew(at)
            return _behind(cursor, both, place=_told(anew), is_last=False)
        anchors = tuple(_mark(each) for each in records[-ANCHORS:])
        following = Numbered(at.page + 1, anchors, at.restarts)
        return _behind(cursor, both, place=_told(following), is_last=found.next_place is None)

    def _anew(self, at: Numbered) -> Numbered:
        if at.restarts >= RESTARTS_MAX:
            raise SourceInvalid(
                self._mapping.system,
                f"the changes of {self._mapping.noun} have no order that stays from page to page; "
                "expected them oldest first, or paged by link or cursor",
            )
        assert self._first is not None  # only numbered pages begin anew
        return Numbered(self._first, (), at.restarts + 1)

    async def _found(self, cursor: ChangeCursor, place: Place) -> Page:
        values = {} if cursor.since is None else {SINCE_WORD: [self._native(cursor.since)]}
        found = await self._request.page(values, place, "changes")
        if found.is_nothing:
            raise SourceMisconfigured(
                self._mapping.system, "there are no changes at their address (HTTP 404)"
            )
        return found

    def _read(self, rows: Sequence[Row], now: datetime) -> list[ChangedRow]:
        return changed_rows(self._mapping, self._field, rows, now)

    def _native(self, since: datetime) -> str:
        assert self._field.encode is not None  # every instant of native paths encodes
        (row,) = self._field.encode([asked_since(self._spec, self._field, since)]).rows
        return " ".join(native_text(each) for each in row)


def _behind(
    cursor: ChangeCursor, records: Sequence[ChangedRow], *, place: str | None, is_last: bool
) -> ChangePage:
    behind = ChangeCursor(cursor.since, place, latest(records, cursor.seen))
    return ChangePage(records, behind, is_last)


def _mark(row: ChangedRow) -> str:
    """The record as it was: one that changed since is elsewhere in the order."""
    return f"{row.key}@{None if row.at is None else row.at.isoformat()}"


def _told(place: Numbered) -> str:
    return json.dumps(asdict(place))


def _numbered_place(text: str | None, first: int) -> Numbered:
    """What a page's own text says; InputInvalid where it is none of ours."""
    if text is None:
        return Numbered(first, (), 0)
    try:
        told = json.loads(text)
        return Numbered(int(told["page"]), tuple(map(str, told["anchors"])), int(told["restarts"]))
    except (ValueError, TypeError, LookupError) as error:
        raise _no_place(text) from error


def _place(text: str | None) -> Place:
    """What a page's own text says; InputInvalid where it is none of ours."""
    if text is None:
        return None
    try:
        place = json.loads(text)
    except ValueError as error:
        raise _no_place(text) from error
    if isinstance(place, bool) or not isinstance(place, str | int):
        raise _no_place(text)
    return place


def _no_place(text: str) -> InputInvalid:
    return InputInvalid("place", text, expected="a place of this request")
