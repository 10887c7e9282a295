"""The hash chain on real databases: whatever is changed, removed or put in is found."""

import asyncio

import pytest

from hub.store import audit
from hub.store.audit import AuditEntry, ChainBreak, append, verify_chain, verify_chains
from hub.store.engine import Store
from hub.store.migrate import open_store
from tests.support.stores import NOON, rows_of, run_sql


def entry(number: int) -> AuditEntry:
    return AuditEntry(
        at=NOON.replace(microsecond=123_456),
        actor="anna",
        action="test.act",
        subject=f"order {number} Ä",
        before={"status": "OPEN", "n": number},
        after={"status": "HELD", "n": number},
        reason="because",
        correlation_id="c-12345678",
    )


async def write(store: Store, *numbers: int) -> None:
    for number in numbers:
        async with store.write() as connection:
            await append(connection, store, entry(number))


async def test_a_chain_that_nobody_touched_holds(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await verify_chains(store) == []
    await write(store, *range(7))
    monkeypatch.setattr(audit, "VERIFIED_PAGE", 3)
    assert await verify_chains(store) == []


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("UPDATE audit_entry SET actor = 'ben' WHERE position = 3", (3, "it was changed")),
        ("UPDATE audit_entry SET reason = NULL WHERE position = 3", (3, "it was changed")),
        ("UPDATE audit_entry SET at = '2020-01-01 00:00:00' WHERE position = 3",
         (3, "it was changed")),
        ("UPDATE audit_entry SET hash = '0' WHERE position = 3", (3, "it was changed")),
        ("UPDATE audit_values SET after = '{}' WHERE position = 3",
         (3, "its before or after was changed")),
        ("DELETE FROM audit_entry WHERE position = 3", (3, "an entry is missing")),
        ("DELETE FROM audit_entry WHERE position = 5", (5, "entries are missing at the end")),
        ("UPDATE audit_chain SET length = 4", (0, "the end is not the last entry")),
        ("DELETE FROM audit_chain", (0, "the chain has entries but no record of its end")),
    ],
)  # fmt: skip
async def test_tampering_is_found(store: Store, tampering: str, found: tuple[int, str]) -> None:
    await write(store, *range(5))
    await run_sql(store, tampering)
    assert await verify_chains(store) == [ChainBreak("one", *found)]


async def test_an_entry_rewritten_with_a_right_hash_breaks_the_next(store: Store) -> None:
    await write(store, 1, 2, 3)
    await write_over(store, position=2, actor="ben")
    assert await verify_chain(store, "one") == ChainBreak(
        "one", 3, "it does not follow the entry before it"
    )


async def write_over(store: Store, *, position: int, actor: str) -> None:
    async with store.read() as connection:
        rows = await audit._page(connection, "one", after=position - 1, upto=position)
    row = dict(rows[0]._mapping) | {"actor": actor}
    await run_sql(
        store,
        f"UPDATE audit_entry SET actor = '{actor}', hash = '{audit._hash(row)}'"
        f" WHERE position = {position}",
    )


async def test_values_can_be_erased_and_the_chain_still_holds(store: Store) -> None:
    await write(store, 1, 2, 3)
    await run_sql(store, "DELETE FROM audit_values WHERE position = 2")
    assert await verify_chains(store) == []


async def test_a_rolled_back_act_leaves_no_entry(store: Store) -> None:
    await write(store, 1)
    with pytest.raises(ZeroDivisionError):
        async with store.write() as connection:
            await append(connection, store, entry(2))
            raise ZeroDivisionError
    await write(store, 3)
    assert await rows_of(store, "SELECT position, subject FROM audit_entry ORDER BY position") == [
        (1, "order 1 Ä"),
        (2, "order 3 Ä"),
    ]
    assert await verify_chains(store) == []


async def test_each_process_has_its_chain_and_one_name_twice_still_holds(
    url: str, store: Store
) -> None:
    other, namesake = await open_store(url, process="two"), await open_store(url, process="one")
    try:
        await asyncio.gather(
            *(write(each, n) for n in range(8) for each in (store, other, namesake))
        )
    finally:
        await other.close()
        await namesake.close()
    assert await rows_of(store, "SELECT chain, length FROM audit_chain ORDER BY chain") == [
        ("one", 16),
        ("two", 8),
    ]
    assert await verify_chains(store) == []
    await run_sql(store, "UPDATE audit_entry SET actor = 'x' WHERE chain = 'two' AND position = 8")
    assert await verify_chains(store) == [ChainBreak("two", 8, "it was changed")]
