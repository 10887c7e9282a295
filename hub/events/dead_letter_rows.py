"""Dead letters as they lie in the store, and reading them page by page."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple, overload

import orjson
from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.model.errors import InputInvalid, OpsHubError
from hub.store.tables import dead_letter

CURSOR_MAX = 200  # characters
REASON_MAX = 2_000  # characters kept of why it was not taken


class LetterState(Enum):
    """PARKED waits for a person; REPLAYED was taken in after all; DROPPED was given up."""

    PARKED = "PARKED"
    REPLAYED = "REPLAYED"
    DROPPED = "DROPPED"


class LetterPlace(NamedTuple):
    """Where a letter stands in the order of reading; two may agree in the instant."""

    parked_at: datetime
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that was not taken, or a delivery that was not, and why.

    `via` is a word of hub.events.told.Via, or DELIVERY. `tries` counts replays too. `ended_by` is
    who replayed or dropped it.
    """

    id: str
    system: str
    via: str
    subject: str | None
    event_id: str | None
    code: str
    reason: str
    payload: bytes
    is_trusted: bool
    traceparent: str | None
    tries: int
    received_at: datetime
    parked_at: datetime
    state: LetterState
    ended_at: datetime | None
    ended_by: str | None

    @property
    def cursor(self) -> str:
        """Its opaque place."""
        return encode_cursor(LetterPlace(self.parked_at, self.id))


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Some letters in the order that was asked for."""

    letters: tuple[DeadLetter, ...]
    has_next: bool
    has_previous: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterQuery:
    """Which letters: the newest first, or the oldest. A bound that is None is left out."""

    first: int
    after: str | None = None
    state: LetterState | None = None
    system: str | None = None
    is_oldest_first: bool = False


async def page_of_letters(connection: AsyncConnection, query: LetterQuery) -> LetterPage:
    """A page; InputInvalid where `after` is no cursor of a letter."""
    rows = (await connection.execute(_page(query))).mappings().all()
    letters = tuple(letter_of_row(row) for row in rows[: query.first])
    return LetterPage(letters, len(rows) > query.first, query.after is not None)


async def letters_by_id(
    connection: AsyncConnection, ids: Sequence[str], *, lock: bool = False
) -> dict[str, DeadLetter]:
    """Those that are there; `lock` holds them until the transaction ends."""
    asked = select(dead_letter).where(dead_letter.c.id.in_(ids)).order_by(dead_letter.c.id)
    rows = (await connection.execute(asked.with_for_update() if lock else asked)).mappings()
    return {row["id"]: letter_of_row(row) for row in rows}


def letter_of_row(row: Any) -> DeadLetter:
    values = {name: row[name] for name in DeadLetter.__slots__}
    return DeadLetter(**values | {"state": LetterState(row["state"])})


@overload
def cut(text: str, most: int) -> str: ...
@overload
def cut(text: str | None, most: int) -> str | None: ...
def cut(text: str | None, most: int) -> str | None:
    """At most so many characters, all of which a database takes as text."""
    if text is None:
        return None
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()[:most]


def reason_of(error: OpsHubError) -> str:
    """Why it was not taken, as it is kept; what a system sent may stand in it."""
    return cut(str(error), REASON_MAX)


def encode_cursor(place: LetterPlace) -> str:
    told = orjson.dumps([place.parked_at.isoformat(), place.id])
    return urlsafe_b64encode(told).decode().rstrip("=")


def decode_cursor(cursor: str) -> LetterPlace:
    """The place; InputInvalid where the text is none."""
    try:
        if len(cursor) > CURSOR_MAX:
            raise ValueError("too long")
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        at, id_ = orjson.loads(urlsafe_b64decode(padded))
        place = LetterPlace(datetime.fromisoformat(at), id_)
        if not isinstance(id_, str) or place.parked_at.tzinfo is None:
            raise ValueError("no place")
    except (ValueError, TypeError, binascii.Error):
        raise InputInvalid("after", cursor, expected="a cursor of this list") from None
    return place


def _page(query: LetterQuery) -> Select[Any]:
    c = dead_letter.c
    order = (c.parked_at, c.id)
    asked = select(dead_letter).limit(query.first + 1)
    if query.state is not None:
        asked = asked.where(c.state == query.state.value)
    if query.system is not None:
        asked = asked.where(c.system == query.system)
    if query.after is not None:
        place = decode_cursor(query.after)
        bound = tuple_(*(literal(v, o.type) for v, o in zip(place, order, strict=True)))
        beyond = tuple_(*order) > bound if query.is_oldest_first else tuple_(*order) < bound
        asked = asked.where(beyond)
    return asked.order_by(*(o if query.is_oldest_first else o.desc() for o in order))
