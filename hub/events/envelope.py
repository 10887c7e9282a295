"""An event as a CloudEvents 1.0 structured JSON document and back. Pure.

This is the internal form: it carries the whole record, unmasked. It is what the event log keeps
and what goes from process to process over NATS. https://github.com/cloudevents/spec, 1.0.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson

from hub.events.event import Event, StatusChange
from hub.model.entry_json import entry_from_json, entry_to_json
from hub.model.record_json import record_from_json, record_to_json
from hub.model.values import Ref

CONTENT_TYPE = "application/cloudevents+json"
SPEC_VERSION = "1.0"
EVENT_VERSION = 1

UNDECODABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What `decode` raises over an envelope that this version's `encode` did not make."""

_REFS = ("order", "shipment", "customer")
_EXTENSIONS = {
    "correlationid": "correlation_id",
    "causationid": "causation_id",
    "traceparent": "traceparent",
}
"""Attributes of the envelope beside those of CloudEvents: lower case letters alone may name one."""


def type_name(noun: str, change: str) -> str:
    """The type of the event, versioned: `opshub.shipment.status_changed.v1`."""
    return f"opshub.{noun}.{change}.v{EVENT_VERSION}"


def encode(event: Event) -> bytes:
    """The whole event but its position, which it is given only afterwards."""
    envelope: dict[str, Any] = {
        "specversion": SPEC_VERSION,
        "id": event.id,
        "source": f"/systems/{quote(event.ref.system, safe='')}",
        "type": type_name(event.noun, event.change),
        "subject": f"{event.ref.noun}/{quote(event.ref.key, safe='')}",
        "time": event.occurred_at.isoformat(),
        "datacontenttype": "application/json",
    }
    for attribute, name in _EXTENSIONS.items():
        if (value := getattr(event, name)) is not None:
            envelope[attribute] = value
    envelope["data"] = _content(event)
    return orjson.dumps(envelope)


def decode(envelope: bytes, position: int | None) -> Event:
    """The event; one of UNDECODABLE where `encode` did not make the envelope."""
    given = orjson.loads(envelope)
    told = given["data"]
    record, entry = told.get("record"), told.get("entry")
    return Event(
        id=given["id"],
        noun=told["noun"],
        change=told["change"],
        ref=Ref(*told["ref"]),
        version=told["version"],
        occurred_at=datetime.fromisoformat(given["time"]),
        recorded_at=datetime.fromisoformat(told["recordedAt"]),
        business_unit=told.get("businessUnit"),
        changes=tuple(StatusChange(*each) for each in told["changes"]),
        record=None if record is None else record_from_json(record),
        entry=None if entry is None else entry_from_json(entry),
        is_replayed=told["isReplayed"],
        position=position,
        order=_ref(told, "order"),
        shipment=_ref(told, "shipment"),
        customer=_ref(told, "customer"),
        correlation_id=given.get("correlationid"),
        causation_id=given.get("causationid"),
        traceparent=given.get("traceparent"),
    )


def traceparent_of(envelope: bytes) -> str | None:
    """The W3C trace the event belongs to."""
    traceparent: str | None = orjson.loads(envelope).get("traceparent")
    return traceparent


def _content(event: Event) -> dict[str, Any]:
    content: dict[str, Any] = {
        "noun": event.noun,
        "change": event.change,
        "ref": list(event.ref),
        "version": event.version,
        "recordedAt": event.recorded_at.isoformat(),
        "changes": [[each.axis, each.before, each.after] for each in event.changes],
        "isReplayed": event.is_replayed,
    }
    for name in _REFS:
        if (ref := getattr(event, name)) is not None:
            content[name] = list(ref)
    if event.business_unit is not None:
        content["businessUnit"] = event.business_unit
    if event.record is not None:
        content["record"] = record_to_json(event.record)
    if event.entry is not None:
        content["entry"] = entry_to_json(event.entry)
    return content


def _ref(told: Mapping[str, Any], name: str) -> Ref | None:
    given = told.get(name)
    return None if given is None else Ref(*given)
