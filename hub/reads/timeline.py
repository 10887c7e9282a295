"""The unified timeline of orders: read from every system at once, merged with what was recorded.

A read writes nothing. The cost is one call a relation and system, whatever the number of orders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Protocol

from hub.model.correlation import correlation_id_of
from hub.model.errors import OpsHubError, StoreUnavailable
from hub.model.order import Order
from hub.model.record import Record
from hub.model.shipment import Shipment
from hub.model.timeline import TimelineCategory, TimelineEntry
from hub.model.timeline_rules import entries_of
from hub.model.timeline_scans import entries_of_scans
from hub.model.values import Ref
from hub.reads import relations as r
from hub.reads.answers import Recorded
from hub.reads.sections import Section
from hub.reads.timeline_merge import merged
from hub.reads.timeline_page import page_of
from hub.reads.timeline_query import TimelinePage, TimelineQuery
from hub.security.masks import is_name_told, is_readable
from hub.security.scope import Scope

_C = TimelineCategory

OF_AN_ORDER = (
    (r.LINES_BY_ORDER, _C.WAREHOUSE), (r.SHIPMENTS_BY_ORDER, _C.SHIPMENT),
    (r.INVOICES_BY_ORDER, _C.FINANCE), (r.CREDIT_MEMOS_BY_ORDER, _C.FINANCE),
    (r.RETURNS_BY_ORDER, _C.RETURN), (r.CASES_BY_ORDER, _C.CASE),
)  # fmt: skip
"""What is read of an order, and the category of the entries it can give."""

OF_THOSE = {
    "return": (
        (r.RECEIPTS_BY_RETURN, _C.RETURN), (r.INSPECTIONS_BY_RETURN, _C.RETURN),
        (r.DISPOSITIONS_BY_RETURN, _C.RETURN), (r.CREDIT_MEMOS_BY_RETURN, _C.FINANCE),
        (r.SHIPMENTS_BY_RETURN, _C.SHIPMENT),
    ),
    "case": ((r.MESSAGES_BY_CASE, _C.CASE),),
}  # fmt: skip
"""What is read of the records found by it."""

Read = Callable[[Sequence[Record]], Awaitable[list[Section]]]


class ReadsRelations(Protocol):
    """The part of a request's reads that a timeline is made from."""

    async def related(self, relation: r.Relation, parents: Sequence[Record]) -> list[Section]: ...

    async def milestones(self, shipments: Sequence[Record]) -> list[Section]: ...


@dataclass(slots=True)
class _Tale:
    """What is known of one order: its records, the scans of its shipments, who failed."""

    order: Order
    records: dict[Ref, Record] = field(default_factory=dict)
    scans: dict[Ref, tuple[Record, ...]] = field(default_factory=dict)
    failures: dict[tuple[str | None, str], OpsHubError] = field(default_factory=dict)

    def of_noun(self, noun: str) -> list[Record]:
        return [record for ref, record in self.records.items() if ref.noun == noun]

    def fails(self, failures: Sequence[OpsHubError]) -> None:
        self.failures.update(((error.system, error.code), error) for error in failures)


