"""What happens in the American ERP by itself, and the hints it gives: unsigned, a key, no more."""

import sqlite3
from datetime import datetime
from decimal import Decimal
from functools import partial

from hub.demo.database import Row, fetch_one
from hub.demo.erp_us import words
from hub.demo.erp_us.seed import iso, wall
from hub.demo.formats import number
from hub.demo.life import Changed, Kind, Life, Move, Scene
from hub.demo.telling import Message, Voice
from hub.demo.trade.documents import document_moves
from hub.demo.trade.orders import line_moves, order_moves
from hub.demo.trade.returns import return_moves
from hub.demo.trade.words import Forms, Kinds, Words

NEW_NUMBERS = {
    "invoice": ("invoiceNumber", "max(CAST(substr(invoiceNumber, 5) AS INTEGER))", "invoices"),
    "memo": ("memoNumber", "max(CAST(substr(memoNumber, 4) AS INTEGER))", "credit_memos"),
    "rma": ("rmaNumber", "max(CAST(substr(rmaNumber, 4) AS INTEGER))", "returns"),
}
PREFIXES = {"invoice": "INV-", "memo": "CM-", "rma": "RA-"}
LAST_NUMBER = "SELECT max(CAST(orderNumber AS INTEGER)) AS n FROM orders"
LAST_KEY = "SELECT max(CAST(id AS INTEGER)) AS n FROM orders"

kind = partial(Kind, stamp="modified", write_stamp=wall)
KINDS = Kinds(
    order=kind("order", "orders", ("id",), status="status", codes=words.ORDER),
    line=kind("order-line", "order_lines", ("id",), status="status", codes=words.LINE),
    invoice=kind("invoice", "invoices", ("invoiceNumber",), status="status", codes=words.INVOICE),
    memo=kind("credit-memo", "credit_memos", ("memoNumber",), status="status", codes=words.MEMO),
    rma=kind("return", "returns", ("rmaNumber",), status="status", codes=words.RMA),
    customer=kind("customer", "customers", ("customerNumber",)),
)
NAMES = {
    "orders": "orders", "o_key": "id", "o_number": "orderNumber", "o_status": "status",
    "hold": "holdReason", "confirmed": "confirmedDate", "completed": "completedDate",
    "order_cancelled": "cancelledDate", "o_customer": "customer", "o_currency": "currency",
    "o_total": "total", "o_tax": "tax", "freight": "freight", "po_number": "poNumber",
    "requested_on": "requestedDate",
    "lines": "order_lines", "l_order": "orderId", "l_number": "line", "l_status": "status",
    "sku": "sku", "l_text": "description", "unit": "uom", "ordered": "quantity",
    "cancelled": "cancelled", "allocated": "allocated", "backordered": "backordered",
    "picked": "picked", "shorted": "short", "packed": "packed", "shipped": "shipped",
    "delivered": "delivered", "price": "unitPrice", "l_amount": "amount", "l_tax": "tax",
    "promised": "promiseDate",
    "invoices": "invoices", "i_key": "invoiceNumber", "i_order": "orderId",
    "i_customer": "customer", "i_status": "status", "m_status": "status", "i_total": "total",
    "i_currency": "currency", "due": "dueDate", "credited": "credited", "disputed": "disputed",
    "is_invoice": "1 = 1", "is_memo": "1 = 1",
    "bills": "invoice_lines", "b_number": "line", "b_line": "orderLine", "b_sku": "sku",
    "b_text": "description", "b_quantity": "quantity", "b_unit": "uom", "b_price": "unitPrice",
    "b_amount": "amount", "b_tax": "tax",
    "rmas": "returns", "r_key": "rmaNumber", "r_order": "orderId", "r_customer": "customer",
    "r_status": "status", "logistics": "logistics", "credit": "credit",
    "resolution": "resolution", "r_reason": "reason", "r_channel": "channel",
    "requested_by": "requestedBy", "requested_at": "requestedDate",
    "authorized_at": "authorizedDate", "expires_at": "expiresDate", "closed_at": "closedDate",
    "r_warehouse": "site",
    "rma_lines": "return_lines", "r_line": "line", "r_order_line": "orderLine", "r_sku": "sku",
    "requested": "requested", "authorized": "authorized", "received": "received",
    "accepted": "accepted", "rejected": "rejected", "r_credited": "credited", "r_unit": "uom",
    "credit_price": "unitCredit", "restocking_fee": "restockingFee", "r_currency": "currency",
    "exposure": "openBalance", "credit_hold": "creditHold",
}  # fmt: skip


