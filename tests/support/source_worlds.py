"""The same facts in every kind of system: tables of two databases, collections over HTTP."""

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg

from hub.config.systems import load_systems
from sources.registry import KINDS, CountingSource
from tests.support.rest_system import RestSystem, running_rest

Rows = Sequence[Mapping[str, Any]]

ORDERS: Rows = [
    {"orno": 4711, "orcu": "K1", "orst": "10", "ordt": 20240131, "ortm": 93000,
     "orvl": Decimal("1234.5600"), "orcr": "EUR", "orpo": "PO%1"},
    {"orno": 4712, "orcu": "K2", "orst": "12", "ordt": 20240701, "ortm": 1,
     "orvl": Decimal("0.10"), "orcr": "JPY", "orpo": None},
    {"orno": 4713, "orcu": "K1", "orst": "77", "ordt": 20240702, "ortm": 120000,
     "orvl": Decimal("9007199254740993.25"), "orcr": "EUR", "orpo": "po_2"},
    {"orno": 4714, "orcu": "K3", "orst": "90", "ordt": 20241399, "ortm": 1,
     "orvl": Decimal("3.00"), "orcr": "EUR", "orpo": "PO12"},
    {"orno": 4715, "orcu": "K3", "orst": "90", "ordt": 20240703, "ortm": 1,
     "orvl": Decimal("-7.25"), "orcr": "EUR", "orpo": "x,y/z"},
]  # fmt: skip
LINES: Rows = [
    {"id": f"{order}/{line}", "orno": order, "lnno": line, "sku": sku, "qord": quantity,
     "uprc": Decimal("99.95"), "cur": "EUR"}
    for order, line, sku, quantity in (
        (4711, 10, "A-1", Decimal("1.5")), (4711, 20, "B", Decimal("2")),
        (4711, 30, "A-1", Decimal("0.125")), (4712, 10, "A-1", Decimal("7")),
    )
]  # fmt: skip
SHIPMENTS: Rows = [
    {"id": "S1", "host": "SO-0000004711", "co": "01", "state": "OUT"},
    {"id": "S2", "host": "SO-0000004711", "co": "02", "state": "OUT"},
    {"id": "S3", "host": "SO-0000004712", "co": "01", "state": "NEW"},
    {"id": "a,b/c", "host": "SO-0000004799", "co": "01", "state": "???"},
]
MEMOS: Rows = [
    {"ivno": "C1", "orno": 4711, "ivam": Decimal("-12.34"), "ivcr": "EUR"},
    {"ivno": "C2", "orno": 4711, "ivam": Decimal("-0.01"), "ivcr": "EUR"},
]
TABLES: Mapping[str, Rows] = {
    "ordhdr": ORDERS, "ordlin": LINES, "shp": SHIPMENTS, "memo": MEMOS,
}  # fmt: skip

_TYPES = {int: "integer", Decimal: "numeric(30,4)", str: "text", type(None): "text"}
_INDEXES = {"ordhdr": "orno", "ordlin": "orno, lnno", "shp": "id", "memo": "ivno"}

SYSTEMS = """
version: 1
systems:
  main:
    role: erp
    kind: {kind}
    url: {url}
    limits: {{ timeout: {timeout}, in_flight: {in_flight}, batch: {batch} }}
    entities:
      order:
        {order}
        key: orno
        fields:
          number: orno
          customer: {{ column: orcu, to: main.customer }}
          status: {{ column: orst, values: {{ "10": OPEN, "12": OPEN, "60": IN_FULFILLMENT,
                    "90": COMPLETED }} }}
          placed_at: {{ columns: [ordt, ortm], read: "%Y%m%d %H%M%S", zone: Europe/Berlin }}
          total: {{ column: orvl, currency: orcr }}
          po_number: {{ column: orpo, optional: true }}
      customer:
        {customer}
        key: orcu
        fields: {{ number: orcu }}
      order_line:
        {line}
        parent: order
        key: [orno, lnno]
        fields:
          order: {{ column: orno, to: main.order }}
          line_number: lnno
          sku: sku
          ordered: {{ column: qord, unit: EA }}
          unit_price: {{ column: uprc, currency: cur }}
      shipment:
        {shipment}
        key: id
        fields:
          number: id
          order: {{ column: host, write: "SO-{{:0>10}}",
                   to: {{ column: co, values: {{ "01": main, "02": other }} }} }}
          status: {{ column: state, values: {{ NEW: UNKNOWN, OUT: IN_TRANSIT }},
                    otherwise: EXCEPTION }}
      credit_memo:
        {memo}
        key: ivno
        fields:
          number: ivno
          order: {{ column: orno, to: main.order }}
          total: {{ column: ivam, currency: ivcr, negate: true }}
      {slow}
  other:
    role: erp
    kind: sql
    url: sqlite:///nowhere.db
    entities:
      order: {{ from: o, key: id, fields: {{ number: id }} }}
"""
_PAGING = {
    "link": ("", ", next: next"),
    "page": ("&page={page}", ", page: 1, size: 2"),
    "cursor": ("&cursor={cursor}", ", cursor: next"),
}
_LISTED = "orst={status.in}&orcu={customer.in}&orpo.contains={po_number.contains}&sort={sort}"
_SORTS = "{ placed_at: ordt, -placed_at: -ordt }"


