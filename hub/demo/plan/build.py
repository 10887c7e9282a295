"""The plan as a whole: a pure function of nothing but the constants beside it."""

import hashlib

from hub.demo.plan.billing import invoices_by_order, memo_numbers, plain_memos, plan_invoices
from hub.demo.plan.cases import plan_cases
from hub.demo.plan.catalogue import plan_items
from hub.demo.plan.fulfilment import plan_return_shipments, plan_shipments
from hub.demo.plan.orders import plan_orders
from hub.demo.plan.parties import plan_parties
from hub.demo.plan.records import Plan
from hub.demo.plan.returns import plan_rmas, return_memos, with_shipped_serials
from hub.demo.plan.stock import plan_prices, plan_stock


def build_plan() -> Plan:
    """The same plan every time, on every machine and Python."""
    items = plan_items()
    customers, accounts = plan_parties()
    orders = plan_orders(customers, items)
    by_sku = {item.sku: item for item in items}
    shipments = plan_shipments(orders, by_sku)
    invoices = plan_invoices(orders, shipments)
    billed = invoices_by_order(invoices)
    rmas = tuple(with_shipped_serials(plan_rmas(orders, billed), shipments))
    numbers = memo_numbers()
    return Plan(
        items=items,
        customers=customers,
        accounts=accounts,
        orders=orders,
        shipments=(*shipments, *plan_return_shipments(rmas, by_sku)),
        invoices=invoices,
        credit_memos=(*return_memos(rmas, billed, numbers), *plain_memos(invoices, numbers)),
        rmas=rmas,
        cases=plan_cases(orders, rmas, customers),
        stock=plan_stock(orders, items),
        prices=plan_prices(items, customers),
    )


def fingerprint(plan: Plan) -> str:
    """SHA-256 of the whole plan; two equal plans have equal fingerprints."""
    return hashlib.sha256(repr(plan).encode()).hexdigest()
