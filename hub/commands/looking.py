"""Reading the ledger: one command, or a page of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, select

from hub.commands.rows import command_of
from hub.commands.steps import Step
from hub.commands.words import Command, CommandPage, CommandQuery
from hub.model.errors import InputInvalid
from hub.store.engine import Store
from hub.store.tables import command as ledger

PAGE_MAX = 200  # commands


async def one(store: Store, id_: str) -> Command | None:
    """The command of this id."""
    async with store.read() as connection:
        asked = select(ledger).where(ledger.c.id == id_)
        row = (await connection.execute(asked)).mappings().one_or_none()
    return None if row is None else command_of(row)


async def page(store: Store, query: CommandQuery) -> CommandPage:
    """The newest that are asked for; InputInvalid for a limit that is none."""
    if not 0 < query.limit <= PAGE_MAX:
        raise InputInvalid("limit", query.limit, expected=f"1 to {PAGE_MAX}")
    async with store.read() as connection:
        rows = (await connection.execute(_asked(query))).mappings().all()
    commands = tuple(command_of(row) for row in rows[: query.limit])
    return CommandPage(commands, has_more=len(rows) > query.limit)


def _asked(query: CommandQuery) -> Select[Any]:
    asked = select(ledger).where(*_bounds(query))
    return asked.order_by(ledger.c.number.desc()).limit(query.limit + 1)


def _bounds(query: CommandQuery) -> list[ColumnElement[bool]]:
    equal = {
        ledger.c.actor: query.actor,
        ledger.c.mutation: query.mutation,
        ledger.c.system: query.system,
        ledger.c.aggregate: query.aggregate,
        ledger.c.correlation_id: query.correlation_id,
        ledger.c.order_system: None if query.order is None else query.order.system,
        ledger.c.order_key: None if query.order is None else query.order.key,
    }
    bounds = [column == wanted for column, wanted in equal.items() if wanted is not None]
    if query.statuses is not None:
        bounds.append(ledger.c.status.in_(sorted(each.value for each in query.statuses)))
    if query.waits_for_person is not None:
        waits = ledger.c.step == Step.PERSON.value
        bounds.append(waits if query.waits_for_person else ~waits)
    if query.before is not None:
        place = select(ledger.c.number).where(ledger.c.id == query.before).scalar_subquery()
        bounds.append(ledger.c.number < place)
    return bounds
