"""How often and how soon somebody outside is told again, and what is counted of it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from starlette.responses import Response

from hub.events.webhooks import RETRY_AFTER_MAX_S
from hub.observe import metrics
from hub.store.engine import Store
from hub.store.reference_acts import Act
from tests.integration.test_delivering import World, by_command, event
from tests.support.receiver import Receiver, running_receiver
from tests.support.stores import rows_of


@pytest_asyncio.fixture
async def world(store: Store) -> AsyncIterator[World]:
    async with running_receiver(Receiver()) as receiver:
        made = World(store, receiver)
        yield made
        await made.webhooks.close()
        await made.commander.close()


def asks_for(world: World, seconds: int, *, status: int = 503) -> None:
    refusal = Response(status_code=status, headers={"retry-after": str(seconds)})
    world.receiver.answer = lambda _: refusal


@pytest.mark.parametrize("status", [429, 503])
async def test_a_receiver_that_asks_for_a_pause_gets_it(world: World, status: int) -> None:
    asks_for(world, 600, status=status)
    await world.note(event(1))
    await world.delivering.tell_due()
    assert await world.later(seconds=598) == 0
    assert await world.later(seconds=3) == 1
    asks_for(world, 0)  # no shorter than our own pause
    await world.later(seconds=601)
    assert await world.later(seconds=10) == 0


async def test_nobody_pauses_it_for_longer_than_an_hour(world: World) -> None:
    asks_for(world, 10_000_000)
    await world.note(event(1))
    await world.delivering.tell_due()
    assert await world.later(seconds=RETRY_AFTER_MAX_S - 2) == 0
    assert await world.later(seconds=3) == 1


async def test_a_system_that_is_commanded_gets_its_pause_too(world: World) -> None:
    world.declared = {"tell-crm": by_command("{order.key}")}
    asks_for(world, 50, status=429)
    await world.note(event(1))
    await world.delivering.tell_due()
    assert await world.later(seconds=48) == 0
    assert await world.later(seconds=3) == 1


async def test_after_so_many_tries_it_waits_for_a_person(world: World) -> None:
    world.delivering = world.worker(tries_max=2)
    world.receiver.answers = [500] * 3
    await world.note(event(1))
    for _ in range(4):
        await world.later(hours=2)
    assert await world.states() == [("DEAD", 2)]
    (id_,) = [row[0] for row in await rows_of(world.store, "SELECT id FROM dead_letter")]
    await world.letters.replay([id_], act=Act(actor="ops", reason="again"))
    assert await world.later(seconds=1) == 1
    assert await world.states() == [("PENDING", 3)]
    assert await world.later(hours=2) == 1
    assert await world.states() == [("SENT", 4)]
    assert len({got.headers["webhook-id"] for got in world.receiver.got}) == 1


def outcomes() -> dict[str, float]:
    name = "opshub_deliveries_total"
    return {
        each: metrics.value_of(name, {"delivery": "portal", "outcome": each})
        for each in ("SENT", "AGAIN", "DEAD")
    }


async def test_tries_are_counted_and_what_waits_is_shown(world: World) -> None:
    world.receiver.answers = [500, 204, 410]
    before = outcomes()
    await world.note(event(1), event(2))
    for _ in range(3):
        await world.later(minutes=1)
        await world.delivering._count()
        waiting = metrics.value_of("opshub_deliveries_waiting", {"delivery": "portal"})
        assert waiting == len([state for state, _ in await world.states() if state == "PENDING"])
    assert outcomes() == {each: count + 1 for each, count in before.items()}
