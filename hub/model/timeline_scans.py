"""Carrier scans on a timeline: one entry per shipment and milestone, the further scans under it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from hub.model.case import Visibility
from hub.model.correlation import correlation_id_of
from hub.model.order import Order
from hub.model.record import Record
from hub.model.shipment import Milestone, Shipment, ShipmentStatus
from hub.model.timeline import Severity, TimelineCategory, TimelineEntry
from hub.model.timeline_rules import natural_key, rank_of

_S = ShipmentStatus
_SEVERITIES = {
    _S.DELAYED: Severity.NOTICE, _S.DELIVERY_ATTEMPTED: Severity.NOTICE,
    _S.EXCEPTION: Severity.WARNING, _S.RETURN_TO_SENDER: Severity.WARNING,
    _S.EXPIRED: Severity.WARNING,
}  # fmt: skip
# what may truly follow a delivery; anything else that is dated after it came late or is wrong
_AFTER_DELIVERY = frozenset(
    {_S.DELIVERED, _S.EXCEPTION, _S.RETURN_TO_SENDER, _S.EXPIRED, _S.CANCELLED}
)
_STATUS_RANK = {status: rank for rank, status in enumerate(_S)}


def entries_of_scans(
    order: Order, shipment: Shipment, scans: Sequence[Record]
) -> list[TimelineEntry]:
    """One entry per milestone the shipment reached, at its first scan."""
    known = [scan for scan in scans if isinstance(scan, Milestone) and scan.occurred_at is not None]
    delivered_at = min(
        (at for scan in known if scan.code is _S.DELIVERED and (at := scan.occurred_at)),
        default=shipment.delivered_at,
    )
    by_code: dict[ShipmentStatus, list[TimelineEntry]] = {}
    for scan in known:
        entry = _entry(order, shipment, scan, delivered_at)
        by_code.setdefault(scan.code or _S.UNKNOWN, []).append(entry)
    return [collapsed(entries) for entries in by_code.values()]


def late_after(shipment: Shipment, scan: Milestone) -> str | None:
    """The key of the fact after which a scan is told late; None of one that may follow it."""
    if scan.code in _AFTER_DELIVERY:
        return None
    return natural_key(shipment.ref, "shipment.delivered")


def collapsed(entries: Iterable[TimelineEntry]) -> TimelineEntry:
    """The first of them in time, the others under it, newest first."""
    first, *others = sorted(
        entries, key=lambda each: (each.occurred_at, each.source_sequence, each.system,
                                   each.message or ""))  # fmt: skip
    return replace(first, collapsed=tuple(reversed(others)))


def _entry(
    order: Order, shipment: Shipment, scan: Milestone, delivered_at: datetime | None
) -> TimelineEntry:
    assert scan.occurred_at is not None  # the caller left out scans without a time
    code = scan.code or _S.UNKNOWN
    type = f"shipment.{code.value.lower()}"
    is_after = delivered_at is not None and scan.occurred_at > delivered_at
    where = f" ({scan.location})" if scan.location else ""
    return TimelineEntry(
        natural_key=natural_key(shipment.ref, type),
        order=order.ref,
        category=TimelineCategory.SHIPMENT,
        type=type,
        title=code.value.replace("_", " ").capitalize(),
        system=scan.ref.system,
        occurred_at=scan.occurred_at,
        observed_at=scan.fetched_at,
        severity=_SEVERITIES.get(code, Severity.INFO),
        # a code nobody has mapped is for us to look at, not for a customer to read
        visibility=Visibility.INTERNAL if code is _S.UNKNOWN else Visibility.CUSTOMER,
        message=f"{scan.message or scan.carrier_code or ''}{where}".strip() or None,
        source_sequence=scan.sequence or 0,
        causal_rank=rank_of("shipment.shipped") + _STATUS_RANK[code],
        subject=shipment.ref,
        change_to=code.value,
        correlation_id=correlation_id_of(order),
        is_late=is_after and code not in _AFTER_DELIVERY,
    )
