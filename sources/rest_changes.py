"""Changes of an HTTP system: its own request with {since}, followed over its own pages."""

from __future__ import annotations

import json
from datetime import datetime

from hub.config.specs import EntitySpec
from hub.config.vocabulary import SINCE_WORD
from hub.model.errors import InputInvalid, SourceMisconfigured
from sources.changed import change_field, changed_rows, latest
from sources.mapping import EntityMapping
from sources.port import ChangeCursor, ChangePage
from sources.rest_conditions import native_text
from sources.rest_pages import PagedRequest, Place


class RestChanges:
    """The compiled `changes` of one entity."""

    def __init__(self, spec: EntitySpec, mapping: EntityMapping, request: PagedRequest) -> None:
        self._mapping, self._request = mapping, request
        self._field = change_field(spec, mapping)

    async def page(self, cursor: ChangeCursor, now: datetime) -> ChangePage:
        """The page at the cursor. What has no time of change comes with the others, if at all."""
        if cursor.is_unset:
            return ChangePage((), cursor, is_last=True)
        values = {} if cursor.since is None else {SINCE_WORD: [self._native(cursor.since)]}
        found = await self._request.page(values, _place(cursor.place), "changes")
        if found.is_nothing:
            raise SourceMisconfigured(
                self._mapping.system, "there are no changes at their address (HTTP 404)"
            )
        records = changed_rows(self._mapping, self._field, found.rows, now)
        is_last = found.next_place is None
        place = cursor.place if is_last else json.dumps(found.next_place)
        behind = ChangeCursor(cursor.since, place, latest(records, cursor.seen))
        return ChangePage(records, behind, is_last)

    def _native(self, since: datetime) -> str:
        assert self._field.encode is not None  # every instant of native paths encodes
        (row,) = self._field.encode([since]).rows
        return " ".join(native_text(each) for each in row)


def _place(text: str | None) -> Place:
    """What a page's own text says; InputInvalid where it is none of ours."""
    if text is None:
        return None
    try:
        place = json.loads(text)
    except ValueError as error:
        raise InputInvalid("place", text, expected="a place of this request") from error
    if isinstance(place, bool) or not isinstance(place, str | int):
        raise InputInvalid("place", text, expected="a place of this request")
    return place
