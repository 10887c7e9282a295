"""The checks of scope and masks see what they are for: with either switched off they complain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from hub.model.errors import OpsHubError
from hub.model.record import Record
from hub.model.values import Ref
from hub.reads.lanes import Answer
from hub.reads.owners import Owners
from hub.reads.reads import Reads
from hub.reads.related import row_of
from hub.security.principal import CallerClass, Role
from hub.security.scope import Scope
from tests.integration import test_masks as masks
from tests.integration import test_scope_arguments as arguments
from tests.integration import test_scope_edges as edges
from tests.integration import test_scope_interleaved as interleaved
from tests.integration import test_scope_merged as merged
from tests.integration.scoped_hub import ScopedHub, principal
from tests.integration.test_scope_arguments import PROBES, askers

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIXED = 200  # requests; a hole as wide as this is seen in a tenth of them


@pytest.fixture
def without_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody sees every record."""

    async def all_visible(owners: Owners, records: Sequence[Record]) -> list[bool]:
        return [True] * len(records)

    monkeypatch.setattr(Owners, "visible", all_visible)


def _whose(found: Sequence[str]) -> set[str]:
    return {each.partition(" ")[0].rstrip(":") for each in found}


async def test_the_arguments_are_told_apart_without_the_scope(
    scoped: ScopedHub, without_scope: None
) -> None:
    found = await arguments.violations(scoped, askers(scoped)["customer, same ERP"])
    by_reads = {
        name for name in PROBES if not name.startswith(("Mutation", "Order", "Query.price"))
    }
    assert _whose(found) >= by_reads - {"Query.shipment(trackingNumber)"}


@pytest.mark.parametrize("name", ["customer, same ERP", "agent of the European unit"])
async def test_prices_are_told_without_asking_whose_they_are(
    scoped: ScopedHub, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def may_price(reads: Reads, customer: Ref) -> bool:
        return True

    monkeypatch.setattr(Reads, "_may_price_for", may_price)
    found = await arguments.violations(scoped, askers(scoped)[name])
    assert _whose(found) == {"Query.price(customer)"}


@pytest.fixture
def without_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record is of the unit of whoever asks; customers are told apart as ever."""

    async def of_the_asker(owners: Owners, records: Sequence[Record]) -> list[frozenset[str]]:
        return [owners._scope.business_units or frozenset()] * len(records)

    monkeypatch.setattr(Owners, "_units", of_the_asker)


async def test_the_arguments_are_told_apart_without_the_business_units(
    scoped: ScopedHub, without_units: None
) -> None:
    who = askers(scoped)
    found = _whose(await arguments.violations(scoped, who["agent of the European unit"]))
    by_reads = {name for name in PROBES if not name.startswith(("Mutation", "Order"))}
    assert found >= by_reads - {"Query.shipment(trackingNumber)"}
    assert await arguments.violations(scoped, who["customer, same ERP"]) == []


async def test_the_edges_lead_on_without_the_business_units(
    scoped: ScopedHub, without_units: None
) -> None:
    who, _, theirs = askers(scoped)["operator of the American unit"]
    found = _whose(await edges.violations(scoped, who, theirs))
    assert {"Case.order", "Order.shipments", "Rma.creditMemos"} <= found


async def test_sections_say_how_old_what_is_hidden_is_without_their_mask(
    scoped: ScopedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def note_all(
        reads: Reads,
        parent: Record,
        section: str,
        ref: Ref | None,
        answers: Mapping[Ref, Answer],
        told: Record | OpsHubError | None,
    ) -> None:
        if ref is not None:
            records = [told] if isinstance(told, Record) else []
            row = row_of(section, ref.system, answers[ref], records, ())
            reads._recorder.note(parent.ref, row)

    monkeypatch.setattr(Reads, "_note", note_all)
    for name in ("customer, same ERP", "agent of the European unit"):
        who, _, theirs = askers(scoped)[name]
        found = _whose(await edges.violations(scoped, who, theirs))
        assert {"Order.customer", "Rma.order", "Shipment.order"} <= found


async def test_a_unit_hears_of_anothers_refs_without_their_filter(
    scoped: ScopedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def all_of_them(reads: Reads, records: Sequence[Record]) -> list[tuple[Ref, ...]]:
        return [reads._hub.references.same_as(record.ref) for record in records]

    monkeypatch.setattr(Reads, "same_as", all_of_them)
    assert len(await merged.violations(scoped)) == 4  # both units, by their ERP and by the CRM


async def test_the_edges_lead_on_without_the_scope(scoped: ScopedHub, without_scope: None) -> None:
    who, _, theirs = askers(scoped)["customer, same ERP"]
    found = _whose(await edges.violations(scoped, who, theirs))
    assert {"Case.order", "Order.shipments", "Customer.cases", "Rma.creditMemos"} <= found


async def test_answers_cross_where_the_hub_forgets_who_asks(
    scoped: ScopedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a loader or a cache would that lives longer than the request it was made for."""
    warm = scoped.cold()
    reads = warm.hub.connected.reads
    opened: list[Reads] = []
    opening = reads.open

    def forgetful(scope: Scope, *, caller: CallerClass) -> Reads:
        opened.append(opened[0] if opened else opening(scope, caller=caller))
        return opened[-1]

    monkeypatch.setattr(reads, "open", forgetful)
    assert await interleaved.crossings(scoped, warm, count=MIXED)


async def test_a_customer_reads_more_without_the_mask(
    scoped: ScopedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.edges.is_visible", lambda noun, field, scope: True)
    who = principal(Role.CUSTOMER, customer=scoped.eu.customer)
    found = await masks.violations(scoped, who, scoped.eu)
    assert {"Customer tells onHold", "OrderLine tells amount"} <= set(found)


async def test_a_customer_reads_notes_without_their_visibility(
    scoped: ScopedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("hub.reads.owners", "hub.reads.timeline"):
        monkeypatch.setattr(f"{module}.is_readable", lambda visibility, scope: True)
    who = principal(Role.CUSTOMER, customer=scoped.eu.customer)
    assert [each for each in await masks.violations(scoped, who, scoped.eu) if "tells '" in each]


async def test_a_customer_reads_names_without_their_mask(
    scoped: ScopedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.case.is_name_told", lambda actor_type, scope: True)
    who = principal(Role.CUSTOMER, customer=scoped.eu.customer)
    assert [each for each in await masks.violations(scoped, who, scoped.eu) if "tells '" in each]


async def test_a_customer_reads_attributes_without_their_visibility(
    scoped: ScopedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.context.is_attribute_visible", lambda attribute, scope: True)
    who = principal(Role.CUSTOMER, customer=scoped.eu.customer)
    assert "Order tells attribute ship_window" in await masks.violations(scoped, who, scoped.eu)


async def test_strangers_are_answered_where_nobody_refuses_them(
    scoped: ScopedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("resolvers.system", "resolvers.references"):
        monkeypatch.setattr(f"{module}.refuse_strangers", lambda ctx, field: None)
    for who in (
        principal(Role.CUSTOMER, customer=scoped.eu.customer),
        principal(Role.INTEGRATION),
    ):
        found = await masks.open_roots(scoped, who)
        assert found == ["systems answers []", "unmatchedReferences answers []"]
