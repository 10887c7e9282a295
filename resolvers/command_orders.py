"""Commands on orders: hold, release, cancel lines, and a note on the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Annotated

import strawberry

from hub.commands.words import UserError
from hub.events.commanding import Values
from hub.events.outgoing import HUB
from hub.model.case import ActorType, Visibility
from hub.model.errors import InputInvalid
from hub.model.ids import decode_id_of
from hub.model.order import ORDER_TRANSITIONS, HoldReason, LineStatus, Order, OrderLine, OrderStatus
from hub.model.timeline import TimelineCategory, TimelineEntry
from hub.reads.relations import LINES_BY_ORDER
from resolvers.commanding import (
    Asked,
    CommandContext,
    Commanded,
    Correlation,
    DryRun,
    Expected,
    Key,
    Note,
    Planned,
    Wait,
    commanded,
    invalid_state,
    not_found,
    same_again,
    subject_of,
)
from resolvers.fields import mutation
from resolvers.lookup import argument, check_count, check_text

LINES_MAX = 100  # lines of one command
TEXT_MAX = 2_000  # characters of a note on the timeline
ALREADY_SHIPPED = "ALREADY_SHIPPED"
OVER = frozenset({LineStatus.SHIPPED, LineStatus.DELIVERED})
KEY_DIGITS = 32  # of a note's key; 128 bits

OrderId = Annotated[strawberry.ID, argument("The opaque id of the order.")]
REASON = "Why; kept with the command."


@partial(mutation, description="Hold an order in its ERP. For agents, supervisors and finance.")
async def hold_order(
    ctx: CommandContext,
    *,
    order_id: OrderId,
    reason: Annotated[HoldReason, argument("Why, in the words of all ERPs.")],
    idempotency_key: Key,
    expected_version: Expected = None,
    note: Note = None,
    dry_run: DryRun = False,
    wait: Wait = 0.0,
    correlation_id: Correlation = None,
) -> Commanded:
    """Accepted where the order may go on hold from where it stands."""
    asked = Asked(
        mutation="holdOrder", subject=decode_id_of("order", order_id), key=idempotency_key,
        payload={"orderId": order_id, "reason": reason.value}, note=note,
        expected=expected_version, is_dry=dry_run, wait_s=wait, correlation=correlation_id,
    )  # fmt: skip
    held = {"reason": reason.value}
    return await commanded(ctx, asked, lambda: _moved(ctx, asked, OrderStatus.ON_HOLD, held))


@partial(mutation, description="Release a held order. For agents, supervisors and finance.")
async def release_order_hold(
    ctx: CommandContext,
    *,
    order_id: OrderId,
    reason: Annotated[str, argument(REASON)],
    idempotency_key: Key,
    expected_version: Expected = None,
    note: Note = None,
    dry_run: DryRun = False,
    wait: Wait = 0.0,
    correlation_id: Correlation = None,
) -> Commanded:
    """Accepted where the order is on hold."""
    check_text("reason", reason, TEXT_MAX)
    asked = Asked(
        mutation="releaseOrderHold", subject=decode_id_of("order", order_id), key=idempotency_key,
        payload={"orderId": order_id, "reason": reason}, note=note,
        expected=expected_version, is_dry=dry_run, wait_s=wait, correlation=correlation_id,
    )  # fmt: skip
    values = {"reason": reason}
    return await commanded(ctx, asked, lambda: _moved(ctx, asked, OrderStatus.CONFIRMED, values))


@partial(mutation, description="Cancel lines that have not shipped. For agents and supervisors.")
async def cancel_order_lines(
    ctx: CommandContext,
    *,
    order_id: OrderId,
    line_numbers: Annotated[list[int], argument("The lines, by their numbers; at most 100.")],
    reason: Annotated[str, argument(REASON)],
    idempotency_key: Key,
    expected_version: Expected = None,
    note: Note = None,
    dry_run: DryRun = False,
    wait: Wait = 0.0,
    correlation_id: Correlation = None,
) -> Commanded:
    """Accepted where each line is there, not cancelled, and nothing of it has shipped."""
    check_text("reason", reason, TEXT_MAX)
    check_count("lineNumbers", line_numbers, LINES_MAX)
    if not line_numbers or len(set(line_numbers)) != len(line_numbers):
        given = ", ".join(map(str, line_numbers)) or "none"
        raise InputInvalid("lineNumbers", given, expected="1 to 100 different lines")
    payload = {"orderId": order_id, "lineNumbers": line_numbers, "reason": reason}
    asked = Asked(
        mutation="cancelOrderLines", subject=decode_id_of("order", order_id),
        payload=payload, key=idempotency_key, note=note,
        expected=expected_version, is_dry=dry_run, wait_s=wait, correlation=correlation_id,
    )  # fmt: skip
    return await commanded(ctx, asked, lambda: _cancelled(ctx, asked, line_numbers))


@partial(mutation, description="Write a note on the timeline of an order. For the house.")
async def add_timeline_note(
    ctx: CommandContext,
    *,
    order_id: OrderId,
    text: Annotated[str, argument("The note, at most 2,000 characters.")],
    visibility: Annotated[
        Visibility | None, argument("Who may read it; the house alone where absent.")
    ] = None,
    idempotency_key: Key,
    dry_run: DryRun = False,
    correlation_id: Correlation = None,
) -> Commanded:
    """The hub's own: done with its acceptance, in no other system."""
    check_text("text", text, TEXT_MAX)
    seen_by = visibility or Visibility.INTERNAL
    asked = Asked(
        mutation="addTimelineNote", subject=decode_id_of("order", order_id), key=idempotency_key,
        payload={"orderId": order_id, "text": text, "visibility": seen_by.value},
        is_dry=dry_run, correlation=correlation_id,
    )  # fmt: skip
    return await commanded(ctx, asked, lambda: _noted(ctx, asked, text, seen_by))


