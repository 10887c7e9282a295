"""What the comparison with graphql-core cannot show: calls, order, partial values, cancellation."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import strawberry

from resolvers.engine import Engine
from resolvers.fields import computed, edge, represents, root
from resolvers.partial import Partial
from tests.unit.engine import records
from tests.unit.engine.world import World, build_schema


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(build_schema())


def _paths(result: Any) -> list[tuple[tuple[Any, ...], str]]:
    return [(tuple(error.path or ()), error.message) for error in result.errors or []]


async def test_an_edge_is_called_once_for_all_its_parents(engine: Engine) -> None:
    world = World()
    document = (
        "{ orders(ids: [0, 1, 2, 9]) { customer { orders { customer { n } } } parcels { n } } }"
    )
    await engine.execute(document, context=world)
    # three customers of the first level have two orders each
    assert sorted(world.calls) == [("customer", 4), ("customer", 8), ("parcels", 4)]


async def test_a_late_edge_runs_after_the_subtrees_of_its_siblings(engine: Engine) -> None:
    world = World()
    document = "{ order(n: 1) { late customer { orders(first: 1) { customer { n } } } } }"
    result = await engine.execute(document, context=world)
    assert world.calls == [("customer", 1), ("customer", 1), ("late", 1)]
    assert result.data is not None
    assert list(result.data["order"]) == ["late", "customer"]


async def test_an_error_keeps_what_was_raised(engine: Engine) -> None:
    result = await engine.execute('{ order(n: 1) { raising(message: "m") } }', context=World())
    (error,) = result.errors or []
    assert isinstance(error.original_error, RuntimeError)
    assert [(one.line, one.column) for one in error.locations or []] == [(1, 17)]


async def test_several_operations_need_a_name(engine: Engine) -> None:
    result = await engine.execute("query A { __typename } query B { __typename }")
    assert result.data is None
    assert _paths(result) == [
        ((), "Must provide operation name if query contains multiple operations.")
    ]


async def test_an_operation_may_not_grow_beyond_the_limit(engine: Engine) -> None:
    doubled = "a: related {{ ...f{next} }} b: related {{ ...f{next} }}"
    fragments = " ".join(
        f"fragment f{i} on Order {{ {doubled.format(next=i + 1)} }}" for i in range(20)
    )
    document = f"{{ order(n: 1) {{ ...f0 }} }} {fragments} fragment f20 on Order {{ n }}"
    result = await engine.execute(document, context=World())
    assert result.data is None
    assert [
        message.startswith("The operation selects more than 2500 fields")
        for _, message in _paths(result)
    ] == [True]


async def test_generated_code_can_be_read(engine: Engine) -> None:
    source = engine.generated_source("{ order(n: 1) { number lines { n } } }")
    assert "v_number_2 = v_order_1.number" in source
    assert "for item_3_4 in v_lines_3:" in source


def _ask(parents: Sequence[Any], ctx: Any) -> Any:
    """The context of these requests is the batch function itself."""
    return ctx(parents)


@represents(records.Parcel)
@strawberry.type
class Parcel:
    n: int
    others: list["Parcel"] | None = edge(_ask)
    names: list[str] | None = edge(_ask)
    strict: list["Parcel"] = edge(_ask)


@strawberry.type
class Query:
    parcels: list[Parcel] = root(lambda ctx: [records.parcel(1), records.parcel(2)])
    one: Parcel | None = root(lambda ctx: ctx([None])[0])


@pytest.fixture(scope="module")
def parcels() -> Engine:
    return Engine(strawberry.Schema(query=Query))


async def test_a_batch_function_must_answer_one_element_per_parent(parcels: Engine) -> None:
    result = await parcels.execute("{ parcels { n names } }", context=lambda parents: [None])
    message = "Parcel.names: the batch function returned 1 elements for 2 parents"
    assert result.data == {"parcels": [{"n": 1, "names": None}, {"n": 2, "names": None}]}
    assert _paths(result) == [
        (("parcels", 0, "names"), message),
        (("parcels", 1, "names"), message),
    ]


async def test_a_batch_function_must_answer_a_list(parcels: Engine) -> None:
    document = "{ parcels { others { n } } }"
    result = await parcels.execute(document, context=lambda parents: {"no": "list"})
    message = (
        "Parcel.others: the batch function returned dict;"
        " expected a list aligned with its 2 parents"
    )
    assert [one for _, one in _paths(result)] == [message, message]


@pytest.mark.parametrize(
    ("selection", "value", "shown"),
    [
        ("names", ["a"], ["a"]),
        ("others { n }", [records.parcel(7)], [{"n": 7}]),
        ("others { n names }", [], []),
        ("strict { n }", [records.parcel(8)], [{"n": 8}]),
        ("names", None, None),
    ],
)
async def test_a_partial_value_is_shown_with_its_errors(
    parcels: Engine, selection: str, value: Any, shown: Any
) -> None:
    errors = [ConnectionError("wms-north"), ConnectionError("wms-south")]
    result = await parcels.execute(
        f"{{ parcels {{ {selection} }} }}",
        context=lambda parents: [Partial(value, errors) for _ in parents],
    )
    name = selection.split(" ")[0]
    assert result.data == {"parcels": [{name: shown}, {name: shown}]}
    assert sorted(_paths(result)) == [
        (("parcels", index, name), system)
        for index in (0, 1)
        for system in ("wms-north", "wms-south")
    ]


async def test_a_partial_root_value(parcels: Engine) -> None:
    partial = Partial(records.parcel(3), [ConnectionError("wms-north")])
    result = await parcels.execute("{ one { n } }", context=lambda parents: [partial])
    assert result.data == {"one": {"n": 3}}
    assert _paths(result) == [(("one",), "wms-north")]


async def test_cancellation_reaches_every_edge_and_leaves_none_running(parcels: Engine) -> None:
    seen: list[str] = []

    async def wait(parents: Sequence[Any]) -> list[Any]:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return [None for _ in parents]

    execution = parcels.execute("{ parcels { others { n } names } }", context=wait)
    running = asyncio.ensure_future(execution)
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert seen == ["cancelled", "cancelled"]


async def test_a_record_of_a_subclass_is_shown_too(parcels: Engine) -> None:
    class Special(records.Parcel):
        pass

    result = await parcels.execute(
        "{ parcels { others { n } } }",
        context=lambda parents: [[Special(5, "s", None)] for _ in parents],
    )
    assert result.errors is None
    assert result.data == {"parcels": [{"others": [{"n": 5}]}, {"others": [{"n": 5}]}]}


async def _no_events() -> AsyncIterator[Any]:
    return
    yield


async def test_a_subscription_is_executed_for_one_event() -> None:
    @represents(records.Note)
    @strawberry.type
    class Note:
        n: int
        shout: str = computed(lambda note: note.text.upper())

    @strawberry.type
    class Query:
        note: Note | None = root(lambda ctx: records.note(1))

    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def noted(self, after: int = 0) -> AsyncIterator[Note]:
            async for each in _no_events():
                yield each

    engine = Engine(strawberry.Schema(query=Query, subscription=Subscription))
    document = "subscription { told: noted(after: 3) { n shout } }"
    result = await engine.execute_event(document, records.note(9))
    assert (result.data, result.errors) == ({"told": {"n": 9, "shout": "TEXT"}}, None)
    refused = await engine.execute(document)
    assert (refused.data, _paths(refused)) == (None, [((), "A subscription needs a stream.")])
