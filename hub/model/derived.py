"""Statuses nobody stores: pure functions of lines, shipments, returns, invoices, credit memos.

Quantities are the truth. None means that what the systems told does not decide it: a status is
never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from hub.model.invoice import CreditMemo, CreditMemoStatus, Invoice, InvoiceStatus
from hub.model.order import (
    FinancialStatus,
    FulfillmentStatus,
    LineStatus,
    OrderLine,
    OrderReturnStatus,
)
from hub.model.record import Record
from hub.model.returns import Return, ReturnLine, RmaStatus
from hub.model.shipment import Shipment, ShipmentDirection, ShipmentStatus
from hub.model.values import Quantity

ZERO = Decimal(0)

_S, _L = ShipmentStatus, LineStatus

NOT_LEFT = frozenset({_S.UNKNOWN, _S.LABEL_CREATED, _S.PRE_TRANSIT, _S.CANCELLED})
"""A shipment in one of these has not been handed to a carrier."""
IN_WAREHOUSE = frozenset({_L.RELEASED, _L.PICKING, _L.PICKED, _L.PACKED})
SHIPPED_LINES = frozenset({_L.SHIPPED, _L.DELIVERED})

REFUSED_RETURNS = frozenset({RmaStatus.DECLINED, RmaStatus.CANCELLED, RmaStatus.EXPIRED})
ASKED_RETURNS = frozenset({RmaStatus.REQUESTED, RmaStatus.PENDING_REVIEW})
DONE_RETURNS = frozenset({RmaStatus.CREDITED, RmaStatus.CLOSED})

VOID_INVOICES = frozenset({InvoiceStatus.DRAFT, InvoiceStatus.CANCELLED})
POSTED_CREDITS = frozenset(
    {None, CreditMemoStatus.POSTED, CreditMemoStatus.PARTIALLY_APPLIED, CreditMemoStatus.APPLIED}
)
"""None: a ledger that keeps only posted credit notes tells no status."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one line is, in its own unit. `target` is what is still wanted, above zero."""

    target: Decimal
    allocated: Decimal
    backordered: Decimal
    handled: Decimal  # picked or packed
    shorted: Decimal
    shipped: Decimal
    delivered: Decimal


def fulfillment_status(
    lines: Sequence[OrderLine], shipments: Sequence[Shipment]
) -> FulfillmentStatus | None:
    """The furthest the order has come. Shipments carry their lines; absent lines decide nothing.

    None where a shipment has left without saying with what, and the lines do not count it either.
    """
    left = [each for each in shipments if has_left(each)]
    if any(each.lines is None for each in left) and not counts_shipments(lines):
        return None
    progress = [each for each in (_progress(line, left) for line in lines) if each is not None]
    return _fulfilled(progress)


def has_left(shipment: Shipment) -> bool:
    """Whether it went out to the customer. A status that is not known falls back on the times."""
    if shipment.direction in (ShipmentDirection.RETURN, ShipmentDirection.VENDOR):
        return False
    if shipment.status is None:
        return shipment.shipped_at is not None or shipment.delivered_at is not None
    return shipment.status not in NOT_LEFT


def counts_shipments(lines: Sequence[OrderLine]) -> bool:
    """Whether the lines say by themselves what has shipped."""
    return bool(lines) and all(
        line.shipped is not None or line.status in SHIPPED_LINES for line in lines
    )


def _fulfilled(lines: Sequence[Progress]) -> FulfillmentStatus:
    steps = (
        (FulfillmentStatus.DELIVERED, all(line.delivered >= line.target for line in lines)),
        (FulfillmentStatus.PARTIALLY_DELIVERED, any(line.delivered for line in lines)),
        (FulfillmentStatus.SHIPPED, all(line.shipped >= line.target for line in lines)),
        (FulfillmentStatus.PARTIALLY_SHIPPED, any(line.shipped for line in lines)),
        (FulfillmentStatus.SHORT, any(line.shorted for line in lines)),
        (FulfillmentStatus.IN_WAREHOUSE, any(line.handled for line in lines)),
        (FulfillmentStatus.BACKORDERED, any(line.backordered for line in lines)),
        (FulfillmentStatus.ALLOCATED, all(line.allocated >= line.target for line in lines)),
        (FulfillmentStatus.PARTIALLY_ALLOCATED, any(line.allocated for line in lines)),
    )
    if not lines:
        return FulfillmentStatus.UNFULFILLED
    return next((status for status, holds in steps if holds), FulfillmentStatus.UNFULFILLED)


