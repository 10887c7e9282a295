"""Usage over a real store: exact counts, hours, limits, outages, what is kept of documents."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import strawberry
from sqlalchemy.exc import ProgrammingError

from hub.model.errors import StoreUnavailable
from hub.store.engine import Store
from hub.store.migrate import open_store
from hub.store.usage import KEPT_FOR, UsageStore
from resolvers import usage as limits
from resolvers import usage_shares
from resolvers.engine import Engine, Plan
from resolvers.fields import root
from resolvers.persisted import ResolvedDocument
from resolvers.persisted_manifest import document_hash
from resolvers.schema import build_schema
from resolvers.usage import Usage
from resolvers.usage_clients import NAME_MAX, UNKNOWN, Client, client_of
from resolvers.usage_deprecations import Deprecation
from resolvers.usage_shares import CLIENTS_OF_ONE_MAX, OTHER, other_of
from tests.support.stores import NOON, Watch, rows_of, run_sql

MINE = "query Mine { me { subject } }"
BOTH = "query A { me { subject } } query B { me { roles } }"
TIMELINE = """query T($c: [ActorType!]) {
    order(number: "4711") { timeline(actorTypes: $c) { nodes { title } } } }"""
LINK = """mutation L($refs: [SourceRefInput!]!) {
    linkReferences(noun: "order", refs: $refs, reason: "r", idempotencyKey: "k") {
        sourceRefs { system } } }"""
DESK, PORTAL = Client("desk", "1.0"), Client("portal", "2.1")


class World:
    """Counting over one store; `ask` is one request."""

    def __init__(self, store: Store, engine: Engine, clock: Watch) -> None:
        self.clock = clock
        self.engine = engine
        self.usage = Usage(engine.graphql_schema, UsageStore(store), now=clock.now)

    def ask(
        self, text: str, client: Client = DESK, *, name: str | None = None, **variables: Any
    ) -> tuple[Deprecation, ...]:
        plan = self.engine.plan(text)
        assert isinstance(plan, Plan), plan
        hash_ = document_hash(text)
        document = ResolvedDocument(text, hash_, hash_, is_trusted=False)
        return self.usage.seen(client, document, plan, operation_name=name, variables=variables)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(build_schema())


@pytest.fixture
def world(store: Store, engine: Engine) -> World:
    return World(store, engine, Watch())


async def counts(store: Store) -> list[Any]:
    return await rows_of(
        store,
        "SELECT client, operation, coordinate, count FROM usage_count"
        " ORDER BY client, operation, coordinate, hour",
    )


async def test_counts_are_exact_after_concurrent_requests_of_two_processes(
    url: str, store: Store, engine: Engine
) -> None:
    second = await open_store(url, process="two")
    worlds = [World(store, engine, Watch()), World(second, engine, Watch())]

    async def ask(number: int) -> None:
        await asyncio.sleep(0.001 * (number % 7))
        worlds[number % 2].ask(MINE if number % 3 else BOTH, name="B" if number % 3 == 0 else None)

    followers = [asyncio.create_task(each.usage.follow(every_s=0.002)) for each in worlds]
    try:
        await asyncio.gather(*(ask(number) for number in range(3_000)))
        for follower in followers:
            follower.cancel()
        await asyncio.gather(*followers, return_exceptions=True)
        await asyncio.gather(*(each.usage.write() for each in worlds))
    finally:
        await second.close()
    assert await counts(store) == [("desk", "B", "", 1_000), ("desk", "Mine", "", 2_000)]


async def test_operations_clients_and_given_coordinates_are_told_apart(
    store: Store, world: World
) -> None:
    world.ask(BOTH, name="A")
    world.ask(BOTH, PORTAL, name="B")
    world.ask(BOTH, PORTAL, name="B")
    for actor in ("SYSTEM", "SYSTEM", "NOBODY"):
        world.ask(TIMELINE, c=[actor])
    world.ask(LINK, refs=[{"system": "a", "nonsense": 1}])
    await world.usage.write()
    assert await counts(store) == [
        ("desk", "A", "", 1),
        ("desk", "L", "", 1),
        ("desk", "L", "SourceRefInput.system", 1),
        ("desk", "T", "", 3),
        ("desk", "T", "ActorType.SYSTEM", 2),
        ("portal", "B", "", 2),
    ]
    found = await UsageStore(store).users_of_coordinates(["Me.roles", "ActorType.SYSTEM"])
    assert [(each.client, each.version, each.coordinate, each.count) for each in found] == [
        ("desk", "1.0", "ActorType.SYSTEM", 2),
        ("portal", "2.1", "Me.roles", 2),
    ]


async def test_the_text_is_kept_once_and_without_its_strings(store: Store, world: World) -> None:
    for _ in range(3):
        world.ask(TIMELINE)
        await world.usage.write()
    ((text,),) = await rows_of(store, "SELECT text FROM usage_document")
    assert "4711" not in text
    assert isinstance(world.engine.plan(text), Plan)


async def test_each_hour_has_its_own_counts(store: Store, world: World) -> None:
    for _ in range(3):
        world.ask(MINE)
        world.clock.at += timedelta(minutes=40)
    await world.usage.write()
    assert [count for *_, count in await counts(store)] == [2, 1]
    (found,) = await UsageStore(store).users_of_documents([document_hash(MINE)])
    assert (found.first_seen_at, found.last_seen_at) == (NOON, NOON + timedelta(minutes=80))


async def test_an_unknown_operation_counts_nothing(store: Store, world: World) -> None:
    assert world.ask(BOTH) == ()
    assert world.ask(BOTH, name="C") == ()
    await world.usage.write()
    assert await counts(store) == []


async def test_beyond_its_limits_usage_is_counted_as_other(
    store: Store, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "COUNTERS_MAX", 3)
    for number in range(10):
        world.ask(MINE, Client(f"client {number}", "1"))
        world.ask(MINE, Client("client 0", "1"))
    await world.usage.write()
    assert [(client, count) for client, _, _, count in await counts(store)] == [
        ("client 0", 11),
        ("client 1", 1),
        ("client 2", 1),
        (OTHER, 7),
    ]


async def test_one_caller_invents_names_and_others_keep_their_counters(
    store: Store, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "COUNTERS_MAX", 50)
    for number in range(500):
        world.ask(MINE, Client(f"invented {number}", "1", "mallory"))
        world.ask(MINE, Client("desk", f"1.{number}", "mallory"))
    for subject in ("ada", "mallory", "grace"):
        for client in (DESK, PORTAL):
            world.ask(MINE, client._replace(subject=subject))
    await world.usage.write()
    found = {(client, op): count for client, op, _, count in await counts(store)}
    invented = [client for client, _ in found if client.startswith("invented")]
    assert len(invented) == CLIENTS_OF_ONE_MAX // 2
    # the portal was told by another first: what is known is no invention
    assert found[other_of("mallory"), "Mine"] == 1_000 - CLIENTS_OF_ONE_MAX
    assert found["portal", "Mine"] == 3
    assert (OTHER, OTHER) not in found
    (other,) = [
        each
        for each in await UsageStore(store).users_of_coordinates(["Me.subject"])
        if each.client == other_of("mallory")
    ]
    assert (other.version, other.count) == (OTHER, 1_000 - CLIENTS_OF_ONE_MAX)


async def test_one_caller_invents_operations_and_others_keep_their_counters(
    store: Store, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "COUNTERS_MAX", 10)
    monkeypatch.setattr(usage_shares, "COUNTERS_OF_ONE_MAX", 5)
    for number in range(20):
        world.ask(f"query Q{number:02} {{ me {{ subject }} }}", DESK._replace(subject="mallory"))
    world.ask(MINE, PORTAL._replace(subject="ada"))
    world.clock.at += timedelta(hours=1)
    world.ask(MINE, DESK._replace(subject="mallory"))
    await world.usage.write()
    assert sorted(await counts(store)) == [
        (other_of("mallory"), "", "", 15),
        *(("desk", name, "", 1) for name in ("Mine", "Q00", "Q01", "Q02", "Q03", "Q04")),
        ("portal", "Mine", "", 1),
    ]


async def test_no_header_tells_the_name_of_a_callers_other() -> None:
    other = other_of("mallory")
    assert client_of({"graphql-client-name": other}, "eve") == (UNKNOWN, UNKNOWN, "eve")
    assert len(other_of("m" * 200)) == NAME_MAX


async def test_what_a_store_that_is_away_did_not_take_waits(
    store: Store, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ROWS_MAX", 1)
    await run_sql(store, "ALTER TABLE usage_count RENAME TO hidden")
    world.ask(MINE)
    world.ask(MINE, PORTAL)
    with pytest.raises((StoreUnavailable, ProgrammingError)):  # sqlite, postgresql
        await world.usage.write()
    world.ask(MINE)
    await run_sql(store, "ALTER TABLE hidden RENAME TO usage_count")
    await world.usage.write()
    await world.usage.write()
    assert await counts(store) == [("desk", "Mine", "", 2), ("portal", "Mine", "", 1)]
    assert len(await UsageStore(store).texts()) == 1


async def test_old_usage_is_forgotten_and_its_document_told_anew(
    store: Store, world: World
) -> None:
    world.ask(MINE)
    await world.usage.write()
    await world.usage.prune()
    assert len(await UsageStore(store).texts()) == 1
    world.clock.at += KEPT_FOR + timedelta(hours=1)
    await world.usage.prune()
    assert (await counts(store), await UsageStore(store).texts()) == ([], {})
    world.ask(MINE)
    await world.usage.write()
    assert len(await UsageStore(store).texts()) == 1


def _never(context: Any) -> int:
    return 1


@strawberry.type
class Query:
    old: int = root(_never, deprecation_reason="Use new. removal: 2027-03-01")
    new: int = root(_never)


async def test_a_request_is_told_what_it_uses_that_goes_away(store: Store) -> None:
    world = World(store, Engine(strawberry.Schema(query=Query)), Watch())
    assert [each.extension for each in world.ask("{ new old }")] == [
        {
            "coordinate": "Query.old",
            "reason": "Use new. removal: 2027-03-01",
            "removalOn": "2027-03-01",
        }
    ]
    assert world.ask("{ new }") == ()
