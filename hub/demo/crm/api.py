"""The CRM's REST API and what is written in it by itself."""

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
from hub.demo.commands import command_routes
from hub.demo.crm.effects import COMMANDS
from hub.demo.crm.portal import webhook_route
from hub.demo.formats import utc_reader
from hub.demo.system import Dialect

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
            "updatedSince": Filter(
                "updatedAt", "gte", utc_reader("%Y-%m-%dT%H:%M:%S+00:00"), is_since=True
            ),
        },
        nested=(Nested("messages", "messages", "caseNo", "sentAt, id"),),
    ),
    Collection(
        "/portal/notices",
        "notices",
        "id",
        {"ids": Filter("id"), "subject": Filter("subject", "eq"), "kind": Filter("kind", "eq")},
    ),
)


def routes(connection: sqlite3.Connection) -> list[BaseRoute]:
    reads = [collection_route(connection, each, PAGING) for each in COLLECTIONS]
    commands = command_routes(connection, COMMANDS, finders=True)
    return [*reads, *commands, webhook_route(connection)]
