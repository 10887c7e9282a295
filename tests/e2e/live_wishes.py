"""What subscribers of the proof ask for: every feed, with every kind of filter, as two roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.model.ids import encode_id
from hub.model.values import Ref
from hub.security.principal import Role
from tests.e2e.live_checker import Wanted
from tests.e2e.live_world import CUSTOMERS, QUEUES, UNITS


@dataclass(frozen=True)
class Wish:
    """What one subscriber asks for: for the checker, and in the words of GraphQL."""

    wanted: Wanted
    types: Mapping[str, str]
    variables: Mapping[str, Any]
    customers: tuple[str, ...] = ()

    @property
    def role(self) -> Role:
        return Role.CUSTOMER if self.wanted.is_customer else Role.AGENT


def wishes(count: int, orders: int) -> list[Wish]:
    """So many, of every kind in turn."""
    return [_KINDS[n % len(_KINDS)](n // len(_KINDS), orders) for n in range(count)]


def broad_wishes() -> list[Wish]:
    """Some that hear of much, all the time."""
    units = [_orders_of_a_unit(n, 0) for n in range(len(UNITS))]
    return [*units, *(_cases_of_a_queue(n, 0) for n in range(len(QUEUES)))]


def _order_id(n: int) -> str:
    return encode_id(Ref("order", "erp", f"O{n}"))


def _timeline(n: int, orders: int) -> Wish:
    n = n * 7 % orders
    wanted = Wanted("orderTimeline", order=f"O{n}")
    return Wish(wanted, {"orderId": "ID!"}, {"orderId": _order_id(n)})


def _own_timeline(n: int, orders: int) -> Wish:
    n = (n * 5 + 1) % orders
    wanted = Wanted("orderTimeline", order=f"O{n}", is_customer=True)
    owner = (f"erp:C{n % CUSTOMERS}",)
    return Wish(wanted, {"orderId": "ID!"}, {"orderId": _order_id(n)}, owner)


def _part_of_timeline(n: int, orders: int) -> Wish:
    n = (n * 3 + 2) % orders
    categories = ["ORDER", "CASE"]
    wanted = Wanted("orderTimeline", order=f"O{n}", categories=frozenset(categories))
    types = {"orderId": "ID!", "categories": "[TimelineCategory!]"}
    return Wish(wanted, types, {"orderId": _order_id(n), "categories": categories})


def _some_orders(n: int, orders: int) -> Wish:
    numbers = sorted({(n * 11 + each) % orders for each in range(8)})
    wanted = Wanted("orderStatusChanged", orders=frozenset(f"O{each}" for each in numbers))
    return Wish(wanted, {"orderIds": "[ID!]"}, {"orderIds": [_order_id(n) for n in numbers]})


def _own_orders(n: int, orders: int) -> Wish:
    customer = f"C{n % CUSTOMERS}"
    mine = [each for each in range(orders) if each % CUSTOMERS == n % CUSTOMERS][:20]
    wanted = Wanted("orderStatusChanged", orders=frozenset(f"O{n}" for n in mine), is_customer=True)
    variables = {"orderIds": [_order_id(n) for n in mine]}
    return Wish(wanted, {"orderIds": "[ID!]"}, variables, (f"erp:{customer}",))


def _orders_of_a_customer(n: int, orders: int) -> Wish:
    customer = f"C{n % CUSTOMERS}"
    id_ = encode_id(Ref("customer", "erp", customer))
    wanted = Wanted("orderStatusChanged", customer=customer)
    return Wish(wanted, {"filter": "OrderStatusFilter"}, {"filter": {"customer": id_}})


def _orders_of_a_unit(n: int, orders: int) -> Wish:
    unit = UNITS[n % len(UNITS)]
    wanted = Wanted("orderStatusChanged", unit=unit)
    return Wish(wanted, {"filter": "OrderStatusFilter"}, {"filter": {"businessUnit": unit}})


def _all_returns(n: int, orders: int) -> Wish:
    return Wish(Wanted("returnStatusChanged"), {}, {})


def _own_returns(n: int, orders: int) -> Wish:
    customer = f"C{n % CUSTOMERS}"
    wanted = Wanted("returnStatusChanged", customer=customer, is_customer=True)
    return Wish(wanted, {}, {}, (f"erp:{customer}",))


def _scans_of_an_order(n: int, orders: int) -> Wish:
    n = n * 13 % orders
    wanted = Wanted("shipmentMilestones", order=f"O{n}", is_customer=True)
    owner = (f"erp:C{n % CUSTOMERS}",)
    return Wish(wanted, {"orderId": "ID!"}, {"orderId": _order_id(n)}, owner)


def _scans_of_a_shipment(n: int, orders: int) -> Wish:
    n = (n * 13 + 3) % orders
    wanted = Wanted("shipmentMilestones", shipment=f"S{n}")
    id_ = encode_id(Ref("shipment", "wms", f"S{n}"))
    return Wish(wanted, {"shipmentId": "ID!"}, {"shipmentId": id_})


def _cases_of_a_queue(n: int, orders: int) -> Wish:
    queue = QUEUES[n % len(QUEUES)]
    return Wish(Wanted("caseUpdated", queue=queue), {"queue": "String"}, {"queue": queue})


def _own_cases(n: int, orders: int) -> Wish:
    n = n * 2 % orders  # every second order has one
    wanted = Wanted("caseUpdated", order=f"O{n}", is_customer=True)
    owner = (f"erp:C{n % CUSTOMERS}",)
    return Wish(wanted, {"orderId": "ID!"}, {"orderId": _order_id(n)}, owner)


_KINDS = (
    _timeline, _some_orders, _own_timeline, _orders_of_a_customer, _scans_of_an_order,
    _cases_of_a_queue, _own_orders, _all_returns, _orders_of_a_unit, _own_cases,
    _part_of_timeline, _own_returns, _scans_of_a_shipment,
)  # fmt: skip
