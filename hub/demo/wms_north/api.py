"""The northern warehouse's REST API and what changes in it by itself."""

import sqlite3
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
    next_link,
    unpacked,
)
from hub.demo.database import Row, fetch_one
from hub.demo.formats import in_utc, now, utc_reader
from hub.demo.system import Change, Dialect

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
            "changedSince": Filter("changedAt", "gte", utc_reader("%Y-%m-%dT%H:%M:%SZ")),
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
            "changedSince": Filter("changedAt", "gte", utc_reader("%Y-%m-%dT%H:%M:%SZ")),
        },
    ),
    Collection("/receipts", "receipts", "id", OF_A_RETURN, shape=unpacked("sns")),
    Collection("/inspections", "inspections", "id", OF_A_RETURN, shape=_inspection),
    Collection("/dispositions", "dispositions", "id", OF_A_RETURN),
)


def routes(connection: sqlite3.Connection) -> list[BaseRoute]:
    return [collection_route(connection, each, PAGING) for each in COLLECTIONS]


STEPS = {"NEW": ("LBL", "LB"), "LBL": ("OUT", "PU"), "OUT": ("DLV", "DL")}
MOMENTS = {"OUT": "shippedAt", "DLV": "deliveredAt"}


def tick(connection: sqlite3.Connection, rng: Random) -> Change | None:
    """A shipment takes its next step and is scanned; otherwise a shelf is counted."""
    at = in_utc(now())
    sql = (
        "SELECT id, state FROM shipments WHERE state IN ('NEW', 'LBL', 'OUT')"
        " ORDER BY changedAt LIMIT 1"
    )
    shipment = fetch_one(connection, sql)
    if shipment is None or rng.random() < 0.4:
        return _count_shelf(connection, rng, at)
    state, scan = STEPS[shipment["state"]]
    connection.execute(
        "UPDATE shipments SET state = ?, changedAt = ? WHERE id = ?", (state, at, shipment["id"])
    )
    if state in MOMENTS:
        sql = f"UPDATE shipments SET {MOMENTS[state]} = ? WHERE id = ?"
        connection.execute(sql, (at, shipment["id"]))
    connection.execute(
        "INSERT INTO scans (shipment, c, t, loc, msg) VALUES (?, ?, ?, 'Hamburg', 'Scanned')",
        (shipment["id"], scan, at),
    )
    return {"shipment": shipment["id"], "state": state}


def _count_shelf(connection: sqlite3.Connection, rng: Random, at: str | None) -> Change | None:
    row = fetch_one(connection, "SELECT id FROM stock ORDER BY changedAt LIMIT 1")
    if row is None:
        return None
    connection.execute(
        "UPDATE stock SET onHand = onHand + ?, countedAt = ?, changedAt = ? WHERE id = ?",
        (rng.randrange(0, 6), at, at, row["id"]),
    )
    return {"stock": row["id"]}