@dataclass
class World:
    """One kind of system holding the facts. `open` gives a new source of it, not yet started."""

    name: str
    kind: str
    url: str
    folder: Path
    rest: RestSystem | None = None

    @property
    def is_rest(self) -> bool:
        return self.kind == "rest"

    def open(
        self, *, url: str | None = None, batch: int = 100, timeout: str = "2s", in_flight: int = 4
    ) -> CountingSource:
        text = SYSTEMS.format(
            kind=self.kind, url=url or self.url, batch=batch, timeout=timeout,
            in_flight=in_flight, **self._requests(),
        )  # fmt: skip
        path = self.folder / f"{self.name}.yaml"
        path.write_text(text)
        file = load_systems(path, environ={})
        spec = file.systems["main"]
        return KINDS[spec.kind](spec, file)

    def _requests(self) -> dict[str, str]:
        if not self.is_rest:
            slow = _SLOW[self.name]
            return {
                "order": "from: ordhdr", "line": "from: ordlin", "shipment": "from: shp",
                "customer": 'from: "SELECT DISTINCT orcu FROM ordhdr"', "memo": "from: memo",
                "slow": f'case: {{ from: "{slow}", key: id, fields: {{ number: id }} }}',
            }  # fmt: skip
        return {
            "order": self._ask("key", "orders", "orno") + self._list(),
            "line": self._ask("key", "lines", "id") + self._ask("order", "lines", "orno")
            + self._ask("sku", "lines", "sku"),
            "shipment": self._ask("key", "shipments", "id")
            + self._ask("order", "shipments", "host")
            + self._ask("status", "shipments", "state"),
            "memo": self._ask("key", "memos", "ivno") + self._ask("order", "memos", "orno"),
            "customer": self._ask("key", "customers", "orcu"),
            "slow": "case:\n        key: id\n        fields: { number: id }"
            + self._ask("key", "customers", "orcu"),
        }  # fmt: skip

    def _ask(self, field: str, collection: str, column: str) -> str:
        style = self.name.removeprefix("rest-")
        extra, paging = _PAGING[style]
        get = f"/{style}/{collection}?{column}={{keys|csv}}{extra}"
        return f'\n        by_{field}: {{ get: "{get}", each: items{paging} }}'

    def _list(self) -> str:
        style = self.name.removeprefix("rest-")
        extra, paging = _PAGING[style]
        get = f"/{style}/orders?{_LISTED}{extra}"
        return f'\n        list: {{ get: "{get}", each: items{paging}, sort: {_SORTS} }}'


_SLOW = {
    "sqlite": "WITH RECURSIVE c(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM c WHERE id < 1e12) "
    "SELECT max(id) AS id FROM c",
    "postgresql": "SELECT 1 AS id FROM pg_sleep(30)",
}


def fill_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement, rows in _statements(types={**_TYPES, Decimal: "text"}, place="?"):
            if rows is None:
                connection.execute(statement)
            else:
                connection.executemany(statement, [tuple(map(_sqlite_value, row)) for row in rows])
        connection.commit()


def _sqlite_value(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


async def fill_postgres(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement, rows in _statements(types=_TYPES, place="$"):
            if rows is None:
                await connection.execute(statement)
            else:
                await connection.executemany(statement, rows)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


def _statements(
    *, types: Mapping[type, str], place: str
) -> list[tuple[str, list[tuple[Any, ...]] | None]]:
    found: list[tuple[str, list[tuple[Any, ...]] | None]] = []
    for table, rows in TABLES.items():
        columns = ", ".join(f"{name} {types[type(value)]}" for name, value in rows[0].items())
        found.append((f"CREATE TABLE {table} ({columns}, PRIMARY KEY ({_INDEXES[table]}))", None))
        count = len(rows[0])
        places = ", ".join("?" if place == "?" else f"${n + 1}" for n in range(count))
        found.append(
            (f"INSERT INTO {table} VALUES ({places})", [tuple(row.values()) for row in rows])
        )
    return found


COLLECTIONS: Mapping[str, Rows] = {
    "orders": ORDERS, "lines": LINES, "shipments": SHIPMENTS, "memos": MEMOS,
    "customers": [{"orcu": name} for name in ("K1", "K2", "K3")],
}  # fmt: skip


@asynccontextmanager
async def rest_world(style: str, folder: Path) -> AsyncIterator[World]:
    async with running_rest(RestSystem(COLLECTIONS)) as system:
        yield World(f"rest-{style}", "rest", system.url, folder, system)
