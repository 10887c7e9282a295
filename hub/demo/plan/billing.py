"""Invoices of what was shipped, and the credit memos that no return explains."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from hub.demo.plan.records import CreditMemo, Invoice, InvoiceLine, Order, Shipment
from hub.demo.plan.when import REFERENCE_AT, dice

CENT = Decimal("0.01")
FIRST_INVOICE = {"erp-eu": 300001, "erp-us": 90001}
INVOICE_FORM = {"erp-eu": "{}", "erp-us": "INV-{}"}
FIRST_MEMO = {"erp-eu": 380001, "erp-us": 8001}
MEMO_FORM = {"erp-eu": "{}", "erp-us": "CM-{}"}
TERM_DAYS = 30
PLAIN_MEMO_EVERY = 60
"""One invoice in so many has a credit memo without a return."""


class Numbers:
    """Running document numbers of the two ERPs."""

    def __init__(self, first: Mapping[str, int], form: Mapping[str, str]) -> None:
        self._next = dict(first)
        self._form = form

    def take(self, erp: str) -> str:
        number = self._next[erp]
        self._next[erp] = number + 1
        return self._form[erp].format(number)


def memo_numbers() -> Numbers:
    return Numbers(FIRST_MEMO, MEMO_FORM)


def plan_invoices(orders: Sequence[Order], shipments: Sequence[Shipment]) -> tuple[Invoice, ...]:
    """One invoice for each shipment that left, an hour after it did."""
    rng = dice("invoices")
    by_key = {(order.erp, order.key): order for order in orders}
    numbers = Numbers(FIRST_INVOICE, INVOICE_FORM)
    invoices = []
    for shipment in shipments:
        if shipment.shipped_at is None:
            continue
        order = by_key[shipment.erp, shipment.order]
        posted = min(shipment.shipped_at + timedelta(hours=1), REFERENCE_AT)
        due = (posted + timedelta(days=TERM_DAYS)).date()
        is_due = due < REFERENCE_AT.date()
        status = rng.choices(("PAID", "PARTIALLY_PAID", "DISPUTED", "POSTED"), (85, 6, 3, 6))[0]
        invoices.append(
            Invoice(
                erp=order.erp,
                number=numbers.take(order.erp),
                order=order.key,
                customer=order.customer,
                currency=order.currency,
                status=status if is_due else "POSTED",
                posted_at=posted,
                due_on=due,
                lines=tuple(_invoice_lines(order, shipment)),
            )
        )
    return tuple(invoices)


def _invoice_lines(order: Order, shipment: Shipment) -> Iterator[InvoiceLine]:
    lines = {line.number: line for line in order.lines}
    for index, shipped in enumerate(shipment.lines, start=1):
        line = lines[shipped.order_line]
        tax = (line.tax * shipped.quantity / line.ordered).quantize(CENT)
        yield InvoiceLine(
            number=index,
            order_line=line.number,
            sku=line.sku,
            unit=line.unit,
            quantity=shipped.quantity,
            price=line.price,
            tax=tax,
        )


def invoices_by_order(invoices: Sequence[Invoice]) -> Mapping[tuple[str, str], list[Invoice]]:
    by_order: dict[tuple[str, str], list[Invoice]] = defaultdict(list)
    for invoice in invoices:
        by_order[invoice.erp, invoice.order].append(invoice)
    return by_order


def plain_memos(invoices: Sequence[Invoice], numbers: Numbers) -> Iterator[CreditMemo]:
    """Price corrections and goodwill: one unit of the first line; every third names no invoice."""
    rng = dice("plain memos")
    for index, invoice in enumerate(invoices[::PLAIN_MEMO_EVERY]):
        posted = invoice.posted_at + timedelta(days=rng.randrange(3, 12))
        if posted < REFERENCE_AT:
            first = invoice.lines[0]
            yield CreditMemo(
                erp=invoice.erp,
                number=numbers.take(invoice.erp),
                order=invoice.order,
                customer=invoice.customer,
                invoice=None if index % 3 == 0 else invoice.number,
                rma=None,
                currency=invoice.currency,
                status="POSTED",
                reason=rng.choice(("PRICING_DISPUTE", "SHORT_SHIPMENT", "GOODWILL")),
                posted_at=posted,
                lines=(credited(first, 1),),
            )


def credited(line: InvoiceLine, quantity: int) -> InvoiceLine:
    """Some of an invoice line, with the tax in proportion."""
    return InvoiceLine(
        number=1,
        order_line=line.order_line,
        sku=line.sku,
        unit=line.unit,
        quantity=quantity,
        price=line.price,
        tax=(line.tax * quantity / line.quantity).quantize(CENT),
    )
