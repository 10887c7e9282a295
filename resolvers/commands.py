"""Commands as people look at them: one, and lists of them, for who gave them and for operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import orjson
import strawberry

from hub.commands.words import Command as Row
from hub.commands.words import CommandPage, CommandQuery, CommandStatus
from hub.model.errors import InputInvalid, NotFound
from hub.model.ids import decode_id_of
from hub.reads.timeline_query import TimelinePage
from hub.security.principal import Role
from resolvers.commanding import KINDS, CommandContext
from resolvers.context import Context
from resolvers.edges import refuse_strangers, told
from resolvers.fields import computed, edge, represents, root
from resolvers.lazy import LazyOrder
from resolvers.lookup import argument, check_text
from resolvers.scalars import Long
from resolvers.sourced import SourceRef
from resolvers.timeline_page import PageInfo
from resolvers.user_errors import NamedValue, UserError, words_of

COMMANDS_DEFAULT = 50  # commands of a page
COMMANDS_MAX = 100  # commands of a page
ID_MAX = 64  # characters of a command's id
TEXT_MAX = 200  # characters of a filter


@dataclass(frozen=True, slots=True)
class Found:
    """A page, and whether newer ones precede it."""

    page: CommandPage
    is_first: bool
    commands: Sequence[Row] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "commands", self.page.commands)


@dataclass(frozen=True, slots=True)
class PlacedCommand:
    """A command and where it stands."""

    cursor: str
    node: Row


def place_of(found: Found) -> TimelinePage:
    """Where the page lies, in the shape that stands behind PageInfo."""
    cursors = tuple(each.id for each in found.commands)
    return TimelinePage((), cursors, found.page.has_more, not found.is_first, total=len(cursors))


async def order_of(commands: Sequence[Row], ctx: Context) -> list[Any]:
    """The order it is about; null where it is about none, or the caller may not see it."""
    return list(await ctx.reads.record_by_ref([each.order for each in commands]))


def payload_text(command: Row) -> str:
    """The input as JSON text."""
    return orjson.dumps(command.payload, option=orjson.OPT_SORT_KEYS, default=str).decode()


@represents(Row)
@strawberry.type(description="Something somebody wants done, and what has become of it.")
class Command:
    id: strawberry.ID = told("Names it in `command` and `commandStatusChanged`.")
    status: CommandStatus = told("Where it stands.")
    mutation: str = told("The mutation that asked for it.")
    actor: str = told("Who asked: the subject of the token.")
    key: str = told("The idempotency key it was asked under.", name="idempotencyKey")
    payload: str = computed(payload_text, description="What was asked, as JSON text.")
    note: str | None = told("Why, in the words of who asked.")
    system: str | None = told("The system that is to do it; null where the hub itself does.")
    command: str | None = told("The command of the systems file, `system.command`.", name="name")
    subject: SourceRef = told("What it is about, in the system that owns it.")
    correlation_id: str = computed(
        lambda command: command.receipt.correlation_id,
        description="Follows it through every system.",
    )
    accepted_at: datetime = computed(
        lambda command: command.receipt.accepted_at,
        description="When it was taken on, or refused.",
    )
    changed_at: datetime = told("When its status last changed.")
    ended_at: datetime | None = told("When it came to its end; null where it has not.")
    due_at: datetime | None = told("When it is looked at next; null where nothing is due.")
    attempts: int = told("How often it was sent.")
    version: Long = told("Counts the changes of its status.")
    waits_for_person: bool = told("Whether nothing more is sent until somebody decides.")
    result: list[NamedValue] = computed(
        lambda command: words_of(command.receipt.result),
        description="What its system said, such as the number of the credit memo.",
    )
    user_errors: list[UserError] = computed(
        lambda command: command.receipt.user_errors,
        description="Why it was not done; empty where nothing hindered.",
    )
    order: LazyOrder | None = edge(
        order_of, reads=("ORDER_BY_REF",), description="The order it is about."
    )


@represents(PlacedCommand)
@strawberry.type(description="A command and its cursor.")
class CommandEdge:
    cursor: str = told("Opaque place of the command, for `after`.")
    node: Command = told("The command.")


@represents(Found)
@strawberry.type(description="A page of commands, newest first.")
class CommandConnection:
    commands: list[Command] = told("The commands.", name="nodes")
    edges: list[CommandEdge] = computed(
        lambda found: [PlacedCommand(each.id, each) for each in found.commands],
        description="The commands with their cursors.",
    )
    page_info: PageInfo = computed(place_of, description="Where the page lies in the whole.")


@strawberry.input(description="Which commands; all bounds together.")
class CommandFilter:
    actor: str | None = strawberry.field(
        default=None, description="Only by this actor; for operators."
    )
    statuses: list[CommandStatus] | None = strawberry.field(
        default=None, description="Only in one of these."
    )
    mutation: str | None = strawberry.field(default=None, description="Only of this mutation.")
    system: str | None = strawberry.field(default=None, description="Only to this system.")
    order_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only about the order with this opaque id."
    )
    correlation_id: str | None = strawberry.field(
        default=None, description="Only with this correlation id."
    )
    waits_for_person: bool | None = strawberry.field(
        default=None, description="Only those somebody must decide about, or only the others."
    )


@partial(root, description="A command, for who gave it and for operators.")
async def command(ctx: CommandContext, *, id: Annotated[strawberry.ID, argument("Its id.")]) -> Row:
    """NotFound where there is none, or it is somebody else's."""
    refuse_strangers(ctx, "command")
    return await command_of(ctx, id)


