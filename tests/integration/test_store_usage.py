"""Counts of usage on real databases: exact after many writers, by client, document, coordinate."""

import asyncio
from datetime import timedelta

from hub.store.engine import Store
from hub.store.migrate import open_store
from hub.store.usage import OF_REQUESTS, TEXT_MAX, Counted, UsageKey, UsageStore, Use, UsedDocument
from tests.support.stores import NOON, rows_of

HOUR = timedelta(hours=1)
MINE = UsedDocument(
    "d1", "Mine", frozenset({"Query.me", "Me.subject"}), "query Mine { me { subject } }"
)
YOURS = UsedDocument("d2", "", frozenset({"Query.me", "Me.roles"}), "{ me { roles } }")


def key(
    client: str = "desk", *, hour: int = 0, of: UsedDocument = MINE, coordinate: str = OF_REQUESTS
) -> UsageKey:
    at = NOON + hour * HOUR
    return UsageKey(at, client, "1.0", of.document, of.operation, coordinate, False)


def counted(count: int, *, minutes: int = 0) -> Counted:
    return Counted(count, NOON + timedelta(minutes=minutes), NOON + timedelta(minutes=minutes + 1))


def use(
    client: str, count: int, *, of: UsedDocument = MINE, coordinate: str = "", minutes: int = 0
) -> Use:
    first, last = NOON + timedelta(minutes=minutes), NOON + timedelta(minutes=minutes + 1)
    return Use(client, "1.0", of.document, of.operation, coordinate, False, count, first, last)


async def test_counts_add_up_over_writers_and_processes(url: str, store: Store) -> None:
    other = await open_store(url, process="two")
    writers = [UsageStore(store), UsageStore(other)]
    batch = [(key(client), counted(2)) for client in ("desk", "portal", "app")]
    try:
        await asyncio.gather(
            *(each.add(batch[::order]) for each in writers for order in (1, -1) * 10)
        )
    finally:
        await other.close()
    found = await rows_of(store, "SELECT client, count FROM usage_count ORDER BY client")
    assert found == [("app", 80), ("desk", 80), ("portal", 80)]


async def test_the_first_and_the_last_time_are_kept_whatever_comes_first(store: Store) -> None:
    usage = UsageStore(store)
    for minutes in (20, 5, 40):
        await usage.add([(key(), counted(1, minutes=minutes))])
    (found,) = await usage.users_of_documents(["d1"])
    assert (found.count, found.first_seen_at, found.last_seen_at) == (
        3,
        NOON + timedelta(minutes=5),
        NOON + timedelta(minutes=41),
    )


async def test_it_is_said_who_uses_a_document_and_a_coordinate(store: Store) -> None:
    usage = UsageStore(store)
    await usage.remember([MINE, YOURS])
    await usage.remember([MINE])
    await usage.add(
        [
            (key("desk"), counted(2)),
            (key("desk", hour=1), counted(3)),
            (key("portal", of=YOURS), counted(7, minutes=9)),
            (key("portal", of=YOURS, coordinate="Status.OPEN"), counted(4, minutes=9)),
        ]
    )
    assert await usage.users_of_documents(["d1", "d2", "d3"]) == [
        use("portal", 7, of=YOURS, minutes=9),
        use("desk", 5),
    ]
    assert await usage.users_of_coordinates(["Me.subject", "Me.name"]) == [
        use("desk", 5, coordinate="Me.subject")
    ]
    assert await usage.users_of_coordinates(["Query.me", "Status.OPEN"]) == [
        use("portal", 7, of=YOURS, coordinate="Query.me", minutes=9),
        use("portal", 4, of=YOURS, coordinate="Status.OPEN", minutes=9),
        use("desk", 5, coordinate="Query.me"),
    ]
    assert list((await usage.texts()).items()) == [("d2", YOURS.text), ("d1", MINE.text)]
    await usage.prune(before=NOON, documents_max=1)
    assert list(await usage.texts()) == ["d2"]
    assert await usage.users_of_coordinates(["Me.subject"]) == []
    assert len(await usage.users_of_documents(["d1"])) == 1


async def test_a_long_text_is_counted_and_not_kept(store: Store) -> None:
    usage = UsageStore(store)
    await usage.remember([UsedDocument("d9", "", frozenset({"Query.me"}), "x" * (TEXT_MAX + 1))])
    await usage.add([(key(of=UsedDocument("d9", "", frozenset(), "")), counted(1))])
    assert await usage.texts() == {}
    assert len(await usage.users_of_coordinates(["Query.me"])) == 1


async def test_what_is_old_is_forgotten_with_the_documents_nobody_runs(store: Store) -> None:
    usage = UsageStore(store)
    await usage.remember([MINE, YOURS])
    await usage.add([(key(), counted(1)), (key(hour=2), counted(1)), (key(of=YOURS), counted(1))])
    assert await usage.prune(before=NOON + HOUR) == 2
    assert await rows_of(store, "SELECT document FROM usage_document") == [("d1",)]
    assert await rows_of(store, "SELECT DISTINCT document FROM usage_coordinate") == [("d1",)]
    assert [each.count for each in await usage.users_of_documents(["d1", "d2"])] == [1]


async def test_many_names_are_asked_in_portions(store: Store) -> None:
    usage = UsageStore(store)
    await usage.add([(key(), counted(1))])
    names = [f"n{number}" for number in range(1_200)]
    assert [each.client for each in await usage.users_of_documents([*names, "d1"])] == ["desk"]
    assert await usage.users_of_coordinates(names) == []
