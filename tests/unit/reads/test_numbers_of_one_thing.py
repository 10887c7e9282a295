"""What the cross references call one thing is found once, as its leading record."""

from hub.model.record import Record
from hub.model.values import Ref
from hub.reads.reads import ReadHub, Reads
from hub.security.principal import CallerClass
from hub.security.scope import Scope
from tests.support.fake_source import FakeSource, terms
from tests.unit.reads.world import (
    HOUSE,
    FakeClock,
    RecordedEntries,
    SameAs,
    customer_scope,
    make,
)

EU, US = Ref("item", "erp-eu", "B-1"), Ref("item", "erp-us", "B-1")
ACCOUNT, PARTY = Ref("customer", "crm", "A-3"), Ref("customer", "erp-eu", "C1")


def opened(*records: Record, same: SameAs, scope: Scope = HOUSE) -> Reads:
    """Reads over the systems that the records are of."""
    noun = records[0].NOUN
    searchable = frozenset({"name"}) if noun == "customer" else frozenset[str]()
    sources = {
        name: FakeSource(name, {noun: terms(noun, searchable=searchable)})
        for name in sorted({record.ref.system for record in records})
    }
    for record in records:
        sources[record.ref.system].put(record)
    hub = ReadHub(
        list(sources.values()), references=same, recorded=RecordedEntries(), clock=FakeClock()
    )
    caller = CallerClass.CUSTOMER if scope.is_customer else CallerClass.AGENT
    return hub.open(scope, caller=caller)


def of_one_sku() -> tuple[Record, Record]:
    return (
        make("item", "B-1", system="erp-us", sku="B-1"),
        make("item", "B-1", system="erp-eu", sku="B-1"),
    )


async def test_the_leading_record_of_one_thing_answers_to_its_number() -> None:
    for group, leading in (((EU, US), EU), ((US, EU), US)):
        reads = opened(*of_one_sku(), same=SameAs(group))
        found = await reads.records_by_number("item", "B-1")
        assert [record.ref for record in found.records] == [leading]


async def test_two_things_with_one_number_are_two() -> None:
    found = await opened(*of_one_sku(), same=SameAs()).records_by_number("item", "B-1")
    assert [record.ref for record in found.records] == [EU, US]


def of_one_name(party: str = "Lindqvist Drives") -> tuple[Record, ...]:
    return (
        make("customer", "A-3", system="crm", number="A-3", name="Lindqvist Drives"),
        make("customer", "C1", system="erp-eu", number="C1", name=party),
        make("customer", "C2", system="erp-eu", number="C2", name="Lindqvist Drives Two"),
    )


async def test_a_thing_is_one_hit_and_shows_its_leading_record() -> None:
    reads = opened(*of_one_name(), same=SameAs((PARTY, ACCOUNT)))
    found = await reads.search("lindqvist drives", 10)
    assert [(hit.record.ref.key, hit.field, hit.value, hit.rank) for hit in found.hits] == [
        ("C1", "name", "Lindqvist Drives", 0), ("C2", "name", "Lindqvist Drives Two", 1)
    ]  # fmt: skip
    apart = await opened(*of_one_name(), same=SameAs()).search("lindqvist drives", 10)
    assert [hit.record.ref.key for hit in apart.hits] == ["A-3", "C1", "C2"]


async def test_the_best_rank_of_a_thing_counts_whichever_record_has_it() -> None:
    records = of_one_name(party="AB Lindqvist Drives")
    found = await opened(*records, same=SameAs((PARTY, ACCOUNT))).search("lindqvist drives", 10)
    assert [(hit.record.ref.key, hit.value, hit.rank) for hit in found.hits] == [
        ("C1", "Lindqvist Drives", 0), ("C2", "Lindqvist Drives Two", 1)
    ]  # fmt: skip


async def test_the_limit_counts_things() -> None:
    reads = opened(*of_one_name(), same=SameAs((PARTY, ACCOUNT)))
    assert [hit.record.ref.key for hit in (await reads.search("lindqvist", 2)).hits] == ["C1", "C2"]


async def test_a_thing_is_shown_by_the_record_the_caller_may_see() -> None:
    """The leading one is in another system than all that the scope is bound to."""
    scope = customer_scope("A-3", system="crm")
    reads = opened(*of_one_name(), same=SameAs(), scope=scope)
    assert [hit.record.ref for hit in (await reads.search("lindqvist", 9)).hits] == [ACCOUNT]
