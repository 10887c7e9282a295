"""Writes the American share of the plan in the ERP's own words."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal

from hub.demo.database import Row, insert
from hub.demo.erp_us import words
from hub.demo.formats import day, local, number
from hub.demo.plan.orders import RATES
from hub.demo.plan.records import InvoiceLine, Item, Line, Order, Plan
from hub.demo.plan.returned import credit_status, logistics_status
from hub.demo.plan.when import HISTORY_DAYS, days_before_reference

ERP = "erp-us"
ZONE = "America/New_York"
Items = Mapping[str, Item]


def seed(connection: sqlite3.Connection, plan: Plan) -> None:
    items = {item.sku: item for item in plan.items}
    for table, rows in TABLES.items():
        insert(connection, table, rows(plan, items))


def wall(moment: datetime | None) -> str | None:
    """ISO on New York's wall clock; the API turns it month-first."""
    return local(moment, ZONE, "%Y-%m-%d %H:%M:%S")


def iso(moment: date | None) -> str | None:
    return day(moment, "%Y-%m-%d")


def _customers(plan: Plan, items: Items) -> Iterator[Row]:
    since = days_before_reference(HISTORY_DAYS)
    for each in plan.customers:
        if each.erp == ERP:
            yield {
                "customerNumber": each.number, "name": each.name, "state": "Active",
                "class": each.segment, "email": each.email, "phone": each.phone,
                "language": "en", "taxId": f"98-{each.number}", "street": each.street,
                "city": each.city, "zip": each.postcode, "country": each.country,
                "terms": each.terms, "currency": each.currency,
                "creditLimit": number(each.credit_limit), "openBalance": number(each.exposure),
                "creditHold": int(each.is_on_hold), "createdOn": wall(since), "modified": None,
            }  # fmt: skip


def _items(plan: Plan, items: Items) -> Iterator[Row]:
    dollars = Decimal(RATES["USD"])
    for each in plan.items:
        yield {
            "sku": each.sku, "description": each.description, "category": each.family,
            "uom": each.unit, "serialized": int(each.serial_tracked),
            "lotControlled": int(each.lot_tracked), "hazmat": int(each.hazardous),
            "finalSale": int(each.final_sale), "inspect": int(each.serial_tracked),
            "returnDays": each.return_days, "upc": each.gtin, "weightKg": number(each.weight_kg),
            "listPrice": _cents(each.list_price * dollars),
            "standardCost": _cents(each.cost * dollars), "currency": "USD", "active": 1,
            "modified": None,
        }  # fmt: skip


def _cents(amount: Decimal) -> float | int:
    return number(amount.quantize(Decimal("0.01")))


def _orders(plan: Plan, items: Items) -> Iterator[Row]:
    parties = {each.number: each for each in plan.customers if each.erp == ERP}
    for each in plan.orders_of(ERP):
        party = parties[each.customer]
        yield {
            "id": each.key, "orderNumber": each.number, "customer": each.customer,
            "status": words.ORDER[each.status],
            "holdReason": words.HOLD[each.hold_reason] if each.hold_reason else None,
            "orderDate": wall(each.placed_at), "confirmedDate": wall(each.confirmed_at),
            "completedDate": wall(each.completed_at), "cancelledDate": wall(each.cancelled_at),
            "requestedDate": iso(each.requested_on), "total": number(each.total),
            "tax": number(each.total - each.net), "freight": 0, "currency": each.currency,
            "poNumber": each.po_number, "source": each.channel,
            "priority": words.PRIORITY[each.priority], "salesRep": each.sales_person,
            "company": "02", "shipToName": party.name, "shipToStreet": party.street,
            "shipToCity": party.city, "shipToZip": party.postcode, "shipToCountry": party.country,
            "modified": _modified(each),
        }  # fmt: skip


def _modified(order: Order) -> str | None:
    """Null until the first change after the record was entered."""
    return None if order.updated_at == order.placed_at else wall(order.updated_at)


def _order_lines(plan: Plan, items: Items) -> Iterator[Row]:
    for order in plan.orders_of(ERP):
        for line in order.lines:
            yield _order_line(order, line, items[line.sku])


def _order_line(order: Order, line: Line, item: Item) -> Row:
    done = line.progress
    cost = item.cost * Decimal(RATES[order.currency])
    return {
        "id": f"{order.key}-{line.number}", "orderId": order.key, "line": line.number,
        "sku": line.sku, "description": item.description, "status": words.LINE[done.status],
        "quantity": line.ordered, "cancelled": done.cancelled, "allocated": done.allocated,
        "backordered": done.backordered, "picked": done.picked, "short": done.shorted,
        "packed": done.packed, "shipped": done.shipped, "delivered": done.delivered,
        "uom": line.unit, "unitPrice": number(line.price), "unitCost": _cents(cost),
        "amount": number(line.price * line.ordered), "tax": number(line.tax),
        "currency": order.currency, "promiseDate": iso(line.promised_on),
        "modified": _modified(order),
    }  # fmt: skip


