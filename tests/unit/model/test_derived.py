"""Statuses nobody stores: each rule by its smallest order."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model.derived import financial_status, fulfillment_status, return_status
from hub.model.errors import UnmappedValue
from hub.model.invoice import CreditMemo, CreditMemoStatus, Invoice, InvoiceStatus
from hub.model.order import (
    FinancialStatus,
    FulfillmentStatus,
    LineStatus,
    OrderLine,
    OrderReturnStatus,
)
from hub.model.returns import Return, ReturnLine, RmaStatus
from hub.model.shipment import Shipment, ShipmentDirection, ShipmentLine, ShipmentStatus
from hub.model.values import Money, Quantity, Ref

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def told(noun: type[Any], key: str = "1", **fields: Any) -> Any:
    return noun(ref=Ref(noun.NOUN, "s", key), as_of=NOON, fetched_at=NOON, **fields)


def pieces(count: int) -> Quantity:
    return Quantity(Decimal(count), "EA")


def line(number: int = 1, ordered: int = 10, **counters: Any) -> OrderLine:
    counted = {
        name: pieces(value) if isinstance(value, int) else value for name, value in counters.items()
    }
    made: OrderLine = told(
        OrderLine, str(number), line_number=number, ordered=pieces(ordered), **counted
    )
    return made


def shipment(status: ShipmentStatus | None, *parts: tuple[int, int], **fields: Any) -> Shipment:
    lines = tuple(
        told(ShipmentLine, f"{n}", order_line=n, quantity=pieces(much)) for n, much in parts
    )
    made: Shipment = told(Shipment, status=status, lines=lines, **fields)
    return made


F = FulfillmentStatus


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], F.UNFULFILLED),
        ([line()], F.UNFULFILLED),
        ([line(cancelled=10)], F.UNFULFILLED),
        ([line(allocated=4)], F.PARTIALLY_ALLOCATED),
        ([line(allocated=10), line(2)], F.PARTIALLY_ALLOCATED),
        ([line(allocated=10), line(2, status=LineStatus.ALLOCATED)], F.ALLOCATED),
        ([line(allocated=6, backordered=4)], F.BACKORDERED),
        ([line(status=LineStatus.BACKORDERED)], F.BACKORDERED),
        ([line(status=LineStatus.PICKING), line(2, backordered=1)], F.IN_WAREHOUSE),
        ([line(picked=3)], F.IN_WAREHOUSE),
        ([line(packed=3)], F.IN_WAREHOUSE),
        ([line(picked=6, shorted=4)], F.SHORT),
        ([line(status=LineStatus.SHORT_PICKED)], F.SHORT),
        ([line(shipped=6, shorted=4)], F.PARTIALLY_SHIPPED),
        ([line(shipped=10), line(2)], F.PARTIALLY_SHIPPED),
        ([line(shipped=10)], F.SHIPPED),
        ([line(shipped=6, cancelled=4)], F.SHIPPED),
        ([line(shipped=10), line(2, status=LineStatus.CANCELLED)], F.SHIPPED),
        ([line(shipped=10, delivered=1)], F.PARTIALLY_DELIVERED),
        ([line(status=LineStatus.DELIVERED), line(2)], F.PARTIALLY_DELIVERED),
        ([line(shipped=10, delivered=10)], F.DELIVERED),
        ([line(status=LineStatus.DELIVERED)], F.DELIVERED),
    ],
)
def test_lines_alone_decide(lines: Sequence[OrderLine], expected: FulfillmentStatus) -> None:
    assert fulfillment_status(lines, []) is expected


S = ShipmentStatus


@pytest.mark.parametrize(
    ("shipments", "expected"),
    [
        ([shipment(S.LABEL_CREATED, (1, 10))], F.UNFULFILLED),
        ([shipment(S.CANCELLED, (1, 10))], F.UNFULFILLED),
        ([shipment(S.IN_TRANSIT, (1, 4))], F.PARTIALLY_SHIPPED),
        ([shipment(S.IN_TRANSIT, (1, 4)), shipment(S.DELAYED, (1, 6))], F.SHIPPED),
        ([shipment(S.IN_TRANSIT, (2, 10))], F.UNFULFILLED),
        ([shipment(S.DELIVERED, (1, 10))], F.DELIVERED),
        ([shipment(S.DELIVERED, (1, 4)), shipment(S.IN_TRANSIT, (1, 6))], F.PARTIALLY_DELIVERED),
        ([shipment(S.DELIVERED, (1, 10), direction=ShipmentDirection.RETURN)], F.UNFULFILLED),
        ([shipment(None, (1, 10))], F.UNFULFILLED),
        ([shipment(None, (1, 10), shipped_at=NOON)], F.SHIPPED),
    ],
)
def test_what_left_the_house_counts_where_lines_do_not(
    shipments: Sequence[Shipment], expected: FulfillmentStatus
) -> None:
    assert fulfillment_status([line()], shipments) is expected


def test_a_lagging_erp_does_not_hide_a_delivery() -> None:
    lagging = [line(shipped=4, delivered=0)]
    assert fulfillment_status(lagging, [shipment(S.DELIVERED, (1, 10))]) is F.DELIVERED


def test_a_shipment_that_does_not_say_with_what_decides_nothing() -> None:
    blind = told(Shipment, status=S.IN_TRANSIT)
    assert fulfillment_status([line()], [blind]) is None
    assert fulfillment_status([line(shipped=10)], [blind]) is F.SHIPPED


@given(
    ordered=st.integers(1, 20),
    shipped=st.integers(0, 20),
    delivered=st.integers(0, 20),
)
def test_more_progress_never_reads_as_less(ordered: int, shipped: int, delivered: int) -> None:
    """Shipping one piece more, or delivering one, never moves the status back."""
    order = list(F)
    ranks = [
        order.index(found)
        for more in (0, 1)
        if (
            found := fulfillment_status(
                [line(ordered=ordered, shipped=shipped + more, delivered=delivered)], []
            )
        )
    ]
    assert len(ranks) == 2
    assert ranks[0] <= ranks[1]


def rma(status: RmaStatus | None, *parts: tuple[int, int]) -> Return:
    lines = tuple(
        told(ReturnLine, f"{n}", order_line=n, received=pieces(much)) for n, much in parts
    )
    made: Return = told(Return, status=status, lines=lines)
    return made


R, Back = RmaStatus, OrderReturnStatus


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        ([], Back.NONE),
        ([rma(R.DECLINED), rma(R.CANCELLED), rma(R.EXPIRED)], Back.NONE),
        ([rma(R.REQUESTED)], Back.REQUESTED),
        ([rma(R.PENDING_REVIEW), rma(R.DECLINED)], Back.REQUESTED),
        ([rma(R.AUTHORIZED)], Back.IN_PROGRESS),
        ([rma(R.CREDIT_PENDING, (1, 10))], Back.IN_PROGRESS),
        ([rma(R.CREDITED, (1, 10)), rma(R.RECEIVED)], Back.IN_PROGRESS),
        ([rma(R.CREDITED, (1, 4))], Back.PARTIALLY_RETURNED),
        ([rma(R.CREDITED, (1, 4)), rma(R.REQUESTED)], Back.PARTIALLY_RETURNED),
        ([rma(R.CREDITED, (1, 4)), rma(R.CLOSED, (1, 6))], Back.RETURNED),
        ([rma(R.CREDITED, (2, 10))], Back.PARTIALLY_RETURNED),
        ([rma(None)], None),
    ],
)
def test_returns_decide(returns: Sequence[Return], expected: OrderReturnStatus | None) -> None:
    assert return_status([line()], returns) is expected


def euros(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def invoice(total: Money | None = None, **fields: Any) -> Invoice:
    made: Invoice = told(Invoice, total=total or euros("100"), **fields)
    return made


def memo(
    total: Money | None, status: CreditMemoStatus | None = CreditMemoStatus.POSTED, **fields: Any
) -> CreditMemo:
    made: CreditMemo = told(CreditMemo, total=total, status=status, **fields)
    return made


GAP = (UnmappedValue("s", "status", "77", ("10", "20")),)
M = FinancialStatus


@pytest.mark.parametrize(
    ("invoices", "memos", "expected"),
    [
        ([], [], M.NOT_INVOICED),
        ([invoice(status=InvoiceStatus.DRAFT)], [], M.NOT_INVOICED),
        ([invoice(status=InvoiceStatus.CANCELLED)], [], M.NOT_INVOICED),
        ([invoice()], [], M.INVOICED),
        ([invoice(status=InvoiceStatus.PAID)], [], M.INVOICED),
        ([invoice(status=InvoiceStatus.DISPUTED)], [], M.DISPUTED),
        ([invoice(is_disputed=True)], [memo(euros("100"))], M.DISPUTED),
        ([invoice()], [memo(euros("40"))], M.PARTIALLY_CREDITED),
        ([invoice()], [memo(euros("40")), memo(euros("60"))], M.CREDITED),
        ([invoice()], [memo(euros("40"), CreditMemoStatus.PENDING_APPROVAL)], M.INVOICED),
        ([invoice()], [memo(euros("40"), CreditMemoStatus.REVERSED)], M.INVOICED),
        ([invoice()], [memo(euros("40"), None)], M.PARTIALLY_CREDITED),
        ([invoice(credited_total=euros("100"))], [memo(euros("40"))], M.CREDITED),
        ([invoice()], [memo(Money(Decimal(100), "GBP"))], M.PARTIALLY_CREDITED),
        ([invoice(euros("0"))], [], M.INVOICED),
        ([invoice()], [memo(None)], None),
        ([invoice(gaps=GAP)], [], None),
        ([invoice()], [memo(euros("40"), None, gaps=GAP)], None),
    ],
)
def test_documents_decide(
    invoices: Sequence[Invoice], memos: Sequence[CreditMemo], expected: FinancialStatus | None
) -> None:
    assert financial_status(invoices, memos) is expected
