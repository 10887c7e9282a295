"""The events as an AsyncAPI 3.0 document, made from the catalogue and the canonical model. Pure.

Two forms of one event: the internal one on `hub.evt.>`, whole and unmasked, and the one that is
told outside by webhooks, masked to its audience.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hub.events.catalogue import CATALOGUE, EventType
from hub.events.envelope import CONTENT_TYPE
from hub.events.event import COMMAND, TIMELINE
from hub.model.case import ActorType, Visibility
from hub.model.catalog import NOUNS
from hub.model.record import Field, Kind, fields_of
from hub.model.timeline import Severity, TimelineCategory
from hub.security.masks import INTERNAL_FIELDS

Json = dict[str, Any]
VERSION = "1.0.0"
_TEXT: Json = {"type": "string"}
_INSTANT: Json = {"type": "string", "format": "date-time"}
_DECIMAL: Json = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}


def _object(properties: Mapping[str, Json], required: tuple[str, ...]) -> Json:
    return {"type": "object", "properties": dict(properties), "required": list(required)}


_KINDS: Mapping[Kind, Json] = MappingProxyType(
    {
        "text": _TEXT,
        "whole": {"type": "integer"},
        "decimal": _DECIMAL,
        "flag": {"type": "boolean"},
        "instant": _INSTANT,
        "day": {"type": "string", "format": "date"},
        "money": {"$ref": "#/components/schemas/Money"},
        "quantity": {"$ref": "#/components/schemas/Quantity"},
        "texts": {"type": "array", "items": _TEXT},
        "reference": {"$ref": "#/components/schemas/Ref"},
    }
)
_OR_NULL: Json = {"type": ["string", "null"]}
_CHANGE = _object(
    {"axis": _TEXT, "before": _OR_NULL, "after": _OR_NULL}, ("axis", "before", "after")
)
_CHANGE_TRIPLE: Json = {"type": "array", "items": _OR_NULL, "minItems": 3, "maxItems": 3}
_PAIRS: Mapping[Kind, Json] = MappingProxyType(
    {
        "money": {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2},
        "quantity": {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2},
        "reference": {"type": "array", "items": _TEXT, "minItems": 3, "maxItems": 3},
    }
)
"""How the internal form writes them: amount and currency; value and unit; noun, system, key."""


def document() -> Json:
    """The whole document; the same for every hub of this version."""
    rows = list(CATALOGUE.values())
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Operations hub events",
            "version": VERSION,
            "description": (
                "Canonical events as CloudEvents 1.0 JSON. A type never changes its meaning: "
                "fields and codes may be added, anything else is a new version of the type."
            ),
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {_id(row): _channel(row) for row in rows} | {"webhook": _webhook(rows)},
        "operations": {
            f"send.{_id(row)}": {
                "action": "send", "channel": {"$ref": f"#/channels/{_id(row)}"},
                "summary": row.summary,
            }
            for row in rows
        }
        | {"send.webhook": {"action": "send", "channel": {"$ref": "#/channels/webhook"},
                            "summary": "What the systems file declares under deliveries."}},
        "components": {
            "messages": {
                **{f"{_id(row)}": _message(row, "Internal") for row in rows},
                **{f"{_id(row)}.outgoing": _message(row, "Outgoing") for row in rows},
            },
            "schemas": _schemas(rows),
        },
    }  # fmt: skip


def document_text() -> str:
    """The document as it is published, its keys in their order."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _id(row: EventType) -> str:
    return f"{row.noun}.{row.change}.v{row.version}"


def _channel(row: EventType) -> Json:
    return {
        "address": row.address,
        "description": row.summary,
        "parameters": {
            "key": {"description": "Base32 of the system and key of the record, without padding."}
        },
        "messages": {"event": {"$ref": f"#/components/messages/{_id(row)}"}},
    }


def _webhook(rows: list[EventType]) -> Json:
    return {
        "address": None,
        "description": (
            "A POST to a declared address, signed as Standard Webhooks say. The same webhook-id "
            "may come more than once and means the same event."
        ),
        "messages": {
            _id(row): {"$ref": f"#/components/messages/{_id(row)}.outgoing"} for row in rows
        },
    }


def _message(row: EventType, form: str) -> Json:
    message: Json = {
        "name": row.name,
        "summary": row.summary,
        "contentType": CONTENT_TYPE,
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/CloudEvent"},
                {
                    "properties": {
                        "type": {"const": row.name},
                        "data": {"$ref": f"#/components/schemas/{form}.{row.noun}"},
                    }
                },
            ]
        },
    }
    if row.axes:
        message["x-axes"] = list(row.axes)
    if form == "Outgoing":
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        message["headers"] = _object(dict.fromkeys(names, _TEXT), names)
    return message


