"""Where polling of one entity is, what it told lately, and changed rows as what is told."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hub.events.feed_cursors import SavedCursor
from hub.events.intake import Message
from hub.events.told import Told, Via, version_of
from hub.model.record import Record
from hub.model.record_json import content_hash
from hub.model.values import Ref
from sources.port import ChangeCursor, ChangedRow, ChangePage

SEEN_MAX = 20_000  # rows of one entity remembered: an overlap of 30 s at 600 changes a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """Where polling is: in the news, and in the history beside it, None without or behind it.

    `began` is when polling began. `look_began` is when the running look at the news did, None
    between looks. Until `knows_unset`, rows without a time of change are history.
    """

    news: ChangeCursor
    history: ChangeCursor | None
    began: datetime
    look_began: datetime | None = None
    knows_unset: bool = False

    def via_of_news(self, _: ChangedRow) -> Via:
        """What the running look brings: news, but for the first look at rows without a time."""
        is_history = self.news.is_unset and not self.knows_unset
        return Via.BACKFILL if is_history else Via.POLL

    def via_of_history(self, row: ChangedRow) -> Via:
        """History is what was changed before polling began; what history meets else is news."""
        is_history = row.at is None or row.at < self.began
        return Via.BACKFILL if is_history else Via.POLL

    def behind_news(self, page: ChangePage, *, overlap: timedelta, is_unset_due: bool) -> Polled:
        """Behind the page; at the end of a look, before the next one."""
        if not page.is_last:
            return replace(self, news=page.cursor)
        if is_unset_due and not self.news.is_unset:
            return replace(self, news=replace(page.cursor, place=None, is_unset=True))
        seen = self._believable(page.cursor.seen)
        return replace(
            self,
            news=ChangeCursor(seen - overlap, seen=seen),
            look_began=None,
            knows_unset=self.knows_unset or self.news.is_unset,
        )

    def behind_history(self, page: ChangePage) -> Polled:
        """Behind the page: what has a time of change first, then what has none, then the end."""
        assert self.history is not None  # a page of it was asked for
        if not page.is_last:
            return replace(self, history=page.cursor)
        if not self.history.is_unset:
            return replace(self, history=replace(page.cursor, place=None, is_unset=True))
        return replace(self, history=None, knows_unset=True)

    def from_the_start_of(self, walk: ChangeCursor) -> Polled:
        """The look, or the history, that stands at this cursor begins anew."""
        anew = replace(walk, place=None)
        if walk == self.history:
            return replace(self, history=anew)
        return replace(self, news=anew) if walk == self.news else self

    def _believable(self, seen: datetime | None) -> datetime:
        """Until when all changes are known: never the future, whatever a row says of itself."""
        return self.began if seen is None else min(seen, self.look_began or self.began)

    def saved(self, rows: int) -> SavedCursor:
        """As the row of the store; `rows` is how many were taken in since the beginning."""
        text = json.dumps({
            "news": _cursor_told(self.news),
            "history": None if self.history is None else _cursor_told(self.history),
            "began": _text(self.began), "look_began": _text(self.look_began),
            "knows_unset": self.knows_unset,
        })  # fmt: skip
        return SavedCursor(text, "FOLLOW" if self.history is None else "BACKFILL", rows)


def polled_of(saved: SavedCursor) -> Polled:
    """What `Polled.saved` made."""
    told = json.loads(saved.text)
    began = _instant(told["began"])
    assert began is not None  # always written
    return Polled(
        news=_cursor_of(told["news"]),
        history=None if told["history"] is None else _cursor_of(told["history"]),
        began=began,
        look_began=_instant(told["look_began"]),
        knows_unset=told["knows_unset"],
    )


class Seen:
    """The rows told lately, so that those of the overlap are not told again. Bounded."""

    def __init__(self, limit: int = SEEN_MAX) -> None:
        self._limit = limit
        self._told: OrderedDict[str, str] = OrderedDict()

    def knows(self, row: ChangedRow) -> bool:
        """Whether exactly this was told, of this key, the last time."""
        return row.key is not None and self._told.get(row.key) == content_of(row)

    def add(self, row: ChangedRow) -> None:
        if row.key is None:
            return
        self._told[row.key] = content_of(row)
        self._told.move_to_end(row.key)
        if len(self._told) > self._limit:
            self._told.popitem(last=False)


def told_of(row: ChangedRow, via: Via) -> Told | None:
    """What the row tells, None where it cannot be read."""
    if not isinstance(row.outcome, Record):
        return None
    return Told(
        ref=row.outcome.ref,
        via=via,
        record=row.outcome,
        version=version_of(row.outcome),
        is_replayed=via is Via.BACKFILL,
    )


def message_of(ref: Ref, *, via: Via, since: datetime, tries: int = 0) -> Message:
    """The row as a message that can wait as a dead letter: its key, which can be read again."""
    return Message(
        system=ref.system,
        via=via,
        payload=json.dumps({"entity": ref.noun, "key": ref.key}).encode(),
        is_trusted=True,
        received_at=since,
        tries=tries,
    )


def content_of(row: ChangedRow) -> str:
    """The same for rows that say the same."""
    if isinstance(row.outcome, Record):
        return f"{version_of(row.outcome)}:{content_hash(row.outcome)}"
    return str(row.outcome)


def _cursor_told(cursor: ChangeCursor) -> Mapping[str, Any]:
    return {
        "since": _text(cursor.since), "place": cursor.place, "seen": _text(cursor.seen),
        "unset": cursor.is_unset,
    }  # fmt: skip


def _cursor_of(told: Mapping[str, Any]) -> ChangeCursor:
    return ChangeCursor(
        _instant(told["since"]), told["place"], _instant(told["seen"]), told["unset"]
    )


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
