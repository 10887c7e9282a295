"""What is watched as lines: when, which system, what, from what to what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

Item = dict[str, Any]

ORDER = """
query OrderToWatch($number: String, $id: ID) {
  order(number: $number, id: $id) { id number status provenance { system } }
}
"""

TIMELINE = """
subscription WatchOrder($order: ID!, $after: String) {
  orderTimeline(orderId: $order, after: $after) {
    __typename
    ... on OrderTimelineSnapshot { hasOlder nodes { ...Entry } }
    ... on OrderTimelineEvent { eventId node { ...Entry } }
    ... on StreamGap { reason from to }
    ... on Heartbeat { state }
  }
}
fragment Entry on TimelineEntry {
  id occurredAt system severity title isLate change { from to }
}
"""

STATUSES = """
subscription WatchOrders($after: String) {
  orderStatusChanged(filter: {}, after: $after) {
    __typename
    ... on OrderStatusEvent {
      eventId occurredAt conflatedCount source { system } changes { axis from to } node { number }
    }
    ... on StreamGap { reason from to }
    ... on Heartbeat { state }
  }
}
"""

_STATES = {
    "LIVE": "LIVE: told at once",
    "DEGRADED": "DEGRADED: the hub hears no messages; what happens is told some seconds later",
}
_SEEN_MAX = 1_000  # ids of events that are remembered, to leave out what is told again


class Lines:
    """Turns answers into lines. Of signs of life it tells only when the state changes."""

    def __init__(self) -> None:
        self._state = "LIVE"
        self._seen: dict[str, None] = {}

    def of(self, answer: dict[str, Any]) -> Iterator[str]:
        """The lines of one answer of a subscription."""
        for error in answer.get("errors", ()):
            code = error.get("extensions", {}).get("code")
            yield f"-- {code}: {error['message']}"
        for item in (answer.get("data") or {}).values():
            yield from self._item(item)

    def _item(self, item: Any) -> Iterator[str]:
        kind = item.get("__typename") if isinstance(item, dict) else None
        if kind == "Heartbeat" and "state" in item:
            yield from self._beat(item["state"])
        elif kind == "StreamGap" and "reason" in item:
            yield (
                f"-- gap: events {item.get('from')} to {item.get('to')} are not told "
                f"({item['reason']}); ask for the state again, the stream goes on"
            )
        elif not self._is_told_again(item):
            yield from _lines(kind, item)

    def _beat(self, state: str) -> Iterator[str]:
        if state != self._state:
            self._state = state
            yield f"-- {_STATES.get(state, state)}"

    def _is_told_again(self, item: Any) -> bool:
        id_ = item.get("eventId") if isinstance(item, dict) else None
        if id_ is None:
            return False
        if id_ in self._seen:
            return True
        self._seen[id_] = None
        if len(self._seen) > _SEEN_MAX:
            del self._seen[next(iter(self._seen))]
        return False


def order_line(order: Item) -> str:
    """Which order is watched."""
    system = order["provenance"]["system"]
    return f"-- order {order['number']} of {system}, {order['status']}: the newest stand last"


def _lines(kind: str | None, item: Any) -> Iterator[str]:
    """The lines this module's own documents ask for; the item as JSON of any other document."""
    try:
        if kind == "OrderTimelineSnapshot":
            yield from [_entry(each) for each in reversed(item["nodes"] or ())]
            yield f"-- live{'; older entries were left out' if item['hasOlder'] else ''}"
        elif kind == "OrderTimelineEvent":
            yield _entry(item["node"])
        elif kind == "OrderStatusEvent":
            yield _status(item)
        elif kind != "OrderStatusSnapshot" or len(item) > 1:
            yield json.dumps(item, ensure_ascii=False)
    except (KeyError, TypeError):  # somebody's own document, with other fields
        yield json.dumps(item, ensure_ascii=False)


def _entry(entry: Item) -> str:
    words = [_when(entry["occurredAt"]), entry["system"].ljust(10)]
    if entry["severity"] != "INFO":
        words.append(entry["severity"])
    words.append(entry["title"])
    if entry["change"] is not None:
        words.append(f"  {_step(entry['change'])}")
    if entry["isLate"]:
        words.append("(late)")
    return " ".join(words)


def _status(event: Item) -> str:
    steps = ", ".join(f"{each['axis']} {_step(each)}" for each in event["changes"])
    system = event["source"]["system"].ljust(10)
    left_out = event["conflatedCount"]
    more = f"  ({left_out} between left out)" if left_out else ""
    return f"{_when(event['occurredAt'])} {system} order {event['node']['number']}  {steps}{more}"


def _step(change: Item) -> str:
    """`RELEASED -> PICKED`; without its beginning where that was not known."""
    before, after = change["from"], change["to"]
    return " ".join(part for part in (before, "->", after or "?") if part)


def _when(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
