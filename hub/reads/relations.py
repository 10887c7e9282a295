"""Relations: a reference field read backwards, as a table.

`shipment.order` gives the shipments of an order. Which systems are asked is decided by their terms
alone: those whose field may name the parent's system, or, where the field is plain text, all that
can look it up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hub.model.catalog import NOUNS
from hub.model.record import Record, fields_of
from hub.reads.port import NounTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """`noun` records whose field `by` names the parent.

    `of` is the parent's noun. Where `via` is set, `by` holds text and equals that field of the
    parent. `carried` is the parent's field that may hold the children already. `section` is the
    name in `sections`. Records come in the order of `sort`, absent values last, then by ref.
    """

    name: str
    noun: str
    by: str
    of: str
    section: str
    sort: tuple[str, ...]
    via: str | None = None
    carried: str | None = None
    many: bool = True

    @property
    def is_text(self) -> bool:
        return self.via is not None


def _by(noun: str, by: str, sort: str, *, carried: str | None = None, section: str) -> Relation:
    of = fields_of(NOUNS[noun])[by].to
    assert of is not None  # a reference field names a noun; the totality test walks the table
    name = f"{_plural(section)}_BY_{of.upper()}"
    order = tuple(sort.split())
    return Relation(
        name=name, noun=noun, by=by, of=of, section=section, sort=order, carried=carried
    )


def _plural(section: str) -> str:
    return "".join(f"_{c}" if c.isupper() else c for c in section).upper()


LINES_BY_ORDER = _by("order_line", "order", "line_number", carried="lines", section="lines")
SHIPMENTS_BY_ORDER = _by("shipment", "order", "created_at number", section="shipments")
INVOICES_BY_ORDER = _by("invoice", "order", "posted_at number", section="invoices")
CREDIT_MEMOS_BY_ORDER = _by("credit_memo", "order", "posted_at number", section="creditMemos")
RETURNS_BY_ORDER = _by("return", "order", "requested_at number", section="returns")
CASES_BY_ORDER = _by("case", "order", "opened_at number", section="cases")
LINES_BY_SHIPMENT = _by("shipment_line", "shipment", "order_line", carried="lines", section="lines")
MILESTONES_BY_SHIPMENT = _by(
    "milestone", "shipment", "occurred_at sequence", carried="milestones", section="milestones"
)
MILESTONES_BY_TRACKING = Relation(
    name="MILESTONES_BY_TRACKING", noun="milestone", by="tracking_number", of="shipment",
    section="milestones", sort=("occurred_at", "sequence"), via="tracking_number",
)  # fmt: skip
LINES_BY_INVOICE = _by("invoice_line", "invoice", "line_number", carried="lines", section="lines")
CREDIT_MEMOS_BY_INVOICE = _by("credit_memo", "invoice", "posted_at number", section="creditMemos")
LINES_BY_RETURN = _by("return_line", "rma", "line_number", carried="lines", section="lines")
RECEIPTS_BY_RETURN = _by("receipt", "rma", "received_at number line_number", section="receipts")
INSPECTIONS_BY_RETURN = _by(
    "inspection", "rma", "inspected_at number line_number", section="inspections"
)
DISPOSITIONS_BY_RETURN = _by(
    "disposition", "rma", "decided_at number line_number", section="dispositions"
)
CREDIT_MEMOS_BY_RETURN = _by("credit_memo", "rma", "posted_at number", section="creditMemos")
SHIPMENTS_BY_RETURN = _by("shipment", "rma", "created_at number", section="shipments")
CASES_BY_RETURN = _by("case", "rma", "opened_at number", section="cases")
MESSAGES_BY_CASE = _by("message", "case", "sent_at number", carried="messages", section="messages")
CASES_BY_CUSTOMER = _by("case", "customer", "opened_at number", section="cases")
POSITIONS_BY_SKU = Relation(
    name="POSITIONS_BY_SKU", noun="inventory_position", by="sku", of="item",
    section="positions", sort=("location", "lot"), via="sku",
)  # fmt: skip
ITEMS_BY_SKU = Relation(
    name="ITEMS_BY_SKU", noun="item", by="sku", of="order_line",
    section="item", sort=("sku",), via="sku", many=False,
)  # fmt: skip
PRICES_BY_SKU = Relation(
    name="PRICES_BY_SKU", noun="price", by="sku", of="item",
    section="prices", sort=("valid_from", "price_list"), via="sku",
)  # fmt: skip

RELATIONS: Mapping[str, Relation] = MappingProxyType(
    {
        each.name: each
        for each in (
            LINES_BY_ORDER, SHIPMENTS_BY_ORDER, INVOICES_BY_ORDER, CREDIT_MEMOS_BY_ORDER,
            RETURNS_BY_ORDER, CASES_BY_ORDER, LINES_BY_SHIPMENT, MILESTONES_BY_SHIPMENT,
            MILESTONES_BY_TRACKING, LINES_BY_INVOICE, CREDIT_MEMOS_BY_INVOICE, LINES_BY_RETURN,
            RECEIPTS_BY_RETURN, INSPECTIONS_BY_RETURN, DISPOSITIONS_BY_RETURN,
            CREDIT_MEMOS_BY_RETURN, SHIPMENTS_BY_RETURN, CASES_BY_RETURN, MESSAGES_BY_CASE,
            CASES_BY_CUSTOMER, POSITIONS_BY_SKU, ITEMS_BY_SKU, PRICES_BY_SKU,
        )
    }
)  # fmt: skip


def can_answer(terms: NounTerms, by: str, parent_system: str | None) -> bool:
    """Whether a system with these terms looks `by` up; `parent_system` is None for plain text."""
    if by not in terms.asked_by:
        return False
    return parent_system is None or parent_system in terms.targets.get(by, frozenset())


def in_order(relation: Relation, records: Iterable[Record]) -> tuple[Record, ...]:
    """The records in the relation's total order, each ref once (the first one stays)."""
    once = {record.ref: record for record in reversed(tuple(records))}
    return tuple(sorted(once.values(), key=lambda record: _rank(relation, record)))


def _rank(relation: Relation, record: Record) -> tuple[Any, ...]:
    values = (getattr(record, name) for name in relation.sort)
    return (*((value is None, value) for value in values), record.ref)
