"""What happens in the European ERP by itself."""

import sqlite3
from datetime import datetime
from decimal import Decimal

from hub.demo.database import Row, fetch_one
from hub.demo.erp_eu import codes
from hub.demo.erp_eu.seed import CREDIT, LOGISTICS, stamp, wall, ymd
from hub.demo.formats import number
from hub.demo.life import Kind, Life
from hub.demo.trade.documents import document_moves
from hub.demo.trade.orders import line_moves, order_moves
from hub.demo.trade.returns import return_moves
from hub.demo.trade.words import Forms, Kinds, Words

NEW_NUMBERS = {
    "order": ("orno", "SELECT max(CAST(orno AS INTEGER)) FROM ordhdr", "{}"),
    "invoice": ("ivno", "SELECT max(CAST(ivno AS INTEGER)) FROM invhdr WHERE ivty = 'I'", "{}"),
    "memo": ("ivno", "SELECT max(CAST(ivno AS INTEGER)) FROM invhdr WHERE ivty = 'C'", "{}"),
    "rma": ("rmno", "SELECT max(CAST(substr(rmno, 2) AS INTEGER)) FROM rmahdr", "R{}"),
}
GAP = 500_000
"""Invoices would run into the credit memos' numbers at 380000; they go on this much later."""

KINDS = Kinds(
    order=Kind("order", "ordhdr", ("orno",), "upd_ts", stamp, "orst", codes.ORDER),
    line=Kind("order_line", "ordlin", ("orno", "lnno"), "upd_ts", stamp, "lnst", codes.LINE),
    invoice=Kind("invoice", "invhdr", ("ivno",), "upd_ts", stamp, "ivst", codes.INVOICE),
    memo=Kind("credit_memo", "invhdr", ("ivno",), "upd_ts", stamp, "ivst", codes.MEMO),
    rma=Kind("return", "rmahdr", ("rmno",), "upd_ts", stamp, "rmst", codes.RMA),
    customer=Kind("customer", "cusmas", ("cuno",), "upd_ts", stamp),
)
NAMES = {
    "orders": "ordhdr", "o_key": "orno", "o_number": "orno", "o_status": "orst", "hold": "orhr",
    "confirmed": "orcf", "completed": "orcp", "order_cancelled": "orcx", "o_customer": "orcu",
    "o_currency": "orcr", "o_total": "orvl", "o_tax": "orvt", "freight": "orfr",
    "po_number": "orpo", "requested_on": "orrd",
    "lines": "ordlin", "l_order": "orno", "l_number": "lnno", "l_status": "lnst", "sku": "itno",
    "l_text": "itds", "unit": "unms", "ordered": "qord", "cancelled": "qcan", "allocated": "qalc",
    "backordered": "qbck", "picked": "qpck", "shorted": "qsht", "packed": "qpak",
    "shipped": "qshp", "delivered": "qdlv", "price": "uprc", "l_amount": "lnvl", "l_tax": "lnvt",
    "promised": "pldt",
    "invoices": "invhdr", "i_key": "ivno", "i_order": "orno", "i_customer": "cuno",
    "i_status": "ivst", "m_status": "ivst", "i_total": "ivam", "i_currency": "ivcr", "due": "ivdu",
    "credited": "ivct", "disputed": "ivdp", "is_invoice": "ivty = 'I'", "is_memo": "ivty = 'C'",
    "bills": "invlin", "b_number": "ivln", "b_line": "lnno", "b_sku": "itno", "b_text": "itds",
    "b_quantity": "qivd", "b_unit": "unms", "b_price": "uprc", "b_amount": "lnam", "b_tax": "lnvt",
    "rmas": "rmahdr", "r_key": "rmno", "r_order": "orno", "r_customer": "cuno", "r_status": "rmst",
    "logistics": "rmlg", "credit": "rmcs", "resolution": "rmre", "r_reason": "rsnc",
    "r_channel": "rmch", "requested_by": "rqby", "requested_at": "rqts", "authorized_at": "auts",
    "expires_at": "exts", "closed_at": "clts", "r_warehouse": "whlo",
    "rma_lines": "rmalin", "r_line": "rmln", "r_order_line": "lnno", "r_sku": "itno",
    "requested": "qreq", "authorized": "qaut", "received": "qrcv", "accepted": "qacc",
    "rejected": "qrej", "r_credited": "qcrd", "r_unit": "unms", "credit_price": "ucpr",
    "restocking_fee": "rsfe", "r_currency": "cucd",
    "exposure": "crex", "credit_hold": "crhd",
}  # fmt: skip


def _identity(connection: sqlite3.Connection, kind: str) -> Row:
    column, sql, form = NEW_NUMBERS[kind]
    last = fetch_one(connection, f"SELECT ({sql}) AS n")
    following = (last["n"] if last and last["n"] else 0) + 1
    return {column: form.format(following + GAP if following == 380_001 else following)}


def _placed(at: datetime) -> Row:
    moment = wall(at) or ""
    return {"ordt": moment[:8], "ortm": moment[8:]}


def _posted(at: datetime) -> Row:
    moment = wall(at) or ""
    return {"ivdt": moment[:8], "ivtm": moment[8:]}


def _amounts(net: Decimal, tax: Decimal) -> Row:
    return {"ivam": number(net + tax), "ivnt": number(net), "ivvt": number(tax)}


def _memo(rma: Row, invoice: Row, amount: Decimal) -> Row:
    return {
        "ivty": "C", "orno": rma["orno"], "cuno": rma["cuno"], **_amounts(-amount, Decimal(0)),
        "ivcr": invoice["ivcr"], "ivrf": invoice["ivno"], "ivct": 0, "ivdp": "N",
        "rmno": rma["rmno"], "rsnc": rma["rsnc"],
    }  # fmt: skip


WORDS = Words(
    company="01",
    kinds=KINDS,
    names=NAMES,
    codes={
        "hold": codes.HOLD, "reason": codes.REASON, "logistics": LOGISTICS, "credit": CREDIT,
        "resolution": codes.RESOLUTION,
    },
    forms=Forms(
        wall=wall, day=ymd, identity=_identity, placed=_placed, posted=_posted, amounts=_amounts,
        invoice=lambda: {"ivty": "I", "ivdp": "N"}, bill=lambda bill, order: bill, memo=_memo,
    ),
    yes="'Y'",
    no="'N'",
    applied={},
    warehouses=("wms-north", "wms-north", "wms-north", "wms-south"),
)  # fmt: skip

LIFE = Life(
    (*order_moves(WORDS), *line_moves(WORDS), *document_moves(WORDS), *return_moves(WORDS)), wall
)
