"""Tables of the southern warehouse and its share of the plan. Instants are Chicago wall clock."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from itertools import chain

import orjson

from hub.demo.database import Row, insert
from hub.demo.formats import day, local, number
from hub.demo.plan.fulfilment import UNMAPPED_SOUTH_SHIPMENT
from hub.demo.plan.records import Plan, Rma, Shipment

WAREHOUSE = "south"
ZONE = "America/Chicago"
COMPANIES = {"erp-eu": "01", "erp-us": "02"}
STATUSES = {
    "NEW": 10, "PICKING": 12, "SHORT": 14, "PACKED": 16, "LABEL_CREATED": 20, "PRE_TRANSIT": 30,
    "IN_TRANSIT": 40, "DELIVERED": 60, "CANCELLED": 90,
}  # fmt: skip
UNMAPPED_STATUS = 77
WAYS = {"OUTBOUND": 1, "RETURN": 2}
CONDITIONS = {
    "NEW_SEALED": 1, "OPENED_LIKE_NEW": 2, "USED_FUNCTIONAL": 3, "DEFECTIVE": 5,
    "CUSTOMER_DAMAGED": 6, "CARRIER_DAMAGED": 7, "INCOMPLETE": 8, "NOT_RECEIVED": 9,
}  # fmt: skip
VERDICTS = {"PASS": 1, "FAIL": 2, "CONDITIONAL": 3, "INCONCLUSIVE": 4}
DISPOSITIONS = {
    "RESTOCK": 10, "QUALITY_REVIEW": 20, "REFURBISH": 30, "SCRAP": 40, "VENDOR_CLAIM": 50,
    "MISSING": 99,
}  # fmt: skip

SCHEMA = """
CREATE TABLE shp (
  shp_no TEXT PRIMARY KEY, co TEXT NOT NULL, ord_no TEXT NOT NULL, rma_no TEXT,
  dir INTEGER NOT NULL, st INTEGER NOT NULL, whs TEXT NOT NULL, car TEXT, svc TEXT, trk TEXT,
  pkgs INTEGER, lbs DEC, ts_crt TEXT NOT NULL, ts_shp TEXT, ts_eta TEXT, ts_dlv TEXT,
  ts_upd TEXT NOT NULL
);
CREATE INDEX shp_ord ON shp (ord_no, co);
CREATE INDEX shp_rma ON shp (rma_no, co);
CREATE INDEX shp_trk ON shp (trk);
CREATE INDEX shp_upd ON shp (ts_upd, shp_no);
CREATE TABLE shp_dtl (
  shp_no TEXT NOT NULL REFERENCES shp, ln INTEGER NOT NULL, sk TEXT NOT NULL, q DEC NOT NULL,
  u TEXT NOT NULL, lot TEXT, ser TEXT NOT NULL, PRIMARY KEY (shp_no, ln)
);
CREATE TABLE inv (
  inv_id TEXT PRIMARY KEY, sk TEXT NOT NULL, loc TEXT NOT NULL, lot TEXT, u TEXT NOT NULL,
  oh DEC, al DEC, rs DEC, qh DEC, dm DEC, rq DEC, ss DEC, ib DEC, ib_dt TEXT, bo DEC,
  ts_cnt TEXT, ts_upd TEXT NOT NULL
);
CREATE INDEX inv_sk ON inv (sk);
CREATE INDEX inv_loc ON inv (loc);
CREATE INDEX inv_upd ON inv (ts_upd, inv_id);
CREATE TABLE rcv (
  rcv_no TEXT PRIMARY KEY, co TEXT NOT NULL, rma_no TEXT NOT NULL, ln INTEGER, sk TEXT, q DEC,
  u TEXT NOT NULL, lot TEXT, ser TEXT NOT NULL, dock TEXT, ts TEXT, usr TEXT
);
CREATE INDEX rcv_rma ON rcv (rma_no, co);
CREATE INDEX rcv_ts ON rcv (ts, rcv_no);
CREATE TABLE qa (
  qa_no TEXT PRIMARY KEY, co TEXT NOT NULL, rma_no TEXT NOT NULL, rcv_no TEXT, ln INTEGER,
  sk TEXT, q DEC, u TEXT NOT NULL, vd INTEGER, cond INTEGER, var DEC, ser_ok INTEGER, usr TEXT,
  ts TEXT, txt TEXT
);
CREATE INDEX qa_rma ON qa (rma_no, co);
CREATE INDEX qa_ts ON qa (ts, qa_no);
CREATE TABLE dsp (
  dsp_no TEXT PRIMARY KEY, co TEXT NOT NULL, rma_no TEXT NOT NULL, qa_no TEXT, ln INTEGER,
  sk TEXT, q DEC, u TEXT NOT NULL, act INTEGER, loc TEXT, usr TEXT, ts TEXT, prv TEXT
);
CREATE INDEX dsp_rma ON dsp (rma_no, co);
CREATE INDEX dsp_ts ON dsp (ts, dsp_no);
"""


def seed(connection: sqlite3.Connection, plan: Plan) -> None:
    shipments = plan.shipments_of(WAREHOUSE)
    rmas = [rma for rma in plan.rmas if rma.warehouse == WAREHOUSE]
    insert(connection, "shp", map(_shipment, shipments))
    insert(connection, "shp_dtl", chain.from_iterable(map(_lines, shipments)))
    insert(connection, "inv", _stock(plan))
    insert(connection, "rcv", chain.from_iterable(map(_receipts, rmas)))
    insert(connection, "qa", chain.from_iterable(map(_inspections, rmas)))
    insert(connection, "dsp", chain.from_iterable(map(_dispositions, rmas)))


def wall(moment: datetime | None) -> str | None:
    return local(moment, ZONE, "%Y-%m-%d %H:%M:%S")


def _shipment(each: Shipment) -> Row:
    last = each.delivered_at or each.shipped_at or each.created_at
    is_odd = each.number == str(UNMAPPED_SOUTH_SHIPMENT)
    return {
        "shp_no": each.number, "co": COMPANIES[each.erp], "ord_no": each.order,
        "rma_no": each.rma, "dir": WAYS[each.direction],
        "st": UNMAPPED_STATUS if is_odd else STATUSES[each.status], "whs": "MEM-1",
        "car": each.carrier, "svc": each.service, "trk": each.tracking, "pkgs": each.packages,
        "lbs": round(number(each.weight_kg) * 2.20462, 2), "ts_crt": wall(each.created_at),
        "ts_shp": wall(each.shipped_at), "ts_eta": wall(each.estimated_at),
        "ts_dlv": wall(each.delivered_at), "ts_upd": wall(last),
    }  # fmt: skip


def _lines(each: Shipment) -> Iterator[Row]:
    for line in each.lines:
        yield {
            "shp_no": each.number, "ln": line.order_line, "sk": line.sku, "q": line.quantity,
            "u": line.unit, "lot": line.lot, "ser": orjson.dumps(line.serials).decode(),
        }  # fmt: skip


def _stock(plan: Plan) -> Iterator[Row]:
    for each in plan.stock:
        if each.warehouse == WAREHOUSE:
            yield {
                "inv_id": f"{each.place}.{each.sku}", "sk": each.sku, "loc": each.place,
                "lot": each.lot, "u": each.unit, "oh": each.on_hand, "al": each.allocated,
                "rs": each.reserved, "qh": each.quality_hold, "dm": each.damaged,
                "rq": each.quarantine, "ss": each.safety, "ib": each.inbound,
                "ib_dt": day(each.eta_on, "%Y%m%d"), "bo": each.backordered,
                "ts_cnt": wall(each.counted_at), "ts_upd": wall(each.counted_at),
            }  # fmt: skip


def _receipts(rma: Rma) -> Iterator[Row]:
    for each in rma.receipts:
        yield {
            "rcv_no": each.number, "co": COMPANIES[rma.erp], "rma_no": rma.number,
            "ln": each.rma_line, "sk": each.sku, "q": each.quantity, "u": each.unit,
            "lot": each.lot, "ser": orjson.dumps(each.serials).decode(), "dock": each.dock,
            "ts": wall(each.at), "usr": "dock",
        }  # fmt: skip


def _inspections(rma: Rma) -> Iterator[Row]:
    for each in rma.inspections:
        yield {
            "qa_no": each.number, "co": COMPANIES[rma.erp], "rma_no": rma.number,
            "rcv_no": each.receipt, "ln": each.rma_line, "sk": each.sku, "q": each.quantity,
            "u": each.unit, "vd": VERDICTS[each.verdict], "cond": CONDITIONS[each.condition],
            "var": each.quantity if each.condition == "NOT_RECEIVED" else 0, "ser_ok": 1,
            "usr": each.inspector, "ts": wall(each.at), "txt": each.notes or None,
        }  # fmt: skip


def _dispositions(rma: Rma) -> Iterator[Row]:
    for each in rma.dispositions:
        yield {
            "dsp_no": each.number, "co": COMPANIES[rma.erp], "rma_no": rma.number,
            "qa_no": each.inspection, "ln": each.rma_line, "sk": each.sku, "q": each.quantity,
            "u": each.unit, "act": DISPOSITIONS[each.code], "loc": each.place or None,
            "usr": each.decided_by, "ts": wall(each.at), "prv": None,
        }  # fmt: skip
