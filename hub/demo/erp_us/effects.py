"""What the American ERP's commands do."""

import sqlite3
from decimal import Decimal

from hub.demo.commands import Body, Command, amount_of
from hub.demo.database import Row, fetch, fetch_one
from hub.demo.erp_us import words
from hub.demo.erp_us.seed import wall
from hub.demo.formats import now, number
from hub.demo.gate import NativeError


def _order(connection: sqlite3.Connection, body: Body) -> Row:
    order = fetch_one(connection, "SELECT * FROM orders WHERE id = ?", body.get("order"))
    if order is None:
        raise NativeError(404, f"order {body.get('order')} does not exist")
    return order


def _credit_memo(connection: sqlite3.Connection, body: Body) -> Row:
    order = _order(connection, body)
    if body.get("currency") != order["currency"]:
        raise NativeError(422, f"currency must be {order['currency']}")
    _check_invoice(connection, body, order)
    amount = _memo_amount(connection, body)
    _check_open_amount(connection, order, amount)
    sql = "SELECT max(CAST(substr(memoNumber, 4) AS INTEGER)) AS n FROM credit_memos"
    last = fetch_one(connection, sql)
    memo = f"CM-{int(last['n'] if last else 0) + 1}"
    at = wall(now())
    connection.execute(
        "INSERT INTO credit_memos (memoNumber, orderId, customer, invoiceNumber, rmaNumber, status,"
        " reason, postedDate, subtotal, fees, tax, total, applied, currency, reference, modified)"
        " VALUES (?, ?, ?, ?, ?, 'Open', ?, ?, ?, 0, 0, ?, 0, ?, ?, ?)",
        (
            memo, order["id"], order["customer"], body.get("invoice"), body.get("rma"),
            words.REASON.get(body.get("reason", ""), "Other"), at, number(amount),
            number(amount), order["currency"], body["reference"], at,
        ),
    )  # fmt: skip
    connection.execute(
        "UPDATE invoices SET credited = credited + ?, modified = ? WHERE invoiceNumber = ?",
        (number(amount), at, body.get("invoice")),
    )
    return {
        "memoNumber": memo,
        "reference": body["reference"],
        "orderId": order["id"],
        "total": number(amount),
        "currency": order["currency"],
    }


def _check_invoice(connection: sqlite3.Connection, body: Body, order: Row) -> None:
    invoice = body.get("invoice")
    sql = "SELECT 1 FROM invoices WHERE invoiceNumber = ? AND orderId = ?"
    if invoice is not None and fetch_one(connection, sql, invoice, order["id"]) is None:
        raise NativeError(422, f"invoice {invoice} is not one of order {order['id']}")


def _memo_amount(connection: sqlite3.Connection, body: Body) -> Decimal:
    """The stated amount, or that of the listed order lines without tax."""
    if body.get("amount") is not None:
        return amount_of(body["amount"])
    lines = body.get("lines") or []
    if not lines:
        raise NativeError(422, "amount or lines are required")
    total = Decimal(0)
    for each in lines:
        sql = "SELECT unitPrice FROM order_lines WHERE orderId = ? AND line = ?"
        line = fetch_one(connection, sql, body["order"], each.get("line"))
        if line is None:
            raise NativeError(422, f"order {body['order']} has no line {each.get('line')}")
        total += Decimal(str(line["unitPrice"])) * Decimal(str(each.get("quantity", 0)))
    return amount_of(total.quantize(Decimal("0.01")))


def _check_open_amount(connection: sqlite3.Connection, order: Row, amount: Decimal) -> None:
    billed = _sum(connection, "SELECT total FROM invoices WHERE orderId = ?", order["id"])
    given = _sum(connection, "SELECT total FROM credit_memos WHERE orderId = ?", order["id"])
    if amount > billed - given:
        left = f"{billed - given:.2f}"
        raise NativeError(422, f"only {left} of order {order['id']} is left to credit")


def _sum(connection: sqlite3.Connection, sql: str, order: str) -> Decimal:
    rows = fetch(connection, sql, order)
    return sum((Decimal(str(row["total"])) for row in rows), Decimal(0))


def _hold(connection: sqlite3.Connection, body: Body) -> Row:
    order = _order(connection, body)
    if order["status"] not in ("Entered", "Booked", "Processing"):
        raise NativeError(409, f"order {order['id']} is {order['status']} and cannot be held")
    reason = words.HOLD.get(body.get("reason", "MANUAL"), "Manual")
    return _set_status(connection, order, "Hold", reason)


def _release(connection: sqlite3.Connection, body: Body) -> Row:
    order = _order(connection, body)
    if order["status"] != "Hold":
        raise NativeError(409, f"order {order['id']} is not on hold")
    return _set_status(connection, order, "Booked", None)


def _set_status(connection: sqlite3.Connection, order: Row, status: str, hold: str | None) -> Row:
    connection.execute(
        "UPDATE orders SET status = ?, holdReason = ?, modified = ? WHERE id = ?",
        (status, hold, wall(now()), order["id"]),
    )
    return {"orderId": order["id"], "status": status, "holdReason": hold}


def _cancel_lines(connection: sqlite3.Connection, body: Body) -> Row:
    """Cancels what has not shipped of the listed lines; the header is not touched."""
    order = _order(connection, body)
    wanted = body.get("lines") or []
    for each in wanted:
        sql = "SELECT * FROM order_lines WHERE orderId = ? AND line = ?"
        line = fetch_one(connection, sql, order["id"], each)
        if line is None:
            raise NativeError(422, f"order {order['id']} has no line {each}")
        if line["shipped"] > 0 or line["status"] == "Void":
            raise NativeError(409, f"line {each} has shipped or is void already")
        connection.execute(
            "UPDATE order_lines SET status = 'Void', cancelled = quantity, allocated = 0,"
            " backordered = 0, modified = ? WHERE id = ?",
            (wall(now()), line["id"]),
        )
    return {"orderId": order["id"], "cancelled": wanted}


def _adjust_stock(connection: sqlite3.Connection, body: Body) -> Row:
    item = fetch_one(connection, "SELECT sku FROM items WHERE sku = ?", body.get("item"))
    if item is None:
        raise NativeError(422, f"item {body.get('item')} does not exist")
    cursor = connection.execute(
        "INSERT INTO stock_adjustments (reference, sku, site, quantity, reason, createdDate)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            body["reference"], item["sku"], body.get("location"), body.get("quantity", 0),
            body.get("reason"), wall(now()),
        ),
    )  # fmt: skip
    return {"id": cursor.lastrowid, "reference": body["reference"]}


COMMANDS = (
    Command("/credit-memos", "credit-memo", _credit_memo, needs_reference=True),
    Command("/stock-adjustments", "stock-adjustment", _adjust_stock, needs_reference=True),
    Command("/orders/{no}/hold", "hold", _hold, needs_reference=False),
    Command("/orders/{no}/release", "release", _release, needs_reference=False),
    Command("/orders/{no}/cancel-lines", "cancel-lines", _cancel_lines, needs_reference=False),
)
