"""The American ERP's REST API: everything is read here, in pages by number; commands as well."""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.routing import BaseRoute

from hub.demo.collection import Collection, Filter, Nested, Page, Paging, collection_route
from hub.demo.commands import command_routes
from hub.demo.database import Row
from hub.demo.erp_us.effects import COMMANDS
from hub.demo.erp_us.seed import ZONE
from hub.demo.formats import wall_reader
from hub.demo.system import Dialect

TOKEN = "demo-erp-us"
PAGE_SIZE = 500  # rows, hard


def _error(status: int, text: str) -> Any:
    return {"errors": [{"code": status, "message": text}]}


DIALECT = Dialect(
    is_welcome=lambda credential: credential == f"Bearer {TOKEN}",
    credential_header="authorization",
    error=_error,
)


def _offset(token: str) -> int:
    number = int(token)
    if number < 1:
        raise ValueError(token)
    return (number - 1) * PAGE_SIZE


def _envelope(page: Page) -> Any:
    number = page.offset // PAGE_SIZE + 1
    return {"results": page.rows, "page": number, "more": page.has_more}


PAGING = Paging("page", PAGE_SIZE, _offset, _envelope)


def month_first(text: str | None) -> str | None:
    """`2026-03-09 14:05:00` as `03/09/2026 14:05:00`; a bare day likewise."""
    return None if text is None else f"{text[5:7]}/{text[8:10]}/{text[:4]}{text[10:]}"


def iso_of(text: str) -> str:
    """The sortable form of a month-first day with or without a time, or of an ISO instant."""
    if "T" in text:
        return wall_reader(ZONE)(text)
    form = "%m/%d/%Y %H:%M:%S" if " " in text else "%m/%d/%Y"
    # wall-clock text in, wall-clock text out: no zone is involved
    return datetime.strptime(text, form).strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ007


def american(dates: tuple[str, ...], flags: tuple[str, ...] = ()) -> Callable[[Row], Row]:
    """A shape that writes those columns month-first and those as JSON booleans."""

    def shape(row: Row) -> Row:
        for name in dates:
            row[name] = month_first(row[name])
        for name in flags:
            row[name] = bool(row[name])
        return row

    return shape


MODIFIED = Filter("modified", "gte", iso_of, is_since=True)
"""A record that was never changed after it was entered has no such time and is not found by it."""

COLLECTIONS = (
    Collection(
        "/orders",
        "orders",
        "id",
        {
            "ids": Filter("id"),
            "numbers": Filter("orderNumber"),
            "customers": Filter("customer"),
            "poNumbers": Filter("poNumber"),
            "status": Filter("status"),
            "orderedFrom": Filter("orderDate", "gte", iso_of),
            "orderedTo": Filter("orderDate", "lte", iso_of),
            "modifiedSince": MODIFIED,
        },
        shape=american(
            (
                "orderDate",
                "confirmedDate",
                "completedDate",
                "cancelledDate",
                "requestedDate",
                "modified",
            )
        ),
    ),
    Collection(
        "/order-lines",
        "order_lines",
        "id",
        {
            "ids": Filter("id"),
            "orders": Filter("orderId"),
            "skus": Filter("sku"),
            "modifiedSince": MODIFIED,
        },
        shape=american(("promiseDate", "modified")),
    ),
    Collection(
        "/customers",
        "customers",
        "customerNumber",
        {
            "ids": Filter("customerNumber"),
            "q": Filter("name", "contains"),
            "names": Filter("name"),
            "state": Filter("state"),
            "modifiedSince": MODIFIED,
        },
        shape=american(("createdOn", "modified"), ("creditHold",)),
    ),
    Collection(
        "/items",
        "items",
        "sku",
        {"ids": Filter("sku"), "q": Filter("description", "contains")},
        shape=american(
            ("modified",),
            ("serialized", "lotControlled", "hazmat", "finalSale", "inspect", "active"),
        ),
    ),
    Collection(
        "/invoices",
        "invoices",
        "invoiceNumber",
        {
            "ids": Filter("invoiceNumber"),
            "orders": Filter("orderId"),
            "customers": Filter("customer"),
            "status": Filter("status"),
            "modifiedSince": MODIFIED,
        },
        nested=(Nested("lines", "invoice_lines", "invoiceNumber", "line"),),
        shape=american(("postedDate", "dueDate", "modified"), ("disputed",)),
    ),
    Collection(
        "/credit-memos",
        "credit_memos",
        "memoNumber",
        {
            "ids": Filter("memoNumber"),
            "orders": Filter("orderId"),
            "invoices": Filter("invoiceNumber"),
            "rmas": Filter("rmaNumber"),
            "customers": Filter("customer"),
            "reference": Filter("reference", "eq"),
            "modifiedSince": MODIFIED,
        },
        shape=american(("postedDate", "modified")),
    ),
    Collection(
        "/returns",
        "returns",
        "rmaNumber",
        {
            "ids": Filter("rmaNumber"),
            "orders": Filter("orderId"),
            "customers": Filter("customer"),
            "status": Filter("status"),
            "modifiedSince": MODIFIED,
        },
        nested=(Nested("lines", "return_lines", "rmaNumber", "line"),),
        shape=american(
            ("requestedDate", "authorizedDate", "expiresDate", "closedDate", "modified")
        ),
    ),
    Collection(
        "/prices",
        "prices",
        "id",
        {"ids": Filter("id"), "skus": Filter("sku"), "customers": Filter("customer")},
        shape=american(("validFrom", "validTo")),
    ),
    Collection(
        "/stock-adjustments",
        "stock_adjustments",
        "id",
        {"ids": Filter("id"), "reference": Filter("reference", "eq")},
        shape=american(("createdDate",)),
    ),
)


def routes(connection: sqlite3.Connection) -> list[BaseRoute]:
    reads = [collection_route(connection, each, PAGING) for each in COLLECTIONS]
    return [*reads, *command_routes(connection, COMMANDS, finders=False)]