@partial(root, description="Commands, newest first: one's own, all for operators.")
async def commands(
    ctx: CommandContext,
    *,
    first: Annotated[int, argument("Commands of the page, at most 100.")] = COMMANDS_DEFAULT,
    after: Annotated[str | None, argument("Only commands older than this cursor.")] = None,
    filter: Annotated[CommandFilter | None, argument("Which commands.")] = None,
) -> Found:
    """A page of the commands of all processes."""
    refuse_strangers(ctx, "commands")
    if not 1 <= first <= COMMANDS_MAX:
        raise InputInvalid("first", first, expected=f"1 to {COMMANDS_MAX}")
    if after is not None:
        check_text("after", after, ID_MAX)
    query = _query(ctx, filter or CommandFilter(), first=first, after=after)
    page = await ctx.commands.page(query)
    return Found(page, is_first=after is None)


async def command_of(ctx: CommandContext, id_: str) -> Row:
    """The command as it is now; NotFound where the caller may not see it."""
    check_text("id", id_, ID_MAX)
    found = await ctx.commands.one(id_)
    if found is None or not may_follow(ctx, found):
        raise NotFound("command", id_)
    return found


async def followed(ctx: Context, id_: str) -> Row | None:
    """The command as it is now; None where the caller may not see it, or not any more."""
    if not isinstance(ctx, CommandContext):
        return None
    found = await ctx.commands.one(id_)
    return found if found is not None and may_follow(ctx, found) else None


def may_follow(ctx: Context, row: Row) -> bool:
    """Who gave it, and operators of its business unit."""
    if ctx.scope.is_external:
        return False
    if row.actor == ctx.principal.subject:
        return True
    units = ctx.scope.business_units
    return ctx.has_role(Role.OPERATOR) and (units is None or row.business_unit in units)


def _query(
    ctx: CommandContext, given: CommandFilter, *, first: int, after: str | None
) -> CommandQuery:
    """Their own, for all but operators of every business unit."""
    for name in ("actor", "mutation", "system", "correlation_id"):
        text = getattr(given, name)
        if text is not None:
            check_text(f"filter.{name}", text, TEXT_MAX)
    if given.mutation is not None and given.mutation not in KINDS:
        raise InputInvalid("filter.mutation", given.mutation, expected=", ".join(sorted(KINDS)))
    sees_all = ctx.has_role(Role.OPERATOR) and not ctx.scope.is_bound
    actor = given.actor if sees_all else ctx.principal.subject
    if given.actor is not None and given.actor != actor:
        raise InputInvalid("filter.actor", given.actor, expected="nothing: for operators only")
    return CommandQuery(
        actor=actor,
        statuses=None if given.statuses is None else frozenset(given.statuses),
        mutation=given.mutation,
        system=given.system,
        order=None if given.order_id is None else decode_id_of("order", given.order_id),
        correlation_id=given.correlation_id,
        waits_for_person=given.waits_for_person,
        before=after,
        limit=first,
    )
