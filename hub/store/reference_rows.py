"""The rows of `cross_reference`: read, regrouped and written inside one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import bindparam, insert, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.model.values import Ref
from hub.store.engine import Store
from hub.store.groups import joined
from hub.store.tables import change_counter, cross_reference

Origin = Literal["operator", "import", "rule", "seen"]

COUNTER = "cross_reference"
LOOKED_UP_MAX = 200  # refs asked for singly; beyond it the whole noun is read (1 us a row)
_LOCK_ID = 0x6F70_7265_6673  # "oprefs"


@dataclass(frozen=True, slots=True)
class Row:
    group_id: str
    is_separated: bool


Rows = dict[Ref, Row]


@dataclass(frozen=True, slots=True)
class Regrouped:
    """What linking changes: rows to write, and the refs left alone as an operator wished."""

    changed: Mapping[Ref, Row]
    kept_apart: frozenset[Ref]


async def lock(connection: AsyncConnection, store: Store) -> None:
    """One writer of cross references at a time; SQLite's transaction is that already."""
    if not store.is_sqlite:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:id)").bindparams(id=_LOCK_ID))


async def touched(connection: AsyncConnection, noun: str, refs: Sequence[Ref]) -> Rows:
    """The rows of every group that one of the refs is in."""
    c = cross_reference.c
    asked = select(c.noun, c.system, c.key, c.group_id, c.is_separated).where(c.noun == noun)
    if len(refs) <= LOOKED_UP_MAX:
        named = tuple_(c.system, c.key).in_([(ref.system, ref.key) for ref in refs])
        groups = select(c.group_id).where(c.noun == noun, named)
        asked = asked.where(c.group_id.in_(groups))
    rows = await connection.execute(asked)
    return {Ref(row.noun, row.system, row.key): Row(row.group_id, row.is_separated) for row in rows}


def regroup(rows: Rows, links: Iterable[Sequence[Ref]], *, by_operator: bool) -> Regrouped:
    """What the rows become once the refs of each link are one.

    An operator's link overrules an earlier separation; a rule or an import leaves it standing.
    """
    apart = frozenset(ref for ref, row in rows.items() if row.is_separated)
    if not by_operator:
        links = [[ref for ref in link if ref not in apart] for link in links]
    links = [list(link) for link in links if link]
    standing: dict[str, list[Ref]] = {}
    for ref, row in rows.items():
        standing.setdefault(row.group_id, []).append(ref)
    named = {ref for link in links for ref in link}
    changed: dict[Ref, Row] = {}
    for group in joined([*standing.values(), *links]):
        old = {rows[ref].group_id for ref in group if ref in rows}
        group_id = min(old) if old else uuid4().hex
        for ref in group:
            is_separated = ref in apart and (not by_operator or ref not in named)
            now = Row(group_id, is_separated)
            if rows.get(ref) != now:
                changed[ref] = now
    return Regrouped(changed, frozenset() if by_operator else apart)


async def write(
    connection: AsyncConnection,
    known: Rows,
    changed: Mapping[Ref, Row],
    *,
    origin: Origin,
    at: datetime,
) -> None:
    """Store changed rows and tell the other processes."""
    new = [_values(ref, row, origin, at) for ref, row in changed.items() if ref not in known]
    if new:
        await connection.execute(insert(cross_reference), new)
    old = [_values(ref, row, origin, at) for ref, row in changed.items() if ref in known]
    if old:
        await connection.execute(_UPDATE, [{f"of_{k}": v for k, v in row.items()} for row in old])


async def count_change(connection: AsyncConnection, store: Store) -> None:
    """Raise the version every process polls."""
    dialect = sqlite if store.is_sqlite else postgresql
    first = dialect.insert(change_counter).values(name=COUNTER, version=1)
    await connection.execute(
        first.on_conflict_do_update(
            index_elements=["name"], set_={"version": change_counter.c.version + 1}
        )
    )


async def current_version(connection: AsyncConnection) -> int:
    found = await connection.execute(
        select(change_counter.c.version).where(change_counter.c.name == COUNTER)
    )
    return found.scalar_one_or_none() or 0


async def all_groups(connection: AsyncConnection) -> dict[str, list[Ref]]:
    """Every reference by its group; those alone in theirs too."""
    c = cross_reference.c
    found: dict[str, list[Ref]] = {}
    for row in await connection.execute(select(c.noun, c.system, c.key, c.group_id)):
        found.setdefault(row.group_id, []).append(Ref(row.noun, row.system, row.key))
    return found


def new_group() -> str:
    return uuid4().hex


def _values(ref: Ref, row: Row, origin: Origin, at: datetime) -> dict[str, Any]:
    return {
        "noun": ref.noun,
        "system": ref.system,
        "key": ref.key,
        "group_id": row.group_id,
        "origin": origin,
        "is_separated": row.is_separated,
        "changed_at": at,
    }


_UPDATE = (
    update(cross_reference)
    .where(
        cross_reference.c.noun == bindparam("of_noun"),
        cross_reference.c.system == bindparam("of_system"),
        cross_reference.c.key == bindparam("of_key"),
    )
    .values(
        group_id=bindparam("of_group_id"),
        origin=bindparam("of_origin"),
        is_separated=bindparam("of_is_separated"),
        changed_at=bindparam("of_changed_at"),
    )
)

Now = Callable[[], datetime]
