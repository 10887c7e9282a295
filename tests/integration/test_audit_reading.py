"""Reading the audit on real databases: newest first over all chains, page by page, filtered."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.model.errors import InputInvalid
from hub.store.audit import AuditEntry, append, chain_states
from hub.store.audit_log import AuditLog, AuditQuery, Place, decode_cursor, encode_cursor
from hub.store.chain_name import CHAIN_NAME_FILE, chain_name
from hub.store.engine import Store
from hub.store.migrate import open_store
from tests.support.stores import NOON, opened_store, run_sql

SECOND = timedelta(seconds=1)


@pytest_asyncio.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """Two chains of six entries; each instant is in both, and so is each actor."""
    async with opened_store(url) as opened:
        other = await open_store(url, process="two")
        for number in range(6):
            for each in (opened, other):
                await write(each, number)
        await other.close()
        yield opened


async def write(store: Store, number: int) -> None:
    entry = AuditEntry(
        at=NOON + number // 2 * SECOND,
        actor="anna" if number % 3 else "ben",
        action="order.hold" if number % 2 else "order.release",
        subject=f"order {number}",
        before={"n": number},
        after=None,
        reason="why",
        correlation_id=f"c-{number}",
    )
    async with store.write() as connection:
        await append(connection, store, entry)


async def places(store: Store, **query: Any) -> list[tuple[str, int]]:
    page = await AuditLog(store).entries(AuditQuery(**({"first": 100} | query)))
    return [(entry.chain, entry.position) for entry in page.entries]


NEWEST_FIRST = [
    ("two", 6), ("two", 5), ("one", 6), ("one", 5), ("two", 4), ("two", 3), ("one", 4), ("one", 3),
    ("two", 2), ("two", 1), ("one", 2), ("one", 1),
]  # fmt: skip


async def test_the_newest_stand_first_in_a_total_order(store: Store) -> None:
    assert await places(store) == NEWEST_FIRST


@pytest.mark.parametrize("first", [1, 2, 3, 5, 12])
async def test_pages_join_without_gap_or_repeat_while_entries_are_added(
    store: Store, first: int
) -> None:
    log, seen, after = AuditLog(store), [], None
    while True:
        page = await log.entries(AuditQuery(first=first, after=after))
        seen += [(entry.chain, entry.position) for entry in page.entries]
        assert page.has_previous == (after is not None)
        if not page.has_next:
            break
        after = page.entries[-1].cursor
        await write(store, 8 + len(seen))
    assert seen == NEWEST_FIRST


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"actor": "ben"}, [("two", 4), ("one", 4), ("two", 1), ("one", 1)]),
        ({"actor": "nobody"}, []),
        ({"action": "order.hold", "actor": "ben"}, [("two", 4), ("one", 4)]),
        ({"correlation_id": "c-4"}, [("two", 5), ("one", 5)]),
        ({"since": NOON + 2 * SECOND}, NEWEST_FIRST[:4]),
        ({"until": NOON + SECOND}, NEWEST_FIRST[8:]),
        ({"since": NOON + SECOND, "until": NOON + 2 * SECOND, "first": 1}, [("two", 4)]),
    ],
)
async def test_entries_are_filtered(
    store: Store, query: dict[str, Any], found: list[tuple[str, int]]
) -> None:
    assert await places(store, **query) == found


async def test_an_entry_is_told_as_it_was_written_and_erased_values_are_null(store: Store) -> None:
    (entry,) = (await AuditLog(store).entries(AuditQuery(first=1))).entries
    assert (entry.at, entry.actor, entry.action) == (NOON + 2 * SECOND, "anna", "order.hold")
    assert (entry.subject, entry.reason, entry.correlation_id) == ("order 5", "why", "c-5")
    assert (entry.before, entry.after, len(entry.hash)) == ('{"n":5}', "null", 64)
    await run_sql(store, "DELETE FROM audit_values WHERE position = 6")
    (entry,) = (await AuditLog(store).entries(AuditQuery(first=1))).entries
    assert (entry.before, entry.after) == (None, None)


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "e30", "WzFd", "Ä", "x" * 401, "W10", "bnVsbA",
     encode_cursor(Place(NOON.replace(tzinfo=None), "one", 1)),
     encode_cursor(Place(NOON, "one", 0)), encode_cursor(Place(NOON, "one", 2**63 - 1))[:-6]],
)  # fmt: skip
def test_a_cursor_of_something_else_is_refused(cursor: str) -> None:
    with pytest.raises(InputInvalid, match="expected a cursor of this list"):
        decode_cursor(cursor)


def test_a_cursor_is_read_back() -> None:
    place = Place(NOON.replace(microsecond=1), "host-0a", 7)
    assert decode_cursor(encode_cursor(place)) == place


async def test_every_chain_is_told_with_its_length_and_end(store: Store) -> None:
    states = await chain_states(store)
    assert [(state.chain, state.entries, state.broken) for state in states] == [
        ("one", 6, None), ("two", 6, None)
    ]  # fmt: skip
    newest = (await AuditLog(store).entries(AuditQuery(first=1))).entries[0]
    assert states[1].head == newest.hash


async def test_a_data_directory_keeps_the_name_of_its_chain(tmp_path: Path) -> None:
    names = await asyncio.gather(
        *(asyncio.to_thread(chain_name, tmp_path / "data") for _ in range(8))
    )
    assert len(set(names)) == 1
    assert chain_name(tmp_path / "data") == names[0]
    assert chain_name(tmp_path / "other") != names[0]
    assert [each.name for each in (tmp_path / "data").iterdir()] == [CHAIN_NAME_FILE]
