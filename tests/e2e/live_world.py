"""A foreign company over HTTP that keeps changing: orders, shipments, scans, returns and cases.

Every change is first done here, then told in the company's own words. Each record has the time of
its last change, to the microsecond, so that the newest is the truth in whatever order it is told.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from tests.support.rest_system import RestSystem, Row, raw_query

UNITS = ("EU", "US", "APAC")
NEVER = datetime.min.replace(tzinfo=UTC)
QUEUES = ("first", "second", "claims")
OWNERS = ("Ann", "Bob")
CUSTOMERS = 12
SECRET_VARIABLE = "CRM_SECRET"  # of the systems file; the CRM signs with it
SIGNATURE_HEADER = "X-Crm-Signature"

ORDER_STEPS: Mapping[str, tuple[str, ...]] = {
    "OPEN": ("CONFIRMED", "ON_HOLD"),
    "CONFIRMED": ("ON_HOLD", "IN_FULFILLMENT"),
    "ON_HOLD": ("CONFIRMED",),
    "IN_FULFILLMENT": ("ON_HOLD",),
}
"""Legal steps of an order that never ends here."""
RETURN_STEPS: Mapping[str, tuple[str, ...]] = {
    "REQUESTED": ("PENDING_REVIEW",),
    "PENDING_REVIEW": ("AUTHORIZED",),
    "AUTHORIZED": ("IN_TRANSIT",),
    "IN_TRANSIT": ("PARTIALLY_RECEIVED", "RECEIVED"),
    "PARTIALLY_RECEIVED": ("RECEIVED",),
    "RECEIVED": ("INSPECTED",),
    "INSPECTED": ("DISPOSITIONED",),
    "DISPOSITIONED": ("CREDIT_PENDING",),
    "CREDIT_PENDING": ("DISPOSITIONED",),
}
"""Legal steps of a return whose credit is rejected again and again."""
MOVES = ("PRE_TRANSIT", "PICKED_UP", "IN_TRANSIT", "DELAYED", "OUT_FOR_DELIVERY", "EXCEPTION")
CASE_STATES = ("OPEN", "PENDING_CUSTOMER", "ON_HOLD", "SOLVED")


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was done: its system, the noun, the key and the record as it is now."""

    system: str
    noun: str
    key: str
    row: Row


