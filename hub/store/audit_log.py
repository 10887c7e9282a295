"""Reading the audit, newest first, page by page over the chains of all processes."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import eq, ge, lt
from typing import Any, NamedTuple

import orjson
from sqlalchemy import literal, select, tuple_

from hub.model.errors import InputInvalid
from hub.store.engine import Store
from hub.store.refusals import Refusal, RefusalQuery, read_refusals
from hub.store.tables import audit_entry, audit_values

CURSOR_MAX = 400  # characters


class Place(NamedTuple):
    """Where an entry stands in the order of reading; two chains may agree in the instant."""

    at: datetime
    chain: str
    position: int


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An entry as it was written. `before` and `after` are JSON texts, None once erased."""

    chain: str
    position: int
    at: datetime
    actor: str
    action: str
    subject: str
    reason: str | None
    correlation_id: str | None
    idempotency_key: str | None
    hash: str
    before: str | None
    after: str | None

    @property
    def cursor(self) -> str:
        """Its opaque place."""
        return encode_cursor(Place(self.at, self.chain, self.position))


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some entries, newest first."""

    entries: tuple[AuditRecord, ...]
    has_next: bool
    has_previous: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which entries: each bound that is None is left out; `since` inclusive, `until` exclusive."""

    first: int
    after: str | None = None
    actor: str | None = None
    action: str | None = None
    correlation_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditLog:
    """What an auditor may ask of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def entries(self, query: AuditQuery) -> AuditPage:
        """A page; InputInvalid where `after` is no cursor of an entry."""
        asked = (
            select(*_COLUMNS)
            .outerjoin(
                audit_values,
                (audit_entry.c.chain == audit_values.c.chain)
                & (audit_entry.c.position == audit_values.c.position),
            )
            .where(*_conditions(query))
            .order_by(*(column.desc() for column in _ORDER))
            .limit(query.first + 1)
        )
        async with self._store.read() as connection:
            rows: list[Any] = list((await connection.execute(asked)).all())
        shown = tuple(AuditRecord(*row) for row in rows[: query.first])
        return AuditPage(shown, len(rows) > query.first, query.after is not None)

    async def refusals(self, query: RefusalQuery) -> list[Refusal]:
        """Counts per principal, code and minute, the newest first."""
        return await read_refusals(self._store, query)


def encode_cursor(place: Place) -> str:
    told = orjson.dumps([place.at.isoformat(), place.chain, place.position])
    return urlsafe_b64encode(told).decode().rstrip("=")


def decode_cursor(cursor: str) -> Place:
    """The place; InputInvalid where the text is none."""
    try:
        if len(cursor) > CURSOR_MAX:
            raise ValueError("too long")
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        at, chain, position = orjson.loads(urlsafe_b64decode(padded))
        place = Place(datetime.fromisoformat(at), str(chain), position)
        if type(position) is not int or not 0 < position < 2**63 or place.at.tzinfo is None:
            raise ValueError("no place")
    except (ValueError, TypeError, binascii.Error):
        raise InputInvalid("after", cursor, expected="a cursor of this list") from None
    return place


_ORDER = (audit_entry.c.at, audit_entry.c.chain, audit_entry.c.position)
_COLUMNS = (
    audit_entry.c.chain,
    audit_entry.c.position,
    audit_entry.c.at,
    audit_entry.c.actor,
    audit_entry.c.action,
    audit_entry.c.subject,
    audit_entry.c.reason,
    audit_entry.c.correlation_id,
    audit_entry.c.idempotency_key,
    audit_entry.c.hash,
    audit_values.c.before,
    audit_values.c.after,
)


def _conditions(query: AuditQuery) -> Sequence[Any]:
    c = audit_entry.c
    wanted = (
        (query.actor, c.actor, eq),
        (query.action, c.action, eq),
        (query.correlation_id, c.correlation_id, eq),
        (query.since, c.at, ge),
        (query.until, c.at, lt),
    )
    conditions = [compare(column, value) for value, column, compare in wanted if value is not None]
    if query.after is not None:
        conditions.append(tuple_(*_ORDER) < tuple_(*_bound(decode_cursor(query.after))))
    return conditions


def _bound(place: Place) -> Sequence[Any]:
    return [literal(value, column.type) for value, column in zip(place, _ORDER, strict=True)]
