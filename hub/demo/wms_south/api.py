"""The southern warehouse's REST API and what changes in it by itself."""

import sqlite3
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
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
from hub.demo.database import Row
from hub.demo.formats import wall_reader
from hub.demo.system import Dialect
from hub.demo.wms_south.seed import ZONE

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
OF_A_RETURN = {
    "rmas": Filter("rma_no", beside="co"),
    "company": COMPANY,
    "since": Filter("ts", "gte", wall_reader(ZONE), is_since=True),
}


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
            "updated_from": Filter("ts_upd", "gte", wall_reader(ZONE), is_since=True),
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
            "updated_from": Filter("ts_upd", "gte", wall_reader(ZONE), is_since=True),
        },
    ),
    Collection(
        "/receipts",
        "rcv",
        "rcv_no",
        {"ids": Filter("rcv_no"), **OF_A_RETURN},
        shape=unpacked("ser"),
    ),
    Collection(
        "/inspections",
        "qa",
        "qa_no",
        {"ids": Filter("qa_no"), **OF_A_RETURN},
        shape=_inspection,
    ),
    Collection(
        "/dispositions",
        "dsp",
        "dsp_no",
        {"ids": Filter("dsp_no"), **OF_A_RETURN},
    ),
)


def routes(connection: sqlite3.Connection) -> list[BaseRoute]:
    return [collection_route(connection, each, PAGING) for each in COLLECTIONS]
