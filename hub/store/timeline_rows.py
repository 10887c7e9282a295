"""A recorded timeline entry as a row, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from hub.model.case import ActorType, Visibility
from hub.model.timeline import Severity, TimelineCategory, TimelineEntry
from hub.model.values import Money, Quantity, Ref

_AS_THEY_ARE = (
    "natural_key", "type", "title", "system", "occurred_at", "observed_at", "message",
    "source_sequence", "causal_rank", "actor", "change_from", "change_to", "correlation_id",
    "causation_id", "is_late", "is_clock_suspect",
)  # fmt: skip


def row_of_entry(entry: TimelineEntry, *, sequence: int, recorded_at: datetime) -> dict[str, Any]:
    """The row of a new entry; what it collapses is not stored, its scans are entries themselves."""
    subject = entry.subject or (None, None, None)
    return {name: getattr(entry, name) for name in _AS_THEY_ARE} | {
        "order_system": entry.order.system,
        "order_key": entry.order.key,
        "sequence": sequence,
        "category": entry.category.value,
        "recorded_at": recorded_at,
        "severity": entry.severity.value,
        "visibility": entry.visibility.value,
        "actor_type": entry.actor_type.value,
        "subject_noun": subject[0],
        "subject_system": subject[1],
        "subject_key": subject[2],
        "quantity": entry.quantity.value if entry.quantity else None,
        "uom": entry.quantity.uom if entry.quantity else None,
        "amount": entry.money.amount if entry.money else None,
        "currency": entry.money.currency if entry.money else None,
        "duplicate_count": 0,
    }


def entry_of_row(row: Mapping[Any, Any]) -> TimelineEntry:
    return TimelineEntry(
        **{name: row[name] for name in _AS_THEY_ARE},
        order=Ref("order", row["order_system"], row["order_key"]),
        sequence=row["sequence"],
        category=TimelineCategory(row["category"]),
        recorded_at=row["recorded_at"],
        severity=Severity(row["severity"]),
        visibility=Visibility(row["visibility"]),
        actor_type=ActorType(row["actor_type"]),
        subject=_subject(row["subject_noun"], row["subject_system"], row["subject_key"]),
        quantity=_quantity(row["quantity"], row["uom"]),
        money=_money(row["amount"], row["currency"]),
        duplicate_count=row["duplicate_count"],
    )


def _subject(noun: str | None, system: str | None, key: str | None) -> Ref | None:
    return None if noun is None or system is None or key is None else Ref(noun, system, key)


def _quantity(value: Decimal | None, uom: str | None) -> Quantity | None:
    return None if value is None or uom is None else Quantity(value, uom)


def _money(amount: Decimal | None, currency: str | None) -> Money | None:
    return None if amount is None or currency is None else Money(amount, currency)
