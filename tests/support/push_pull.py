"""Push equals pull: what a view holds, and an event, give what asking again gives.

A view is what one query answers; each kind of event has one rule how a client puts it in. The rules
know nothing but the item: what they cannot do, no client can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.security.principal import Principal
from tests.support.live_hub import LiveHub

View = list[dict[str, Any]]

ORDER_VIEW = "__typename id number status businessUnit total { amount } sourceRefs { externalId }"
RMA_VIEW = "__typename id number status logisticsStatus creditStatus reason customer { number }"
SHIPMENT_VIEW = "__typename id number status carrier order { number } milestones { id code }"
CASE_VIEW = "__typename id number status subject priority messages { id body visibility }"
ENTRY_VIEW = (
    "__typename id sequence category type severity visibility title message system occurredAt "
    "recordedAt isLate actor { type name } change { from to } subject { system externalId } "
    "correlationId"
)


@dataclass(frozen=True, slots=True)
class Followed:
    """A subscription, the query whose answer is its view, and how an event is put in.

    Both documents take `$id`. `view_of` finds the view in the query's answer.
    """

    subscription: str
    query: str
    view_of: Callable[[Any], View]
    put: Callable[[View, dict[str, Any]], View]


def put_record(view: View, item: dict[str, Any]) -> View:
    """The record takes the place of what was there of it."""
    node = item["node"]
    return sorted([each for each in view if each["id"] != node["id"]] + [node], key=_by_id)


def put_entry(view: View, item: dict[str, Any]) -> View:
    """A fact that was fetched before it was told is one entry."""
    return put_record(view, item)


def _by_id(node: dict[str, Any]) -> str:
    return str(node["id"])


def _sorted(nodes: Any) -> View:
    return sorted(nodes or [], key=_by_id)


def _subscription(field: str, argument: str, event: str, node: str) -> str:
    return (
        f"subscription($id: {argument}) {{ f: {field} {{ __typename ... on StreamEvent {{ eventId "
        f"cursor sequence type entityVersion }} ... on {event} {{ node {{ {node} }} }} }} }}"
    )


def _of_order(field: str, view: str) -> str:
    return f"query($id: ID!) {{ order(id: $id) {{ {field} {{ {view} }} }} }}"


FOLLOWED: Mapping[str, Followed] = {
    "orderTimeline": Followed(
        _subscription("orderTimeline(orderId: $id)", "ID!", "OrderTimelineEvent", ENTRY_VIEW),
        f"query($id: ID!) {{ order(id: $id) {{ timeline(first: 100) "
        f"{{ nodes {{ {ENTRY_VIEW} }} }} }} }}",
        lambda data: _sorted(data["order"]["timeline"]["nodes"]),
        put_entry,
    ),
    "orderStatusChanged": Followed(
        _subscription("orderStatusChanged(orderIds: [$id])", "ID!", "OrderStatusEvent", ORDER_VIEW),
        f"query($id: ID!) {{ order(id: $id) {{ {ORDER_VIEW} }} }}",
        lambda data: _sorted([data["order"]]),
        put_record,
    ),
    "returnStatusChanged": Followed(
        _subscription("returnStatusChanged(rmaId: $id)", "ID!", "ReturnStatusEvent", RMA_VIEW),
        f"query($id: ID!) {{ rma(id: $id) {{ {RMA_VIEW} }} }}",
        lambda data: _sorted([data["rma"]]),
        put_record,
    ),
    "shipmentMilestones": Followed(
        _subscription(
            "shipmentMilestones(orderId: $id)", "ID!", "ShipmentMilestoneEvent", SHIPMENT_VIEW
        ),
        _of_order("shipments", SHIPMENT_VIEW),
        lambda data: _sorted(data["order"]["shipments"]),
        put_record,
    ),
    "caseUpdated": Followed(
        _subscription("caseUpdated(orderId: $id)", "ID!", "CaseEvent", CASE_VIEW),
        _of_order("cases", CASE_VIEW),
        lambda data: _sorted(data["order"]["cases"]),
        put_record,
    ),
}
"""By root field: each of `Subscription` has a row."""


async def assert_push_equals_pull(
    hub: LiveHub, who: Principal, field: str, *, id: str, happens: Callable[[], Any]
) -> list[dict[str, Any]]:
    """The items that told of what happened; each put in, the old view is what a refetch gives."""
    followed = FOLLOWED[field]
    stream, outlet = await hub.open(who, followed.subscription, id=id)
    await hub.settled()
    already = len(outlet.messages)
    view = followed.view_of(await hub.ask(who, followed.query, id=id))
    await happens()
    await hub.settled()
    items = outlet.items[already:]
    for item in items:
        assert item["__typename"] not in ("StreamGap", "Heartbeat")
        view = followed.put(view, item)
    assert view == followed.view_of(await hub.ask(who, followed.query, id=id))
    stream.close()
    return items