async def _moved(ctx: CommandContext, asked: Asked, to: OrderStatus, values: Values) -> Planned:
    """A change of the order's status, where it is legal from where the order stands."""
    order = await subject_of(ctx, asked)
    if not isinstance(order, Order):
        return Planned(record=None, errors=[not_found("orderId", "order")])
    given = {"order.key": order.ref.key, **values}
    return _planned(order, asked, errors=_illegal(order, to), values=given)


def _illegal(order: Order, to: OrderStatus) -> list[UserError]:
    """Why an order may not go there. Only what is held is released."""
    froms = [each for each, targets in ORDER_TRANSITIONS.items() if to in targets]
    if to is OrderStatus.CONFIRMED:
        froms = [OrderStatus.ON_HOLD]
    if order.status in froms:
        return []
    state = None if order.status is None else order.status.value
    expected = " or ".join(each.value for each in froms)
    return [invalid_state("orderId", order.ref, state, expected=expected)]


async def _cancelled(ctx: CommandContext, asked: Asked, numbers: Sequence[int]) -> Planned:
    order = await subject_of(ctx, asked)
    if not isinstance(order, Order):
        return Planned(record=None, errors=[not_found("orderId", "order")])
    if order.status in (OrderStatus.CANCELLED, OrderStatus.COMPLETED):
        state = order.status.value
        error = invalid_state("orderId", order.ref, state, expected="an order under way")
        return _planned(order, asked, errors=[error], values={})
    [section] = await ctx.reads.related(LINES_BY_ORDER, [order])
    for failure in section.failures:
        raise failure
    lines = {line.line_number: line for line in section.records if isinstance(line, OrderLine)}
    errors = [
        error
        for place, number in enumerate(numbers)
        for error in _uncancellable(f"lineNumbers.{place}", lines.get(number))
    ]
    values = {"order.key": order.ref.key, "lines": list(numbers)}
    return _planned(order, asked, errors=errors, values=values)


def _uncancellable(path: str, line: OrderLine | None) -> list[UserError]:
    """Why a line cannot be cancelled."""
    if line is None:
        return [UserError(code="NOT_FOUND", field=path, message="the order has no such line")]
    if line.status is LineStatus.CANCELLED:
        return [invalid_state(path, line.ref, "CANCELLED", expected="a line under way")]
    shipped = line.shipped.value if line.shipped is not None else 0
    if shipped > 0 or line.status in OVER:
        return [
            UserError(
                code=ALREADY_SHIPPED,
                field=path,
                message="the line has shipped; ask for a return instead",
                system=line.ref.system,
                evidence={"shipped": str(shipped), "status": _named(line.status)},
            )
        ]
    return []


def _named(status: LineStatus | None) -> str:
    return "unknown" if status is None else status.value


async def _noted(ctx: CommandContext, asked: Asked, text: str, visibility: Visibility) -> Planned:
    order = await subject_of(ctx, asked)
    if not isinstance(order, Order):
        return Planned(record=None, errors=[not_found("orderId", "order")])
    who = ctx.principal.subject
    digest = sha256("\x1f".join((who, asked.key)).encode()).hexdigest()[:KEY_DIGITS]
    entry = TimelineEntry(
        natural_key=f"note/{digest}",
        order=order.ref,
        category=TimelineCategory.NOTE,
        type="note.added",
        title="Note",
        message=text,
        system=HUB,
        occurred_at=ctx.started_at,
        observed_at=ctx.started_at,
        visibility=visibility,
        actor_type=ActorType.AGENT,
        actor=who,
        subject=order.ref,
        correlation_id=asked.correlation or ctx.correlation_id,
    )
    return Planned(
        record=order, order=order.ref, customer=order.customer,
        business_unit=order.business_unit, entries=(entry,),
    )  # fmt: skip


def _planned(order: Order, asked: Asked, *, errors: Sequence[UserError], values: Values) -> Planned:
    return Planned(
        record=order,
        errors=errors,
        values=values,
        order=order.ref,
        customer=order.customer,
        business_unit=order.business_unit,
        check=same_again(asked),
    )
