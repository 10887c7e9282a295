"""What is counted of requests: refusals by code, and who read what is masked for others."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from hub.security.principal import Principal, Role
from hub.store.refusals import RefusalQuery, Refusals, read_refusals
from resolvers.counted import REFUSAL_CODES, CountedRequests, masked_coordinates
from resolvers.engine import Engine
from resolvers.schema import build_schema
from tests.support.stores import NOON, opened_store

DOCUMENT = """
query Wide { order(number: "1") { number ...Inside customer { name segment credit { onHold } } } }
query Narrow { order(number: "1") { number customer { name } } }
fragment Inside on Order { holdReason }
"""


def principal(*roles: Role) -> Principal:
    ends = NOON + timedelta(hours=1)
    return Principal("anna", frozenset(roles), frozenset({("erp", "1")}), None, None, ends)


AGENT, CUSTOMER = principal(Role.AGENT), principal(Role.CUSTOMER)


async def counted(
    folder: Path, who: Principal, operations: list[str], codes: list[str]
) -> Mapping[str, int]:
    """What lies in the store after these operations ran and these codes were answered."""
    engine = Engine(build_schema())
    async with opened_store(f"sqlite:///{folder}/hub.sqlite") as store:
        refusals = Refusals(store, now=lambda: NOON)
        counting = CountedRequests(engine.graphql_schema, refusals)
        for name in operations:
            prepared = engine.request(DOCUMENT, operation_name=name)
            assert not isinstance(prepared, list), prepared
            counting.ran(who, prepared)
        counting.refused(who, codes)
        await refusals.flush()
        rows = await read_refusals(store, RefusalQuery(first=100))
    assert {row.principal for row in rows} <= {"anna"}
    return {row.code: row.count for row in rows}


async def test_reads_of_masked_fields_are_counted_once_a_request(tmp_path: Path) -> None:
    assert await counted(tmp_path, AGENT, ["Wide", "Narrow", "Wide"], []) == {
        "READ Order.holdReason": 2,
        "READ Customer.segment": 2,
        "READ Customer.credit": 2,
        "READ CreditStanding.onHold": 2,
    }


async def test_who_is_refused_them_has_not_read_them(tmp_path: Path) -> None:
    assert await counted(tmp_path, CUSTOMER, ["Wide"], ["FORBIDDEN", "FORBIDDEN"]) == {
        "FORBIDDEN": 1
    }


@pytest.mark.parametrize("code", ["SOURCE_TIMEOUT", "INTERNAL", "UNAUTHENTICATED", "READ x"])
async def test_what_is_no_refusal_is_not_counted(tmp_path: Path, code: str) -> None:
    assert await counted(tmp_path, AGENT, [], [code, "NOT_FOUND"]) == {"NOT_FOUND": 1}


def test_every_code_that_is_counted_is_refused_by_us() -> None:
    assert {"FORBIDDEN", "RATE_LIMITED", "NOT_FOUND", "DOCUMENT_TOO_LARGE"} <= REFUSAL_CODES


def test_masked_fields_are_found_in_the_schema_itself() -> None:
    found = masked_coordinates(Engine(build_schema()).graphql_schema)
    assert {"CreditStanding.limit", "Order.holdReason", "Item.unitCost"} <= found
    assert "Order.number" not in found
