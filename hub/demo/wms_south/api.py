"""The southern warehouse's REST API and what changes in it by itself."""

import sqlite3
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from random import Random
from typing import Any

from starlette.routing import BaseRoute

from hub.demo.collection import (
    Collection,
    Filter,
    Nested,
    Page,
    Paging,
    collection_route,
    unpacked,
)
from hub.demo.database import Row, fetch_one
from hub.demo.formats import now, wall_reader
from hub.demo.system import Change, Dialect
from hub.demo.wms_south.seed import ZONE, wall

USER = "hub"
PASSWORD = "demo-wms-south"
PAGE_SIZE = 250  # rows, hard


def _error(status: int, text: str) -> Any:
    return {"err": status, "msg": text}


_CREDENTIAL = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()
DIALECT = Dialect(
    is_welcome=lambda credential: credential == _CREDENTIAL,
    credential_header="authorization",
    error=_error,
)


def _offset(cursor: str) -> int:
    return int(urlsafe_b64decode(cursor.encode()).removeprefix(b"row:"))


def _envelope(page: Page) -> Any:
    following = urlsafe_b64encode(f"row:{page.offset + PAGE_SIZE}".encode()).decode()
    return {"data": page.rows, "cursor": following if page.has_more else None}


PAGING = Paging("cursor", PAGE_SIZE, _offset, _envelope)
COMPANY = Filter("co", "eq")


def _inspection(row: Row) -> Row:
    return {**row, "ser_ok": bool(row["ser_ok"])}


COLLECTIONS = (
    Collection(
        "/shipments",
        "shp",
        "shp_no",
        {
            "ids": Filter("shp_no"),
            "orders": Filter("ord_no", beside="co"),
            "rmas": Filter("rma_no", beside="co"),
            "trackings": Filter("trk"),
            "company": COMPANY,
            "st": Filter("st"),
            "created_from": Filter("ts_crt", "gte", wall_reader(ZONE)),
            "updated_from": Filter("ts_upd", "gte", wall_reader(ZONE)),
        },
        nested=(Nested("lines", "shp_dtl", "shp_no", "ln", unpacked("ser")),),
    ),
    Collection(
        "/stock",
        "inv",
        "inv_id",
        {
            "ids": Filter("inv_id"),
            "skus": Filter("sk"),
            "locations": Filter("loc"),
            "updated_from": Filter("ts_upd", "gte", wall_reader(ZONE)),
        },
    ),
    Collection(
        "/receipts",
        "rcv",
        "rcv_no",
        {"ids": Filter("rcv_no"), "rmas": Filter("rma_no", beside="co"), "company": COMPANY},
        shape=unpacked("ser"),
    ),
    Collection(
        "/inspections",
        "qa",
        "qa_no",
        {"ids": Filter("qa_no"), "rmas": Filter("rma_no", beside="co"), "company": COMPANY},
        shape=_inspection,
    ),
    Collection(
        "/dispositions",
        "dsp",
        "dsp_no",
        {"ids": Filter("dsp_no"), "rmas": Filter("rma_no", beside="co"), "company": COMPANY},
    ),
)


def routes(connection: sqlite3.Connection) -> list[BaseRoute]:
    return [collection_route(connection, each, PAGING) for each in COLLECTIONS]


STEPS = {10: 20, 20: 40, 40: 60}
MOMENTS = {40: "ts_shp", 60: "ts_dlv"}


def tick(connection: sqlite3.Connection, rng: Random) -> Change | None:
    """A shipment takes its next step; otherwise a shelf is counted."""
    at = wall(now())
    sql = "SELECT shp_no, st FROM shp WHERE st IN (10, 20, 40) ORDER BY ts_upd LIMIT 1"
    shipment = fetch_one(connection, sql)
    if shipment is None or rng.random() < 0.4:
        return _count_shelf(connection, rng, at)
    status = STEPS[shipment["st"]]
    connection.execute(
        "UPDATE shp SET st = ?, ts_upd = ? WHERE shp_no = ?", (status, at, shipment["shp_no"])
    )
    if status in MOMENTS:
        sql = f"UPDATE shp SET {MOMENTS[status]} = ? WHERE shp_no = ?"
        connection.execute(sql, (at, shipment["shp_no"]))
    return {"shipment": shipment["shp_no"], "st": status}


def _count_shelf(connection: sqlite3.Connection, rng: Random, at: str | None) -> Change | None:
    row = fetch_one(connection, "SELECT inv_id FROM inv ORDER BY ts_upd LIMIT 1")
    if row is None:
        return None
    connection.execute(
        "UPDATE inv SET oh = oh + ?, ts_cnt = ?, ts_upd = ? WHERE inv_id = ?",
        (rng.randrange(0, 6), at, at, row["inv_id"]),
    )
    return {"stock": row["inv_id"]}
