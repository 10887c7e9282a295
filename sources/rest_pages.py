"""Answers in pages: by a link to the next one, by page number, by cursor, or not at all.

A place is where a page begins: the link, number or cursor that leads to it. The hub's own cursor
is a place and how many of its records were already given, so a page size that is not ours fits.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.config.connection_specs import Request
from hub.model.errors import InputInvalid, SourceInvalid
from sources.paths import ABSENT, Row, compile_path
from sources.port import ROWS_MAX
from sources.rest_client import NOTHING, HttpSystem
from sources.rest_templates import Template

PAGES_MAX = 100  # pages followed for one question
Place = str | int | None


@dataclass(frozen=True, slots=True)
class Page:
    """`next_place` is None on the last page."""

    rows: Sequence[Row]
    next_place: Place
    is_nothing: bool = False


class PagedRequest:
    """One request template of a system with its way of paging."""

    def __init__(self, http: HttpSystem, request: Request, template: Template) -> None:
        self.template = template
        self.batch_max = request.batch  # keys a request, None where the system's limit holds
        self._http, self._request = http, request
        self._each = None if request.each is None else compile_path(request.each)
        link = request.next or request.cursor
        self._onward = None if link is None else compile_path(link)

    async def all_rows(self, values: Mapping[str, Sequence[str]], operation: str) -> list[Row]:
        """The records of every page, in the answer's order; SourceInvalid beyond the limits."""
        rows: list[Row] = []
        seen: set[Place] = set()
        place: Place = None
        for _ in range(PAGES_MAX):
            page = await self.page(values, place, operation)
            rows += page.rows
            if len(rows) > ROWS_MAX:
                raise SourceInvalid(self._http.name, f"more than {ROWS_MAX:,} records")
            place = page.next_place
            if place is None:
                return rows
            if place in seen:
                raise SourceInvalid(self._http.name, "its next page is one it gave before")
            seen.add(place)
        raise SourceInvalid(self._http.name, f"more than {PAGES_MAX} pages")

    async def page(self, values: Mapping[str, Sequence[str]], place: Place, operation: str) -> Page:
        """One page, from the place given (None is the first)."""
        if isinstance(place, str) and self._request.next is not None:
            first = self._http.url(self.template.render(self._filled(values, None)))
            url = self._http.linked(place, first)
        else:
            url = self._http.url(self.template.render(self._filled(values, place)))
        body = await self._http.get(url, template=self.template.text, operation=operation)
        if body is NOTHING:
            return Page((), None, is_nothing=True)
        rows = self._rows(body)
        following = self._following(body, rows, place)
        if self._request.next is not None and following is not None:
            following = str(self._http.linked(str(following), url))
        return Page(rows, following)

    def _filled(
        self, values: Mapping[str, Sequence[str]], place: Place
    ) -> Mapping[str, Sequence[str]]:
        filled = dict(values)
        if self._request.size is not None:
            filled["size"] = [str(self._request.size)]
        if self._request.page is not None:
            filled["page"] = [str(self._request.page if place is None else place)]
        if place is not None:
            filled["cursor"] = [str(place)]
        return filled

    def _rows(self, body: Any) -> list[Row]:
        found = body if self._each is None else self._each(body)
        if found is None:
            return []
        elements = found if isinstance(found, list) else [found]
        if found is ABSENT or not all(isinstance(each, Mapping) for each in elements):
            where = self._request.each or "the answer itself"
            raise SourceInvalid(self._http.name, f"no list of objects at {where!r} of its answer")
        return elements

    def _following(self, body: Any, rows: Sequence[Row], place: Place) -> Place:
        if self._request.page is not None:
            size = self._request.size
            is_last = not rows or (size is not None and len(rows) < size)
            return None if is_last else (self._request.page if place is None else int(place)) + 1
        if self._onward is None:
            return None
        onward = self._onward(body)
        if onward is None or onward is ABSENT or onward is False or onward == "":
            return None
        return onward if isinstance(onward, str | int) else str(onward)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where a list goes on: a page, and how many of its records were given."""

    place: Place = None
    given: int = 0

    def encode(self) -> str:
        body = json.dumps([self.place, self.given])
        return urlsafe_b64encode(body.encode()).rstrip(b"=").decode()


def decode_bookmark(cursor: str | None) -> Bookmark:
    """The place of a cursor; InputInvalid where it is none of ours."""
    if cursor is None:
        return Bookmark()
    try:
        place, given = json.loads(
            urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        )
    except (ValueError, TypeError) as error:
        raise InputInvalid("cursor", cursor, expected="a cursor of this list") from error
    if not isinstance(place, str | int | None) or not isinstance(given, int) or given < 0:
        raise InputInvalid("cursor", cursor, expected="a cursor of this list")
    return Bookmark(place, given)
