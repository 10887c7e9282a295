"""The ledger: what was wished stands here, once for each key, before anybody is told it was taken.

Ledger row, audit entry, timeline and events are one transaction. A key is the actor's and the
mutation's; it means the same for ever.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.commands import looking
from hub.commands.claim_rows import change, lock, show_head, take_back
from hub.commands.recording import Recording
from hub.commands.replaying import replayed
from hub.commands.rows import (
    about_of,
    command_of,
    errors_json,
    from_now,
    inputs_json,
    to_json,
)
from hub.commands.steps import Step
from hub.commands.waiting import Waiting
from hub.commands.words import (
    KEY_MAX,
    RECENT,
    Check,
    Command,
    CommandPage,
    CommandQuery,
    CommandStatus,
    Receipt,
    UserError,
    Wish,
)
from hub.events.event import Event
from hub.model.errors import InputInvalid, NotFound
from hub.observe import crash_points
from hub.store.audit import request_hash
from hub.store.tables import command as ledger

RECENT_MAX = 500  # commands of an aggregate shown to the checks of the next

Accepted = Callable[[Sequence[Event]], None]


class Ledger:
    """Implements `hub.commands.words.Ledgered`. `accepted` is called after commits."""

    def __init__(self, recording: Recording, *, accepted: Accepted) -> None:
        self._store, self._recording, self._accepted = recording.store, recording, accepted
        self._waiting = Waiting()

    def hear(self, events: Sequence[Event]) -> None:
        """Wake who waits for the commands that these events are about."""
        self._waiting.hear(events)

    async def earlier(self, wish: Wish) -> Receipt | None:
        """What the key was answered before, None where it is new."""
        _check_key(wish.key)
        async with self._store.read() as connection:
            first = await _first(connection, wish)
        return None if first is None else replayed(first, wish)

    async def accept(self, wish: Wish, *, check: Check | None = None) -> Receipt:
        """Keep it, or answer as before. It is carried out later unless it is the hub's own."""
        _check_key(wish.key)
        async with self._store.write() as connection:
            first = await _first(connection, wish)
            if first is not None:
                return replayed(first, wish)
            await lock(connection, self._store, wish.aggregate)
            known = [] if check is None else await _recent(connection, self._recording, wish)
            errors = () if check is None else tuple(check(known))
            receipt, events = await self._keep_in(connection, wish, errors)
            crash_points.reach("accepting")
        return self._told(receipt, events)

    async def refuse(self, wish: Wish, errors: Sequence[UserError]) -> Receipt:
        """Keep that it was refused, or answer as before; ValueError for what may be tried again."""
        _check_key(wish.key)
        if not errors or any(each.retryable for each in errors):
            raise ValueError("only what stays refused is kept under its key")
        async with self._store.write() as connection:
            first = await _first(connection, wish)
            if first is not None:
                return replayed(first, wish)
            receipt, events = await self._keep_in(connection, wish, tuple(errors))
        return self._told(receipt, events)

    async def one(self, id: str) -> Command | None:
        return await looking.one(self._store, id)

    async def page(self, query: CommandQuery) -> CommandPage:
        return await looking.page(self._store, query)

    async def wait_for_end(self, id: str, wait_s: float) -> Receipt:
        """Its receipt once it is final, or after so long as it is then; NotFound for no id."""
        command = await self._waiting.ended(id, wait_s, lambda: looking.one(self._store, id))
        if command is None:
            raise NotFound("command", id)
        return command.receipt

    async def retry(self, id: str, *, actor: str, reason: str) -> Command:
        """A person wants it tried again now; see `Ledgered.retry`."""
        return await self._decided(id, _again, actor=actor, reason=reason)

    async def conclude(self, id: str, *, is_done: bool, actor: str, reason: str) -> Command:
        """A person has found out what became of it; see `Ledgered.conclude`."""
        decide = _found_done if is_done else _found_not_done
        return await self._decided(id, decide, actor=actor, reason=reason)

    async def _decided(
        self, id: str, decide: Callable[[RowMapping], dict[str, Any]], *, actor: str, reason: str
    ) -> Command:
        """Write what a person decides of a command nobody is sending; who was is fenced off."""
        command = await self._known(id)
        async with self._store.write() as connection:
            if not await take_back(connection, self._store, command.aggregate):
                raise InputInvalid("id", id, expected="a command nobody is sending just now")
            row = await _row(connection, id)
            values = decide(row)
            was = CommandStatus(row["status"])
            ended = CommandStatus(values["status"]).is_final
            values |= {
                "due_at": None if ended else from_now(self._store, 0.0),
                "ended_at": self._recording.now() if ended else None,
            }
            before = None if values["status"] == was.value else was
            now, events = await change(connection, self._recording, id, values, before=before)
            await self._recording.audit_act_in(
                connection, now, before=was, actor=actor, reason=reason
            )
            await show_head(connection, command.aggregate)
        self._accepted(events)
        return now

    async def _known(self, id: str) -> Command:
        command = await looking.one(self._store, id)
        if command is None:
            raise NotFound("command", id)
        return command

    async def _keep_in(
        self, connection: AsyncConnection, wish: Wish, errors: tuple[UserError, ...]
    ) -> tuple[Receipt, list[Event]]:
        """Write the wish and all that belongs to it; the first's receipt where it lost the race."""
        payload_hash = request_hash(wish.payload)
        values = self._values(wish, errors) | {"payload_hash": payload_hash}
        dialect = sqlite if self._store.is_sqlite else postgresql
        new = dialect.insert(ledger).values(**values)
        kept = await connection.execute(new.on_conflict_do_nothing().returning(ledger))
        row = kept.mappings().one_or_none()
        if row is None:
            first = await _first(connection, wish)
            assert first is not None  # its key is there: that was the conflict
            return replayed(first, wish), []
        command = command_of(row)
        entries = () if errors else wish.entries
        events = await self._recording.tell_in(connection, command, before=None, entries=entries)
        await self._recording.audit_wish_in(connection, command, payload_hash=payload_hash)
        if not command.status.is_final:
            await show_head(connection, wish.aggregate)
        return command.receipt, events

    def _values(self, wish: Wish, errors: tuple[UserError, ...]) -> dict[str, Any]:
        at, status = self._recording.now(), _status(wish, errors)
        is_over = status.is_final
        order = wish.order
        return {
            "id": secrets.token_hex(16),
            "actor": wish.actor,
            "mutation": wish.mutation,
            "key": wish.key,
            "payload": to_json(wish.payload),
            "aggregate": wish.aggregate,
            "command": wish.command,
            "system": wish.system,
            "inputs": inputs_json(wish.values),
            "about": about_of(wish),
            "order_system": None if order is None else order.system,
            "order_key": None if order is None else order.key,
            "correlation_id": wish.correlation_id,
            "status": status.value,
            "step": (Step.END if is_over else Step.SEND).value,
            "version": 1,
            "attempts": 0,
            "looks": 0,
            "is_doubtful": False,
            "settles_at": None,
            "due_at": None if is_over else from_now(self._store, 0.0),
            "errors": errors_json(errors),
            "result": to_json({}),
            "accepted_at": at,
            "changed_at": at,
            "ended_at": at if is_over else None,
        }

    def _told(self, receipt: Receipt, events: Sequence[Event]) -> Receipt:
        crash_points.reach("accepted")
        if events:
            self._accepted(events)
        return receipt


