"""A small foreign company over HTTP, how its records went on, and every way in which it tells.

Each change is a whole record with its own time, to the microsecond. What the company itself says
last is the truth; what is told comes shuffled, one to three times under new ids, and poisoned.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.support.rest_system import RestSystem, raw_query

SECRET = "a-secret-of-more-than-16"
SIGNATURE = "X-Signature"
BEGAN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
CHANGES_PER_ORDER = 12
COPIES_MAX = 3
POISON = 0.01
NOUNS = {"erp": "order", "wms": "shipment", "crm": "case"}
KEYS = {"erp": "no", "wms": "id", "crm": "ref"}
COLLECTIONS = {"erp": "orders", "wms": "shipments", "crm": "cases"}
ORDER_STATES = ("CONFIRMED", "ON_HOLD", "IN_FULFILLMENT")
LINE_STATES = ("ALLOCATED", "PICKED", "PACKED", "BACKORDERED")
MOVES = ("PRE_TRANSIT", "PICKED_UP", "IN_TRANSIT", "DELAYED", "OUT_FOR_DELIVERY", "EXCEPTION")
CASE_STATES = ("OPEN", "PENDING_CUSTOMER", "SOLVED")

Native = dict[str, Any]


def _same(*words: str) -> str:
    """A table of codes that are ours already."""
    return ", ".join(f"{word}: {word}" for word in words)


_EVENTS = """
    events:
      id: id
      at: {{ path: sent, zone: offset }}
      kind: type
      system: sender{signature}
      of: {{ changed: {{ entity: {noun}, {what} }} }}
