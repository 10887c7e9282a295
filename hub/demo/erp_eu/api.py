"""The European ERP's HTTP API: commands only. Reading is done in its tables."""

import sqlite3
from decimal import Decimal
from typing import Any

from starlette.routing import BaseRoute

from hub.demo.commands import Body, Command, amount_of, command_routes
from hub.demo.database import Row, fetch, fetch_one
from hub.demo.erp_eu import codes
from hub.demo.erp_eu.seed import stamp, wall
from hub.demo.formats import now, number
from hub.demo.gate import NativeError
from hub.demo.system import Dialect

TOKEN = "demo-erp-eu"


def _error(status: int, text: str) -> Any:
    return {"error": {"status": status, "text": text}}


DIALECT = Dialect(
    is_welcome=lambda credential: credential == f"Bearer {TOKEN}",
    credential_header="authorization",
    error=_error,
)


def routes(connection: sqlite3.Connection) -> list[BaseRoute]:
    return list(command_routes(connection, COMMANDS, finders=True))


def _order(connection: sqlite3.Connection, body: Body) -> Row:
    order = fetch_one(connection, "SELECT * FROM ordhdr WHERE orno = ?", body.get("order"))
    if order is None:
        raise NativeError(404, f"order {body.get('order')} does not exist")
    return order


def _credit_memo(connection: sqlite3.Connection, body: Body) -> Row:
    order = _order(connection, body)
    if body.get("currency") != order["orcr"]:
        raise NativeError(422, f"currency must be {order['orcr']}, not {body.get('currency')}")
    _check_invoice(connection, body, order)
    amount = _memo_amount(connection, body)
    _check_open_amount(connection, order, amount)
    memo = _next_number(connection)
    at = now()
    berlin = wall(at) or ""
    connection.execute(
        "INSERT INTO invhdr (ivno, ivty, orno, cuno, ivst, ivdt, ivtm, ivam, ivnt, ivvt, ivcr,"
        " ivrf, ivct, ivdp, rmno, rsnc, xref, upd_ts)"
        " VALUES (?, 'C', ?, ?, '20', ?, ?, ?, ?, 0, ?, ?, 0, 'N', ?, ?, ?, ?)",
        (
            memo, order["orno"], order["orcu"], berlin[:8], berlin[8:], number(-amount),
            number(-amount), order["orcr"], body.get("invoice"), body.get("rma"),
            codes.REASON.get(body.get("reason", ""), "X9"), body["reference"], stamp(at),
        ),
    )  # fmt: skip
    connection.execute(
        "UPDATE invhdr SET ivct = ivct + ?, upd_ts = ? WHERE ivno = ?",
        (number(amount), stamp(at), body.get("invoice")),
    )
    return {
        "memoNo": memo,
        "reference": body["reference"],
        "order": order["orno"],
        "amount": f"{amount:.2f}",
        "currency": order["orcr"],
        "status": "posted",
    }


def _check_invoice(connection: sqlite3.Connection, body: Body, order: Row) -> None:
    invoice = body.get("invoice")
    sql = "SELECT 1 FROM invhdr WHERE ivno = ? AND orno = ? AND ivty = 'I'"
    if invoice is not None and fetch_one(connection, sql, invoice, order["orno"]) is None:
        raise NativeError(422, f"invoice {invoice} is not one of order {order['orno']}")


def _memo_amount(connection: sqlite3.Connection, body: Body) -> Decimal:
    """The stated amount, or that of the listed order lines without tax."""
    if body.get("amount") is not None:
        return amount_of(body["amount"])
    lines = body.get("lines") or []
    if not lines:
        raise NativeError(422, "amount or lines are required")
    total = Decimal(0)
    for each in lines:
        sql = "SELECT uprc FROM ordlin WHERE orno = ? AND lnno = ?"
        line = fetch_one(connection, sql, body["order"], each.get("line"))
        if line is None:
            raise NativeError(422, f"order {body['order']} has no line {each.get('line')}")
        total += Decimal(str(line["uprc"])) * Decimal(str(each.get("quantity", 0)))
    return amount_of(total.quantize(Decimal("0.01")))


