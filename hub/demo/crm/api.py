"""The CRM's REST API and what is written in it by itself."""

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
)
from hub.demo.crm.seed import stamp
from hub.demo.database import fetch, fetch_one
from hub.demo.formats import now, utc_reader
from hub.demo.system import Change, Dialect

TOKEN = "demo-crm"
PAGE_SIZE = 200  # rows, hard


def _error(status: int, text: str) -> Any:
    return {"error": text, "status": status}


DIALECT = Dialect(
    is_welcome=lambda credential: credential == f"Bearer {TOKEN}",
    credential_header="authorization",
    error=_error,
)


def _envelope(page: Page) -> Any:
    return {"records": page.rows, "nextPage": next_link(page, "start", PAGE_SIZE)}


PAGING = Paging("start", PAGE_SIZE, int, _envelope)

COLLECTIONS = (
    Collection(
        "/accounts",
        "accounts",
        "accountId",
        {"ids": Filter("accountId"), "q": Filter("name", "contains"), "names": Filter("name")},
    ),
    Collection(
        "/cases",
        "cases",
        "caseNo",
        {
            "ids": Filter("caseNo"),
            "orders": Filter("orderNo", beside="company"),
            "company": Filter("company", "eq"),
            "accounts": Filter("account"),
            "rmas": Filter("rmaNo", beside="company"),
            "state": Filter("state"),
            "queue": Filter("queue"),
            "openedSince": Filter("openedAt", "gte", utc_reader("%Y-%m-%dT%H:%M:%S+00:00")),
            "updatedSince": Filter("updatedAt", "gte", utc_reader("%Y-%m-%dT%H:%M:%S+00:00")),
        },
        nested=(Nested("messages", "messages", "caseNo", "sentAt, id"),),
    ),
)


def routes(connection: sqlite3.Connection) -> list[BaseRoute]:
    return [collection_route(connection, each, PAGING) for each in COLLECTIONS]


OPEN_STATES = "('new', 'working', 'waiting on customer')"
NEXT_STATE = {"new": "working", "working": "waiting on customer", "waiting on customer": "working"}


def tick(connection: sqlite3.Connection, rng: Random) -> Change | None:
    """Somebody writes in an open case, and it changes hands with the customer."""
    cases = fetch(connection, f"SELECT caseNo, state FROM cases WHERE state IN {OPEN_STATES}")
    if not cases:
        return None
    case, at = rng.choice(cases), stamp(now())
    is_internal = rng.random() < 0.3
    sql = "SELECT count(*) AS n FROM messages WHERE caseNo = ?"
    counted = fetch_one(connection, sql, case["caseNo"])
    connection.execute(
        "INSERT INTO messages (id, caseNo, author, authorKind, audience, via, body, sentAt)"
        " VALUES (?, ?, 'ines.roth', 'user', ?, ?, 'We are still on it.', ?)",
        (
            f"{case['caseNo']}-{(counted['n'] if counted else 0) + 1}", case["caseNo"],
            "note" if is_internal else "public", "note" if is_internal else "email", at,
        ),
    )  # fmt: skip
    state = case["state"] if is_internal else NEXT_STATE[case["state"]]
    connection.execute(
        "UPDATE cases SET state = ?, updatedAt = ? WHERE caseNo = ?", (state, at, case["caseNo"])
    )
    return {"case": case["caseNo"], "state": state}
