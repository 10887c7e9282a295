"""What may be promised of stock: the formula, and how far it is trusted. Pure.

    available to sell = max(0, on hand - hard allocated - soft reserved - quality hold - damaged
                               - returns quarantine - safety stock)

It is never above what is on hand and never below nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from hub.model.inventory import AvailabilityMode, InventoryPosition
from hub.model.values import Quantity, Staleness
from hub.reads.answers import Availability
from hub.reads.sections import oldest, worst

PROMISE_AGE_MAX = timedelta(seconds=60)  # older stock figures are never used for a promise
ANSWER_AGE_MAX = timedelta(minutes=15)  # older ones say nothing: a shift picks a bin empty
CONSERVATIVE_SHARE = Decimal("0.10")  # of on hand kept back while the figures are not current

PHYSICAL = ("on_hand", "hard_allocated", "quality_hold", "damaged", "returns_quarantine")
PLANNED = ("soft_reserved", "safety_stock", "inbound", "backorder_demand")
SUBTRACTED = (
    "hard_allocated", "soft_reserved", "quality_hold", "damaged", "returns_quarantine",
    "safety_stock",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """A stock position with how its system told it: `buckets` are those the system maps at all."""

    position: InventoryPosition
    role: str
    buckets: frozenset[str]
    staleness: Staleness
    code: str | None

    def bucket(self, name: str) -> Quantity | None:
        value: Quantity | None = getattr(self.position, name)
        return value

    def maps(self, name: str) -> bool:
        return name in self.buckets or self.bucket(name) is not None


@dataclass(frozen=True, slots=True)
class _Bucket:
    quantity: Quantity | None
    is_missing: bool  # a system maps it, but has not told it


def availability_of(sku: str, location: str | None, told: Sequence[Told], *, now: datetime,
                    ) -> Availability:  # fmt: skip
    """The statement for one SKU at one location, from every position told of it (lots too)."""
    as_of = oldest(each.position.as_of for each in told)
    fetched_at = oldest(each.position.fetched_at for each in told)
    try:
        buckets = {name: _bucket(name, told) for name in (*PHYSICAL, *PLANNED)}
        reasons = _reasons(told, buckets, fetched_at, now)
        available = _available({name: each.quantity for name, each in buckets.items()})
    except ValueError:  # units that cannot be added
        buckets, reasons, available = {}, ["UNIT_MISMATCH"], None
    mode = _mode(reasons)
    if mode is AvailabilityMode.UNKNOWN:
        available = None
    elif mode is AvailabilityMode.CONSERVATIVE and available is not None:
        available = _kept_back(available, buckets)
    return Availability(
        sku=sku,
        location=location,
        systems=tuple(dict.fromkeys(each.position.ref.system for each in told)),
        mode=mode,
        reasons=tuple(reasons),
        available_to_sell=available,
        **{name: each.quantity for name, each in buckets.items()},
        unknown_buckets=tuple(name for name, each in buckets.items() if each.is_missing),
        as_of=as_of,
        fetched_at=fetched_at,
        staleness=worst(each.staleness for each in told),
        code=next((each.code for each in told if each.code is not None), None),
    )


def _bucket(name: str, told: Sequence[Told]) -> _Bucket:
    """The authority's word: the warehouse on what lies there, the ERP on what is planned."""
    first = "wms" if name in PHYSICAL else "erp"
    for roles in (frozenset({first}), frozenset({each.role for each in told}) - {first}):
        values = [each.bucket(name) for each in told if each.role in roles and each.maps(name)]
        known = [value for value in values if value is not None]
        if known:
            total = known[0]
            for value in known[1:]:
                total += value
            return _Bucket(total, is_missing=len(known) < len(values))
    return _Bucket(None, is_missing=any(each.maps(name) for each in told))


def _reasons(
    told: Sequence[Told], buckets: Mapping[str, _Bucket], fetched_at: datetime | None, now: datetime
) -> list[str]:
    """Why the answer is not NORMAL, the gravest first; empty where it is.

    Age is the time since the system was asked: a position that has not moved for a week and was
    read a second ago is current.
    """
    age = timedelta.max if fetched_at is None else now - fetched_at
    reasons = []
    if buckets["on_hand"].quantity is None:
        reasons.append("ON_HAND_UNKNOWN")
    if age > ANSWER_AGE_MAX:
        reasons.append("TOO_OLD")
    elif age > PROMISE_AGE_MAX:
        reasons.append("OLD")
    if any(each.code is not None for each in told):
        reasons.append("SYSTEM_FAILED")
    reasons += [f"{name.upper()}_UNKNOWN" for name in SUBTRACTED if buckets[name].is_missing]
    return reasons


_UNKNOWN_REASONS = frozenset({"ON_HAND_UNKNOWN", "TOO_OLD", "UNIT_MISMATCH"})


def _mode(reasons: Sequence[str]) -> AvailabilityMode:
    if not reasons:
        return AvailabilityMode.NORMAL
    if _UNKNOWN_REASONS.isdisjoint(reasons):
        return AvailabilityMode.CONSERVATIVE
    return AvailabilityMode.UNKNOWN


def _available(buckets: Mapping[str, Quantity | None]) -> Quantity | None:
    on_hand = buckets["on_hand"]
    if on_hand is None:
        return None
    left = on_hand
    for name in SUBTRACTED:
        taken = buckets[name]
        if taken is not None:
            # a negative bucket is a booking error of the source and never adds stock
            left += Quantity(-max(taken.value, Decimal(0)), taken.uom)
    return Quantity(max(left.value, Decimal(0)), left.uom)


def _kept_back(available: Quantity, buckets: Mapping[str, _Bucket]) -> Quantity:
    """What remains of the last known figure after a buffer and the demand that waits for it."""
    on_hand, waiting = buckets["on_hand"].quantity, buckets["backorder_demand"].quantity
    assert on_hand is not None  # without it the mode is UNKNOWN
    buffer = max(on_hand.value, Decimal(0)) * CONSERVATIVE_SHARE
    if waiting is not None and waiting.uom == available.uom:
        buffer += max(waiting.value, Decimal(0))
    left = max(available.value - buffer, Decimal(0))
    return Quantity(_as_fine_as(on_hand.value, left), available.uom)


def _as_fine_as(counted: Decimal, value: Decimal) -> Decimal:
    """Rounded down to the places stock is counted in: nobody sells a tenth of a piece."""
    places = counted.as_tuple().exponent
    step = Decimal(1).scaleb(min(places, 0) if isinstance(places, int) else 0)
    return value.quantize(step, rounding=ROUND_DOWN)
