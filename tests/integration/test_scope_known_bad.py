"""The checks of scope and masks see what they are for: with either switched off they complain."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hub.model.record import Record
from hub.model.values import Ref
from hub.reads.owners import Owners
from hub.reads.reads import Reads
from hub.security.principal import CallerClass, Role
from hub.security.scope import Scope
from tests.integration import test_masks as masks
from tests.integration import test_scope_arguments as arguments
from tests.integration import test_scope_edges as edges
from tests.integration import test_scope_interleaved as interleaved
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
