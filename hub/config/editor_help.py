"""What an editor shows beside each word of the systems file; docs/systems-file.md says more."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_COLUMN = "The native column, or dotted path in a document."
_VALUES = "Native word to canonical word, used in both directions."
_ZONE = "The zone of a naive time (UTC, Europe/Berlin), or offset where the value carries its own."
_URL = "Where the system is. Secrets only as ${VAR}, ${VAR:-default} or ${file:/path}."
_AUTH = "Who the hub is: exactly one of bearer, basic and header."
_SENT = "A request with this body and method; one of post, put, patch and sql sends a command."
_OPTIONAL = "Whether the member may be absent from an answer."

HELP: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "SystemsFile": {
        "version": "The version of this vocabulary: 1.",
        "systems": "The connected systems, by name.",
        "cross_references": "By noun: where keys meet that cannot be derived from one another.",
        "deliveries": "What is told outside, by name: events as webhooks or as commands.",
        "include": "Files beside this one that declare further systems.",
    },
    "DeliverySpec": {
        "when": "Which events are told, and to whom.",
        "webhook": "The address that is told by a signed POST; one of webhook and command.",
        "command": "system.command: the declared command that tells it.",
        "values": "The values of the command; {...} are canonical fields of the event.",
    },
    "WhenSpec": {
        "noun": "The noun whose events are told, or timeline.",
        "change": "One change or several: changed, status_changed, recorded.",
        "to": "Only where a status became one of these.",
        "systems": "Only records of these systems.",
        "audience": "Who reads it: what they may not read is left out.",
        "younger_than": "A fact that is told for the first time and is older is no news; 24h.",
    },
    "WebhookSpec": {
        "url": "Where it is sent. Secrets only as ${VAR} or ${file:/path}.",
        "secret": "What signs it, as ${VAR}; several while one takes over from another.",
        "headers": "Further headers of the request.",
    },
    "SystemSpec": {
        "role": "What the system is to the business.",
        "kind": "How it is spoken to; sql and rest can be opened.",
        "url": _URL,
        "auth": _AUTH,
        "limits": "What the hub never exceeds.",
        "entities": "The canonical nouns this system serves, and how each is read.",
        "commands": "What the system can be told to do.",
        "events": "How the system tells of its changes.",
    },
    "Limits": {
        "timeout": "How long one call may take: 1500ms, 2s.",
        "in_flight": "Calls at once.",
        "batch": "Keys in one call.",
        "quota": "Calls per time: 600/min.",
    },
    "Quota": {"calls": "How many calls.", "per_s": "In how many seconds."},
    "AuthSpec": {
        "bearer": "The token of an Authorization: Bearer header.",
        "basic": "User and password of HTTP basic authentication.",
        "header": "Headers by name, such as X-Api-Key.",
    },
    "BasicSpec": {"user": "The user.", "password": "The password, from a variable."},
    "EntitySpec": {
        "from": "sql only: a table, a view, or one SELECT that gives native columns.",
        "key": "The native column or path of the key; a list for a composite key.",
        "parent": "The noun a child belongs to.",
        "fields": "Each canonical field, and how it is made from native ones.",
        "attributes": "Typed extra fields that the canonical model does not have.",
        "fresh_for": "The age up to which a record counts as FRESH.",
        "stale_for": "The age up to which a record counts as STALE.",
        "changes": "How changes are polled.",
        "by_key": "rest only: the request for records by their keys.",
        "list": "rest only: the request for lists, with what it can filter and sort by.",
    },
    "ChangesSpec": {
        "order_by": "The columns that order changes: the time of change, then the key.",
        "every": "How often it is asked.",
        "overlap": "How far back each look reads again.",
        "backfill": "History that is read once, before changes are followed.",
        "get": "rest only: a path with {since} in its query, for what was changed since.",
        "each": "The path of the records in the answer.",
        "next": "The path of the next page's link.",
        "page": "The number of the first page, with {page} and size.",
        "cursor": "The path of the next cursor, with {cursor}.",
        "size": "Records a page.",
    },
    "BackfillSpec": {
        "since": "How far back history is read; all of it where this is absent.",
        "rate": "Rows per time that are read at most: 200/s (100/s).",
    },
    "EventsSpec": {
        "id": "The path of the message's own id.",
        "at": "The message's own time: { path, zone, read }.",
        "kind": "The path of what decides which row below reads the message.",
        "system": "The path of the sender's own name here; another name is refused.",
        "signature": "How webhooks are signed; without it a webhook only causes a read.",
        "of": "By kind, what a message tells; one row * where there is no kind.",
        "ignore": "Kinds that are no news.",
    },
    "AtSpec": {
        "path": "Where the time stands in the message.",
        "read": "How it is parsed: a time pattern, iso, epoch_s, epoch_ms.",
        "zone": _ZONE,
    },
    "SignatureSpec": {
        "header": "The header that carries the HMAC-SHA256 of the raw body.",
        "secret": "What signs, as ${VAR}; several while one takes over from another.",
        "prefix": "What stands before the signature, such as sha256=.",
        "encoding": "hex (default) or base64.",
    },
    "EventRow": {
        "entity": "The noun that is told of, among the entities of this system.",
        "record": "The path of the whole record, as the API gives it; . is the message itself.",
        "key": "The path of the key, or a list: only the key is told, the record is read.",
    },
    "Request": {
        "get": "A path with {keys|csv} or {key}; in lists {field}, {field.operator}, {page} ...",
        "each": "The path of the records in the answer; absent where the answer is the records.",
        "batch": "A smaller batch for this request.",
        "next": "The path of the next page's link.",
        "page": "The number of the first page, with {page} and size.",
        "cursor": "The path of the next cursor, with {cursor}.",
        "size": "Records a page.",
        "sort": "Canonical order to native word; -placed_at is descending.",
    },
    "FieldSpec": {
        "column": _COLUMN,
        "path": _COLUMN,
        "columns": "Several native columns, joined by a blank before read; a composite reference.",
        "const": "The same value for every record.",
        "python": "module:function that gets the native row.",
        "each": "The path of nested children in their parent's record.",
        "entity": "The noun of the nested children.",
        "key": "The paths that identify a nested child in its parent.",
        "fields": "The fields of the nested children.",
        "values": _VALUES,
        "otherwise": "What an unmapped code is: error, warn (null), or a canonical word.",
        "read": "How a native value is parsed: a time pattern, iso, epoch_s, or 1.234,56.",
        "write": "The native form of a key, inverted for reading: SO-{:0>10}.",
        "type": "How the source compares the key, where it cannot tell.",
        "zone": _ZONE,
        "unit": "A UN/ECE code, { column: ... }, or item for the item's base unit.",
        "currency": "A column, { const: EUR }, or { parent: column }.",
        "negate": "Whether the sign is turned.",
        "optional": _OPTIONAL,
        "to": "Whose record it names: system.noun, or { column, values } where a column tells.",
    },
    "AttributeSpec": {
        "column": _COLUMN,
        "path": _COLUMN,
        "type": "What the values are.",
        "visible_to": "Roles that see it; without it all but customers and integrations.",
        "values": _VALUES,
        "read": "How a native value is parsed.",
        "zone": _ZONE,
        "optional": _OPTIONAL,
    },
    "CurrencySpec": {
        "column": _COLUMN,
        "const": "An ISO 4217 code.",
        "parent": "A column of the parent.",
    },
    "UnitSpec": {
        "column": _COLUMN,
        "const": "A UN/ECE code such as EA or KGM.",
        "item": "Whether it is the item's base unit.",
    },
    "ToSpec": {
        "system": "The system of the record.",
        "noun": "Its noun.",
        "column": "The column that tells the system.",
        "values": "What the column holds, to the name of a system.",
    },
    "CrossReferenceSpec": {
        "table": "A CSV file with a header, beside the systems file.",
        "columns": "system.noun to the column of the table that holds its keys.",
        "match": "Canonical fields; records that agree in all of them are one.",
    },
    "CommandSpec": {
        "over": "Another connection than the one that is read.",
        "post": _SENT,
        "put": _SENT,
        "patch": _SENT,
        "sql": "The statement that sends it.",
        "result": "Our word to the path of it in the answer.",
        "find": "How the effect is looked up by our reference; money and stock need it.",
        "refused_when": "When an answer is the system's business refusal.",
    },
    "Over": {"kind": "How it is spoken to.", "url": _URL, "auth": _AUTH},
    "BodyRequest": {
        "path": "The path; {...} are the command's own values.",
        "body": "The body; {...} are the command's own values.",
    },
    "FindSpec": {
        "get": "The path it is asked at.",
        "sql": "The statement it is asked by.",
        "each": "The path of the records in the answer.",
        "settles_within": "How long the effect may take to be seen; not found counts after it.",
        "reference_unique": "Whether the system refuses a reference it has already seen.",
    },
    "RefusalSpec": {
        "status": "The HTTP status codes of a refusal.",
        "message": "The path of the reason in the answer.",
    },
})  # fmt: skip
"""Sentences by model and word."""


def describe(model: str, properties: dict[str, Any]) -> None:
    """Put the sentence of each word beside what the schema says of it."""
    for word, told in properties.items():
        if word in HELP[model]:
            properties[word] = told | {"description": HELP[model][word]}
