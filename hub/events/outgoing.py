"""Choosing what is told outside, in the transaction that applies it.

One row of `delivery` for each event and delivery that matches, by an id made of both: an event
that is made again, or a transaction that is tried again, adds nothing. History is not told, nor
what is told for the first time long after it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.config.delivery_specs import DeliverySpec, WhenSpec
from hub.events.event import RECORDED, TIMELINE, Event
from hub.events.news import is_young
from hub.events.outgoing_form import Json, ref_form, scope_for, told_form
from hub.store.engine import Store
from hub.store.tables import delivery

PENDING, SENT, DEAD = "PENDING", "SENT", "DEAD"
ROWS_AT_ONCE_MAX = 200  # of one statement; SQLite takes 32,766 variables
PAYLOAD_BYTES_MAX = 262_144  # an order of 500 lines is about 200,000
HUB = "hub"
"""The system of what the hub itself does."""

Deliveries = Mapping[str, DeliverySpec]


class Chosen:
    """Implements `hub.events.ports.Outgoing`. `declared` gives the deliveries of the file in force;
    `now` is the wall clock, aware."""

    def __init__(
        self, store: Store, *, declared: Callable[[], Deliveries], now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._declared = declared
        self._now = now

    async def note_in(self, connection: AsyncConnection, events: Sequence[Event]) -> None:
        """Write what is to be told of these events, in the caller's transaction."""
        rows = rows_of(events, self._declared(), self._now())
        dialect = sqlite if self._store.is_sqlite else postgresql
        for start in range(0, len(rows), ROWS_AT_ONCE_MAX):
            adding = dialect.insert(delivery).values(rows[start : start + ROWS_AT_ONCE_MAX])
            await connection.execute(adding.on_conflict_do_nothing())


def rows_of(events: Sequence[Event], declared: Deliveries, at: datetime) -> list[dict[str, Any]]:
    """The rows, in the order of the events."""
    rows: dict[str, dict[str, Any]] = {}
    for event in events:
        if is_history(event):
            continue
        for spec in declared.values():
            if not is_chosen(event, spec.when) or not is_young(event, spec.when.younger_than_s):
                continue
            told = told_form(event, scope_for(spec.when.audience))
            if told is None:
                continue
            id_ = delivery_id(event.id, spec.name)
            # rows of one transaction are sent in this order where the log does not say more
            created_at = at + timedelta(microseconds=len(rows))
            rows.setdefault(id_, _row(event, spec.name, told, created_at))
    return list(rows.values())


def is_history(event: Event) -> bool:
    """What was replayed or came late is not news; nor is what the hub itself told."""
    entry = event.entry
    return event.is_replayed or (entry is not None and (entry.is_late or entry.system == HUB))


def is_chosen(event: Event, when: WhenSpec) -> bool:
    """Whether a delivery is about this event."""
    if event.noun != when.noun or event.change not in when.change:
        return False
    if when.systems is not None and event.ref.system not in when.systems:
        return False
    return when.to is None or any(each.after in when.to for each in event.changes)


def delivery_id(event_id: str, name: str) -> str:
    """32 hex digits: the `webhook-id`, and the external reference of a command."""
    return sha256(f"{event_id}\x1f{name}".encode()).hexdigest()[:32]


def _row(event: Event, name: str, told: Json, at: datetime) -> dict[str, Any]:
    payload = orjson.dumps({"told": told, "about": _about(event)})
    if len(payload) > PAYLOAD_BYTES_MAX:  # then it is told without its children
        payload = orjson.dumps({"told": _shortened(told), "about": _about(event)})
    order = event.order
    return {
        "id": delivery_id(event.id, name),
        "name": name,
        "event_id": event.id,
        "order_system": None if order is None else order.system,
        "order_key": None if order is None else order.key,
        "payload": payload,
        "traceparent": event.traceparent,
        "state": PENDING,
        "attempts": 0,
        "next_at": at,
        "code": None,
        "reason": None,
        "created_at": at,
        "ended_at": None,
    }


def _about(event: Event) -> Json:
    """What the hub needs to know of it itself; it never leaves the house."""
    customer = event.customer
    return {
        "customer": None if customer is None else list(customer),
        "businessUnit": event.business_unit,
        "shipment": None if event.shipment is None else list(event.shipment),
        "what": RECORDED if event.noun == TIMELINE else f"{event.noun}.{event.change}",
        "subject": ref_form(event.ref),
    }


def _shortened(told: Json) -> Json:
    """Without lists of children; the receiver can ask the API for them."""
    content = dict(told["data"])
    record = dict(content["record"]) if "record" in content else None
    if record is not None:
        record["fields"] = {
            name: each
            for name, each in record["fields"].items()
            if not (isinstance(each, list) and each and isinstance(each[0], dict))
        }
        content["record"] = record | {"isShortened": True}
    return told | {"data": content}
