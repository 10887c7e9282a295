"""What every command has in common: who may, what it is asked with, and how it is taken on.

A command is checked by reads, then taken on by the ledger, which answers the same key the same way
ever after. What the business refuses is data (`userErrors`); what is broken is an error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any

from hub.commands.words import (
    IDEMPOTENCY_KEY_MISMATCH,
    KEY_MAX,
    NOT_SUPPORTED,
    WAIT_MAX_S,
    Check,
    Command,
    CommandQuery,
    Ledgered,
    Receipt,
    UserError,
    Wish,
)
from hub.events.commanding import Terms, Values
from hub.events.told import version_of
from hub.model.errors import Forbidden, InputInvalid, OpsHubError
from hub.model.record import Record
from hub.model.timeline import TimelineEntry
from hub.model.values import Ref
from hub.observe.correlation import accepted_correlation_id
from hub.security.principal import Role
from resolvers.context import Context
from resolvers.dead_letters import DeadLetterContext
from resolvers.lookup import argument, check_text
from resolvers.scalars import Long

NOTE_MAX = 500  # characters
RECENT_MAX = 200  # commands of one aggregate that a dry run is checked against
REST_S = 0.5  # seconds of a request that are left for its answer after a wait

NOT_FOUND = "NOT_FOUND"
INVALID_STATE = "INVALID_STATE"
STALE_VERSION = "STALE_VERSION"
ALREADY_EXISTS = "ALREADY_EXISTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext(DeadLetterContext):
    """The context of a hub that takes commands.

    `terms` are those of `system.command` in the file in force, None where it declares none.
    `answer_by` is when the whole request must have been answered.
    """

    commands: Ledgered
    terms: Callable[[str], Terms | None]
    answer_by: datetime


@dataclass(frozen=True, slots=True)
class Kind:
    """One mutation: what it is called in the systems file (None: the hub's own), and who may."""

    mutation: str
    command: str | None
    roles: frozenset[Role]


_ORDER_DESK = frozenset({Role.AGENT, Role.SUPERVISOR})
KINDS: Mapping[str, Kind] = {
    each.mutation: each
    for each in (
        Kind("holdOrder", "hold_order", _ORDER_DESK | {Role.FINANCE}),
        Kind("releaseOrderHold", "release_order", _ORDER_DESK | {Role.FINANCE}),
        Kind("cancelOrderLines", "cancel_order_line", _ORDER_DESK),
        Kind("issueCredit", "create_credit_memo", frozenset({Role.FINANCE})),
        Kind("adjustInventory", "adjust_inventory", frozenset({Role.WAREHOUSE, Role.SUPERVISOR})),
        Kind("addTimelineNote", None, _ORDER_DESK | {Role.FINANCE, Role.WAREHOUSE, Role.QUALITY}),
    )
}
"""Every command that can be given."""

Key = Annotated[
    str, argument("1 to 128 characters: the same key has one effect, and the first answer.")
]
Note = Annotated[str | None, argument("Why, in your words; kept with the command.")]
Expected = Annotated[
    Long | None,
    argument("The `version` you have seen: refused as STALE_VERSION where it is another now."),
]
DryRun = Annotated[bool, argument("Check it only: nothing is kept and nothing is done.")]
Wait = Annotated[
    float, argument("Seconds to wait for the outcome, 0 to 5; the receipt comes either way.")
]
Correlation = Annotated[
    str | None, argument("Joins it with what else belongs together; the request's where absent.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a command was asked with. `subject` is what it is about, `payload` its own input."""

    mutation: str
    subject: Ref
    payload: Mapping[str, Any]
    key: str
    note: str | None = None
    expected: int | None = None
    is_dry: bool = False
    wait_s: float = 0.0
    correlation: str | None = None


def _nothing_hinders(_: Sequence[Command]) -> Sequence[UserError]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What reads say of it: the record it is about, why it may not be, and what to send.

    `check` is asked once more when it is taken on, with the commands reads do not show yet.
    """

    record: Record | None
    errors: Sequence[UserError] = ()
    values: Values = field(default_factory=dict)
    order: Ref | None = None
    customer: Ref | None = None
    business_unit: str | None = None
    check: Check = _nothing_hinders
    entries: tuple[TimelineEntry, ...] = ()

    def checked(self, check: Check) -> Planned:
        """The same with a check."""
        return replace(self, check=check)


@dataclass(frozen=True, slots=True)
class Commanded:
    """The answer: `receipt` is None for a dry run, `record` where the subject is not theirs."""

    receipt: Receipt | None
    record: Record | None
    user_errors: Sequence[UserError]


Plan = Callable[[], Awaitable[Planned]]


async def commanded(ctx: CommandContext, asked: Asked, plan: Plan) -> Commanded:
    """Check it, take it on, and wait as long as was asked for.

    Raises Forbidden, InputInvalid, and why a record could not be read: then nothing is kept.
    """
    _check_asked(ctx, asked)
    wish = _wish(ctx, asked)
    earlier = None if asked.is_dry else await ctx.commands.earlier(wish)
    if earlier is not None:
        [record] = await ctx.reads.record_by_ref([asked.subject])
        shown = record if isinstance(record, Record) else None
        return await _answered(ctx, asked, earlier, shown)
    planned = await plan()
    errors = [*planned.errors, *_unsupported(ctx, asked), *_outdated(asked, planned.record)]
    if asked.is_dry:
        return Commanded(None, planned.record, errors or await _hindered(ctx, wish, planned.check))
    wish = _filled(wish, planned)
    if errors:
        receipt = await ctx.commands.refuse(wish, errors)
    else:
        receipt = await ctx.commands.accept(wish, check=planned.check)
    return await _answered(ctx, asked, receipt, planned.record)


async def subject_of(ctx: CommandContext, asked: Asked) -> Record | None:
    """The record it is about, read anew where a version is expected; None where the caller may
    not see it. Raises why it could not be read."""
    reads = ctx.reads if asked.expected is None else ctx.reads.anew([asked.subject])
    [found] = await reads.record_by_ref([asked.subject])
    if isinstance(found, OpsHubError):
        raise found
    return found


def not_found(path: str, what: str) -> UserError:
    """The answer for what is not there and for what is not theirs."""
    return UserError(
        code=NOT_FOUND,
        field=path,
        message=f"no {what} has this id, or you may not see it; take the id from an answer",
    )


def invalid_state(path: str, ref: Ref, state: object, *, expected: str) -> UserError:
    """`state` is where it stands now, None where its system tells none."""
    told = "unknown" if state is None else str(state)
    return UserError(
        code=INVALID_STATE,
        field=path,
        message=f"it is {told}; expected {expected}",
        system=ref.system,
        evidence={"state": told, "expected": expected},
    )


def same_again(asked: Asked) -> Check:
    """Refuses the same wish under another key while the first is under way."""

    def check(commands: Sequence[Command]) -> Sequence[UserError]:
        for each in commands:
            is_same = each.mutation == asked.mutation and each.payload == payload_of(asked)
            if is_same and not each.status.is_final:
                return [
                    UserError(
                        code=ALREADY_EXISTS,
                        message="the same was asked before and is under way; follow that command",
                        evidence={"command": each.id, "status": each.status.value},
                    )
                ]
        return ()

    return check


def payload_of(asked: Asked) -> dict[str, Any]:
    """The whole input but key, wait and dry run, as the ledger compares it."""
    expected = None if asked.expected is None else str(asked.expected)
    return {**asked.payload, "note": asked.note, "expectedVersion": expected}


def _check_asked(ctx: Context, asked: Asked) -> None:
    roles = KINDS[asked.mutation].roles
    if not any(ctx.has_role(role) for role in roles):
        named = ", ".join(sorted(role.value for role in roles))
        raise Forbidden(f"{asked.mutation} needs one of the roles {named}; leave it out")
    check_text("idempotencyKey", asked.key, KEY_MAX)
    if asked.note is not None:
        check_text("note", asked.note, NOTE_MAX)
    if not 0 <= asked.wait_s <= WAIT_MAX_S:
        raise InputInvalid("wait", asked.wait_s, expected=f"0 to {WAIT_MAX_S:g} seconds")
    given = asked.correlation
    if given is not None and accepted_correlation_id(given) != given:
        expected = "8 to 64 characters of A-Z a-z 0-9 _ : -"
        raise InputInvalid("correlationId", given, expected=expected)


def _wish(ctx: CommandContext, asked: Asked) -> Wish:
    subject, kind = asked.subject, KINDS[asked.mutation]
    return Wish(
        actor=ctx.principal.subject,
        mutation=asked.mutation,
        key=asked.key,
        payload=payload_of(asked),
        aggregate=aggregate_of(subject),
        subject=subject,
        correlation_id=asked.correlation or ctx.correlation_id,
        command=None if kind.command is None else f"{subject.system}.{kind.command}",
        note=asked.note,
        expected_version=asked.expected,
    )


def aggregate_of(subject: Ref) -> str:
    """What commands are carried out one after the other for."""
    return "/".join(subject)


def _filled(wish: Wish, planned: Planned) -> Wish:
    return replace(
        wish,
        values=planned.values,
        order=planned.order,
        customer=planned.customer,
        business_unit=planned.business_unit,
        entries=planned.entries,
    )


def _unsupported(ctx: CommandContext, asked: Asked) -> list[UserError]:
    command = KINDS[asked.mutation].command
    system = asked.subject.system
    if command is None or ctx.terms(f"{system}.{command}") is not None:
        return []
    return [
        UserError(
            code=NOT_SUPPORTED,
            message=f"{system} declares no command {command}; add it to the systems file",
            system=system,
        )
    ]


def _outdated(asked: Asked, record: Record | None) -> list[UserError]:
    """STALE_VERSION where another version was seen; InputInvalid where there is none to expect."""
    if asked.expected is None or record is None:
        return []
    current = version_of(record)
    if current is None:
        expected = f"nothing: {record.ref.system} tells no version of it"
        raise InputInvalid("expectedVersion", asked.expected, expected=expected)
    if current == asked.expected:
        return []
    return [
        UserError(
            code=STALE_VERSION,
            field="expectedVersion",
            message="it was changed since you read it; read it again and decide anew",
            system=record.ref.system,
            evidence={"expected": str(asked.expected), "current": str(current)},
        )
    ]


async def _hindered(ctx: CommandContext, wish: Wish, check: Check) -> Sequence[UserError]:
    """What the ledger would say, for a dry run."""
    query = CommandQuery(aggregate=wish.aggregate, limit=RECENT_MAX)
    newest_first = (await ctx.commands.page(query)).commands
    return check(newest_first[::-1])


async def _answered(
    ctx: CommandContext, asked: Asked, receipt: Receipt, record: Record | None
) -> Commanded:
    """After the wait that was asked for, as far as the request has time for it."""
    is_mine = all(each.code != IDEMPOTENCY_KEY_MISMATCH for each in receipt.user_errors)
    left_s = (ctx.answer_by - datetime.now(UTC)).total_seconds() - REST_S
    wait_s = min(asked.wait_s, left_s)
    if receipt.status.is_final or wait_s <= 0 or not is_mine:
        return Commanded(receipt, record, receipt.user_errors)
    ended = await ctx.commands.wait_for_end(receipt.id, wait_s)
    if not ended.status.is_final:
        return Commanded(_under(receipt, ended), record, receipt.user_errors or ended.user_errors)
    if record is not None:
        [now] = await ctx.reads.anew([record.ref]).record_by_ref([record.ref])
        record = now if isinstance(now, Record) else record
    return Commanded(_under(receipt, ended), record, ended.user_errors)


def _under(receipt: Receipt, ended: Receipt) -> Receipt:
    """The later word, which still says whether the key was known."""
    return replace(ended, replayed=receipt.replayed)
