"""The tracking service's REST API and the scans it makes by itself."""

import sqlite3
from random import Random
from typing import Any

from starlette.routing import BaseRoute

from hub.demo.carrier.seed import stamp
from hub.demo.collection import (
    Collection,
    Filter,
    Nested,
    Page,
    Paging,
    collection_route,
    next_link,
)
from hub.demo.database import fetch, fetch_one
from hub.demo.formats import now, utc_reader
from hub.demo.system import Change, Dialect

TOKEN = "demo-carrier"
PAGE_SIZE = 2000  # rows, hard


def _error(status: int, text: str) -> Any:
    return {"title": "Request refused", "status": status, "detail": text}


DIALECT = Dialect(
    is_welcome=lambda credential: credential == f"Bearer {TOKEN}",
    credential_header="authorization",
    error=_error,
)


def _envelope(page: Page) -> Any:
    return {"content": page.rows, "next": next_link(page, "skip", PAGE_SIZE)}


PAGING = Paging("skip", PAGE_SIZE, int, _envelope)

COLLECTIONS = (
    Collection(
        "/trackings",
        "trackings",
        "id",
        {
            "ids": Filter("id"),
            "numbers": Filter("number"),
            "carrier": Filter("carrier", "eq"),
            "references": Filter("reference", beside="shipper"),
            "updatedSince": Filter("updated", "gte", utc_reader("%Y-%m-%dT%H:%M:%S")),
        },
        nested=(Nested("scans", "scans", "tracking", "at, seq"),),
    ),
    Collection(
        "/scans",
        "tracking_scans",
        "id",
        {
            "ids": Filter("id"),
            "numbers": Filter("number"),
            "references": Filter("reference", beside="shipper"),
            "shipper": Filter("shipper", "eq"),
            "carrier": Filter("carrier", "eq"),
            "since": Filter("at", "gte", utc_reader("%Y-%m-%dT%H:%M:%S")),
        },
    ),
)


def routes(connection: sqlite3.Connection) -> list[BaseRoute]:
    return [collection_route(connection, each, PAGING) for each in COLLECTIONS]


NEXT = {"INFO": "COLL", "COLL": "MOVE", "MOVE": "OUTD", "OUTD": "DONE", "MISS": "OUTD"}


def tick(connection: sqlite3.Connection, rng: Random) -> Change | None:
    """A parcel under way is scanned; moving parcels are often scanned again where they are."""
    sql = "SELECT id, carrier, number, last FROM trackings WHERE last <> 'DONE' ORDER BY updated"
    moving = fetch(connection, f"{sql} LIMIT 10")
    if not moving:
        return None
    parcel, at = rng.choice(moving), stamp(now())
    stays = parcel["last"] == "MOVE" and rng.random() < 0.7
    code = "MOVE" if stays else NEXT[parcel["last"]]
    sql = "SELECT max(seq) AS n FROM scans WHERE tracking = ?"
    last = fetch_one(connection, sql, parcel["id"])
    sequence = (last["n"] if last else 0) + 1
    connection.execute(
        "INSERT INTO scans (tracking, seq, code, detail, text, place, at)"
        " VALUES (?, ?, ?, ?, 'Scanned', 'Leipzig', ?)",
        (parcel["id"], sequence, code, f"{code[:2]}{sequence:02}", at),
    )
    connection.execute(
        "UPDATE trackings SET last = ?, updated = ? WHERE id = ?", (code, at, parcel["id"])
    )
    return {"carrier": parcel["carrier"], "number": parcel["number"], "code": code, "at": at}
