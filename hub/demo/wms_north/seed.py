"""Tables of the northern warehouse and its share of the plan. Instants are UTC, with a Z."""

import sqlite3
from collections.abc import Iterator
from itertools import chain

import orjson

from hub.demo.database import Row, insert
from hub.demo.formats import day, in_utc, number
from hub.demo.plan.records import Plan, Rma, Shipment

WAREHOUSE = "north"
STATES = {
    "NEW": "NEW", "LABEL_CREATED": "LBL", "IN_TRANSIT": "OUT", "DELIVERED": "DLV",
    "CANCELLED": "CAN", "EXCEPTION": "EXC", "PICKING": "PIK", "SHORT": "SHT", "PACKED": "PAK",
}  # fmt: skip
SCANS = {"LABEL_CREATED": "LB", "PICKED_UP": "PU", "DELIVERED": "DL"}
"""What the warehouse is told of a journey; the carrier knows the rest."""
WAYS = {"OUTBOUND": "O", "RETURN": "R"}
CONDITIONS = {
    "NEW_SEALED": "A1", "OPENED_LIKE_NEW": "A2", "USED_FUNCTIONAL": "B1", "DEFECTIVE": "C1",
    "CUSTOMER_DAMAGED": "C2", "CARRIER_DAMAGED": "C3", "INCOMPLETE": "C5", "NOT_RECEIVED": "X0",
}  # fmt: skip
VERDICTS = {"PASS": "OK", "FAIL": "NOK", "CONDITIONAL": "COND", "INCONCLUSIVE": "OPEN"}
DISPOSITIONS = {
    "RESTOCK": "PUT", "SCRAP": "SCR", "MISSING": "MIS", "QUALITY_REVIEW": "QCR",
    "VENDOR_CLAIM": "RTV", "REFURBISH": "RFB",
}  # fmt: skip

SCHEMA = """
CREATE TABLE shipments (
  id TEXT PRIMARY KEY, hostOrderNo TEXT NOT NULL, hostRma TEXT, way TEXT NOT NULL,
  state TEXT NOT NULL, site TEXT NOT NULL, carrier TEXT, service TEXT, trackingNo TEXT,
  parcels INTEGER, kg DEC, createdAt TEXT NOT NULL, shippedAt TEXT, eta TEXT, deliveredAt TEXT,
  pod TEXT, changedAt TEXT NOT NULL
);
CREATE INDEX shipments_order ON shipments (hostOrderNo);
CREATE INDEX shipments_rma ON shipments (hostRma);
CREATE INDEX shipments_tracking ON shipments (trackingNo);
CREATE INDEX shipments_changed ON shipments (changedAt, id);
CREATE TABLE shipment_lines (
  shipment TEXT NOT NULL REFERENCES shipments, hostLine INTEGER NOT NULL, sku TEXT NOT NULL,
  qty DEC NOT NULL, uom TEXT NOT NULL, lot TEXT, sns TEXT NOT NULL,
  PRIMARY KEY (shipment, hostLine)
);
CREATE TABLE scans (
  seq INTEGER PRIMARY KEY, shipment TEXT NOT NULL REFERENCES shipments, c TEXT NOT NULL,
  t TEXT NOT NULL, loc TEXT, msg TEXT
);
CREATE INDEX scans_shipment ON scans (shipment);
CREATE TABLE stock (
  id TEXT PRIMARY KEY, sku TEXT NOT NULL, location TEXT NOT NULL, lot TEXT, uom TEXT NOT NULL,
  onHand DEC, allocated DEC, reserved DEC, qcHold DEC, damaged DEC, returnsArea DEC,
  safety DEC, inbound DEC, inboundOn TEXT, backorders DEC, countedAt TEXT,
  changedAt TEXT NOT NULL
);
CREATE INDEX stock_sku ON stock (sku);
CREATE INDEX stock_location ON stock (location);
CREATE INDEX stock_changed ON stock (changedAt, id);
CREATE TABLE receipts (
  id TEXT PRIMARY KEY, hostRma TEXT NOT NULL, hostLine INTEGER, sku TEXT, qty DEC,
  uom TEXT NOT NULL, lot TEXT, sns TEXT NOT NULL, dock TEXT, receivedAt TEXT, receivedBy TEXT
);
CREATE INDEX receipts_rma ON receipts (hostRma);
CREATE TABLE inspections (
  id TEXT PRIMARY KEY, hostRma TEXT NOT NULL, receiptId TEXT, hostLine INTEGER, sku TEXT, qty DEC,
  uom TEXT NOT NULL, result TEXT, grade TEXT, diff DEC, snOk INTEGER, inspector TEXT,
  inspectedAt TEXT, notes TEXT
);
CREATE INDEX inspections_rma ON inspections (hostRma);
CREATE TABLE dispositions (
  id TEXT PRIMARY KEY, hostRma TEXT NOT NULL, inspectionId TEXT, hostLine INTEGER, sku TEXT,
  qty DEC, uom TEXT NOT NULL, action TEXT, toLocation TEXT, decidedBy TEXT, decidedAt TEXT,
  replaces TEXT
);
CREATE INDEX dispositions_rma ON dispositions (hostRma);
"""


