"""What events ask of the sources: a record as it is now, and what it belongs to.

For the hub itself, so without a scope: nothing of it reaches a person. Whoever is told of an event
later is checked then. It goes in the lane of the patient callers, so that a flood of events takes
nothing from people at their desks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from hub.events.told import Place
from hub.model.customer import Customer
from hub.model.errors import NotServed, OpsHubError, RecordUnknown, SourceTimeout
from hub.model.order import Order
from hub.model.record import Record
from hub.model.shipment import Milestone, Shipment
from hub.model.values import Ref
from hub.reads.asking import Asking
from hub.reads.batcher import Lane
from hub.reads.lanes import Answer
from hub.reads.memory import Asked
from hub.reads.reads import ReadHub
from hub.reads.relations import can_answer
from hub.reads.tracking import is_scan_of
from hub.security.principal import CallerClass

READ_WAIT_S = 15.0  # for one batch of records; then they are tried again
HOPS_MAX = 6  # references; the longest walk is milestone, shipment, return, order

_CALLER = CallerClass.ANALYST

TO_THE_ORDER: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "order_line": ("order",),
        "shipment": ("order", "rma"),
        "shipment_line": ("shipment",),
        "milestone": ("shipment",),
        "invoice": ("order",),
        "invoice_line": ("invoice",),
        "credit_memo": ("order", "invoice", "rma"),
        "return": ("order",),
        "return_line": ("rma",),
        "receipt": ("rma",),
        "inspection": ("rma",),
        "disposition": ("rma",),
        "case": ("order", "rma"),
        "message": ("case",),
    }
)
"""The fields that lead to a record's order, the first one present is followed."""


class Around:
    """Fresh records and their places, over the hub of reads that is in force."""

    def __init__(self, hub: Callable[[], ReadHub]) -> None:
        self._hub = hub

    async def read(self, refs: Sequence[Ref]) -> Sequence[Record | OpsHubError | None]:
        """The records as their systems have them now, aligned; what was held of them is dropped."""
        hub, nobody = self._hub(), _Nobody()
        asked: dict[Ref, asyncio.Future[Answer]] = {}
        for ref in dict.fromkeys(refs):
            if hub.lanes.terms(ref.system, ref.noun) is not None:
                hub.memory.generations.bump(ref)  # joins no read that began before
                asked[ref] = hub.lanes.ask(ref, _CALLER, nobody)
        if asked:
            await asyncio.wait(set(asked.values()), timeout=READ_WAIT_S)
        return [_answer_of(ref, asked.get(ref)) for ref in refs]

    async def place(self, records: Sequence[Record]) -> Sequence[Place | OpsHubError]:
        """What each record belongs to, aligned; one call a relation and system for all of them."""
        hub = self._hub()
        asking = Asking(hub.lanes, memory=hub.memory, clock=hub.clock, caller=_CALLER)
        walks = [_Walk(at=record) for record in records]
        for _ in range(HOPS_MAX):
            for walk in walks:
                walk.look_around()
            await _by_tracking(hub, asking, walks)
            await _onward(hub, asking, walks)
        await _customers(hub, asking, walks)
        return [walk.failure or walk.place for walk in walks]


class _Nobody:
    """The hub itself asks: no request counts the call."""

    def served_by(self, lane: Lane, keys: int, requests: int) -> None:
        return None


@dataclass(slots=True, eq=False)
class _Walk:
    """One record's way: `at` is where it stands, None at its end; `customer` who was met first."""

    at: Record | None
    place: Place = field(default_factory=Place)
    customer: Ref | None = None
    failure: OpsHubError | None = None

    def look_around(self) -> None:
        """Note what the record it stands at is."""
        if self.at is None:
            return
        if self.customer is None:
            self.customer = _customer_of(self.at)
        if isinstance(self.at, Order):
            self.place = replace(self.place, order=self.at)
            self.at = None
        elif isinstance(self.at, Shipment) and self.place.shipment is None:
            self.place = replace(self.place, shipment=self.at)

    def next(self) -> Ref | None:
        if self.at is None:
            return None
        names = TO_THE_ORDER.get(self.at.ref.noun, ())
        return next((ref for name in names if (ref := getattr(self.at, name)) is not None), None)

    def fails(self, failure: OpsHubError) -> None:
        self.failure, self.at = failure, None