def _status(wish: Wish, errors: Sequence[UserError]) -> CommandStatus:
    if errors:
        return CommandStatus.REJECTED
    return CommandStatus.APPLIED if wish.command is None else CommandStatus.ACCEPTED


def _check_key(key: str) -> None:
    if not 0 < len(key) <= KEY_MAX:
        raise InputInvalid("idempotencyKey", key, expected=f"1 to {KEY_MAX} characters")


def _again(row: RowMapping) -> dict[str, Any]:
    """What a person's wish to try again changes; InputInvalid where nothing is to be tried."""
    status, step = CommandStatus(row["status"]), Step(row["step"])
    if status is CommandStatus.FAILED:
        accepted = CommandStatus.ACCEPTED.value
        return {
            "status": accepted, "step": Step.SEND.value, "attempts": 0,
            "errors": errors_json(()),
        }  # fmt: skip
    if status.is_final:
        raise InputInvalid("id", row["id"], expected=f"an open command; it is {status.value}")
    waits = step in (Step.PERSON, Step.SEEK)
    return {"status": status.value, "step": (Step.ASKED if waits else step).value}


def _found_done(row: RowMapping) -> dict[str, Any]:
    return {
        "status": CommandStatus.APPLIED.value, "step": Step.END.value, "errors": errors_json(()),
    } | _in_doubt(row)  # fmt: skip


def _found_not_done(row: RowMapping) -> dict[str, Any]:
    return {"status": CommandStatus.FAILED.value, "step": Step.END.value} | _in_doubt(row)


def _in_doubt(row: RowMapping) -> dict[str, Any]:
    """InputInvalid where nobody need find out what became of it."""
    status = CommandStatus(row["status"])
    if status is not CommandStatus.OUTCOME_UNKNOWN:
        raise InputInvalid("id", row["id"], expected=f"an unknown outcome; it is {status.value}")
    return {"is_doubtful": False}


async def _first(connection: AsyncConnection, wish: Wish) -> RowMapping | None:
    asked = select(ledger).where(
        ledger.c.actor == wish.actor,
        ledger.c.mutation == wish.mutation,
        ledger.c.key == wish.key,
    )
    return (await connection.execute(asked)).mappings().one_or_none()


async def _row(connection: AsyncConnection, id_: str) -> RowMapping:
    asked = select(ledger).where(ledger.c.id == id_)
    return (await connection.execute(asked)).mappings().one()


async def _recent(connection: AsyncConnection, recording: Recording, wish: Wish) -> list[Command]:
    """The aggregate's commands that are open or ended not long ago, oldest first."""
    since = recording.now() - RECENT
    asked = (
        select(ledger)
        .where(
            ledger.c.aggregate == wish.aggregate,
            ledger.c.ended_at.is_(None) | (ledger.c.ended_at > since),
        )
        .order_by(ledger.c.number.desc())
        .limit(RECENT_MAX)
    )
    rows = (await connection.execute(asked)).mappings().all()
    return [command_of(row) for row in reversed(rows)]
