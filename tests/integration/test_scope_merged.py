"""A customer who is one in two units: whoever is bound to one hears of that unit's refs only."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hub.model.ids import encode_id
from hub.model.values import Ref
from hub.security.principal import Principal, Role
from tests.integration.scoped_hub import EU_UNIT, HOUSE, US_UNIT, ScopedHub, principal

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOURCE_REFS = (
    "query($v: ID!) { node(id: $v) { ... on Sourced { sourceRefs { system externalId } } } }"
)
UNITS = (("erp-eu", EU_UNIT), ("erp-us", US_UNIT))


def merged(scoped: ScopedHub) -> tuple[Ref, ...]:
    """All refs of the American customer, who is a European one too; the primary one first."""
    refs = scoped.hub.connected.reads.references.same_as(scoped.us.ref("customer"))
    assert [ref.system for ref in refs] == ["erp-eu", "erp-us", "crm"]
    return refs


async def told(scoped: ScopedHub, who: Principal, ref: Ref) -> list[tuple[str, str]]:
    answer = await scoped.ask(who, SOURCE_REFS, v=encode_id(ref))
    assert answer["errors"] == [], ref
    return [(each["system"], each["externalId"]) for each in answer["data"]["node"]["sourceRefs"]]


def _pairs(refs: Sequence[Ref]) -> list[tuple[str, str]]:
    return [(ref.system, ref.key) for ref in refs]


async def violations(scoped: ScopedHub) -> list[str]:
    """The refs of another unit that an agent of one hears of, and those of its own kept from it."""
    refs, found = merged(scoped), []
    for system, unit in UNITS:
        mine = [ref for ref in refs if ref.system in (system, "crm")]
        for asked in mine:
            heard = await told(scoped, principal(Role.AGENT, unit=unit), asked)
            if heard != _pairs(mine):
                found.append(f"{unit} asks {asked.system}: {heard}")
    return found


async def test_a_unit_hears_of_its_own_refs_of_a_merged_customer(scoped: ScopedHub) -> None:
    assert await violations(scoped) == []


async def test_whoever_may_see_them_all_hears_of_all(scoped: ScopedHub) -> None:
    """The house, and the customer, whose token may name either of the two."""
    refs = merged(scoped)
    customers = [f"{ref.system}:{ref.key}" for ref in refs if ref.system != "crm"]
    for who in (HOUSE, *(principal(Role.CUSTOMER, customer=each) for each in customers)):
        for asked in refs:
            assert await told(scoped, who, asked) == _pairs(refs)
