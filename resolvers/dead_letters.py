"""Dead letters, for operators: what could not be taken, why, and another try or an end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated

import strawberry

from hub.commands.words import UserError as Hindrance
from hub.events.dead_letter_acts import IDS_MAX, Acted, Refused
from hub.events.dead_letter_rows import DeadLetter as Letter
from hub.events.dead_letter_rows import LetterPage, LetterQuery, LetterState
from hub.events.dead_letters import DeadLetters
from hub.model.errors import Forbidden, InputInvalid, NotFound
from hub.reads.timeline_query import TimelinePage
from hub.security.principal import Role
from hub.store.reference_acts import Act
from resolvers.audit import AuditContext
from resolvers.context import Context
from resolvers.edges import told
from resolvers.fields import computed, mutation, represents, root
from resolvers.lookup import argument, check_count, check_text
from resolvers.references import KEY_MAX, REASON_MAX, IdempotencyKey, Reason
from resolvers.timeline_page import PageInfo
from resolvers.user_errors import UserError

LETTERS_DEFAULT = 50  # letters of a page
LETTERS_MAX = 100  # letters of a page
SYSTEM_MAX = 80  # characters of a system's name
ID_MAX = 64  # characters of a letter's id


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterContext(AuditContext):
    """The context of a hub that takes in events."""

    dead_letters: DeadLetters


@dataclass(frozen=True, slots=True)
class PlacedLetter:
    """A letter and where it stands."""

    cursor: str
    node: Letter


@dataclass(frozen=True, slots=True)
class EndedLetters:
    """What an operator's act did."""

    letters: tuple[Letter, ...]
    hindrances: tuple[Hindrance, ...]


def payload_text(letter: Letter) -> str:
    """The message as text; bytes that are none stand as U+FFFD."""
    return letter.payload.decode("utf-8", "replace")


def place_of(page: LetterPage) -> TimelinePage:
    """Where the page lies, in the shape that stands behind PageInfo."""
    cursors = tuple(letter.cursor for letter in page.letters)
    return TimelinePage((), cursors, page.has_next, page.has_previous, total=len(cursors))


@represents(Letter)
@strawberry.type(description="A message that was not taken in, or a delivery that was not taken.")
class DeadLetter:
    id: strawberry.ID = told("Names it in `replayDeadLetters` and `dropDeadLetters`.")
    system: str = told("The system it came from; of a delivery the delivery's name.")
    via: str = told("How it came in: `NATS`, `WEBHOOK`, `POLL`, `BACKFILL`; or `DELIVERY`.")
    subject: str | None = told("The NATS subject it came on.")
    event_id: str | None = told("The system's own id of the message, where it could be read.")
    code: str = told("The error code of why it was not taken, such as `EVENT_INVALID`.")
    reason: str = told("Why it was not taken.")
    payload: str = computed(payload_text, description="The message itself, as text.")
    is_trusted: bool = told("Whether its sender was known: signed, or an account of the broker.")
    traceparent: str | None = told("The W3C trace it belongs to.")
    tries: int = told("How often it was tried, replays too.")
    received_at: datetime = told("When it was first received.")
    parked_at: datetime = told("When it was given up for the time being.")
    state: LetterState = told("Whether it waits, was taken in after all, or was dropped.")
    ended_at: datetime | None = told("When it was replayed or dropped.")
    ended_by: str | None = told("Who replayed or dropped it.")


@represents(PlacedLetter)
@strawberry.type(description="A dead letter and its cursor.")
class DeadLetterEdge:
    cursor: str = told("Opaque place of the letter, for `after`.")
    node: DeadLetter = told("The letter.")


@represents(LetterPage)
@strawberry.type(description="A page of the dead letters, newest first.")
class DeadLetterConnection:
    letters: list[DeadLetter] = told("The letters.", name="nodes")
    edges: list[DeadLetterEdge] = computed(
        lambda page: [PlacedLetter(letter.cursor, letter) for letter in page.letters],
        description="The letters with their cursors.",
    )
    page_info: PageInfo = computed(place_of, description="Where the page lies in the whole.")


