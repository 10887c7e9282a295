"""The audit: append only, hash-chained, written in the transaction of what it tells of.

Each process writes a chain of its own (`Store.process`), so that processes do not wait for one
another. An entry's hash covers all its columns and the hash before it; what changed (before and
after) is covered by a salted hash and lies apart, so that it can be erased later.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.model.errors import InputInvalid
from hub.store.engine import Store
from hub.store.tables import audit_chain, audit_entry, audit_values

GENESIS = "0" * 64  # the hash before a chain's first entry
VERIFIED_PAGE = 1_000  # entries read at a time

_HASHED = (
    "chain", "position", "at", "actor", "action", "subject", "reason", "correlation_id",
    "idempotency_key", "request_hash", "values_hash", "previous_hash",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to which subject. `before` and `after` are JSON values.

    `idempotency_key` is unique for an actor and action; `request` is what was asked, of which only
    the hash is kept.
    """

    at: datetime
    actor: str
    action: str
    subject: str
    before: Any
    after: Any
    reason: str | None = None
    correlation_id: str | None = None
    idempotency_key: str | None = None
    request: Any = None


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first entry of a chain that does not fit; position 0 is the chain's own record."""

    chain: str
    position: int
    reason: str


async def append(connection: AsyncConnection, store: Store, entry: AuditEntry) -> int:
    """Write an entry inside the caller's transaction; its position in this process's chain."""
    length, head = await _lock_chain(connection, store)
    salt = secrets.token_hex(16)
    before, after = _json(entry.before), _json(entry.after)
    row: dict[str, Any] = {
        "chain": store.process,
        "position": length + 1,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "reason": entry.reason,
        "correlation_id": entry.correlation_id,
        "idempotency_key": entry.idempotency_key,
        "request_hash": None if entry.idempotency_key is None else request_hash(entry.request),
        "values_hash": _values_hash(salt, before, after),
        "previous_hash": head,
    }
    row["hash"] = _hash(row)
    await connection.execute(insert(audit_entry).values(row))
    values = {"salt": salt, "before": before, "after": after}
    place = {"chain": store.process, "position": length + 1}
    await connection.execute(insert(audit_values).values(place | values))
    await connection.execute(
        update(audit_chain)
        .where(audit_chain.c.chain == store.process)
        .values(length=length + 1, head=row["hash"])
    )
    return length + 1


async def answered_before(
    connection: AsyncConnection, *, actor: str, action: str, key: str, request: Any
) -> Any | None:
    """What the same request answered before (its `after`), None where the key is new.

    InputInvalid where the key came with another request.
    """
    found = (
        await connection.execute(
            select(audit_entry.c.request_hash, audit_values.c.after)
            .outerjoin(audit_values, _same_place())
            .where(
                audit_entry.c.actor == actor,
                audit_entry.c.action == action,
                audit_entry.c.idempotency_key == key,
            )
        )
    ).one_or_none()
    if found is None:
        return None
    if found.request_hash != request_hash(request):
        raise InputInvalid("idempotencyKey", key, expected="a new key: it came with other input")
    return orjson.loads(found.after) if found.after is not None else {}


@dataclass(frozen=True, slots=True)
class ChainState:
    """A chain, its length and last hash as its own record says, and where it breaks.

    Who keeps the hash elsewhere also notices a chain that was cut and closed again.
    """

    chain: str
    entries: int
    head: str
    broken: ChainBreak | None


async def chain_states(store: Store) -> list[ChainState]:
    """Every chain of the store, checked from its first entry on, by name."""
    asked = (
        select(audit_chain.c.chain).union(select(audit_entry.c.chain)).order_by("chain").subquery()
    )
    counted = (
        select(asked.c.chain, audit_chain.c.length, audit_chain.c.head)
        .outerjoin(audit_chain, audit_chain.c.chain == asked.c.chain)
        .order_by(asked.c.chain)
    )
    async with store.read() as connection:
        rows = (await connection.execute(counted)).all()
    return [
        ChainState(name, length or 0, head or GENESIS, await verify_chain(store, name))
        for name, length, head in rows
    ]


async def verify_chains(store: Store) -> list[ChainBreak]:
    """The first break of each broken chain, by the chain's name; empty where all hold."""
    states = await chain_states(store)
    return [state.broken for state in states if state.broken is not None]


async def verify_chain(store: Store, chain: str) -> ChainBreak | None:
    """The first entry of a chain that was changed, removed or put in; None where it holds.

    Also None where before and after were erased: their hash still stands in the chain.
    """
    async with store.read() as connection:
        # The end is read first: entries that are written meanwhile lie beyond it.
        end = (
            await connection.execute(select(audit_chain).where(audit_chain.c.chain == chain))
        ).one_or_none()
        if end is None:
            return ChainBreak(chain, 0, "the chain has entries but no record of its end")
        position, head = 0, GENESIS
        while position < end.length:
            rows = await _page(connection, chain, after=position, upto=end.length)
            if not rows:
                return ChainBreak(chain, position + 1, "entries are missing at the end")
            for row in rows:
                wrong = _wrong_with(row, position + 1, head)
                if wrong is not None:
                    return ChainBreak(chain, position + 1, wrong)
                position, head = row.position, row.hash
    return None if head == end.head else ChainBreak(chain, 0, "the end is not the last entry")


async def _lock_chain(connection: AsyncConnection, store: Store) -> tuple[int, str]:
    """Length and last hash of this process's chain, locked until the transaction ends."""
    dialect = sqlite if store.is_sqlite else postgresql
    await connection.execute(
        dialect.insert(audit_chain)
        .values(chain=store.process, length=0, head=GENESIS)
        .on_conflict_do_nothing()
    )
    end = (
        await connection.execute(
            select(audit_chain.c.length, audit_chain.c.head)
            .where(audit_chain.c.chain == store.process)
            .with_for_update()
        )
    ).one()
    return end.length, end.head


async def _page(
    connection: AsyncConnection, chain: str, *, after: int, upto: int
) -> list[Row[Any]]:
    asked = (
        select(audit_entry, audit_values.c.salt, audit_values.c.before, audit_values.c.after)
        .outerjoin(audit_values, _same_place())
        .where(
            audit_entry.c.chain == chain,
            audit_entry.c.position > after,
            audit_entry.c.position <= upto,
        )
        .order_by(audit_entry.c.position)
        .limit(VERIFIED_PAGE)
    )
    return list((await connection.execute(asked)).all())


def _wrong_with(row: Row[Any], position: int, head: str) -> str | None:
    if row.position != position:
        return "an entry is missing"
    if row.previous_hash != head:
        return "it does not follow the entry before it"
    if row.hash != _hash(row._mapping):
        return "it was changed"
    erased = row.salt is None
    if not erased and row.values_hash != _values_hash(row.salt, row.before, row.after):
        return "its before or after was changed"
    return None


def _same_place() -> Any:
    return (audit_entry.c.chain == audit_values.c.chain) & (
        audit_entry.c.position == audit_values.c.position
    )


def request_hash(request: Any) -> str:
    return hashlib.sha256(_json(request).encode()).hexdigest()


def _hash(row: Mapping[Any, Any]) -> str:
    covered = {name: row[name] for name in _HASHED}
    covered["at"] = covered["at"].isoformat(timespec="microseconds")
    return hashlib.sha256(_json(covered).encode()).hexdigest()


def _values_hash(salt: str, before: str, after: str) -> str:
    return hashlib.sha256(_json([salt, before, after]).encode()).hexdigest()


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
