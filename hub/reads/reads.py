"""The reads of one request, and the hub of sources, caches and batchers behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from hub.model.errors import OpsHubError, SourceInvalid
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
from hub.reads.asking import Asking
from hub.reads.availability import availability_by_sku
from hub.reads.lanes import Answer, Lanes
from hub.reads.memory import RECORDS_MAX, Memory
from hub.reads.numbers import leading, number_field, records_by_field
from hub.reads.owners import Owners
from hub.reads.port import RecordSource
from hub.reads.price import price_for
from hub.reads.related import Relating, row_of
from hub.reads.relations import MILESTONES_BY_SHIPMENT, MILESTONES_BY_TRACKING, Relation
from hub.reads.scans import joined_scans
from hub.reads.search import Searching
from hub.reads.sections import Section, SectionRecorder, SectionState
from hub.reads.timeline import Telling
from hub.reads.timeline_query import TimelinePage, TimelineQuery
from hub.security.principal import CallerClass
from hub.security.scope import Scope


class ReadHub:
    """One per process: what all requests share."""

    def __init__(
        self,
        sources: Sequence[RecordSource],
        *,
        references: References,
        recorded: Recorded,
        clock: Clock,
        records_max: int = RECORDS_MAX,
    ) -> None:
        self.sources: Mapping[str, RecordSource] = MappingProxyType(
            {source.name: source for source in sources}
        )
        self.references = references
        self.recorded = recorded
        self.clock = clock
        self.memory = Memory(records_max=records_max)
        self.lanes = Lanes(self.sources, memory=self.memory, clock=clock)

    def open(self, scope: Scope, *, caller: CallerClass) -> Reads:
        """The reads of one request, which begins now; there is no other way to read."""
        return Reads(self, scope=scope, caller=caller)

    def invalidate(self, ref: Ref, *, record: Record | None = None) -> None:
        """A record changed in its system; `record` is what an event says it is now."""
        if record is None:
            self.memory.bump(ref)
            return
        age_s = max(0.0, (self.clock.now() - record.fetched_at).total_seconds())
        self.memory.learn(record, read_at=self.clock.monotonic() - age_s)

    async def close(self) -> None:
        """Stop the calls in flight."""
        await self.lanes.close()


class Reads:
    """Everything one request may ask. A key is asked for once; what the scope hides is absent.

    `calls` are the upstream calls this request caused or joined, as they landed.
    """

    def __init__(self, hub: ReadHub, *, scope: Scope, caller: CallerClass) -> None:
        self.scope = scope
        self._caller = caller
        self._hub = hub
        self._asking = Asking(hub.lanes, memory=hub.memory, clock=hub.clock, caller=caller)
        self._owners = Owners(self._asking, scope=scope, references=hub.references)
        self._recorder = SectionRecorder()
        self._relating = Relating(
            self._asking,
            owners=self._owners,
            sources=hub.sources,
            references=hub.references,
            recorder=self._recorder,
        )

    @property
    def calls(self) -> list[UpstreamCall]:
        return self._asking.calls

    @property
    def rows_read(self) -> Mapping[str, int]:
        """The records those calls brought, by system."""
        return self._asking.rows_read

    def anew(self, refs: Sequence[Ref]) -> Reads:
        """Reads of the same scope that begin now; what was read of the refs so far is outdated."""
        for ref in refs:
            self._hub.invalidate(ref)
        return self._hub.open(self.scope, caller=self._caller)

    async def record_by_ref(
        self,
        refs: Sequence[Ref | None],
        *,
        section: str | None = None,
        parents: Sequence[Record] | None = None,
    ) -> list[Record | OpsHubError | None]:
        """Aligned: the record, None where it is missing or not theirs, or why it cannot be read.

        With `section` and its `parents`, aligned too, the rows of their `sections` are kept.
        Without, a bound scope has None for what could not be read: an error would tell that it is.
        """
        asked = [ref for ref in refs if ref is not None]
        answers = dict(zip(asked, await self._asking.answers(asked), strict=True))
        records = [each.value for each in answers.values() if isinstance(each.value, Record)]
        absent = [ref for ref, each in answers.items() if each.value is None]
        seen = await self._visible(records, absent)
        hidden = {one.ref for one, is_seen in zip(records, seen, strict=True) if not is_seen}
        told = [
            None if ref is None else self._point(answers[ref], hidden, is_named=section is not None)
            for ref in refs
        ]
        if section is not None and parents is not None:
            for parent, ref, value in zip(parents, refs, told, strict=True):
                self._note(parent, section, ref, answers, value)
        return told

    async def records_by_number(self, noun: str, number: str) -> Found:
        """The visible things the number names, in all systems that serve the noun."""
        return await self._by_field(noun, number_field(noun), number)

    async def records_by_field(self, noun: str, field: str, value: str) -> Found:
        """The visible things whose text field has the value: a tracking number, a PO number."""
        return await self._by_field(noun, field, value)

    async def related(self, relation: Relation, parents: Sequence[Record]) -> list[Section]:
        """The visible children of each parent, aligned."""
        return await self._relating.related(relation, parents)

    async def milestones(self, shipments: Sequence[Record]) -> list[Section]:
        """The scans of each shipment, by its ref and by tracking number; each scan once."""
        return joined_scans(
            *await asyncio.gather(
                self.related(MILESTONES_BY_SHIPMENT, shipments),
                self.related(MILESTONES_BY_TRACKING, shipments),
            )
        )

    async def timeline_by_order(
        self, orders: Sequence[Record], query: TimelineQuery
    ) -> list[TimelinePage]:
        """One page per order, aligned: what the sources say now and what was recorded, merged."""
        telling = Telling(self, self._hub.recorded, scope=self.scope, now=self._hub.clock.now())
        return await telling.pages(orders, query)

    async def availability(
        self, skus: Sequence[str], locations: Sequence[str] | None
    ) -> list[Availability]:
        """Flat: by SKU as asked, then location, then a row for each system that failed."""
        return await availability_by_sku(
            self._asking, self._hub.sources, self._hub.clock.now(), (skus, locations)
        )

    async def price(self, customer: Ref, sku: str, quantity: Decimal) -> PriceAnswer | None:
        """The price that holds today; None where none does, or the customer is not theirs."""
        if not await self._may_price_for(customer):
            return None
        same = self._hub.references.same_as(customer)
        on = self._hub.clock.now().date()
        return await price_for(
            self._asking, self._owners, self._hub.sources, same, (sku, quantity, on)
        )

    async def search(self, text: str, limit: int) -> SearchResult:
        """Visible things a number or name of which holds the text, best first, each once."""
        searching = Searching(
            self._asking, self._owners, self.scope, self._hub.sources, self._hub.references
        )
        return await searching.search(text, limit)

    def sections_of(self, record: Record) -> list[SectionState]:
        """The record's own row, then those of the sections this request has read for it."""
        seen = self.provenance(record)
        own = SectionState(
            name=record.NOUN,
            system=record.ref.system,
            state="AVAILABLE",
            as_of=seen.as_of,
            fetched_at=seen.fetched_at,
            staleness=seen.staleness,
            code=self._asking.failure_of(record),
        )
        return [own, *self._recorder.rows_of(record.ref)]

    def provenance(self, record: Record) -> Provenance:
        return self._asking.provenance(record)

    def systems(self) -> list[SystemState]:
        """Every connected system, in the order of the systems file."""
        return [
            SystemState(each.name, each.role, each.kind, tuple(sorted(each.nouns)), each.health())
            for each in self._hub.sources.values()
        ]

    async def same_as(self, records: Sequence[Record]) -> list[tuple[Ref, ...]]:
        """Per record every ref of the one real thing it tells of that the scope may see, the
        primary one first."""
        same = [self._hub.references.same_as(record.ref) for record in records]
        if not self._owners.is_bound:
            return same
        own = {record.ref for record in records}
        hidden = set(await self.hidden_refs({ref for refs in same for ref in refs} - own))
        return [tuple(ref for ref in refs if ref not in hidden) for refs in same]

    async def hidden_refs(self, refs: Collection[Ref]) -> list[Ref]:
        """Those that the scope may not see, or that could not be read, in order; none of a scope
        without bounds, which reads nothing for it."""
        if not self._owners.is_bound:
            return []
        asked = sorted(refs)
        told = await self.record_by_ref(asked)
        return [ref for ref, one in zip(asked, told, strict=True) if not isinstance(one, Record)]

    async def _visible(self, records: Sequence[Record], absent: Sequence[Ref]) -> list[bool]:
        """Whether each record may be seen; what is absent takes the same walk, for the same time.

        Without any the walk's two tasks are spared: half of what telling one event costs.
        """
        if not absent:
            return await self._owners.visible(records)
        seen, _ = await asyncio.gather(
            self._owners.visible(records), self._owners.walk_in_vain(absent)
        )
        return seen

    async def _may_price_for(self, customer: Ref) -> bool:
        mine = self._owners.customers
        if mine is not None and customer not in mine:
            return False
        if self.scope.business_units is None:
            return True
        [told] = await self.record_by_ref([customer])
        return isinstance(told, Record)

    async def _by_field(self, noun: str, field: str, value: str) -> Found:
        found = await records_by_field(
            self._asking, self._owners, self._hub.sources, (noun, field, value)
        )
        things = leading(found.records, self._hub.references.same_as)
        return Found(tuple(things.values()), found.failures)

    def _note(
        self,
        parent: Record,
        section: str,
        ref: Ref | None,
        answers: Mapping[Ref, Answer],
        told: Record | OpsHubError | None,
    ) -> None:
        if ref is None:
            return
        if self._hub.lanes.terms(ref.system, ref.noun) is None:
            row = SectionState(name=section, system=None, state="NOT_CONFIGURED")
        elif told is None and self._owners.is_bound:
            # hidden or missing: how old it is would tell which
            row = SectionState(name=section, system=ref.system, state="AVAILABLE")
        else:
            records = [told] if isinstance(told, Record) else []
            row = row_of(section, ref.system, answers[ref], records, ())
        self._recorder.note(parent.ref, row)

    def _point(
        self, answer: Answer, hidden: set[Ref], *, is_named: bool
    ) -> Record | OpsHubError | None:
        """`is_named`: a visible record names it, so that its failure is no news of its being."""
        value = answer.value
        if isinstance(value, Record):
            return None if value.ref in hidden else value
        if not isinstance(value, OpsHubError):
            return None
        if isinstance(value, SourceInvalid) and self._owners.is_bound and not is_named:
            return None
        return self._owners.heard(value)
