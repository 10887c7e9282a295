"""What is told outside of an event: CloudEvents JSON, masked to whoever reads it. Pure.

A field that the audience may not read is left out, not blanked. What is wholly internal, such as
an internal note, is not told at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from hub.config.delivery_specs import Audience
from hub.events.catalogue import type_of
from hub.events.envelope import SPEC_VERSION
from hub.events.event import Event
from hub.model.case import Message
from hub.model.record import Field, Kind, Record, fields_of
from hub.model.timeline import TimelineEntry
from hub.model.values import Ref
from hub.security.masks import is_attribute_visible, is_name_told, is_readable, is_visible
from hub.security.principal import Principal, Role
from hub.security.scope import Scope, scope_of

Json = dict[str, Any]

_ROLES: Mapping[Audience, Role] = MappingProxyType(
    {"customer": Role.CUSTOMER, "partner": Role.INTEGRATION, "internal": Role.AGENT}
)


def scope_for(audience: Audience) -> Scope:
    """What the audience may see of a record that is meant for it."""
    return scope_of(
        Principal(
            subject="hub",
            roles=frozenset({_ROLES[audience]}),
            customers=frozenset(),
            business_units=None,
            token_id=None,
            expires_at=datetime.max.replace(tzinfo=UTC),
        )
    )


def told_form(event: Event, scope: Scope) -> Json | None:
    """The document; None where nothing of the event is for this scope."""
    if not _is_for(event, scope):
        return None
    document: Json = {
        "specversion": SPEC_VERSION,
        "id": event.id,
        "source": f"/systems/{quote(event.ref.system, safe='')}",
        "type": type_of(event).name,
        "subject": f"{event.ref.noun}/{quote(event.ref.key, safe='')}",
        "time": event.occurred_at.isoformat(),
        "datacontenttype": "application/json",
    }
    if event.correlation_id is not None:
        document["correlationid"] = event.correlation_id
    if event.traceparent is not None:
        document["traceparent"] = event.traceparent
    document["data"] = _content(event, scope)
    return document


def ref_form(ref: Ref) -> Json:
    return {"noun": ref.noun, "system": ref.system, "key": ref.key}


def record_form(record: Record, scope: Scope) -> Json:
    """A record with the fields and attributes the scope may read; absent ones are left out."""
    return {
        "ref": ref_form(record.ref),
        "asOf": record.as_of.isoformat(),
        "fields": {
            name: value
            for name, field in fields_of(type(record)).items()
            if is_visible(record.NOUN, name, scope)
            if (value := value_form(record, field, scope)) is not None
        },
        "attributes": {
            key: each.value
            for key, each in record.attributes.items()
            if is_attribute_visible(each, scope)
        },
    }


def value_form(record: Record, field: Field, scope: Scope) -> Any:
    """One field's value; None where it is absent or a name of our people."""
    value = getattr(record, field.name)
    if value is None:
        return None
    if isinstance(record, Message) and field.name == "author":
        return value if is_name_told(record.author_type, scope) else None
    if field.kind == "children":
        return [record_form(each, scope) for each in value if _is_child_for(each, scope)]
    return _FORMS[field.kind](value)


def _is_for(event: Event, scope: Scope) -> bool:
    if event.entry is not None:
        return is_readable(event.entry.visibility, scope)
    return event.record is None or _is_child_for(event.record, scope)


def _is_child_for(record: Record, scope: Scope) -> bool:
    return not isinstance(record, Message) or is_readable(record.visibility, scope)


def _content(event: Event, scope: Scope) -> Json:
    content: Json = {
        "noun": event.noun,
        "change": event.change,
        "ref": ref_form(event.ref),
        "version": event.version,
        "recordedAt": event.recorded_at.isoformat(),
        "changes": [
            {"axis": each.axis, "before": each.before, "after": each.after}
            for each in event.changes
            if is_visible(event.noun, each.axis, scope)
        ],
    }
    for name in ("order", "shipment", "customer"):
        ref: Ref | None = getattr(event, name)
        if ref is not None:
            content[name] = ref_form(ref)
    if event.record is not None:
        content["record"] = record_form(event.record, scope)
    if event.entry is not None:
        content["entry"] = entry_form(event.entry, scope)
    return content


def entry_form(entry: TimelineEntry, scope: Scope) -> Json:
    """A timeline entry; outside the house without the names of our people."""
    told: Json = {
        "category": entry.category.value,
        "type": entry.type,
        "title": entry.title,
        "system": entry.system,
        "occurredAt": entry.occurred_at.isoformat(),
        "severity": entry.severity.value,
        "visibility": entry.visibility.value,
        "actorType": entry.actor_type.value,
    }
    further = {
        "sequence": entry.sequence,
        "message": entry.message,
        "actor": entry.actor if is_name_told(entry.actor_type, scope) else None,
        "subject": None if entry.subject is None else ref_form(entry.subject),
        "changeFrom": entry.change_from,
        "changeTo": entry.change_to,
        "quantity": None if entry.quantity is None else _FORMS["quantity"](entry.quantity),
        "money": None if entry.money is None else _FORMS["money"](entry.money),
    }
    return told | {name: each for name, each in further.items() if each is not None}


def _as_it_is(value: Any) -> Any:
    return value


_FORMS: Mapping[Kind, Callable[[Any], Any]] = MappingProxyType(
    {
        "text": _as_it_is,
        "whole": _as_it_is,
        "flag": _as_it_is,
        "decimal": str,
        "instant": lambda at: at.isoformat(),
        "day": lambda on: on.isoformat(),
        "money": lambda money: {"amount": str(money.amount), "currency": money.currency},
        "quantity": lambda many: {"value": str(many.value), "uom": many.uom},
        "coded": lambda code: code.value,
        "texts": list,
        "reference": ref_form,
    }
)