"""
_SIGNED = '\n      signature: { header: X-Signature, secret: "${SECRET}" }'
_CHANGED = "updated_at: { path: changed, zone: offset }"
FILE = f"""
version: 1
systems:
  erp:
    role: erp
    kind: rest
    url: ${{URL}}
    entities:
      order:
        by_key: {{ get: "/orders?no={{keys|csv}}", each: items }}
        key: no
        fields:
          number: no
          business_unit: unit
          status: {{ path: state, values: {{ {_same("OPEN", *ORDER_STATES)} }} }}
          placed_at: {{ path: placed, zone: offset }}
          {_CHANGED}
          lines:
            each: lines
            entity: order_line
            key: line
            fields:
              line_number: line
              sku: sku
              status: {{ path: state, values: {{ {_same("PENDING", *LINE_STATES)} }} }}
              ordered: {{ path: qty, unit: EA }}
{_EVENTS.format(noun="order", what="record: body", signature=_SIGNED)}
  wms:
    role: wms
    kind: rest
    url: ${{URL}}
    entities:
      shipment:
        by_key: {{ get: "/shipments?id={{keys|csv}}", each: items }}
        by_order: {{ get: "/shipments?order={{keys|csv}}", each: items }}
        key: id
        fields:
          number: id
          order: {{ path: order, to: erp.order }}
          status: {{ path: state, values: {{ {_same("LABEL_CREATED", *MOVES)} }} }}
          created_at: {{ path: created, zone: offset }}
          {_CHANGED}
          milestones:
            each: scans
            entity: milestone
            key: seq
            fields:
              code: {{ path: code, values: {{ {_same(*MOVES)} }} }}
              occurred_at: {{ path: at, zone: offset }}
              sequence: seq
{_EVENTS.format(noun="shipment", what="record: body", signature=_SIGNED)}
  crm:
    role: crm
    kind: rest
    url: ${{URL}}
    entities:
      case:
        by_key: {{ get: "/cases?ref={{keys|csv}}", each: items }}
        key: ref
        fields:
          number: ref
          order: {{ path: order, to: erp.order }}
          status: {{ path: state, values: {{ {_same("NEW", *CASE_STATES)} }} }}
          assignee: owner
          opened_at: {{ path: opened, zone: offset }}
          {_CHANGED}
          messages:
            each: messages
            entity: message
            key: n
            fields:
              body: text
              visibility: {{ const: CUSTOMER }}
              sent_at: {{ path: at, zone: offset }}
{_EVENTS.format(noun="case", what="key: body.ref", signature="")}
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way; `is_webhook` says by which way."""

    system: str
    body: bytes
    is_webhook: bool

    @property
    def headers(self) -> Mapping[str, str]:
        """The signature, of a system that signs. The CRM does not: its records are read again."""
        if self.system == "crm":
            return {}
        return {SIGNATURE: hmac.new(SECRET.encode(), self.body, hashlib.sha256).hexdigest()}


@dataclass
class Company(RestSystem):
    """`changes` in the order they happened, by system; its records are those of the last ones."""

    collections: dict[str, list[Native]] = field(default_factory=dict)
    changes: list[tuple[str, Native]] = field(default_factory=list)

    def _answer(self, request: Request) -> Response:
        rows = self.collections.get(request.path_params.get("path", "").strip("/"))
        if rows is None:
            return Response(status_code=404)
        ((column, wanted),) = raw_query(request.url.query).items()
        return JSONResponse({"items": [row for row in rows if row[column] in set(wanted)]})

    def final(self) -> dict[tuple[str, str], Native]:
        """The last record of each entity, by system and key."""
        return {(system, record[KEYS[system]]): record for system, record in self.changes}


def company(count: int, chance: Random) -> Company:
    """About so many changes of orders, shipments and cases; its records are the final ones."""
    made = Company()
    for number in range(max(1, count // CHANGES_PER_ORDER)):
        _one_order(made, number, chance)
    for (system, _), record in made.final().items():
        made.collections.setdefault(COLLECTIONS[system], []).append(record)
    return made


def messages_of(made: Company, chance: Random) -> tuple[list[Message], list[Message]]:
    """All messages, shuffled, half of them over NATS and half as webhooks; and the poison of it."""
    told = [
        _message(system, _body(system, record, f"{number}-{copy}"), chance)
        for number, (system, record) in enumerate(made.changes)
        for copy in range(chance.randint(1, COPIES_MAX))
    ]
    count = max(len(_POISONS), round(len(told) * POISON))
    poison = [_poison(number, made, chance) for number in range(count)]
    everything = [*told, *poison]
    chance.shuffle(everything)
    return everything, poison


def facts_of(made: Company) -> dict[str, set[str]]:
    """By order what must be told of it at least, whatever came first: keys of timeline entries."""
    facts: dict[str, set[str]] = {}
    for system, record in made.changes:
        native = f"{system}:{NOUNS[system]}:{record[KEYS[system]]}"
        order = facts.setdefault(record.get("order", record.get("no")), set())
        if system == "erp":
            order.add(f"{native}:order.placed")
            if record["state"] == "ON_HOLD":
                order.add(f"{native}:order.held")
        elif system == "wms":
            order.add(f"{native}:shipment.created")
            order |= {f"{native}:shipment.{scan['code'].lower()}" for scan in record["scans"]}
        else:
            order.add(f"{native}:case.opened")
    return facts


def _one_order(made: Company, number: int, chance: Random) -> None:
    at = BEGAN + timedelta(seconds=number)
    placed = at.isoformat()
    order: Native = {"no": f"o{number}", "unit": "EU", "state": "OPEN", "placed": placed,
                     "changed": placed, "lines": [_line("PENDING")]}  # fmt: skip
    shipment: Native = {"id": f"s{number}", "order": f"o{number}", "state": "LABEL_CREATED",
                        "created": placed, "changed": placed, "scans": []}  # fmt: skip
    case: Native = {"ref": f"k{number}", "order": f"o{number}", "state": "NEW", "owner": "Ann",
                    "opened": placed, "changed": placed, "messages": []}  # fmt: skip
    last = {"erp": order, "wms": shipment, "crm": case}
    made.changes += last.items()
    for turn in range(1, CHANGES_PER_ORDER - 2):
        at += timedelta(minutes=7, microseconds=chance.randrange(1_000_000))
        system = chance.choice(list(last))
        record = deepcopy(last[system]) | {"changed": at.isoformat()}
        if system == "erp":
            record |= {
                "state": chance.choice(ORDER_STATES),
                "lines": [_line(chance.choice(LINE_STATES))],
            }
        elif system == "wms":
            code = chance.choice(MOVES)
            scan = {"seq": turn, "code": code, "at": at.isoformat()}
            record |= {"state": code, "scans": [*record["scans"], scan]}
        else:
            said = {"n": turn, "text": f"turn {turn}", "at": at.isoformat()}
            record |= {"state": chance.choice(CASE_STATES), "messages": [*record["messages"], said]}
        last[system] = record
        made.changes.append((system, record))


def _line(state: str) -> Native:
    return {"line": 1, "sku": "A", "state": state, "qty": 9}


def _body(system: str, record: Native, id_: str) -> Native:
    return {"id": id_, "type": "changed", "sender": system, "sent": record["changed"],
            "body": record}  # fmt: skip


def _message(system: str, body: Native, chance: Random) -> Message:
    return Message(system, json.dumps(body).encode(), is_webhook=chance.random() < 0.5)


_POISONS = ("no JSON", "unknown kind", "unmapped code", "no key", "other sender", "bad time")


def _poison(number: int, made: Company, chance: Random) -> Message:
    """A message of a real record that cannot be read as declared, each with its own id."""
    what = _POISONS[number % len(_POISONS)]
    if what == "unmapped code" or what == "bad time":  # of a record that is told as a whole
        system, record = chance.choice([each for each in made.changes if each[0] != "crm"])
    else:
        system, record = chance.choice(made.changes)
    body = deepcopy(_body(system, record, f"poison-{number}"))
    if what == "no JSON":
        return Message(system, json.dumps(body).encode()[:-1], is_webhook=chance.random() < 0.5)
    if what == "unknown kind":
        body["type"] = "exploded"
    elif what == "unmapped code":
        body["body"]["state"] = "??"
    elif what == "no key":
        del body["body"][KEYS[system]]
    elif what == "other sender":
        body["sender"] = next(name for name in NOUNS if name != system)
    else:
        body["body"]["changed"] = "yesterday"
    return _message(system, body, chance)
