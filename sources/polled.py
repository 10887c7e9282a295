"""Where polling of one entity is, what it told lately, and changed rows as what is told."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from hub.events.feed_cursors import SavedCursor
from hub.events.intake import Message
from hub.events.told import Told, Via, version_of
from hub.model.record import Record
from hub.model.record_json import content_hash
from hub.model.values import Ref
from sources.port import ChangeCursor, ChangedRow

SEEN_MAX = 20_000  # rows of one entity remembered: an overlap of 30 s at 600 changes a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """Where polling is.

    `began` is when the backfill, or polling at all, began. `look_began` is when the running look
    did, None between looks. Until `knows_unset`, rows without a time of change are history.
    `rows` is how many were taken in since the beginning.
    """

    cursor: ChangeCursor
    began: datetime
    is_backfill: bool
    look_began: datetime | None = None
    knows_unset: bool = False
    rows: int = 0

    def via_of(self, row: ChangedRow) -> Via:
        """History is what was changed before the backfill began; all else is news."""
        if self.is_backfill:
            is_history = row.at is None or row.at < self.began
        else:
            is_history = self.cursor.is_unset and not self.knows_unset
        return Via.BACKFILL if is_history else Via.POLL

    def saved(self) -> SavedCursor:
        """As the row of the store."""
        cursor = self.cursor
        text = json.dumps({
            "since": _text(cursor.since), "place": cursor.place, "seen": _text(cursor.seen),
            "unset": cursor.is_unset, "began": _text(self.began),
            "look_began": _text(self.look_began), "knows_unset": self.knows_unset,
        })  # fmt: skip
        return SavedCursor(text, "BACKFILL" if self.is_backfill else "FOLLOW", self.rows)


def polled_of(saved: SavedCursor) -> Polled:
    """What `Polled.saved` made."""
    told = json.loads(saved.text)
    began = _instant(told["began"])
    assert began is not None  # always written
    return Polled(
        cursor=ChangeCursor(
            _instant(told["since"]), told["place"], _instant(told["seen"]), told["unset"]
        ),
        began=began,
        is_backfill=saved.mode == "BACKFILL",
        look_began=_instant(told["look_began"]),
        knows_unset=told["knows_unset"],
        rows=saved.rows,
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


@dataclass(slots=True)
class Waiter:
    """A row that could not be taken in yet. `due` is of the monotonic clock."""

    row: ChangedRow
    told: Told
    since: datetime
    tries: int = 0
    due: float = 0.0


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


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
