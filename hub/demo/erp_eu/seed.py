"""Writes the European share of the plan in the ERP's own words."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal

from hub.demo.database import Row, insert
from hub.demo.erp_eu import codes
from hub.demo.formats import day, in_utc, local, number
from hub.demo.plan.records import CreditMemo, Invoice, InvoiceLine, Item, Line, Order, Plan, Rma
from hub.demo.plan.returned import credit_status, logistics_status
from hub.demo.plan.when import HISTORY_DAYS, days_before_reference

ERP = "erp-eu"
ZONE = "Europe/Berlin"
LANGUAGES = {"DE": "DE", "AT": "DE", "NL": "NL", "SE": "SV", "GB": "EN"}
LOGISTICS = {
    "NOT_SHIPPED": "00", "LABEL_ISSUED": "10", "IN_TRANSIT": "20", "PARTIALLY_RECEIVED": "30",
    "RECEIVED": "33",
}  # fmt: skip
CREDIT = {"NOT_STARTED": "00", "PENDING_APPROVAL": "10", "POSTED": "70", "NOT_APPLICABLE": "99"}
SHIP_WINDOWS = ("AM", "PM", None)


def seed(connection: sqlite3.Connection, plan: Plan) -> None:
    items = {item.sku: item for item in plan.items}
    for table, rows in TABLES.items():
        insert(connection, table, rows(plan, items))


def wall(moment: datetime | None) -> str | None:
    """Fourteen digits of Berlin's wall clock."""
    return local(moment, ZONE, "%Y%m%d%H%M%S")


def stamp(moment: datetime) -> str:
    return in_utc(moment, "%Y%m%d%H%M%S") or ""


def ymd(moment: date | None) -> str | None:
    return day(moment, "%Y%m%d")


def flag(value: bool) -> str:
    return "Y" if value else "N"


Items = Mapping[str, Item]


def _customers(plan: Plan, items: Items) -> Iterator[Row]:
    since = days_before_reference(HISTORY_DAYS)
    for each in plan.customers:
        if each.erp == ERP:
            yield {
                "cuno": each.number, "cunm": each.name, "cust": "20", "cucl": each.segment,
                "cofa": "EU1", "mail": each.email, "phno": each.phone,
                "lncd": LANGUAGES[each.country], "vrno": f"{each.country}{each.number[1:]}990",
                "adr1": each.street, "town": each.city, "pcod": each.postcode,
                "cscd": each.country, "pytr": each.terms, "cucd": each.currency,
                "crlm": number(each.credit_limit), "crex": number(each.exposure),
                "crhd": flag(each.is_on_hold), "crdt": ymd(since), "upd_ts": stamp(since),
            }  # fmt: skip


def _items(plan: Plan, items: Items) -> Iterator[Row]:
    since = days_before_reference(HISTORY_DAYS)
    for each in plan.items:
        yield {
            "itno": each.sku, "itds": each.description, "itgr": each.family, "unms": each.unit,
            "sern": flag(each.serial_tracked), "lotn": flag(each.lot_tracked),
            "hazm": flag(each.hazardous), "fnsl": flag(each.final_sale),
            "insp": flag(each.serial_tracked), "rwdy": each.return_days, "eanc": each.gtin,
            "netw": number(each.weight_kg), "lspr": number(each.list_price),
            "ucos": number(each.cost), "cucd": "EUR", "actv": "Y", "upd_ts": stamp(since),
        }  # fmt: skip


def _orders(plan: Plan, items: Items) -> Iterator[Row]:
    parties = {each.number: each for each in plan.customers if each.erp == ERP}
    for index, each in enumerate(plan.orders_of(ERP)):
        party = parties[each.customer]
        yield {
            "orno": each.key, "orcu": each.customer, "orst": codes.ORDER[each.status],
            "orhr": codes.HOLD[each.hold_reason] if each.hold_reason else None,
            "ordt": local(each.placed_at, ZONE, "%Y%m%d"),
            "ortm": local(each.placed_at, ZONE, "%H%M%S"), "orcf": wall(each.confirmed_at),
            "orcp": wall(each.completed_at), "orcx": wall(each.cancelled_at),
            "orrd": ymd(each.requested_on), "orvl": number(each.total), "orvt": number(_tax(each)),
            "orfr": 0, "orcr": each.currency, "orpo": each.po_number, "orch": each.channel,
            "orpr": codes.PRIORITY[each.priority], "orsp": each.sales_person, "orfa": "EU1",
            "sanm": party.name, "saad": party.street, "satw": party.city, "sapc": party.postcode,
            "sacs": party.country, "zz_swin": SHIP_WINDOWS[index % 3],
            "upd_ts": stamp(each.updated_at),
        }  # fmt: skip


def _tax(order: Order) -> Decimal:
    return order.total - order.net


def _order_lines(plan: Plan, items: Items) -> Iterator[Row]:
    for order in plan.orders_of(ERP):
        for line in order.lines:
            yield _order_line(order, line, items[line.sku])


def _order_line(order: Order, line: Line, item: Item) -> Row:
    done = line.progress
    return {
        "orno": order.key, "lnno": line.number, "itno": line.sku, "itds": item.description,
        "lnst": codes.LINE[done.status], "qord": line.ordered, "qcan": done.cancelled,
        "qalc": done.allocated, "qbck": done.backordered, "qpck": done.picked,
        "qsht": done.shorted, "qpak": done.packed, "qshp": done.shipped, "qdlv": done.delivered,
        "unms": line.unit, "uprc": number(line.price), "ucos": number(item.cost),
        "lnvl": number(line.price * line.ordered), "lnvt": number(line.tax),
        "pldt": ymd(line.promised_on), "upd_ts": stamp(order.updated_at),
    }  # fmt: skip