def _invoices(plan: Plan, items: Items) -> Iterator[Row]:
    credited: dict[str | None, Decimal] = {}
    for memo in plan.credit_memos:
        credited[memo.invoice] = credited.get(memo.invoice, Decimal(0)) + memo.total
    for each in plan.invoices:
        if each.erp == ERP:
            net = sum((line.net for line in each.lines), Decimal(0))
            yield {
                "invoiceNumber": each.number, "orderId": each.order, "customer": each.customer,
                "status": words.INVOICE[each.status], "postedDate": wall(each.posted_at),
                "dueDate": iso(each.due_on), "total": number(each.total),
                "tax": number(each.total - net),
                "credited": number(credited.get(each.number, Decimal(0))),
                "disputed": int(each.status == "DISPUTED"), "currency": each.currency,
                "modified": None,
            }  # fmt: skip


def _invoice_lines(plan: Plan, items: Items) -> Iterator[Row]:
    for invoice in plan.invoices:
        if invoice.erp == ERP:
            for line in invoice.lines:
                yield {
                    "id": f"{invoice.number}-{line.number}", "invoiceNumber": invoice.number,
                    "line": line.number, "orderLine": line.order_line, "sku": line.sku,
                    "description": items[line.sku].description, "quantity": line.quantity,
                    "uom": line.unit, "unitPrice": number(line.price),
                    "amount": number(line.net), "tax": number(line.tax),
                    "currency": invoice.currency,
                }  # fmt: skip


def _credit_memos(plan: Plan, items: Items) -> Iterator[Row]:
    for each in plan.credit_memos:
        if each.erp == ERP:
            net = _net(each.lines)
            yield {
                "memoNumber": each.number, "orderId": each.order, "customer": each.customer,
                "invoiceNumber": each.invoice, "rmaNumber": each.rma,
                "status": words.MEMO[each.status], "reason": words.REASON[each.reason],
                "postedDate": wall(each.posted_at), "subtotal": number(net), "fees": 0,
                "tax": number(each.total - net), "total": number(each.total),
                "applied": number(each.total) if each.status == "APPLIED" else 0,
                "currency": each.currency, "reference": None, "modified": None,
            }  # fmt: skip


def _net(lines: tuple[InvoiceLine, ...]) -> Decimal:
    return sum((line.net for line in lines), Decimal(0))


def _returns(plan: Plan, items: Items) -> Iterator[Row]:
    for each in plan.rmas_of(ERP):
        yield {
            "rmaNumber": each.number, "orderId": each.order, "customer": each.customer,
            "status": words.RMA[each.status],
            "logistics": words.LOGISTICS[logistics_status(each.status)],
            "credit": words.CREDIT[credit_status(each.status)],
            "resolution": words.RESOLUTION[each.resolution],
            "reason": words.REASON[each.lines[0].reason], "channel": each.channel,
            "requestedBy": "purchasing", "requestedDate": wall(each.requested_at),
            "authorizedDate": wall(each.authorized_at), "expiresDate": wall(each.expires_at),
            "closedDate": wall(each.updated_at) if each.status == "CLOSED" else None,
            "site": each.warehouse.upper(), "modified": wall(each.updated_at),
        }  # fmt: skip


def _return_lines(plan: Plan, items: Items) -> Iterator[Row]:
    for rma in plan.rmas_of(ERP):
        for line in rma.lines:
            yield {
                "rmaNumber": rma.number, "line": line.number, "orderLine": line.order_line,
                "sku": line.sku, "reason": words.REASON[line.reason], "note": line.note or None,
                "requested": line.requested, "authorized": line.authorized,
                "received": line.received, "accepted": line.accepted, "rejected": line.rejected,
                "credited": line.credited, "uom": line.unit, "unitCredit": number(line.price),
                "restockingFee": 0, "currency": rma.currency,
            }  # fmt: skip


def _prices(plan: Plan, items: Items) -> Iterator[Row]:
    for index, each in enumerate(price for price in plan.prices if price.erp == ERP):
        yield {
            "id": f"P{index + 1:05}", "sku": each.sku, "customer": each.customer,
            "list": each.price_list, "price": number(each.price), "currency": each.currency,
            "minQuantity": each.minimum, "uom": each.unit, "validFrom": iso(each.valid_from),
            "validTo": iso(each.valid_to),
        }  # fmt: skip


TABLES: Mapping[str, Callable[[Plan, Items], Iterator[Row]]] = {
    "customers": _customers,
    "items": _items,
    "orders": _orders,
    "order_lines": _order_lines,
    "invoices": _invoices,
    "invoice_lines": _invoice_lines,
    "credit_memos": _credit_memos,
    "returns": _returns,
    "return_lines": _return_lines,
    "prices": _prices,
}
