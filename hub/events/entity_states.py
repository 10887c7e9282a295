"""What events have told of each record: its version, statuses and a hash of what it said.

The rows of a transaction are locked in one order by all, so that no two processes wait for each
other. On SQLite the transaction itself is the lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.model.values import Ref
from hub.store.asked_keys import among
from hub.store.engine import Store
from hub.store.tables import entity_state

NO_VERSION = -1
"""The version of a row that only holds the lock of a record nobody has told of."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is believed of a record. `statuses` holds its statuses by canonical field, and under
    names that begin with `@` what else is watched (see `applying.watched_of`)."""

    version: int
    statuses: Mapping[str, str]
    content: str
    as_of: datetime
    changed_at: datetime


class EntityStates:
    """The rows of `entity_state`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def lock_in(self, connection: AsyncConnection, refs: Iterable[Ref]) -> dict[Ref, State]:
        """What is believed of the records, locked until the transaction ends; new ones absent."""
        wanted = sorted(set(refs))
        if not wanted:
            return {}
        table = entity_state.c
        asked = among(wanted, self._store)
        rows = select(entity_state).join(
            asked,
            (table.noun == asked.c.part_0)
            & (table.system == asked.c.part_1)
            & (table.key == asked.c.part_2),
        )
        if not self._store.is_sqlite:
            await connection.execute(
                postgresql.insert(entity_state).on_conflict_do_nothing(),
                [_row(ref, _NOTHING) for ref in wanted],
            )
            rows = rows.order_by(table.noun, table.system, table.key)
            rows = rows.with_for_update(of=entity_state)
        found = await connection.execute(rows)
        return {
            Ref(row.noun, row.system, row.key): State(
                version=row.version,
                statuses=orjson.loads(row.statuses),
                content=row.content,
                as_of=row.as_of,
                changed_at=row.changed_at,
            )
            for row in found
            if row.version != NO_VERSION
        }

    async def put_in(self, connection: AsyncConnection, states: Mapping[Ref, State]) -> None:
        """Write what is believed now; the rows are locked by this transaction."""
        if not states:
            return
        dialect = sqlite if self._store.is_sqlite else postgresql
        new = dialect.insert(entity_state)
        values = {name: new.excluded[name] for name in _VALUES}
        await connection.execute(
            new.on_conflict_do_update(index_elements=_KEY, set_=values),
            [_row(ref, states[ref]) for ref in sorted(states)],
        )


_KEY = ("noun", "system", "key")
_VALUES = ("version", "statuses", "content", "as_of", "changed_at")
_NOTHING = State(version=NO_VERSION, statuses={}, content="", as_of=_NEVER, changed_at=_NEVER)


def _row(ref: Ref, state: State) -> dict[str, Any]:
    return {
        "noun": ref.noun,
        "system": ref.system,
        "key": ref.key,
        "version": state.version,
        "statuses": orjson.dumps(dict(state.statuses), option=orjson.OPT_SORT_KEYS).decode(),
        "content": state.content,
        "as_of": state.as_of,
        "changed_at": state.changed_at,
    }
