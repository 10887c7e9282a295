"""Numbers worth asking for, by what makes them interesting: found in the plan, for every screen."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from hub.demo.plan.fulfilment import UNMAPPED_SOUTH_SHIPMENT
from hub.demo.plan.orders import SHARED_NUMBERS, US_FIRST_KEY
from hub.demo.plan.records import Order, Plan
from hub.demo.plan.returns import MIXED_QUANTITY

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
    european = [order for order in plan.orders_of("erp-eu") if order.key not in shared]
    cases = {case: _first(european, scenario) for case, scenario in SCENARIOS.items()}
    by_key = {order.key: order for order in european}
    mixed = next(rma for rma in plan.rmas if _is_mixed_number(plan, rma.number))
    with_case = next(each for each in plan.cases if each.erp == "erp-eu" and each.order in by_key)
    american = {order.key: order for order in plan.orders_of("erp-us")}
    odd = next(each for each in plan.shipments if each.number == str(UNMAPPED_SOUTH_SHIPMENT))
    unmapped = american[odd.order] if odd.erp == "erp-us" else by_key[odd.order]
    return {
        "ambiguous": AMBIGUOUS,
        **cases,
        "returned_mixed": mixed.order,
        "with_case": with_case.order or "",
        "unmapped_status": unmapped.number or "",
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


def _is_plain(order: Order) -> bool:
    return order.scenario == "delivered" and order.number not in (None, order.key)


def _rmas(plan: Plan, erp: str) -> dict[str, str]:
    """The first of each status; the mixed ones come last and do not count."""
    found: dict[str, str] = {}
    for rma in plan.rmas_of(erp):
        found.setdefault(rma.status, rma.number)
    return found


def _is_mixed_number(plan: Plan, number: str) -> bool:
    rma = next(each for each in plan.rmas if each.number == number)
    return (
        rma.erp == "erp-eu"
        and len(rma.dispositions) == 3
        and (sum(each.quantity for each in rma.dispositions) == MIXED_QUANTITY)
    )


def _mixed(plan: Plan) -> dict[str, str]:
    return {"mixed": next(rma.number for rma in plan.rmas if _is_mixed_number(plan, rma.number))}


def _customers(plan: Plan) -> Iterable[str]:
    """Two of each ERP with an account, then one of each without."""
    for erp in ("erp-eu", "erp-us"):
        buyers = {order.customer for order in plan.orders_of(erp)}
        mine = [each for each in plan.customers if each.erp == erp and each.number in buyers]
        known = [each for each in mine if each.account is not None]
        for each in (*known[:2], *(each for each in mine if each.account is None)):
            yield f"{erp}:{each.number}"