class Telling:
    """The timelines of one request."""

    def __init__(
        self, reads: ReadsRelations, recorded: Recorded, *, scope: Scope, now: datetime
    ) -> None:
        self._reads = reads
        self._recorded = recorded
        self._scope = scope
        self._now = now

    async def pages(self, orders: Sequence[Record], query: TimelineQuery) -> list[TimelinePage]:
        """One page per order, aligned."""
        tales = [_Tale(order) for order in orders if isinstance(order, Order)]
        page_of((), query)  # what cannot be meant is refused before anything is read
        _, recorded = await asyncio.gather(self._read(tales, query), self._told(tales))
        return [self._page(tale, told, query) for tale, told in zip(tales, recorded, strict=True)]

    async def _read(self, tales: Sequence[_Tale], query: TimelineQuery) -> None:
        """Fill the tales: first what names the order, then what names that."""
        orders = [[tale.order] for tale in tales]
        await asyncio.gather(
            *(
                self._add(tales, orders, partial(self._reads.related, relation))
                for relation, category in OF_AN_ORDER
                if _is_wanted(relation, category, query)
            )
        )
        await asyncio.gather(
            self._add_scans(tales, query),
            *(
                self._add(tales, [tale.of_noun(noun) for tale in tales],
                          partial(self._reads.related, relation))
                for noun, further in OF_THOSE.items()
                for relation, category in further
                if _is_wanted(relation, category, query)
            ),
        )  # fmt: skip
        await self._add_scans(tales, query)  # of the shipments that returns brought

    async def _add(
        self, tales: Sequence[_Tale], parents: Sequence[Sequence[Record]], read: Read
    ) -> None:
        for tale, _, section in await _spread(tales, parents, read):
            tale.fails(section.failures)
            for record in section.records:
                tale.records.setdefault(record.ref, record)

    async def _add_scans(self, tales: Sequence[_Tale], query: TimelineQuery) -> None:
        if query.categories is not None and _C.SHIPMENT not in query.categories:
            return
        untold = [
            [one for one in tale.of_noun("shipment") if one.ref not in tale.scans] for tale in tales
        ]
        for tale, shipment, section in await _spread(tales, untold, self._reads.milestones):
            tale.fails(section.failures)
            tale.scans[shipment.ref] = section.records

    async def _told(self, tales: Sequence[_Tale]) -> list[list[TimelineEntry]]:
        try:
            return await self._recorded.entries_by_order([tale.order.ref for tale in tales])
        except StoreUnavailable as error:
            for tale in tales:
                tale.fails((error,))
            return [[] for _ in tales]

    def _page(
        self, tale: _Tale, recorded: Sequence[TimelineEntry], query: TimelineQuery
    ) -> TimelinePage:
        entries = merged(_fetched(tale), recorded)
        correlation_id = correlation_id_of(tale.order)
        shown = [
            self._for_reader(_correlated(entry, correlation_id))
            for entry in entries
            if is_readable(entry.visibility, self._scope)
        ]
        failures = [tale.failures[each] for each in sorted(tale.failures, key=_hub_last)]
        return page_of(shown, query, failures=failures)

    def _for_reader(self, entry: TimelineEntry) -> TimelineEntry:
        """Names of our people stay in the house."""
        if not self._scope.is_external:
            return entry
        under = tuple(
            self._for_reader(scan)
            for scan in entry.collapsed
            if is_readable(scan.visibility, self._scope)
        )
        actor = entry.actor if is_name_told(entry.actor_type, self._scope) else None
        return replace(entry, actor=actor, collapsed=under)


async def _spread(
    tales: Sequence[_Tale], parents: Sequence[Sequence[Record]], read: Read
) -> list[tuple[_Tale, Record, Section]]:
    """Read all orders' parents at once, then give each its own section back."""
    flat = [(tale, one) for tale, some in zip(tales, parents, strict=True) for one in some]
    if not flat:
        return []
    sections = await read([one for _, one in flat])
    return [(tale, one, section) for (tale, one), section in zip(flat, sections, strict=True)]


def _hub_last(failed: tuple[str | None, str]) -> tuple[bool, str, str]:
    system, code = failed
    return system is None, system or "", code


def _is_wanted(relation: r.Relation, category: TimelineCategory, query: TimelineQuery) -> bool:
    """Whether a relation can give, itself or by its children, an entry that passes the filter."""
    if query.categories is None or category in query.categories:
        return True
    further = OF_THOSE.get(relation.noun, ())
    return any(below in query.categories for _, below in further)


def _correlated(entry: TimelineEntry, correlation_id: str) -> TimelineEntry:
    """A fact that was recorded without a correlation id has its order's."""
    return entry if entry.correlation_id else replace(entry, correlation_id=correlation_id)


def _fetched(tale: _Tale) -> list[TimelineEntry]:
    """Scans first: of one fact the carrier's word counts before the warehouse's."""
    entries: list[TimelineEntry] = []
    for shipment in tale.of_noun("shipment"):
        assert isinstance(shipment, Shipment)  # refs of a noun hold its records
        entries += entries_of_scans(tale.order, shipment, tale.scans.get(shipment.ref, ()))
    for record in (tale.order, *tale.records.values()):
        entries += entries_of(tale.order, record)
    return entries
