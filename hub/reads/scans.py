"""Scans of a shipment told by its warehouse and by the carrier, joined; the same scan once."""

from __future__ import annotations

from collections.abc import Sequence

from hub.model.record import Record
from hub.model.shipment import Milestone
from hub.reads.relations import MILESTONES_BY_SHIPMENT, in_order
from hub.reads.sections import Section


def joined_scans(by_shipment: Sequence[Section], by_tracking: Sequence[Section]) -> list[Section]:
    """One section per shipment, aligned with both."""
    return [_joined(one, other) for one, other in zip(by_shipment, by_tracking, strict=True)]


def _joined(one: Section, other: Section) -> Section:
    once: dict[object, Record] = {}
    for scan in (*one.records, *other.records):
        once.setdefault(_identity(scan), scan)
    failures = {(each.system, each.code): each for each in (*one.failures, *other.failures)}
    return Section(
        in_order(MILESTONES_BY_SHIPMENT, once.values()),
        tuple(failures.values()),
        is_served=one.is_served or other.is_served,
    )


def _identity(scan: Record) -> object:
    """Two systems that tell the same code at the same moment tell of one scan."""
    if isinstance(scan, Milestone) and scan.code is not None and scan.occurred_at is not None:
        return scan.code, scan.occurred_at
    return scan.ref