def _invoices(plan: Plan, items: Items) -> Iterator[Row]:
    credited = _credited_totals(plan)
    for each in plan.invoices:
        if each.erp == ERP:
            yield {
                **_document(each, sign=1), "ivty": "I", "ivst": codes.INVOICE[each.status],
                "ivdu": ymd(each.due_on), "ivrf": None,
                "ivct": number(credited.get(each.number, Decimal(0))),
                "ivdp": flag(each.status == "DISPUTED"), "rmno": None, "rsnc": None, "xref": None,
            }  # fmt: skip
    for memo in plan.credit_memos:
        if memo.erp == ERP:
            yield {
                **_document(memo, sign=-1), "ivty": "C", "ivst": codes.MEMO[memo.status],
                "ivdu": None, "ivrf": memo.invoice, "ivct": 0, "ivdp": "N", "rmno": memo.rma,
                "rsnc": codes.REASON[memo.reason], "xref": None,
            }  # fmt: skip


def _credited_totals(plan: Plan) -> Mapping[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for memo in plan.credit_memos:
        if memo.erp == ERP and memo.invoice is not None:
            totals[memo.invoice] = totals.get(memo.invoice, Decimal(0)) + memo.total
    return totals


def _document(each: Invoice | CreditMemo, *, sign: int) -> Row:
    net = sum((line.net for line in each.lines), Decimal(0))
    return {
        "ivno": each.number, "orno": each.order, "cuno": each.customer,
        "ivdt": local(each.posted_at, ZONE, "%Y%m%d"),
        "ivtm": local(each.posted_at, ZONE, "%H%M%S"), "ivam": number(sign * each.total),
        "ivnt": number(sign * net), "ivvt": number(sign * (each.total - net)),
        "ivcr": each.currency, "upd_ts": stamp(each.posted_at),
    }  # fmt: skip


def _invoice_lines(plan: Plan, items: Items) -> Iterator[Row]:
    for invoice in plan.invoices:
        if invoice.erp == ERP:
            yield from _document_lines(invoice.number, invoice.lines, items, sign=1)
    for memo in plan.credit_memos:
        if memo.erp == ERP:
            yield from _document_lines(memo.number, memo.lines, items, sign=-1)


def _document_lines(
    number_: str, lines: tuple[InvoiceLine, ...], items: Items, *, sign: int
) -> Iterator[Row]:
    for line in lines:
        yield {
            "ivno": number_, "ivln": line.number, "lnno": line.order_line, "itno": line.sku,
            "itds": items[line.sku].description, "qivd": sign * line.quantity, "unms": line.unit,
            "uprc": number(line.price), "lnam": number(sign * line.net),
            "lnvt": number(sign * line.tax),
        }  # fmt: skip


def _rmas(plan: Plan, items: Items) -> Iterator[Row]:
    for each in plan.rmas_of(ERP):
        yield {
            "rmno": each.number, "orno": each.order, "cuno": each.customer,
            "rmst": codes.RMA[each.status], "rmlg": LOGISTICS[logistics_status(each.status)],
            "rmcs": CREDIT[credit_status(each.status)], "rmre": codes.RESOLUTION[each.resolution],
            "rsnc": codes.REASON[each.lines[0].reason], "rmch": each.channel,
            "rqby": "purchasing", "rqts": wall(each.requested_at), "auts": wall(each.authorized_at),
            "exts": wall(each.expires_at), "clts": _closed(each), "whlo": each.warehouse.upper(),
            "xref": None, "upd_ts": stamp(each.updated_at),
        }  # fmt: skip


def _closed(rma: Rma) -> str | None:
    return wall(rma.updated_at) if rma.status == "CLOSED" else None


def _rma_lines(plan: Plan, items: Items) -> Iterator[Row]:
    for rma in plan.rmas_of(ERP):
        for line in rma.lines:
            yield {
                "rmno": rma.number, "rmln": line.number, "lnno": line.order_line,
                "itno": line.sku, "rsnc": codes.REASON[line.reason], "rntx": line.note or None,
                "qreq": line.requested, "qaut": line.authorized, "qrcv": line.received,
                "qacc": line.accepted, "qrej": line.rejected, "qcrd": line.credited,
                "unms": line.unit, "ucpr": number(line.price), "rsfe": 0, "cucd": rma.currency,
            }  # fmt: skip


def _prices(plan: Plan, items: Items) -> Iterator[Row]:
    for index, each in enumerate(price for price in plan.prices if price.erp == ERP):
        yield {
            "prno": index + 1, "itno": each.sku, "cuno": each.customer, "prlt": each.price_list,
            "prce": number(each.price), "cucd": each.currency, "qtfr": each.minimum,
            "unms": each.unit, "vfdt": ymd(each.valid_from), "vtdt": ymd(each.valid_to),
        }  # fmt: skip


TABLES: Mapping[str, Callable[[Plan, Items], Iterator[Row]]] = {
    "cusmas": _customers,
    "itmmas": _items,
    "ordhdr": _orders,
    "ordlin": _order_lines,
    "invhdr": _invoices,
    "invlin": _invoice_lines,
    "rmahdr": _rmas,
    "rmalin": _rma_lines,
    "pricel": _prices,
}
