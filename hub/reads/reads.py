"""The reads of one request, and the hub of sources, caches and batchers behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from hub.model.errors import OpsHubError
from hub.model.record import Record
from hub.model.values import Provenance, Ref
from hub.reads.answers import (
    Availability,
    Clock,
    Found,
    PriceAnswer,
    Recorded,
    References,
    SearchResult,
    SystemState,
    UpstreamCall,
)
from hub.reads.port import RecordSource
from hub.reads.relations import Relation
from hub.reads.sections import Section, SectionState
from hub.reads.timeline_query import TimelinePage, TimelineQuery

if TYPE_CHECKING:
    from hub.security.principal import CallerClass
    from hub.security.scope import Scope


class ReadHub:
    """One per process: what all requests share."""

    sources: Mapping[str, RecordSource]

    def __init__(
        self,
        sources: Sequence[RecordSource],
        *,
        references: References,
        recorded: Recorded,
        clock: Clock,
    ) -> None: ...

    def open(self, scope: Scope, *, caller: CallerClass) -> Reads:
        """The reads of one request; there is no other way to read."""
        raise NotImplementedError

    def invalidate(self, ref: Ref, *, record: Record | None = None) -> None: ...

    async def close(self) -> None: ...


class Reads:
    """Everything one request may ask. A key is asked for once; records outside the scope are None.

    `calls` are the upstream calls this request caused or joined.
    """

    calls: list[UpstreamCall]

    async def record_by_ref(
        self,
        refs: Sequence[Ref | None],
        *,
        section: str | None = None,
        parents: Sequence[Record] | None = None,
    ) -> list[Record | None | OpsHubError]:
        raise NotImplementedError

    async def records_by_number(self, noun: str, number: str) -> Found:
        raise NotImplementedError

    async def one_by_number(self, noun: str, number: str) -> Record | None:
        raise NotImplementedError

    async def related(self, relation: Relation, parents: Sequence[Record]) -> list[Section]:
        raise NotImplementedError

    async def milestones(self, shipments: Sequence[Record]) -> list[Section]:
        """By shipment and by tracking number, joined; recycled numbers do not merge."""
        raise NotImplementedError

    async def timeline_by_order(
        self, orders: Sequence[Record], query: TimelineQuery
    ) -> list[TimelinePage]:
        raise NotImplementedError

    async def availability(
        self, skus: Sequence[str], locations: Sequence[str] | None
    ) -> list[Availability]:
        """Flat: by SKU as asked, then location, then a row for each system that failed."""
        raise NotImplementedError

    async def price(self, customer: Ref, sku: str, quantity: Decimal) -> PriceAnswer | None:
        raise NotImplementedError

    async def search(self, text: str, limit: int) -> SearchResult:
        raise NotImplementedError

    def sections_of(self, record: Record) -> list[SectionState]:
        raise NotImplementedError

    def provenance(self, record: Record) -> Provenance:
        raise NotImplementedError

    def systems(self) -> list[SystemState]:
        raise NotImplementedError

    def same_as(self, record: Record) -> tuple[Ref, ...]:
        raise NotImplementedError