def _progress(line: OrderLine, left: Sequence[Shipment]) -> Progress | None:
    """The larger of what the line counts, what its status implies and what shipments carry."""
    target = _value(line.ordered) - _value(line.cancelled)
    if line.status is LineStatus.CANCELLED or target <= ZERO:
        return None

    def counted(quantity: Quantity | None, *statuses: LineStatus) -> Decimal:
        implied = target if line.status in statuses else ZERO
        return max(_value(quantity), implied)

    delivered = [each for each in left if each.status is ShipmentStatus.DELIVERED]
    return Progress(
        target=target,
        allocated=counted(line.allocated, LineStatus.ALLOCATED),
        backordered=counted(line.backordered, LineStatus.BACKORDERED),
        handled=max(counted(line.picked, *IN_WAREHOUSE), _value(line.packed)),
        shorted=counted(line.shorted, LineStatus.SHORT_PICKED),
        shipped=max(counted(line.shipped, *SHIPPED_LINES), _carried(line, left)),
        delivered=max(counted(line.delivered, LineStatus.DELIVERED), _carried(line, delivered)),
    )


def _carried(line: OrderLine, shipments: Iterable[Shipment]) -> Decimal:
    return sum(
        (
            _value(part.quantity)
            for shipment in shipments
            for part in shipment.lines or ()
            if part.order_line is not None and part.order_line == line.line_number
        ),
        ZERO,
    )


def return_status(
    lines: Sequence[OrderLine], returns: Sequence[Return]
) -> OrderReturnStatus | None:
    """How much of the order comes back. Returns carry their lines.

    A return in progress outweighs a finished one, a finished one a request. None where the status
    of a return is not known.
    """
    if any(each.status is None for each in returns):
        return None
    live = [each for each in returns if each.status not in REFUSED_RETURNS]
    done = [each for each in live if each.status in DONE_RETURNS]
    asked = [each for each in live if each.status in ASKED_RETURNS]
    if not live:
        return OrderReturnStatus.NONE
    if len(done) + len(asked) < len(live):
        return OrderReturnStatus.IN_PROGRESS
    if not done:
        return OrderReturnStatus.REQUESTED
    whole = not asked and is_all_returned(lines, done)
    return OrderReturnStatus.RETURNED if whole else OrderReturnStatus.PARTIALLY_RETURNED


def is_all_returned(lines: Sequence[OrderLine], returns: Sequence[Return]) -> bool:
    """Whether these returns brought back every line's whole quantity."""
    back: dict[int | None, Decimal] = {}
    for part in (part for each in returns for part in each.lines or ()):
        back[part.order_line] = back.get(part.order_line, ZERO) + _returned(part)
    wanted = {line.line_number: _value(line.ordered) - _value(line.cancelled) for line in lines}
    return bool(wanted) and all(back.get(number, ZERO) >= much for number, much in wanted.items())


def _returned(part: ReturnLine) -> Decimal:
    """What a finished line brought back: the latest step that its system counts."""
    steps = (part.received, part.accepted, part.credited, part.authorized, part.requested)
    return _value(next((each for each in steps if each is not None), None))


def financial_status(
    invoices: Sequence[Invoice], credit_memos: Sequence[CreditMemo]
) -> FinancialStatus | None:
    """How the order is billed and credited, per currency: a currency is never set off by another.

    None where a document does not tell its amount, or its status is not mapped.
    """
    billed = [each for each in invoices if each.status not in VOID_INVOICES]
    if not billed:
        return FinancialStatus.NOT_INVOICED
    if any(each.is_disputed or each.status is InvoiceStatus.DISPUTED for each in billed):
        return FinancialStatus.DISPUTED
    posted = [each for each in credit_memos if each.status in POSTED_CREDITS]
    documents: list[Invoice | CreditMemo] = [*billed, *posted]
    if any(each.total is None or has_gap(each, "status") for each in documents):
        return None
    owed, given = _sums(billed), _credited(billed, posted)
    if not any(given.values()):
        return FinancialStatus.INVOICED
    is_whole = all(given.get(currency, ZERO) >= amount for currency, amount in owed.items())
    return FinancialStatus.CREDITED if is_whole else FinancialStatus.PARTIALLY_CREDITED


def has_gap(record: Record, field: str) -> bool:
    """Whether the system told something for the field that the systems file does not map."""
    return any(gap.field.rpartition(".")[2] == field for gap in record.gaps)


def _credited(billed: Sequence[Invoice], posted: Sequence[CreditMemo]) -> dict[str, Decimal]:
    """Per currency, the larger of what credit memos sum to and what the invoices say of it."""
    by_memo = _sums(posted)
    by_invoice: dict[str, Decimal] = {}
    for amount in (each.credited_total for each in billed if each.credited_total is not None):
        by_invoice[amount.currency] = by_invoice.get(amount.currency, ZERO) + amount.amount
    currencies = by_memo.keys() | by_invoice.keys()
    return {one: max(by_memo.get(one, ZERO), by_invoice.get(one, ZERO)) for one in currencies}


def _sums(documents: Iterable[Invoice | CreditMemo]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for total in (each.total for each in documents if each.total is not None):
        sums[total.currency] = sums.get(total.currency, ZERO) + total.amount
    return sums


def _value(quantity: Quantity | None) -> Decimal:
    return ZERO if quantity is None else quantity.value
