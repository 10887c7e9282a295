"""The search never tells by what it leaves out: limits count what the scope may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hub.model.errors import OpsHubError, SourceInvalid
from hub.model.record import Record
from hub.reads.port import FieldValue, ListPage, ListQuery
from hub.reads.reads import ReadHub
from hub.reads.search import HITS_MAX, PAGES_MAX
from hub.security.principal import CallerClass, Role
from hub.security.scope import Scope
from tests.support.fake_source import FakeSource, terms
from tests.unit.reads.world import FakeClock, RecordedEntries, SameAs, customer_scope, make, ref

ANOTHER_UNITS = 5 * HITS_MAX
UNIT = Scope(None, frozenset({"EU"}), False, frozenset({Role.AGENT}))


class PagedSource(FakeSource):
    """It lists page by page, in the order of its records."""

    async def list(self, noun: str, query: ListQuery) -> ListPage | OpsHubError:
        whole = await super().list(noun, replace(query, limit=len(self.records)))
        assert isinstance(whole, ListPage)
        start = int(query.cursor or 0)
        end = start + query.limit
        following = str(end) if end < len(whole.records) else None
        return ListPage(whole.records[start:end], following)


class BrokenRowSource(FakeSource):
    """Of a number it knows it gives a row that cannot be read."""

    async def by_field(
        self, noun: str, field: str, values: Sequence[FieldValue]
    ) -> Sequence[Sequence[Record | OpsHubError] | OpsHubError]:
        broken = SourceInvalid(self.name, f"{noun}: unit_cost: '12,3x' is no number")
        return [[broken] if value == "SO1" else [] for value in values]


def many_names() -> tuple[PagedSource, ReadHub]:
    erp = PagedSource("erp", {"customer": terms("customer", searchable=frozenset({"name"}))})
    for place in range(ANOTHER_UNITS):
        erp.put(make("customer", f"a{place}", name="Acme", business_unit="US"))
    erp.put(make("customer", "mine", name="Acme of mine", business_unit="EU"))
    hub = ReadHub([erp], references=SameAs(), recorded=RecordedEntries(), clock=FakeClock())
    return erp, hub


async def test_what_others_have_takes_no_place_of_mine() -> None:
    erp, hub = many_names()
    for scope in (customer_scope("mine"), UNIT):
        found = await hub.open(scope, caller=CallerClass.CUSTOMER).search("acme", 1)
        assert [hit.record.ref.key for hit in found.hits] == ["mine"]
    lists = sum(call.operation == "list" for call in erp.calls)
    assert lists == ANOTHER_UNITS // HITS_MAX + 1 <= PAGES_MAX


async def test_a_broken_row_tells_nothing_to_who_may_not_see_everything() -> None:
    erp = BrokenRowSource("erp", {"order": terms("order", points_to="erp")})
    hub = ReadHub([erp], references=SameAs(), recorded=RecordedEntries(), clock=FakeClock())
    for scope in (customer_scope("c1"), UNIT):
        reads = hub.open(scope, caller=CallerClass.CUSTOMER)
        for number in ("SO1", "SO2"):
            assert (await reads.records_by_number("order", number)).records == ()
            assert (await reads.search(number, 10)) == (await reads.search("SO9", 10))
    house = hub.open(Scope(None, None, False, frozenset({Role.AGENT})), caller=CallerClass.AGENT)
    assert [str(each) for each in (await house.search("SO1", 10)).failures] == [
        "erp: order: unit_cost: '12,3x' is no number"
    ]


async def test_a_record_that_cannot_be_read_is_missing_to_who_may_not_see_everything() -> None:
    erp = FakeSource("erp", {"order": terms("order", points_to="erp")})
    erp.failure = SourceInvalid("erp", "order: sales_person: b'\\xff' is no text")
    hub = ReadHub([erp], references=SameAs(), recorded=RecordedEntries(), clock=FakeClock())
    for scope in (customer_scope("c1"), UNIT):
        reads = hub.open(scope, caller=CallerClass.CUSTOMER)
        assert await reads.record_by_ref([ref("order", "1")]) == [None]
        parent = make("case", "k", system="crm", order=ref("order", "1"))
        [told] = await reads.record_by_ref([parent.order], section="order", parents=[parent])
        assert str(told) == "erp: its answer could not be read"
