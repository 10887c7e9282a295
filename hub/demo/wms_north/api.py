"""The northern warehouse's REST API and what changes in it by itself."""

import sqlite3
from typing import Any

from starlette.routing import BaseRoute

from hub.demo.collection import (
    Collection,
    Filter,
    Nested,
    Page,
    Paging,
    collection_route,
    next_link,
    unpacked,
)
from hub.demo.database import Row
from hub.demo.formats import utc_reader
from hub.demo.system import Dialect

KEY = "demo-wms-north"
PAGE_SIZE = 250  # rows, hard


def _error(status: int, text: str) -> Any:
    return {"fault": {"http": status, "reason": text}}


DIALECT = Dialect(
    is_welcome=lambda credential: credential == KEY,
    credential_header="x-api-key",
    error=_error,
)


def _envelope(page: Page) -> Any:
    return {"items": page.rows, "links": {"next": next_link(page, "after", PAGE_SIZE)}}


PAGING = Paging("after", PAGE_SIZE, int, _envelope)


SINCE = Filter("changedAt", "gte", utc_reader("%Y-%m-%dT%H:%M:%SZ"), is_since=True)


def _inspection(row: Row) -> Row:
    return {**row, "snOk": bool(row["snOk"])}


OF_A_RETURN = {"ids": Filter("id"), "rmas": Filter("hostRma")}
COLLECTIONS = (
    Collection(
        "/shipments",
        "shipments",
        "id",
        {
            "ids": Filter("id"),
            "orders": Filter("hostOrderNo"),
            "rmas": Filter("hostRma"),
            "trackings": Filter("trackingNo"),
            "state": Filter("state"),
            "since": Filter("createdAt", "gte", utc_reader("%Y-%m-%dT%H:%M:%SZ")),
            "changedSince": SINCE,
        },
        nested=(
            Nested("lines", "shipment_lines", "shipment", "hostLine", unpacked("sns")),
            Nested("scans", "scans", "shipment", "t, seq"),
        ),
    ),
    Collection(
        "/stock",
        "stock",
        "id",
        {
            "ids": Filter("id"),
            "skus": Filter("sku"),
            "locations": Filter("location"),
            "changedSince": SINCE,
        },
    ),
    Collection("/receipts", "receipts", "id", OF_A_RETURN, shape=unpacked("sns")),
    Collection("/inspections", "inspections", "id", OF_A_RETURN, shape=_inspection),
    Collection("/dispositions", "dispositions", "id", OF_A_RETURN),
)


def routes(connection: sqlite3.Connection) -> list[BaseRoute]:
    return [collection_route(connection, each, PAGING) for each in COLLECTIONS]