def _check_open_amount(connection: sqlite3.Connection, order: Row, amount: Decimal) -> None:
    rows = fetch(connection, "SELECT ivam FROM invhdr WHERE orno = ?", order["orno"])
    still_open = sum((Decimal(str(row["ivam"])) for row in rows), Decimal(0))
    if amount > still_open:
        raise NativeError(422, f"only {still_open:.2f} of order {order['orno']} is left to credit")


def _next_number(connection: sqlite3.Connection) -> str:
    sql = "SELECT max(CAST(ivno AS INTEGER)) AS last FROM invhdr WHERE ivty = 'C'"
    row = fetch_one(connection, sql)
    return str(int(row["last"] if row else 0) + 1)


def _hold(connection: sqlite3.Connection, body: Body) -> Row:
    order = _order(connection, body)
    if order["orst"] not in ("10", "30", "60"):
        raise NativeError(409, f"order {order['orno']} is in status {order['orst']}, not held")
    reason = codes.HOLD.get(body.get("reason", "MANUAL"), "MA")
    return _set_status(connection, order, "40", reason)


def _release(connection: sqlite3.Connection, body: Body) -> Row:
    order = _order(connection, body)
    if order["orst"] != "40":
        raise NativeError(409, f"order {order['orno']} is not on hold")
    return _set_status(connection, order, "30", None)


def _set_status(connection: sqlite3.Connection, order: Row, status: str, hold: str | None) -> Row:
    connection.execute(
        "UPDATE ordhdr SET orst = ?, orhr = ?, upd_ts = ? WHERE orno = ?",
        (status, hold, stamp(now()), order["orno"]),
    )
    return {"order": order["orno"], "status": status, "hold": hold}


def _cancel_lines(connection: sqlite3.Connection, body: Body) -> Row:
    """Cancels what has not shipped of the listed lines; the header is not touched."""
    order = _order(connection, body)
    wanted = body.get("lines") or []
    for each in wanted:
        sql = "SELECT * FROM ordlin WHERE orno = ? AND lnno = ?"
        line = fetch_one(connection, sql, order["orno"], each)
        if line is None:
            raise NativeError(422, f"order {order['orno']} has no line {each}")
        if line["qshp"] > 0 or line["lnst"] == codes.LINE["CANCELLED"]:
            raise NativeError(409, f"line {each} has shipped or is cancelled already")
        connection.execute(
            "UPDATE ordlin SET lnst = '99', qcan = qord, qalc = 0, qbck = 0, upd_ts = ?"
            " WHERE orno = ? AND lnno = ?",
            (stamp(now()), order["orno"], each),
        )
    return {"order": order["orno"], "cancelled": wanted}


def _adjust_stock(connection: sqlite3.Connection, body: Body) -> Row:
    item = fetch_one(connection, "SELECT itno FROM itmmas WHERE itno = ?", body.get("item"))
    if item is None:
        raise NativeError(422, f"item {body.get('item')} does not exist")
    at = now()
    cursor = connection.execute(
        "INSERT INTO stkadj (xref, itno, whlo, qadj, rsnc, adts) VALUES (?, ?, ?, ?, ?, ?)",
        (
            body["reference"], item["itno"], body.get("location", ""), body.get("quantity", 0),
            body.get("reason"), stamp(at),
        ),
    )  # fmt: skip
    return {"adjustmentNo": cursor.lastrowid, "reference": body["reference"]}


COMMANDS = (
    Command("/credit-memos", "credit-memo", _credit_memo, needs_reference=True),
    Command("/stock-adjustments", "stock-adjustment", _adjust_stock, needs_reference=True),
    Command("/orders/{no}/hold", "hold", _hold, needs_reference=False),
    Command("/orders/{no}/release", "release", _release, needs_reference=False),
    Command("/orders/{no}/cancel-lines", "cancel-lines", _cancel_lines, needs_reference=False),
)
