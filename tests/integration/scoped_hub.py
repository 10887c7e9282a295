"""A hub over the demo systems that is asked by many principals, and what belongs to whom there."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from hub.app import Hub, open_hub
from hub.config.settings import Settings
from hub.config.systems import load_systems
from hub.demo import supervisor
from hub.demo.supervisor import DemoSystems
from hub.model.catalog import NOUNS
from hub.model.ids import decode_id, encode_id
from hub.model.values import Ref
from hub.observe.correlation import correlated
from hub.reads.reads import ReadHub
from hub.security.principal import Principal, Role
from hub.security.tokens import TokenRules
from resolvers.context import Context
from resolvers.errors import wire_errors

RETURNS_EU = [f"R{number}" for number in range(200001, 200091)]
RETURNS_US = [f"RA-{number}" for number in range(5001, 5064)]
PRICES = {
    "erp-eu": "SELECT prno, cuno, itno FROM pricel WHERE cuno IS NOT NULL",
    "erp-us": "SELECT id, customer, sku FROM prices WHERE customer IS NOT NULL",
}
NOUNS_OWNED = frozenset(noun for noun in NOUNS if noun not in ("item", "inventory_position"))
BELOW = {
    "shipment": (("shipment_line", "lines"), ("milestone", "milestones")),
    "invoice": (("invoice_line", "lines"),),
}
LEARNING_MAX_S = 20
CORRELATION = "the-same-for-all"

Answer = dict[str, Any]

BELONGINGS = """
query Belongings($ids: [ID!]!) { nodes(ids: $ids) { id ... on Rma {
  number
  customer { id number }
  order { id number poNumber correlationId lines { id }
    shipments { id number carrier trackingNumber lines { id } milestones { id } }
    invoices { id number lines { id } } }
  lines { id } receipts { id } inspections { id } dispositions { id }
  creditMemos { id number }
  cases { id number messages { id visibility } }
} } }
"""


class Priced(NamedTuple):
    """Ids of a price row and of the customer it was agreed with, and what it is the price of."""

    row: str
    customer: str
    sku: str


@dataclass(frozen=True, slots=True)
class Belongings:
    """One record of each noun, all of one customer: ids by noun, and the numbers people use.

    The price may be another customer's of the same ERP, where this one has none agreed. `note` is
    an internal message of the case. `priced` is whose price it is.
    """

    customer: str
    ids: Mapping[str, str]
    numbers: Mapping[str, str]
    note: str
    priced: Priced

    def ref(self, noun: str) -> Ref:
        return decode_id(self.ids[noun])

    def can_be_asked_for(self, noun: str, hub: Hub) -> bool:
        """Whether its system knows the record by a key: parts nested in others are read there."""
        return noun in hub.connected.reads.sources[self.ref(noun).system].nouns


def principal(
    role: Role, *, customer: str | None = None, unit: str | None = None, also: Role | None = None
) -> Principal:
    """A caller in a role, of one customer (`system:number`) or of one business unit."""
    system, _, number = (customer or "").partition(":")
    return Principal(
        subject=customer or unit or role.value,
        roles=frozenset({role} | ({also} if also else set())),
        customers=frozenset({(system, number)} if customer else ()),
        business_units=frozenset({unit}) if unit else None,
        token_id=None,
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )


HOUSE = principal(Role.AGENT)
EU_UNIT, US_UNIT = "EU1", "02"


@dataclass
class ScopedHub:
    """`eu`, `eu_other` and `us` are three customers with a record of every noun each."""

    hub: Hub
    demo: DemoSystems
    eu: Belongings
    eu_other: Belongings
    us: Belongings

    def cold(self) -> ScopedHub:
        """The same over the same systems, with nothing read yet."""
        hub = copy.copy(self.hub)
        hub.connected = copy.copy(hub.connected)
        hub.connected.reads = cold_reads(self.hub)
        return replace(self, hub=hub)

    def context(self, who: Principal) -> Context:
        return self.hub.open_context(who, CORRELATION)

    async def ask(self, who: Principal, document: str, **variables: Any) -> Answer:
        """`data` and `errors` as on the wire."""
        with correlated():
            context = self.context(who)
            result = await self.hub.engine.execute(document, variables=variables, context=context)
        errors = wire_errors(result.errors or [], CORRELATION)[0]
        return {"data": result.data, "errors": errors}


def cold_reads(hub: Hub) -> ReadHub:
    old = hub.connected.reads
    return ReadHub(
        hub.connected.sources, references=old.references, recorded=old.recorded, clock=old.clock
    )


def told_apart(answer: Answer, asked: Any) -> bytes:
    """The answer byte by byte, with a placeholder for every text it was asked with."""
    wire = orjson.dumps(answer)
    for text in sorted(texts_in(asked), key=len, reverse=True):
        wire = wire.replace(text.encode(), b"<asked>")
    return wire


def texts_in(asked: Any) -> Iterator[str]:
    if isinstance(asked, str):
        yield asked
    elif isinstance(asked, Mapping):
        yield from (text for one in asked.values() for text in texts_in(one))
    elif isinstance(asked, list):
        yield from (text for one in asked for text in texts_in(one))


def missing_text(text: str) -> str:
    """A text of the same form that nothing has: longer, and every digit is a nine."""
    return re.sub(r"\d", "9", text) + "99"


def missing_id(id_: str) -> str:
    ref = decode_id(id_)
    return encode_id(ref._replace(key=missing_text(ref.key)))


@asynccontextmanager
async def running_scoped_hub(folder: Path) -> AsyncIterator[ScopedHub]:
    demo = await supervisor.start(folder / "demo", pace_s=0, progress=print)
    try:
        systems = load_systems(demo.systems_file, environ=demo.environment)
        hub = await open_hub(Settings(data_dir=folder), systems, TokenRules(keys={}))
        try:
            assert await hub.start() == []
            # nothing runs there at first but the learning of the cross references
            assert hub.connected.learning is not None
            await asyncio.wait_for(asyncio.shield(hub.connected.learning), LEARNING_MAX_S)
            yield await _with_belongings(hub, demo)
        finally:
            await hub.close()
    finally:
        await supervisor.stop(demo)


async def _with_belongings(hub: Hub, demo: DemoSystems) -> ScopedHub:
    nobody = Belongings("", {}, {}, "", Priced("", "", ""))
    scoped = ScopedHub(hub, demo, nobody, nobody, nobody)
    prices = _own_prices(demo)
    eu = await _complete(scoped, [Ref("return", "erp-eu", key) for key in RETURNS_EU], prices)
    us = await _complete(scoped, [Ref("return", "erp-us", key) for key in RETURNS_US], prices)
    other = next(each for each in eu if each.customer != eu[0].customer)
    return replace(scoped, eu=eu[0], eu_other=other, us=us[0])


def _own_prices(demo: DemoSystems) -> dict[str, Priced]:
    """A price row agreed with each customer that has one, by `system:number`."""
    found = {}
    for name, statement in PRICES.items():
        path = next(each.database for each in demo.systems if each.name == name)
        with contextlib.closing(sqlite3.connect(path)) as database:
            for key, number, sku in database.execute(statement):
                customer = encode_id(Ref("customer", name, str(number)))
                row = encode_id(Ref("price", name, str(key)))
                found[f"{name}:{number}"] = Priced(row, customer, sku)
    return found


async def _complete(
    scoped: ScopedHub, returns: list[Ref], prices: Mapping[str, Priced]
) -> list[Belongings]:
    """What belongs with each return, where there is something of every noun."""
    answer = await scoped.ask(HOUSE, BELONGINGS, ids=[encode_id(ref) for ref in returns])
    found = [_belongings(rma, prices) for rma in answer["data"]["nodes"] if rma]
    return [each for each in found if each is not None]


def _belongings(rma: Answer, prices: Mapping[str, Priced]) -> Belongings | None:
    customer = decode_id(rma["customer"]["id"])
    owner = f"{customer.system}:{customer.key}"
    rows = dict(_rows(rma))
    messages = rows.get("case", {}).get("messages", [])
    public = [each for each in messages if each["visibility"] == "CUSTOMER"]
    notes = [each for each in messages if each["visibility"] == "INTERNAL"]
    if not (NOUNS_OWNED - {"price", "message"} <= set(rows) and public and notes):
        return None
    ids = {noun: row["id"] for noun, row in rows.items()}
    somebodys = next(one for of, one in prices.items() if of.startswith(customer.system))
    priced = prices.get(owner, somebodys)
    ids |= {"price": priced.row, "message": public[0]["id"]}
    shipment = rows["shipment"]
    numbers = {noun: row["number"] for noun, row in rows.items() if row.get("number")}
    numbers |= {
        "po": rma["order"]["poNumber"],
        "tracking": shipment["trackingNumber"],
        "carrier": shipment["carrier"],
    }
    return Belongings(owner, ids, numbers, notes[0]["id"], priced)


def _rows(rma: Answer) -> Iterator[tuple[str, Answer]]:
    """One row of each noun below a return, the richest where there are several."""
    order = rma["order"] or {}
    yield "return", rma
    yield "customer", rma["customer"]
    yield "order", order
    places = (
        ("order_line", order, "lines"), ("shipment", order, "shipments"),
        ("invoice", order, "invoices"), ("return_line", rma, "lines"),
        ("receipt", rma, "receipts"), ("inspection", rma, "inspections"),
        ("disposition", rma, "dispositions"), ("credit_memo", rma, "creditMemos"),
        ("case", rma, "cases"),
    )  # fmt: skip
    for noun, parent, name in places:
        rows = sorted(parent.get(name) or (), key=lambda row: -len(orjson.dumps(row)))
        if rows:
            yield noun, rows[0]
            for below, child in BELOW.get(noun, ()):
                if rows[0].get(child):
                    # a carrier's scan is a record of its own, a warehouse's is a part of another
                    yield below, max(rows[0][child], key=lambda row: _is_carriers(row["id"]))


def _is_carriers(id_: str) -> bool:
    return decode_id(id_).system == "carrier"
