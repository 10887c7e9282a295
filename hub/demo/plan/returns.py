"""Returns in every state of their life, with what the warehouses did to them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from hub.demo.plan.billing import Numbers, credited
from hub.demo.plan.records import (
    CreditMemo,
    Disposition,
    Inspection,
    Invoice,
    Order,
    Receipt,
    Rma,
    RmaLine,
    Shipment,
)
from hub.demo.plan.returned import STATUSES
from hub.demo.plan.when import REFERENCE_AT, age_days, dice

RECEIVED_FROM = STATUSES.index("PARTIALLY_RECEIVED")
INSPECTED_FROM = STATUSES.index("INSPECTED")
DISPOSITIONED_FROM = STATUSES.index("DISPOSITIONED")
CREDITED_FROM = STATUSES.index("CREDITED")
OPEN_STATUSES = STATUSES[:CREDITED_FROM]
OVER_STATUSES = STATUSES[CREDITED_FROM:]
NEVER_CAME = frozenset({"DECLINED", "CANCELLED", "EXPIRED"})

YOUNG_DAYS = (26, 75)
"""Ages of the orders whose returns are still open: old enough for all that has happened since."""
OPEN_EVERY = {"erp-eu": 4, "erp-us": 4}
OVER_EVERY = {"erp-eu": 15, "erp-us": 15}
"""One delivered order in so many comes back, in part: of the young ones, and of the older."""
FIRST_RMA = {"erp-eu": 200001, "erp-us": 5001}
RMA_FORM = {"erp-eu": "R{}", "erp-us": "RA-{}"}
SOUTHERN_SHARE = 0.15
"""Of the European returns, how many go to the southern warehouse."""
MIXED_QUANTITY = 10
REASONS = (
    "DEFECTIVE", "DAMAGED_IN_TRANSIT", "WRONG_ITEM_SHIPPED", "WRONG_QUANTITY", "NOT_AS_DESCRIBED",
    "ORDERED_IN_ERROR", "NO_LONGER_NEEDED", "LATE_DELIVERY", "WARRANTY", "OTHER",
)  # fmt: skip
PLACES = {
    "RESTOCK": "A-12", "SCRAP": "SCRAP", "MISSING": "", "QUALITY_REVIEW": "QC-1",
    "VENDOR_CLAIM": "VEND", "REFURBISH": "WORK-2",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """One unit group: how many, in what condition, and where they went."""

    quantity: int
    condition: str
    verdict: str
    disposition: str

    @property
    def is_accepted(self) -> bool:
        return self.disposition != "MISSING"


MIXED = (
    Outcome(6, "NEW_SEALED", "PASS", "RESTOCK"),
    Outcome(3, "CUSTOMER_DAMAGED", "FAIL", "SCRAP"),
    Outcome(1, "NOT_RECEIVED", "FAIL", "MISSING"),
)
WHOLE = (
    ("NEW_SEALED", "PASS", "RESTOCK"),
    ("OPENED_LIKE_NEW", "PASS", "RESTOCK"),
    ("DEFECTIVE", "FAIL", "VENDOR_CLAIM"),
    ("USED_FUNCTIONAL", "CONDITIONAL", "REFURBISH"),
    ("CARRIER_DAMAGED", "FAIL", "SCRAP"),
    ("INCOMPLETE", "INCONCLUSIVE", "QUALITY_REVIEW"),
)


def plan_rmas(
    orders: Sequence[Order], invoices: Mapping[tuple[str, str], list[Invoice]]
) -> tuple[Rma, ...]:
    """Returns of delivered orders, going round the statuses so that each ERP has every one."""
    rng = dice("returns")
    numbers = Numbers(FIRST_RMA, RMA_FORM)
    rmas: list[Rma] = []
    for erp in FIRST_RMA:
        delivered = [
            order
            for order in orders
            if order.erp == erp and order.status == "COMPLETED" and (erp, order.key) in invoices
        ]
        young = [order for order in delivered if _is_young(order)]
        old = [order for order in delivered if age_days(order.placed_at) > YOUNG_DAYS[1]]
        for turn, order in enumerate(young[:: OPEN_EVERY[erp]]):
            status = OPEN_STATUSES[turn % len(OPEN_STATUSES)]
            rmas.append(_rma(rng, order, status, number=numbers.take(erp)))
        for turn, order in enumerate(old[:: OVER_EVERY[erp]]):
            status = OVER_STATUSES[turn % len(OVER_STATUSES)]
            rmas.append(_rma(rng, order, status, number=numbers.take(erp)))
        rmas += _mixed_rmas(rng, young[1 :: OPEN_EVERY[erp]], numbers)
    return tuple(rmas)


def _is_young(order: Order) -> bool:
    return YOUNG_DAYS[0] <= age_days(order.placed_at) <= YOUNG_DAYS[1]


def _mixed_rmas(rng: Random, orders: Sequence[Order], numbers: Numbers) -> Iterator[Rma]:
    """Ten units of one line, of which six, three and one went different ways."""
    fitting = [order for order in orders if _mixable_line(order) is not None]
    for order, status in zip(fitting, ("CREDIT_PENDING", "CREDITED", "CLOSED"), strict=False):
        yield _rma(rng, order, status, number=numbers.take(order.erp), is_mixed=True)


def _mixable_line(order: Order) -> int | None:
    """The number of a delivered line of ten or more untracked units."""
    for line in order.lines:
        is_serial = line.sku.split("-")[0] in ("PMP", "MOT", "DRV")
        if line.progress.delivered >= MIXED_QUANTITY and not is_serial:
            return line.number
    return None


def _rma(rng: Random, order: Order, status: str, *, number: str, is_mixed: bool = False) -> Rma:
    rank = -1 if status in NEVER_CAME else STATUSES.index(status)
    requested = _requested_at(rng, order)
    authorized = requested + timedelta(hours=rng.randrange(1, 30))
    is_authorized = rank >= STATUSES.index("AUTHORIZED") or status == "EXPIRED"
    base = Rma(
        erp=order.erp,
        number=number,
        order=order.key,
        customer=order.customer,
        warehouse="south" if order.erp == "erp-us" or rng.random() < SOUTHERN_SHARE else "north",
        status=status,
        channel=rng.choice(("PORTAL", "PHONE", "EMAIL")),
        resolution=rng.choice(("CREDIT", "CREDIT", "CREDIT", "REPLACEMENT")),
        currency=order.currency,
        requested_at=requested,
        authorized_at=min(authorized, REFERENCE_AT) if is_authorized else None,
        expires_at=authorized + timedelta(days=30) if is_authorized else None,
        updated_at=requested,
        lines=_rma_lines(rng, order, rank, is_mixed=is_mixed),
        receipts=(),
        inspections=(),
        dispositions=(),
    )
    if base.resolution == "REPLACEMENT" and rank >= CREDITED_FROM:
        base = replace(base, resolution="CREDIT")
    return _with_warehouse_work(rng, base, rank, is_mixed=is_mixed)


def _requested_at(rng: Random, order: Order) -> datetime:
    """Within the return window: some days after the order was completed."""
    completed = order.completed_at or order.placed_at
    return min(completed + timedelta(days=rng.randrange(1, 8)), REFERENCE_AT)


def _rma_lines(rng: Random, order: Order, rank: int, *, is_mixed: bool) -> tuple[RmaLine, ...]:
    delivered = [line for line in order.lines if line.progress.delivered]
    mixable = _mixable_line(order) if is_mixed else None
    chosen = [line for line in delivered if line.number == mixable] if is_mixed else delivered[:2]
    lines = []
    for index, line in enumerate(chosen, start=1):
        most = line.progress.delivered
        asked = MIXED_QUANTITY if is_mixed else rng.randrange(1, most + 1)
        reason = rng.choice(REASONS)
        lines.append(
            RmaLine(
                number=index,
                order_line=line.number,
                sku=line.sku,
                unit=line.unit,
                reason=reason,
                note="Customer will explain by mail" if reason == "OTHER" else "",
                price=line.price,
                requested=asked,
                authorized=asked if rank >= STATUSES.index("AUTHORIZED") else 0,
                received=0,
                accepted=0,
                rejected=0,
                credited=0,
            )
        )
    return tuple(lines)


def _with_warehouse_work(rng: Random, rma: Rma, rank: int, *, is_mixed: bool) -> Rma:
    """Receipts, inspections and dispositions as far as the status says, and the counters."""
    if rank < RECEIVED_FROM or rma.authorized_at is None:
        return replace(rma, updated_at=rma.authorized_at or rma.requested_at)
    at = min(rma.authorized_at + timedelta(days=rng.randrange(2, 5)), REFERENCE_AT)
    lines = []
    for line in rma.lines:
        is_partial = rma.status == "PARTIALLY_RECEIVED"
        received = max(1, line.authorized // 2) if is_partial else line.authorized
        outcomes = MIXED if is_mixed else (Outcome(received, *rng.choice(WHOLE)),)
        rma = _with_line_work(rng, rma, (line, received, outcomes), rank=rank, at=at)
        accepted = sum(each.quantity for each in outcomes if each.is_accepted)
        is_inspected = rank >= INSPECTED_FROM
        lines.append(
            replace(
                line,
                received=received,
                accepted=accepted if is_inspected else 0,
                rejected=received - accepted if is_inspected else 0,
                credited=accepted if rank >= CREDITED_FROM else 0,
            )
        )
    return replace(rma, lines=tuple(lines), updated_at=min(at + timedelta(days=3), REFERENCE_AT))


LineWork = tuple[RmaLine, int, tuple[Outcome, ...]]


def _with_line_work(rng: Random, rma: Rma, work: LineWork, *, rank: int, at: datetime) -> Rma:
    line, received, outcomes = work
    stem = f"{rma.number.replace('-', '')}-{line.number}"
    receipt = Receipt(
        number=f"RC{stem}",
        rma_line=line.number,
        sku=line.sku,
        unit=line.unit,
        quantity=received,
        dock=rng.choice(("DOCK-1", "DOCK-2", "DOCK-7")),
        at=at,
        serials=(),
        lot=None,
    )
    inspections, dispositions = [], []
    for index, outcome in enumerate(outcomes, start=1):
        inspection = _inspection(rng, receipt, outcome, f"IN{stem}-{index}")
        inspections.append(inspection)
        dispositions.append(_disposition(inspection, outcome, f"DP{stem}-{index}"))
    return replace(
        rma,
        receipts=(*rma.receipts, receipt),
        inspections=rma.inspections + tuple(inspections if rank >= INSPECTED_FROM else ()),
        dispositions=rma.dispositions + tuple(dispositions if rank >= DISPOSITIONED_FROM else ()),
    )


def _inspection(rng: Random, receipt: Receipt, outcome: Outcome, number: str) -> Inspection:
    return Inspection(
        number=number,
        receipt=receipt.number,
        rma_line=receipt.rma_line,
        sku=receipt.sku,
        unit=receipt.unit,
        quantity=outcome.quantity,
        condition=outcome.condition,
        verdict=outcome.verdict,
        inspector=rng.choice(("hweber", "djones", "pnowak")),
        notes="Seen on the bench" if outcome.verdict != "PASS" else "",
        at=min(receipt.at + timedelta(hours=20), REFERENCE_AT),
    )


def _disposition(inspection: Inspection, outcome: Outcome, number: str) -> Disposition:
    return Disposition(
        number=number,
        inspection=inspection.number,
        rma_line=inspection.rma_line,
        sku=inspection.sku,
        unit=inspection.unit,
        quantity=outcome.quantity,
        code=outcome.disposition,
        place=PLACES[outcome.disposition],
        decided_by=inspection.inspector,
        at=min(inspection.at + timedelta(hours=5), REFERENCE_AT),
    )


def with_shipped_serials(rmas: Sequence[Rma], shipments: Sequence[Shipment]) -> Iterator[Rma]:
    """The same returns, each receipt with serial numbers that had gone out to that customer."""
    gone = {
        (shipment.erp, shipment.order, line.order_line): line
        for shipment in shipments
        for line in shipment.lines
    }
    for rma in rmas:
        order_lines = {line.number: line.order_line for line in rma.lines}
        receipts = []
        for receipt in rma.receipts:
            line = gone[rma.erp, rma.order, order_lines[receipt.rma_line]]
            serials = line.serials[: receipt.quantity]
            receipts.append(replace(receipt, serials=serials, lot=line.lot))
        yield replace(rma, receipts=tuple(receipts))


def return_memos(
    rmas: Sequence[Rma], invoices: Mapping[tuple[str, str], list[Invoice]], numbers: Numbers
) -> Iterator[CreditMemo]:
    """One posted credit memo for each credited or closed return; every fourth names no invoice."""
    posted = [rma for rma in rmas if rma.status in ("CREDITED", "CLOSED")]
    for index, rma in enumerate(posted):
        invoice = _invoice_of(rma, invoices[rma.erp, rma.order])
        billed = {
            line.order_line: line for each in invoices[rma.erp, rma.order] for line in each.lines
        }
        lines = [
            replace(credited(billed[line.order_line], line.credited), number=number)
            for number, line in enumerate(rma.lines, start=1)
            if line.credited
        ]
        yield CreditMemo(
            erp=rma.erp,
            number=numbers.take(rma.erp),
            order=rma.order,
            customer=rma.customer,
            invoice=None if index % 4 == 3 else invoice.number,
            rma=rma.number,
            currency=rma.currency,
            status="APPLIED" if rma.status == "CLOSED" else "POSTED",
            reason=rma.lines[0].reason,
            posted_at=rma.updated_at,
            lines=tuple(lines),
        )


def _invoice_of(rma: Rma, invoices: Sequence[Invoice]) -> Invoice:
    """The invoice that billed the return's first line."""
    wanted = rma.lines[0].order_line
    return next(
        invoice for invoice in invoices if any(line.order_line == wanted for line in invoice.lines)
    )
