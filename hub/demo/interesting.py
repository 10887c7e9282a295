"""Numbers worth asking for, by what makes them interesting: found in the plan, for every screen."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from hub.demo.plan.fulfilment import UNMAPPED_SOUTH_SHIPMENT
from hub.demo.plan.orders import SHARED_NUMBERS, US_FIRST_KEY
from hub.demo.plan.records import Order, Plan, Rma
from hub.demo.plan.returns import MIXED_QUANTITY
from hub.demo.plan.when import age_days

AMBIGUOUS = "100123"
FILE = "interesting.json"


@dataclass(frozen=True, slots=True)
class Interesting:
    """`orders` by case, `rmas` by status (European), `customers` as `system:number`."""

    orders: Mapping[str, str]
    rmas: Mapping[str, str]
    customers: tuple[str, ...]
    shared_numbers: tuple[str, ...]


def find_interesting(plan: Plan) -> Interesting:
    return Interesting(
        orders=_orders(plan),
        rmas={**_rmas(plan, "erp-us"), **_rmas(plan, "erp-eu"), **_mixed(plan)},
        customers=tuple(_customers(plan)),
        shared_numbers=tuple(str(US_FIRST_KEY + place) for place in range(SHARED_NUMBERS)),
    )


def remembered(data_dir: Path, make: Callable[[], Interesting]) -> Interesting:
    """What the data directory says of itself, written when it is made."""
    path = data_dir / FILE
    if not path.exists():
        draft = path.with_suffix(".draft")
        draft.write_bytes(orjson.dumps(asdict(make()), option=orjson.OPT_INDENT_2))
        draft.replace(path)
    known = orjson.loads(path.read_bytes())
    return Interesting(
        orders=known["orders"],
        rmas=known["rmas"],
        customers=tuple(known["customers"]),
        shared_numbers=tuple(known["shared_numbers"]),
    )


def _orders(plan: Plan) -> dict[str, str]:
    shared = {str(US_FIRST_KEY + place) for place in range(SHARED_NUMBERS)}
    european = {order.key: order for order in plan.orders_of("erp-eu") if order.key not in shared}
    american = {order.key: order for order in plan.orders_of("erp-us")}
    returned = {rma.order for rma in plan.rmas_of("erp-eu")}
    plain = [order for key, order in european.items() if key not in returned]
    cases = {case: _first(plain, scenario) for case, scenario in SCENARIOS.items()}
    with_case = next(each for each in plan.cases if each.erp == "erp-eu" and each.order in european)
    odd = next(each for each in plan.shipments if each.number == str(UNMAPPED_SOUTH_SHIPMENT))
    buyer = _known_customers(plan, "erp-eu")[0]
    return {
        "ambiguous": AMBIGUOUS,
        **cases,
        "returned_mixed": next(rma.order for rma in plan.rmas if _is_mixed(rma)),
        "with_case": with_case.order or "",
        "unmapped_status": european[odd.order].key,
        "returnable": next(order.key for order in reversed(plain) if _is_returnable(order)),
        "first_customers": next(key for key, each in european.items() if each.customer == buyer),
        "american": next(each.number for each in american.values() if _is_plain(each)) or "",
    }


SCENARIOS = {
    "delivered": "delivered",
    "partially_shipped": "partial",
    "two_warehouses": "two_warehouses",
    "backordered": "backordered",
    "cancelled": "cancelled",
    "line_cancelled": "line_cancelled",
    "on_hold": "held",
    "short_picked": "short_picked",
    "in_transit": "shipped",
    "in_warehouse": "in_warehouse",
    "open": "open",
}


def _first(orders: Iterable[Order], scenario: str) -> str:
    return next(order.key for order in orders if order.scenario == scenario)


def _is_returnable(order: Order) -> bool:
    """Delivered a few days ago, and nothing of it has come back."""
    is_recent = order.completed_at is not None and 3 < age_days(order.completed_at) < 20
    return order.scenario == "delivered" and is_recent


def _is_plain(order: Order) -> bool:
    return order.scenario == "delivered" and order.number not in (None, order.key)


def _rmas(plan: Plan, erp: str) -> dict[str, str]:
    """The first of each status; the mixed ones come last and do not count."""
    found: dict[str, str] = {}
    for rma in plan.rmas_of(erp):
        found.setdefault(rma.status, rma.number)
    return found


def _is_mixed(rma: Rma) -> bool:
    """European, and the ten units of its line went three ways."""
    total = sum(each.quantity for each in rma.dispositions)
    return rma.erp == "erp-eu" and len(rma.dispositions) == 3 and total == MIXED_QUANTITY


def _mixed(plan: Plan) -> dict[str, str]:
    return {"mixed": next(rma.number for rma in plan.rmas if _is_mixed(rma))}


def _known_customers(plan: Plan, erp: str) -> list[str]:
    """Numbers of customers that ordered and have an account, in the order of the plan."""
    buyers = {order.customer for order in plan.orders_of(erp)}
    return [
        each.number
        for each in plan.customers
        if each.erp == erp and each.account is not None and each.number in buyers
    ]


def _customers(plan: Plan) -> Iterable[str]:
    """Two of each ERP, two records of one European company, and one no account knows."""
    for erp in ("erp-eu", "erp-us"):
        yield from (f"{erp}:{number}" for number in _known_customers(plan, erp)[:2])
    european = [each for each in plan.customers if each.erp == "erp-eu"]
    second = next(each for each in european if each.name.isupper())
    first = next(each for each in european if each.account == second.account)
    stranger = next(each for each in european if each.account is None)
    yield from (f"erp-eu:{each.number}" for each in (first, second, stranger))
