"""What a person does with dead letters: each act is one transaction with its audit entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Update, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.events.dead_letter_rows import DeadLetter, LetterState, letters_by_id, reason_of
from hub.model.errors import InputInvalid, NotFound, OpsHubError
from hub.observe.correlation import correlation_id
from hub.store import audit
from hub.store.engine import Store
from hub.store.reference_acts import Act
from hub.store.tables import change_counter, dead_letter

IDS_MAX = 100  # letters of one act

Action = Literal["replay", "drop"]
Tried = Mapping[str, OpsHubError | None]
"""What came of taking letters up again, by their ids: None is taken."""

_ENDS = {"replay": LetterState.REPLAYED, "drop": LetterState.DROPPED}
_COUNTER = "dead_letter"


@dataclass(frozen=True, slots=True)
class Refused:
    """A letter that was asked for by `id`, and why it is not what was asked."""

    id: str
    code: str
    message: str
    retryable: bool
    system: str | None


@dataclass(frozen=True, slots=True)
class Acted:
    """The letters as they stand after the act, in the order asked, and what was not done."""

    letters: tuple[DeadLetter, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An act upon letters; `ids` in the order asked, each once."""

    action: Action
    ids: tuple[str, ...]
    act: Act

    @property
    def named(self) -> str:
        """The action as the audit has it."""
        return f"dead_letter.{self.action}"


def wanted(action: Action, ids: Sequence[str], act: Act) -> Wanted:
    """InputInvalid for no ids and for more than IDS_MAX."""
    once = tuple(dict.fromkeys(ids))
    if not 1 <= len(once) <= IDS_MAX:
        raise InputInvalid("ids", f"{len(once)} ids", expected=f"1 to {IDS_MAX}")
    return Wanted(action, once, act)


async def acted_before(connection: AsyncConnection, asked: Wanted) -> Acted | None:
    """What the same act did under the same key; InputInvalid where the key came with another."""
    if asked.act.key is None:
        return None
    told = await audit.answered_before(
        connection,
        actor=asked.act.actor,
        action=asked.named,
        key=asked.act.key,
        request=list(asked.ids),
    )
    if told is None:
        return None
    refused = tuple(Refused(**each) for each in told.get("refused", ()))
    return _acted(asked, await letters_by_id(connection, asked.ids), refused)


async def carry_out(store: Store, asked: Wanted, tried: Tried, *, at: datetime) -> Acted:
    """Write the act: letters that wait end, or stay with the new reason why they were not taken.

    One that has ended that way already is left as it is.
    """
    async with store.write() as connection:
        await _take_turns(connection, store)
        before_key = await acted_before(connection, asked)
        if before_key is not None:
            return before_key
        before = await letters_by_id(connection, asked.ids, lock=True)
        refused: list[Refused] = []
        for id_ in asked.ids:
            error = _hindrance(id_, before.get(id_), asked.action)
            if error is None and before[id_].state is LetterState.PARKED:
                error = tried.get(id_)
                await connection.execute(_ending(id_, asked, error=error, at=at))
            if error is not None:
                refused.append(
                    Refused(id_, error.code, reason_of(error), error.retryable, error.system)
                )
        after = await letters_by_id(connection, asked.ids)
        told = {"letters": _states(after), "refused": [asdict(each) for each in refused]}
        await audit.append(connection, store, _entry(asked, _states(before), told, at=at))
    return _acted(asked, after, tuple(refused))


def _hindrance(id_: str, letter: DeadLetter | None, action: Action) -> OpsHubError | None:
    """Why the letter cannot end that way, whatever is tried."""
    if letter is None:
        return NotFound("dead letter", id_)
    if letter.state in (LetterState.PARKED, _ENDS[action]):
        return None
    return InputInvalid(
        "ids", id_, expected=f"a letter that waits; this one is {letter.state.value}"
    )


def _ending(id_: str, asked: Wanted, *, error: OpsHubError | None, at: datetime) -> Update:
    changing = update(dead_letter).where(dead_letter.c.id == id_)
    if error is not None:
        return changing.values(
            code=error.code, reason=reason_of(error), tries=dead_letter.c.tries + 1
        )
    ended = changing.values(state=_ENDS[asked.action].value, ended_at=at, ended_by=asked.act.actor)
    return ended.values(tries=dead_letter.c.tries + 1) if asked.action == "replay" else ended


def _states(letters: Mapping[str, DeadLetter]) -> dict[str, str]:
    return {id_: letter.state.value for id_, letter in letters.items()}


def _acted(asked: Wanted, found: Mapping[str, DeadLetter], refused: tuple[Refused, ...]) -> Acted:
    return Acted(tuple(found[id_] for id_ in asked.ids if id_ in found), refused)


def _entry(asked: Wanted, before: Any, after: Any, *, at: datetime) -> audit.AuditEntry:
    return audit.AuditEntry(
        at=at,
        actor=asked.act.actor,
        action=asked.named,
        subject="dead_letter",
        before={"letters": before},
        after=after,
        reason=asked.act.reason,
        correlation_id=correlation_id.get() or None,
        idempotency_key=asked.act.key,
        request=list(asked.ids),
    )


async def _take_turns(connection: AsyncConnection, store: Store) -> None:
    """The first statement of every act: the second of two with one key then sees the first."""
    dialect = sqlite if store.is_sqlite else postgresql
    adding = dialect.insert(change_counter).values(name=_COUNTER, version=1)
    await connection.execute(
        adding.on_conflict_do_update(
            index_elements=["name"], set_={"version": change_counter.c.version + 1}
        )
    )