async def _onward(hub: ReadHub, asking: Asking, walks: Sequence[_Walk]) -> None:
    """Each walk one hop further, all in one gathering."""
    hops = [(walk, ref) for walk in walks if (ref := walk.next()) is not None]
    for walk in walks:
        if walk.next() is None:
            walk.at = None
    answers = await asking.answers([ref for _, ref in hops]) if hops else []
    for (walk, ref), answer in zip(hops, answers, strict=True):
        if isinstance(answer.value, Record):
            walk.at = answer.value
        elif isinstance(answer.value, OpsHubError):
            walk.fails(answer.value)
        elif hub.lanes.terms(ref.system, ref.noun) is not None:
            walk.fails(RecordUnknown(ref.system, ref.noun, ref.key))
        else:
            walk.at = None  # of a system that is not connected: nobody can say more


async def _by_tracking(hub: ReadHub, asking: Asking, walks: Sequence[_Walk]) -> None:
    """Scans that name no shipment go to the one their tracking number and day belong to."""
    asked: list[tuple[_Walk, Milestone, list[Asked]]] = []
    for walk in walks:
        scan = walk.at
        if isinstance(scan, Milestone) and scan.shipment is None and scan.tracking_number:
            asked.append((walk, scan, _shipments_with(hub, scan.tracking_number)))
    if not asked:
        return
    answers = iter(await asking.answers([each for _, _, some in asked for each in some]))
    for walk, scan, some in asked:
        rows = [row for _ in some for row in _rows(next(answers).value)]
        found = [row for row in rows if isinstance(row, Shipment) and is_scan_of(scan, row)]
        failed = next((row for row in rows if isinstance(row, OpsHubError)), None)
        if found:
            walk.at = min(found, key=lambda each: _days_apart(scan, each))
            walk.look_around()
        else:
            missing = RecordUnknown(scan.ref.system, "shipment of scan", scan.ref.key)
            walk.fails(failed or missing)


async def _customers(hub: ReadHub, asking: Asking, walks: Sequence[_Walk]) -> None:
    """Read whoever was met, once each. One that cannot be read fails only where nobody else tells
    the business unit; one that is not there is no obstacle."""
    met = [(walk, walk.customer) for walk in walks if walk.customer and not walk.failure]
    told = await _told(asking, [ref for _, ref in met])
    untold = {ref for ref, one in told.items() if _unit_of(one) is None}
    same = {ref: [one for one in hub.references.same_as(ref) if one != ref] for ref in untold}
    others = await _told(asking, [one for refs in same.values() for one in refs])
    for walk, ref in met:
        one = told[ref]
        if isinstance(one, Customer):
            known = [others[each] for each in same.get(ref, ())]
            walk.place = replace(walk.place, customer=_with_unit(one, known))
        elif isinstance(one, OpsHubError) and _unit_of(walk.place.order) is None:
            walk.fails(one)


async def _told(asking: Asking, refs: Iterable[Ref]) -> dict[Ref, object]:
    """The record of each, why it cannot be read, or None."""
    wanted = list(dict.fromkeys(refs))
    if not wanted:
        return {}
    answers = await asking.answers(wanted)
    return {ref: answer.value for ref, answer in zip(wanted, answers, strict=True)}


def _shipments_with(hub: ReadHub, number: str) -> list[Asked]:
    return [
        Asked(name, "shipment", "tracking_number", number)
        for name, source in hub.sources.items()
        if (terms := source.nouns.get("shipment")) is not None
        if can_answer(terms, "tracking_number", None)
    ]


def _with_unit(customer: Customer, same: Iterable[object]) -> Customer:
    """A customer of a system without units has that of its other records, where they agree."""
    units = {unit for one in same if (unit := _unit_of(one)) is not None}
    return replace(customer, business_unit=units.pop()) if len(units) == 1 else customer


def _customer_of(record: Record) -> Ref | None:
    if isinstance(record, Customer):
        return record.ref
    customer: Ref | None = getattr(record, "customer", None)
    return customer


def _unit_of(record: object) -> str | None:
    return record.business_unit if isinstance(record, Order | Customer) else None


def _days_apart(scan: Milestone, shipment: Shipment) -> tuple[float, Ref]:
    shipped_at = shipment.shipped_at or shipment.created_at
    assert shipped_at is not None  # a shipment without a day matches no scan
    assert scan.occurred_at is not None
    return abs((scan.occurred_at - shipped_at).total_seconds()), shipment.ref


def _rows(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _answer_of(ref: Ref, asked: asyncio.Future[Answer] | None) -> Record | OpsHubError | None:
    if asked is None:
        return NotServed(ref.noun)
    if not asked.done() or asked.cancelled():
        return SourceTimeout(ref.system, f"{ref.noun} was not read within {READ_WAIT_S:g} s")
    value = asked.result().value
    assert not isinstance(value, tuple)  # a record was asked for, no relation
    return value