def seed(connection: sqlite3.Connection, plan: Plan) -> None:
    shipments = plan.shipments_of(WAREHOUSE)
    rmas = [rma for rma in plan.rmas if rma.warehouse == WAREHOUSE]
    insert(connection, "shipments", map(_shipment, shipments))
    insert(connection, "shipment_lines", chain.from_iterable(map(_lines, shipments)))
    insert(connection, "scans", chain.from_iterable(map(_scans, shipments)))
    insert(connection, "stock", _stock(plan))
    insert(connection, "receipts", chain.from_iterable(map(_receipts, rmas)))
    insert(connection, "inspections", chain.from_iterable(map(_inspections, rmas)))
    insert(connection, "dispositions", chain.from_iterable(map(_dispositions, rmas)))


def host_order(key: str) -> str:
    """The European order as this warehouse writes it; it ships for nobody else."""
    return f"SO-{key:0>10}"


def _shipment(each: Shipment) -> Row:
    last = each.delivered_at or each.shipped_at or each.created_at
    return {
        "id": each.number, "hostOrderNo": host_order(each.order), "hostRma": each.rma,
        "way": WAYS[each.direction], "state": STATES[each.status], "site": "HAM-1",
        "carrier": each.carrier, "service": each.service, "trackingNo": each.tracking,
        "parcels": each.packages, "kg": number(each.weight_kg),
        "createdAt": in_utc(each.created_at), "shippedAt": in_utc(each.shipped_at),
        "eta": in_utc(each.estimated_at), "deliveredAt": in_utc(each.delivered_at),
        "pod": f"signed {each.number}" if each.delivered_at else None, "changedAt": in_utc(last),
    }  # fmt: skip


def _lines(each: Shipment) -> Iterator[Row]:
    for line in each.lines:
        yield {
            "shipment": each.number, "hostLine": line.order_line, "sku": line.sku,
            "qty": line.quantity, "uom": line.unit, "lot": line.lot,
            "sns": orjson.dumps(line.serials).decode(),
        }  # fmt: skip


def _scans(each: Shipment) -> Iterator[Row]:
    for scan in each.scans:
        if scan.code in SCANS:
            yield {
                "shipment": each.number, "c": SCANS[scan.code], "t": in_utc(scan.at),
                "loc": scan.place or None, "msg": scan.message,
            }  # fmt: skip


def _stock(plan: Plan) -> Iterator[Row]:
    for each in plan.stock:
        if each.warehouse == WAREHOUSE:
            yield {
                "id": f"{each.place}:{each.sku}", "sku": each.sku, "location": each.place,
                "lot": each.lot, "uom": each.unit, "onHand": each.on_hand,
                "allocated": each.allocated, "reserved": each.reserved,
                "qcHold": each.quality_hold, "damaged": each.damaged,
                "returnsArea": each.quarantine, "safety": each.safety, "inbound": each.inbound,
                "inboundOn": day(each.eta_on, "%Y-%m-%d"), "backorders": each.backordered,
                "countedAt": in_utc(each.counted_at), "changedAt": in_utc(each.counted_at),
            }  # fmt: skip


def _receipts(rma: Rma) -> Iterator[Row]:
    for each in rma.receipts:
        yield {
            "id": each.number, "hostRma": rma.number, "hostLine": each.rma_line, "sku": each.sku,
            "qty": each.quantity, "uom": each.unit, "lot": each.lot,
            "sns": orjson.dumps(each.serials).decode(), "dock": each.dock,
            "receivedAt": in_utc(each.at), "receivedBy": "gate",
        }  # fmt: skip


def _inspections(rma: Rma) -> Iterator[Row]:
    for each in rma.inspections:
        yield {
            "id": each.number, "hostRma": rma.number, "receiptId": each.receipt,
            "hostLine": each.rma_line, "sku": each.sku, "qty": each.quantity, "uom": each.unit,
            "result": VERDICTS[each.verdict], "grade": CONDITIONS[each.condition],
            "diff": each.quantity if each.condition == "NOT_RECEIVED" else 0, "snOk": 1,
            "inspector": each.inspector, "inspectedAt": in_utc(each.at),
            "notes": each.notes or None,
        }  # fmt: skip


def _dispositions(rma: Rma) -> Iterator[Row]:
    for each in rma.dispositions:
        yield {
            "id": each.number, "hostRma": rma.number, "inspectionId": each.inspection,
            "hostLine": each.rma_line, "sku": each.sku, "qty": each.quantity, "uom": each.unit,
            "action": DISPOSITIONS[each.code], "toLocation": each.place or None,
            "decidedBy": each.decided_by, "decidedAt": in_utc(each.at), "replaces": None,
        }  # fmt: skip
