"""`issueCredit`: a plain credit memo against an invoice, never more than is left of it.

What is left is the invoice's total less its credit memos, and less what the hub has taken on for it
that no memo shows yet: so that credits sent at once are not each measured against the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Annotated

import strawberry

from hub.commands.words import Check, Command, CommandStatus, UserError
from hub.model.errors import InputInvalid, SourceInvalid
from hub.model.ids import decode_id_of
from hub.model.invoice import CreditMemo, CreditMemoStatus, Invoice, InvoiceStatus
from hub.model.order import Order
from hub.model.record import Record
from hub.model.values import Money, Ref
from hub.reads.relations import CREDIT_MEMOS_BY_INVOICE
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
    subject_of,
)
from resolvers.fields import mutation
from resolvers.lookup import argument, check_text
from resolvers.scalars import decimal_text

REASON_MAX = 500  # characters
CURRENCY_LETTERS = 3  # of ISO 4217
AMOUNT_EXCEEDS_CREDITABLE = "AMOUNT_EXCEEDS_CREDITABLE"
INVALID_INPUT = "INVALID_INPUT"

CREDITABLE = frozenset(
    {InvoiceStatus.POSTED, InvoiceStatus.PARTIALLY_PAID, InvoiceStatus.PAID, InvoiceStatus.DISPUTED}
)
GIVEN_UP = frozenset({CreditMemoStatus.REJECTED, CreditMemoStatus.REVERSED})
UNDONE = frozenset({CommandStatus.REJECTED, CommandStatus.FAILED, CommandStatus.COMPENSATED})


@partial(mutation, description="Credit an invoice, up to what is left of it. For finance.")
async def issue_credit(
    ctx: CommandContext,
    *,
    invoice_id: Annotated[strawberry.ID, argument("The opaque id of the invoice.")],
    amount: Annotated[Decimal, argument("How much is given back, above zero.")],
    currency: Annotated[str, argument("ISO 4217 code; must be the invoice's.")],
    reason: Annotated[str, argument("Why; the ERP keeps it with the memo.")],
    idempotency_key: Key,
    expected_version: Expected = None,
    note: Note = None,
    dry_run: DryRun = False,
    wait: Wait = 0.0,
    correlation_id: Correlation = None,
) -> Commanded:
    """Accepted where the amount is in the invoice's currency and no more than is left of it."""
    check_text("reason", reason, REASON_MAX)
    check_text("currency", currency, CURRENCY_LETTERS)
    if amount <= 0:
        raise InputInvalid("amount", amount, expected="more than zero")
    asked = Asked(
        mutation="issueCredit", subject=decode_id_of("invoice", invoice_id), key=idempotency_key,
        payload={"invoiceId": invoice_id, "amount": decimal_text(amount.normalize()),
                 "currency": currency, "reason": reason},
        note=note, expected=expected_version, is_dry=dry_run, wait_s=wait,
        correlation=correlation_id,
    )  # fmt: skip
    return await commanded(ctx, asked, lambda: _credited(ctx, asked, Money(amount, currency)))


async def _credited(ctx: CommandContext, asked: Asked, wanted: Money) -> Planned:
    invoice = await subject_of(ctx, asked)
    if not isinstance(invoice, Invoice):
        return Planned(record=None, errors=[not_found("invoiceId", "invoice")])
    order = await _order_of(ctx, invoice)
    errors = [*_uncreditable(invoice), *_foreign(invoice, wanted)]
    check = None if errors else left_for(invoice, wanted, await _memos_of(ctx, invoice))
    values = {
        "order.key": None if invoice.order is None else invoice.order.key,
        "invoice.key": invoice.ref.key,
        "rma.key": None,
        "amount": wanted.amount,
        "currency": wanted.currency,
        "reason": asked.payload["reason"],
    }
    unit = order.business_unit if isinstance(order, Order) else None
    planned = Planned(
        record=invoice, errors=errors, values=values, order=invoice.order,
        customer=invoice.customer, business_unit=unit,
    )  # fmt: skip
    return planned if check is None else planned.checked(check)


async def _order_of(ctx: CommandContext, invoice: Invoice) -> Record | None:
    """The order it bills, for whose unit it is; None where it names none or none can be read."""
    refs: list[Ref | None] = [invoice.order]
    [order] = await ctx.reads.record_by_ref(refs)
    return order if isinstance(order, Record) else None


async def _memos_of(ctx: CommandContext, invoice: Invoice) -> list[CreditMemo]:
    """All its credit memos; raises where a system could not tell them."""
    [section] = await ctx.reads.related(CREDIT_MEMOS_BY_INVOICE, [invoice])
    for failure in section.failures:
        raise failure
    return [each for each in section.records if isinstance(each, CreditMemo)]


def left_for(invoice: Invoice, wanted: Money, memos: Sequence[CreditMemo]) -> Check:
    """Refuses more than is left of the invoice, with what it was worked out from."""
    invoiced = _amount(invoice, invoice.total)
    shown = [each for each in memos if each.status not in GIVEN_UP]
    credited = sum((_amount(each, each.total) for each in shown), Decimal(0))
    seen = {each.external_reference for each in memos} | {each.number for each in memos}

    def check(commands: Sequence[Command]) -> Sequence[UserError]:
        pending = sum(
            (Decimal(each.payload["amount"]) for each in commands if _is_pending(each, seen)),
            Decimal(0),
        )
        left = invoiced - credited - pending
        if wanted.amount <= left:
            return ()
        amounts = {"invoiced": invoiced, "credited": credited, "pending": pending, "left": left}
        return [_exceeds(invoice, wanted, amounts)]

    return check


def _is_pending(command: Command, seen: set[str | None]) -> bool:
    """Whether it is, or may be, a credit that no memo shows."""
    if command.mutation != "issueCredit" or command.status in UNDONE:
        return False
    return command.id not in seen and command.receipt.result.get("number") not in seen - {None}


def _exceeds(invoice: Invoice, wanted: Money, amounts: dict[str, Decimal]) -> UserError:
    currency = wanted.currency
    left = decimal_text(amounts["left"])
    return UserError(
        code=AMOUNT_EXCEEDS_CREDITABLE,
        field="amount",
        message=f"{left} {currency} of invoice {invoice.number} is left to credit",
        system=invoice.ref.system,
        evidence={name: decimal_text(value) for name, value in amounts.items()}
        | {"currency": currency},
    )


def _amount(record: Invoice | CreditMemo, total: Money | None) -> Decimal:
    """SourceInvalid where its system tells no total: then nobody knows what is left."""
    if total is None:
        what = f"{record.NOUN} {record.ref.key} has no total, so what is left cannot be known"
        raise SourceInvalid(record.ref.system, what)
    return total.amount


def _uncreditable(invoice: Invoice) -> list[UserError]:
    if invoice.status in CREDITABLE:
        return []
    state = None if invoice.status is None else invoice.status.value
    expected = " or ".join(sorted(each.value for each in CREDITABLE))
    return [invalid_state("invoiceId", invoice.ref, state, expected=expected)]


def _foreign(invoice: Invoice, wanted: Money) -> list[UserError]:
    """Amounts of two currencies are never measured against each other."""
    if invoice.total is None or invoice.total.currency == wanted.currency:
        return []
    currency = invoice.total.currency
    return [
        UserError(
            code=INVALID_INPUT,
            field="currency",
            message=f"the invoice is in {currency}, not {wanted.currency}",
            system=invoice.ref.system,
            evidence={"currency": currency},
        )
    ]