@represents(EndedLetters)
@strawberry.type(description="Dead letters after an operator's act.")
class DeadLettersPayload:
    letters: list[DeadLetter] = told(
        "Those that are there, as they stand now, in the order asked.", name="deadLetters"
    )
    hindrances: list[UserError] = told(
        "One for each letter that was not replayed or dropped.", name="userErrors"
    )


Ids = Annotated[list[strawberry.ID], argument("The letters; at most 100.")]


@partial(root, description="Messages that could not be taken, newest first. For operators.")
async def dead_letters(
    ctx: DeadLetterContext,
    *,
    first: Annotated[int, argument("Letters of the page, at most 100.")] = LETTERS_DEFAULT,
    after: Annotated[str | None, argument("Only letters older than this cursor.")] = None,
    state: Annotated[LetterState | None, argument("Only letters in this state.")] = None,
    system: Annotated[str | None, argument("Only letters of this system.")] = None,
) -> LetterPage:
    """A page of the letters of all processes; Forbidden for all but operators."""
    _check_operator(ctx, "deadLetters")
    if not 1 <= first <= LETTERS_MAX:
        raise InputInvalid("first", first, expected=f"1 to {LETTERS_MAX}")
    if system is not None:
        check_text("system", system, SYSTEM_MAX)
    query = LetterQuery(first=first, after=after, state=state, system=system)
    return await ctx.dead_letters.page(query)


@partial(root, description="One message that could not be taken. For operators.")
async def dead_letter(
    ctx: DeadLetterContext, *, id: Annotated[strawberry.ID, argument("Its id.")]
) -> Letter:
    """NotFound where there is none; Forbidden for all but operators."""
    _check_operator(ctx, "deadLetter")
    check_text("id", id, ID_MAX)
    found = await ctx.dead_letters.one(id)
    if found is None:
        raise NotFound("dead letter", id)
    return found


@partial(mutation, description="Take dead letters in once more. For operators; audited.")
async def replay_dead_letters(
    ctx: DeadLetterContext, *, ids: Ids, reason: Reason, idempotency_key: IdempotencyKey
) -> EndedLetters:
    """Letters that are taken end as REPLAYED, once; the others wait on, with the new reason."""
    act = _act(ctx, "replayDeadLetters", ids, Act(ctx.principal.subject, reason, idempotency_key))
    return _ended(ids, await ctx.dead_letters.replay(ids, act=act))


@partial(mutation, description="Give dead letters up. For operators; audited.")
async def drop_dead_letters(
    ctx: DeadLetterContext, *, ids: Ids, reason: Reason, idempotency_key: IdempotencyKey
) -> EndedLetters:
    """Letters that wait end as DROPPED; one that was replayed stays what it is."""
    act = _act(ctx, "dropDeadLetters", ids, Act(ctx.principal.subject, reason, idempotency_key))
    return _ended(ids, await ctx.dead_letters.drop(ids, act=act))


def _act(ctx: Context, field: str, ids: Sequence[str], act: Act) -> Act:
    """The act, where the caller may do it and its arguments are within bounds."""
    _check_operator(ctx, field)
    check_text("reason", act.reason, REASON_MAX)
    check_text("idempotencyKey", act.key or "", KEY_MAX)
    check_count("ids", ids, IDS_MAX)
    for id_ in ids:
        check_text("ids", id_, ID_MAX)
    return act


def _check_operator(ctx: Context, field: str) -> None:
    """Forbidden for others, and for operators of some business units only: of whose records a
    message tells is not known, as it was not taken."""
    if not ctx.has_role(Role.OPERATOR) or ctx.scope.is_bound:
        raise Forbidden(f"{field} needs the role operator for every business unit; leave it out")


def _ended(ids: Sequence[str], acted: Acted) -> EndedLetters:
    return EndedLetters(acted.letters, tuple(_hindrance(ids, each) for each in acted.refused))


def _hindrance(ids: Sequence[str], refused: Refused) -> Hindrance:
    return Hindrance(
        field=f"ids.{list(ids).index(refused.id)}",
        code=refused.code,
        message=refused.message,
        retryable=refused.retryable,
        system=refused.system,
    )