@dataclass
class World(RestSystem):
    """`tables` hold the rows by key; `changed` the keys of what was changed, by noun."""

    collections: Mapping[str, Any] = field(default_factory=dict)
    random: Random = field(default_factory=Random)
    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    changed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _last: datetime = NEVER

    def fill(self, orders: int) -> None:
        """Customers, and of each order a shipment; of some a return or a case."""
        for n in range(CUSTOMERS):
            unit = UNITS[n % len(UNITS)]
            self._put("customers", f"C{n}", name=f"Customer {n}", unit=unit)
        for n in range(orders):
            customer, unit = f"C{n % CUSTOMERS}", UNITS[n % CUSTOMERS % len(UNITS)]
            self._put("orders", f"O{n}", customer=customer, unit=unit, status="OPEN", placed=True)
            self._put("shipments", f"S{n}", order=f"O{n}", status="LABEL_CREATED", placed=True)
            if n % 4 == 0:
                self._put("returns", f"R{n}", order=f"O{n}", customer=customer, status="REQUESTED",
                          placed=True)  # fmt: skip
            if n % 2 == 0:
                queue = QUEUES[n // 2 % len(QUEUES)]
                self._put("cases", f"K{n}", order=f"O{n}", customer=customer, status="NEW",
                          queue=queue, owner="Ann", messages=[], placed=True)  # fmt: skip

    def change(self) -> Change:
        """Do one change somewhere."""
        turn = self.random.random()
        if turn < 0.40:
            return self._step("erp", "order", "orders", steps=ORDER_STEPS)
        if turn < 0.65:
            return self._move()
        if turn < 0.75:
            return self._scan()
        if turn < 0.82:
            return self._step("erp", "return", "returns", steps=RETURN_STEPS)
        return self._talk()

    def touch(self, noun: str, collection: str, key: str, **fields: Any) -> Change:
        """Change one record as told."""
        row = self.tables[collection][key]
        row |= {**fields, "changed": self._now()}
        self.changed[noun].add(key)
        return Change(_SYSTEMS[noun], noun, key, dict(row))

    def _step(
        self, system: str, noun: str, collection: str, *, steps: Mapping[str, tuple[str, ...]]
    ) -> Change:
        key = self.random.choice(list(self.tables[collection]))
        status = self.tables[collection][key]["status"]
        return self.touch(noun, collection, key, status=self.random.choice(steps[status]))

    def _move(self) -> Change:
        key = self.random.choice(list(self.tables["shipments"]))
        status = self.tables["shipments"][key]["status"]
        moves = [each for each in MOVES if each != status]
        return self.touch("shipment", "shipments", key, status=self.random.choice(moves))

    def _scan(self) -> Change:
        shipment = self.random.choice(list(self.tables["shipments"]))
        key = f"M{len(self.tables['scans'])}"
        self._put("scans", key, shipment=shipment, code=self.random.choice(MOVES))
        self.changed["milestone"].add(key)
        return Change("wms", "milestone", key, dict(self.tables["scans"][key]))

    def _talk(self) -> Change:
        """A case changes its state or its owner, or somebody says something."""
        key = self.random.choice(list(self.tables["cases"]))
        row = self.tables["cases"][key]
        if self.random.random() < 0.4:
            said = {"id": f"{key}-{len(row['messages'])}", "body": "Hello", "at": self._now(),
                    "audience": self.random.choice(("CUSTOMER", "INTERNAL"))}  # fmt: skip
            return self.touch("case", "cases", key, messages=[*row["messages"], said])
        if self.random.random() < 0.3:
            return self.touch("case", "cases", key, owner=self.random.choice(OWNERS))
        states = [each for each in CASE_STATES if each != row["status"]]
        return self.touch("case", "cases", key, status=self.random.choice(states))

    def _put(self, collection: str, key: str, *, placed: bool = False, **fields: Any) -> None:
        now = self._now()
        row = {"id": key, **fields, "changed": now}
        if placed:
            row["began"] = now
        self.tables[collection][key] = row

    def _now(self) -> str:
        """Later than any time before."""
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        return self._last.isoformat(timespec="microseconds")

    async def answer(self, request: Request) -> Response:
        """Rows by key or by reference, or those changed since; all in one page."""
        self.asked.append(request.url.path)
        rows = self.tables[request.path_params["collection"]]
        query = raw_query(request.url.query)
        found: Iterable[Row] = rows.values()
        for name, values in query.items():
            if name == "id":
                found = [rows[key] for key in dict.fromkeys(values) if key in rows]
            elif name == "changedSince":
                since = unquote(values[0]).replace(" ", "+")
                found = [row for row in found if row["changed"] >= since]
            else:
                found = [row for row in found if row[name] in values]
        return Response(json.dumps({"items": list(found)}), media_type="application/json")


_SYSTEMS = {"order": "erp", "return": "erp", "shipment": "wms", "milestone": "wms", "case": "crm"}


def systems_text(url: str, *, fresh_for: str = "10m", polled: bool = True) -> str:
    """The systems file over a world at `url`; the returns are found by polling, where `polled`."""
    changes = (
        '\n        changes: { get: "/erp/returns?changedSince={since}", each: items,'
        " order_by: [changed, id], every: 1s, overlap: 5s }"
    )
    return _SYSTEMS_FILE.format(
        url=url, fresh=fresh_for, changes=changes if polled else "", secret=SECRET_VARIABLE,
        header=SIGNATURE_HEADER, orders=_same("OPEN", *ORDER_STEPS), returns=_same(*RETURN_STEPS),
        moves=_same("LABEL_CREATED", *MOVES), cases=_same("NEW", *CASE_STATES),
    )  # fmt: skip


def _same(*words: str) -> str:
    return "{ " + ", ".join(f"{word}: {word}" for word in dict.fromkeys(words)) + " }"


_SYSTEMS_FILE = """
version: 1
systems:
  erp:
    role: erp
    kind: rest
    url: {url}
    limits: {{ timeout: 4s, in_flight: 8, batch: 200 }}
    events:
      id: id
      at: {{ path: at, zone: offset }}
      kind: kind
      of:
        order.changed: {{ entity: order, record: body }}
        order.hint: {{ entity: order, key: key }}
        return.hint: {{ entity: return, key: key }}
      ignore: [heartbeat]
    entities:
      customer:
        by_key: {{ get: "/erp/customers?id={{keys|csv}}", each: items }}
        key: id
        fields:
          number: id
          name: name
          business_unit: unit
          updated_at: {{ path: changed, zone: offset }}
        fresh_for: {fresh}
        stale_for: 1h
      order:
        by_key: {{ get: "/erp/orders?id={{keys|csv}}", each: items }}
        by_customer: {{ get: "/erp/orders?customer={{keys|csv}}", each: items }}
        key: id
        fields:
          number: id
          customer: customer
          business_unit: unit
          status: {{ path: status, values: {orders} }}
          placed_at: {{ path: began, zone: offset }}
          updated_at: {{ path: changed, zone: offset }}
        fresh_for: {fresh}
        stale_for: 1h
      return:{changes}
        by_key: {{ get: "/erp/returns?id={{keys|csv}}", each: items }}
        by_order: {{ get: "/erp/returns?order={{keys|csv}}", each: items }}
        key: id
        fields:
          number: id
          order: order
          customer: customer
          status: {{ path: status, values: {returns} }}
          requested_at: {{ path: began, zone: offset }}
          updated_at: {{ path: changed, zone: offset }}
        fresh_for: {fresh}
        stale_for: 1h
  wms:
    role: wms
    kind: rest
    url: {url}
    limits: {{ timeout: 4s, in_flight: 8, batch: 200 }}
    events:
      id: id
      at: {{ path: at, zone: offset }}
      kind: kind
      of:
        shipment.changed: {{ entity: shipment, record: body }}
        shipment.hint: {{ entity: shipment, key: key }}
        milestone.changed: {{ entity: milestone, record: body }}
        milestone.hint: {{ entity: milestone, key: key }}
    entities:
      shipment:
        by_key: {{ get: "/wms/shipments?id={{keys|csv}}", each: items }}
        by_order: {{ get: "/wms/shipments?order={{keys|csv}}", each: items }}
        key: id
        fields:
          number: id
          order: order
          status: {{ path: status, values: {moves} }}
          created_at: {{ path: began, zone: offset }}
          updated_at: {{ path: changed, zone: offset }}
        fresh_for: {fresh}
        stale_for: 1h
      milestone:
        by_key: {{ get: "/wms/scans?id={{keys|csv}}", each: items }}
        by_shipment: {{ get: "/wms/scans?shipment={{keys|csv}}", each: items }}
        key: id
        fields:
          shipment: shipment
          code: {{ path: code, values: {moves} }}
          occurred_at: {{ path: changed, zone: offset }}
        fresh_for: {fresh}
        stale_for: 1h
  crm:
    role: crm
    kind: rest
    url: {url}
    limits: {{ timeout: 4s, in_flight: 8, batch: 200 }}
    events:
      id: id
      at: {{ path: at, zone: offset }}
      kind: kind
      signature: {{ header: {header}, secret: "${{{secret}}}", prefix: "sha256=" }}
      of:
        case.changed: {{ entity: case, record: body }}
        case.hint: {{ entity: case, key: key }}
    entities:
      case:
        by_key: {{ get: "/crm/cases?id={{keys|csv}}", each: items }}
        by_order: {{ get: "/crm/cases?order={{keys|csv}}", each: items }}
        key: id
        fields:
          number: id
          order: {{ path: order, to: erp.order }}
          customer: {{ path: customer, to: erp.customer }}
          status: {{ path: status, values: {cases} }}
          queue: queue
          assignee: owner
          opened_at: {{ path: began, zone: offset }}
          updated_at: {{ path: changed, zone: offset }}
          messages:
            each: messages
            entity: message
            key: id
            fields:
              number: id
              visibility: {{ path: audience, values: {{ CUSTOMER: CUSTOMER, INTERNAL: INTERNAL }} }}
              body: body
              sent_at: {{ path: at, zone: offset }}
        fresh_for: {fresh}
        stale_for: 1h
"""
