"""Tables of the tracking service and its share of the plan. Instants are UTC and do not say so."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime

from hub.demo.database import Row, insert
from hub.demo.formats import in_utc
from hub.demo.plan.records import Plan

CODES = {
    "LABEL_CREATED": "INFO", "PICKED_UP": "COLL", "IN_TRANSIT": "MOVE",
    "OUT_FOR_DELIVERY": "OUTD", "DELIVERY_ATTEMPTED": "MISS", "DELIVERED": "DONE",
    "DELAYED": "HELD", "AVAILABLE_FOR_PICKUP": "SHOP", "EXCEPTION": "FAIL",
    "RETURN_TO_SENDER": "BACK",
}  # fmt: skip

SCHEMA = """
CREATE TABLE trackings (
  id INTEGER PRIMARY KEY, carrier TEXT NOT NULL, number TEXT NOT NULL, shipper TEXT NOT NULL,
  reference TEXT NOT NULL, last TEXT, updated TEXT NOT NULL
);
CREATE INDEX trackings_number ON trackings (number);
CREATE INDEX trackings_reference ON trackings (reference);
CREATE INDEX trackings_updated ON trackings (updated, id);
CREATE TABLE scans (
  id INTEGER PRIMARY KEY, tracking INTEGER NOT NULL REFERENCES trackings, seq INTEGER NOT NULL,
  code TEXT NOT NULL, detail TEXT, text TEXT, place TEXT, at TEXT NOT NULL
);
CREATE INDEX scans_tracking ON scans (tracking);
CREATE INDEX scans_at ON scans (at, id);
CREATE VIEW tracking_scans AS
  SELECT scans.id AS id, carrier, number, shipper, reference, seq, code, detail, text, place, at
  FROM scans JOIN trackings ON trackings.id = scans.tracking;
"""


def seed(connection: sqlite3.Connection, plan: Plan) -> None:
    insert(connection, "trackings", _trackings(plan))
    insert(connection, "scans", _scans(plan))


def stamp(moment: datetime | None) -> str | None:
    return in_utc(moment, "%Y-%m-%dT%H:%M:%S")


def _trackings(plan: Plan) -> Iterator[Row]:
    """One row for each consignment, so that a recycled number has two."""
    for index, each in enumerate(plan.shipments, start=1):
        last = each.scans[-1]
        yield {
            "id": index, "carrier": each.carrier, "number": each.tracking,
            "shipper": each.warehouse.upper(), "reference": each.number,
            "last": CODES[last.code], "updated": stamp(last.at),
        }  # fmt: skip


def _scans(plan: Plan) -> Iterator[Row]:
    for index, each in enumerate(plan.shipments, start=1):
        for turn, scan in enumerate(each.scans, start=1):
            yield {
                "tracking": index, "seq": turn, "code": CODES[scan.code], "detail": scan.detail,
                "text": scan.message, "place": scan.place or None, "at": stamp(scan.at),
            }  # fmt: skip
