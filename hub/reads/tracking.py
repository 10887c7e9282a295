"""Which scans belong to a shipment. Carriers recycle tracking numbers: a number proves nothing."""

from __future__ import annotations

from datetime import timedelta

from hub.model.record import Record
from hub.model.shipment import Milestone, Shipment

# A label is made, and announced to the carrier, up to two weeks before the goods leave.
BEFORE_SHIPPING_MAX = timedelta(days=14)
# A parcel that wanders longer is lost (trackers expire after 30 days without a scan), while
# carriers give a number out again after 120 days at the earliest.
AFTER_SHIPPING_MAX = timedelta(days=90)


def is_scan_of(milestone: Record, shipment: Record) -> bool:
    """Whether a scan found by tracking number is of this shipment.

    Where the scan names a shipment that decides. Otherwise the carrier must agree, as far as both
    tell it, and the scan must lie around the day of shipping; without such a day nothing matches.
    """
    if not isinstance(milestone, Milestone) or not isinstance(shipment, Shipment):
        return False
    if milestone.shipment is not None:
        return milestone.shipment == shipment.ref
    shipped_at = shipment.shipped_at or shipment.created_at
    if shipped_at is None or milestone.occurred_at is None:
        return False
    if not _is_same_carrier(milestone.carrier, shipment.carrier):
        return False
    return -BEFORE_SHIPPING_MAX <= milestone.occurred_at - shipped_at <= AFTER_SHIPPING_MAX


def _is_same_carrier(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one.casefold() == other.casefold()
