"""The tracking service's REST API and the scans it makes by itself."""

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
)
from hub.demo.formats import utc_reader
from hub.demo.system import Dialect

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
            "updatedSince": Filter(
                "updated", "gte", utc_reader("%Y-%m-%dT%H:%M:%S"), is_since=True
            ),
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