def _identity(connection: sqlite3.Connection, kind: str) -> Row:
    if kind == "order":
        return {"id": str(_last(connection, LAST_KEY) + 1),
                "orderNumber": str(_last(connection, LAST_NUMBER) + 1)}  # fmt: skip
    column, maximum, table = NEW_NUMBERS[kind]
    last = _last(connection, f"SELECT {maximum} AS n FROM {table}")
    return {column: f"{PREFIXES[kind]}{last + 1}"}


def _last(connection: sqlite3.Connection, sql: str) -> int:
    row = fetch_one(connection, sql)
    return int(row["n"] or 0) if row else 0


def _placed(at: datetime) -> Row:
    return {"orderDate": wall(at)}


def _posted(at: datetime) -> Row:
    return {"postedDate": wall(at)}


def _amounts(net: Decimal, tax: Decimal) -> Row:
    return {"total": number(net + tax), "tax": number(tax)}


def _bill(bill: Row, order: Row) -> Row:
    key = f"{bill['invoiceNumber']}-{bill['line']}"
    return {**bill, "id": key, "currency": order["currency"]}


def _memo(rma: Row, invoice: Row, amount: Decimal) -> Row:
    return {
        "orderId": rma["orderId"], "customer": rma["customer"],
        "invoiceNumber": invoice["invoiceNumber"], "rmaNumber": rma["rmaNumber"],
        "reason": rma["reason"], "subtotal": number(amount), "fees": 0, "tax": 0,
        "total": number(amount), "applied": 0, "currency": invoice["currency"],
    }  # fmt: skip


WORDS = Words(
    company="02",
    kinds=KINDS,
    names=NAMES,
    codes={
        "hold": words.HOLD, "reason": words.REASON, "logistics": words.LOGISTICS,
        "credit": words.CREDIT, "resolution": words.RESOLUTION,
    },
    forms=Forms(
        wall=wall, day=iso, identity=_identity, placed=_placed, posted=_posted, amounts=_amounts,
        invoice=lambda: {"disputed": 0}, bill=_bill, memo=_memo,
    ),
    yes="1",
    no="0",
    applied={"applied": "total"},
    warehouses=("wms-south",),
)  # fmt: skip


def _requote(scene: Scene, quote: Row) -> None:
    """A draft gets its first number; later quotes count up behind a slash."""
    number = quote["orderNumber"]
    if number is None:
        number = str(_last(scene.connection, LAST_NUMBER) + 1)
    else:
        stem, _, turn = number.partition("/")
        number = f"{stem}/{int(turn or 0) + 1}"
    scene.change(KINDS.order, quote, {"orderNumber": number})


QUOTES = (
    Move("requote", KINDS.order, ("DRAFT",), then=_requote, weight=1),
    Move("accept_quote", KINDS.order, ("DRAFT",), "OPEN", when="orderNumber IS NOT NULL", weight=1),
)
LIFE = Life(
    (
        *order_moves(WORDS), *line_moves(WORDS), *document_moves(WORDS), *return_moves(WORDS),
        *QUOTES,
    ),
    wall,
)  # fmt: skip


def _hint(connection: sqlite3.Connection, changed: Changed) -> Message | None:
    """Which record changed; what it says now is for the listener to ask."""
    return Message(
        changed.kind, {"topic": f"{changed.kind}.changed", "id": changed.key}, tells="id"
    )


VOICE = Voice("webhook", _hint)