def _schemas(rows: list[EventType]) -> Json:
    nouns = list(dict.fromkeys(row.noun for row in rows))
    schemas: Json = {
        "CloudEvent": _cloud_event(),
        "Ref": _object(dict.fromkeys(("noun", "system", "key"), _TEXT), ("noun", "system", "key")),
        "Money": _object({"amount": _DECIMAL, "currency": _TEXT}, ("amount", "currency")),
        "Quantity": _object({"value": _DECIMAL, "uom": _TEXT}, ("value", "uom")),
        "Entry": _entry(is_internal=False),
        "InternalEntry": _entry(is_internal=True),
    }
    for noun in nouns:
        for form in ("Internal", "Outgoing"):
            schemas[f"{form}.{noun}"] = _content(noun, is_internal=form == "Internal")
            if noun not in (TIMELINE, COMMAND):
                schemas[f"{form}.{noun}.record"] = _record(noun, is_internal=form == "Internal")
    return schemas


def _cloud_event() -> Json:
    words = ("specversion", "id", "source", "type", "subject", "datacontenttype")
    further = ("correlationid", "causationid", "traceparent")
    properties = dict.fromkeys((*words, *further), _TEXT) | {
        "time": _INSTANT, "data": {"type": "object"},
    }  # fmt: skip
    return _object(properties, (*words, "time", "data"))


def _content(noun: str, *, is_internal: bool) -> Json:
    form = "Internal" if is_internal else "Outgoing"
    ref = _PAIRS["reference"] if is_internal else _KINDS["reference"]
    change = _CHANGE_TRIPLE if is_internal else _CHANGE
    properties: Json = {
        "noun": {"const": noun}, "change": _TEXT, "ref": ref, "version": {"type": "integer"},
        "recordedAt": _INSTANT, "changes": {"type": "array", "items": change},
        "order": ref, "shipment": ref, "customer": ref,
    }  # fmt: skip
    required: tuple[str, ...] = ("noun", "change", "ref", "version", "recordedAt", "changes")
    if is_internal:
        properties |= {"businessUnit": _TEXT, "isReplayed": {"type": "boolean"}}
        required = (*required, "isReplayed")
    if noun == TIMELINE:
        entry = "InternalEntry" if is_internal else "Entry"
        return _object(properties | {"entry": {"$ref": f"#/components/schemas/{entry}"}}, required)
    if noun == COMMAND:
        return _object(properties, required)
    record = {"$ref": f"#/components/schemas/{form}.{noun}.record"}
    return _object(properties | {"record": record}, required)


def _record(noun: str, *, is_internal: bool) -> Json:
    fields = {
        name: _field(noun, field, is_internal=is_internal)
        for name, field in fields_of(NOUNS[noun]).items()
    }
    properties: Json = {
        "ref": _PAIRS["reference"] if is_internal else _KINDS["reference"],
        "asOf": _INSTANT,
        "fields": {"type": "object", "properties": fields},
        "attributes": {"type": "object"},
    }
    if is_internal:
        properties |= {"fetchedAt": _INSTANT, "gaps": {"type": "array"}}
    return _object(properties, ("ref", "asOf", "fields", "attributes"))


def _field(noun: str, field: Field, *, is_internal: bool) -> Json:
    if field.kind == "children":
        form = "Internal" if is_internal else "Outgoing"
        child = {"$ref": f"#/components/schemas/{form}.{field.to}.record"}
        return {"type": "array", "items": child}
    if field.kind == "coded" and field.codes is not None:
        made: Json = {"type": "string", "enum": [code.value for code in field.codes]}
    else:
        pairs = _PAIRS.get(field.kind) if is_internal else None
        made = dict(pairs or _KINDS[field.kind])
    if field.to is not None:
        made["x-noun"] = field.to
    if not is_internal and field.name in INTERNAL_FIELDS.get(noun, frozenset()):
        made["x-audience"] = "internal"
    return made


def _entry(*, is_internal: bool) -> Json:
    ref = _PAIRS["reference"] if is_internal else _KINDS["reference"]
    coded = {
        "category": TimelineCategory, "severity": Severity, "visibility": Visibility,
        "actor_type": ActorType,
    }  # fmt: skip
    texts = ("type", "title", "system", "message", "actor", "change_from", "change_to")
    properties: Json = {
        **{name: {"type": "string", "enum": [code.value for code in codes]}
           for name, codes in coded.items()},
        **dict.fromkeys(texts, _TEXT),
        "occurred_at": _INSTANT,
        "sequence": {"type": "integer"},
        "subject": ref,
        "quantity": _PAIRS["quantity"] if is_internal else _KINDS["quantity"],
        "money": _PAIRS["money"] if is_internal else _KINDS["money"],
    }  # fmt: skip
    required = ("category", "type", "title", "system", "occurred_at", "severity", "visibility")
    if is_internal:
        properties |= {"natural_key": _TEXT, "order": ref, "observed_at": _INSTANT}
        return _object(properties, (*required, "natural_key", "order", "observed_at"))
    named = {_camel(name): each for name, each in properties.items()}
    return _object(named, tuple(_camel(name) for name in required))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)
