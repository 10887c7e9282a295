"""NATS dies, is away, silent, wiped or altered: no event is missed, none waits for it.

At full scale, 10,000 events and ten deaths: OPSHUB_PROVE_NATS_FAULTS=1.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import nats
import pytest
import pytest_asyncio

from hub.events.streams import CONSUMER_IN, STREAM_EVENTS, STREAM_IN
from hub.model.errors import NatsUnavailable
from hub.store.engine import Store
from tests.support.events import numbered_event
from tests.support.nats_faults import MortalNats, Wire, mortal_nats
from tests.support.relayed import Member, member_of, numbers, until
from tests.support.stores import opened_store

IS_FULL = os.environ.get("OPSHUB_PROVE_NATS_FAULTS") == "1"
EVENTS, DEATHS = (10_000, 10) if IS_FULL else (1_500, 5)
BATCH = 10
BACK_WITHIN_S = 10.0


@pytest_asyncio.fixture
async def stores(tmp_path: Path) -> AsyncIterator[tuple[Store, Store]]:
    """One SQLite file as two processes open it."""
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    async with opened_store(url) as one, opened_store(url, process="two") as two:
        yield one, two


async def messages_of(url: str, stream: str) -> int:
    client = await nats.connect(url)
    try:
        return (await client.jetstream().stream_info(stream)).state.messages
    finally:
        await client.close()


@pytest.mark.prove
@pytest.mark.timeout(600 if IS_FULL else 60)
async def test_a_server_that_dies_again_and_again(stores: tuple[Store, Store]) -> None:
    with mortal_nats() as server:
        async with (
            member_of(stores[0], server.url) as one,
            member_of(stores[1], server.url, name="two") as two,
        ):
            await until(lambda: not one.tail.is_degraded and not two.tail.is_degraded)
            await append_all(one, server)
            await two.seen_up_to(EVENTS)
            await one.seen_up_to(EVENTS)
            for member in (one, two):
                assert member.positions == list(range(1, EVENTS + 1))
                assert numbers(member.seen) == list(range(EVENTS))
                assert member.replaced == 0
            await one.all_told(within_s=BACK_WITHIN_S)
        assert await messages_of(server.url, STREAM_EVENTS) == EVENTS


async def append_all(member: Member, server: MortalNats) -> None:
    """Append everything; meanwhile the server is killed and started again, DEATHS times."""
    times = 0
    for start in range(0, EVENTS, BATCH):
        await member.append(*(numbered_event(start + n) for n in range(BATCH)))
        due = start * DEATHS * 2 // EVENTS
        if due > times:
            times = due
            (server.kill if times % 2 else server.start)()
            await asyncio.sleep(0.3)
    server.kill()
    server.start()


async def test_started_without_a_server(stores: tuple[Store, Store]) -> None:
    with mortal_nats(is_up=False) as server:
        began = monotonic()
        async with member_of(stores[0], server.url) as member:
            assert monotonic() - began < 5
            assert member.tail.is_degraded
            appended = monotonic()
            await member.append(*(numbered_event(n) for n in range(300)))
            await member.seen_up_to(300, within_s=2)
            assert monotonic() - appended < 2
            assert await member.log.waiting() == 300
            server.start()
            await until(lambda: not member.tail.is_degraded)
            await member.all_told(within_s=BACK_WITHIN_S)
            assert await messages_of(server.url, STREAM_EVENTS) == 300


async def test_a_store_that_is_wiped(stores: tuple[Store, Store]) -> None:
    with mortal_nats() as server:
        async with (
            member_of(stores[0], server.url) as one,
            member_of(stores[1], server.url, name="two") as two,
        ):
            await until(lambda: not one.tail.is_degraded and not two.tail.is_degraded)
            await one.append(*(numbered_event(n) for n in range(50)))
            await one.all_told()
            server.kill()
            server.wipe()
            await one.append(*(numbered_event(n) for n in range(50, 100)))
            server.start()
            await one.all_told(within_s=BACK_WITHIN_S)
            await one.append(numbered_event(100))
            await two.seen_up_to(101)
            assert numbers(two.seen) == list(range(101))
            await one.all_told()
        assert await messages_of(server.url, STREAM_EVENTS) == 51
        assert await messages_of(server.url, STREAM_IN) == 0


async def test_streams_that_are_deleted_or_altered_are_put_back(
    stores: tuple[Store, Store],
) -> None:
    with mortal_nats() as server:
        async with member_of(stores[0], server.url) as member:
            await until(lambda: not member.tail.is_degraded)
            operator = await nats.connect(server.url)
            jetstream = operator.jetstream()
            try:
                await jetstream.delete_stream(STREAM_EVENTS)
                await jetstream.delete_consumer(STREAM_IN, CONSUMER_IN)
                info = await jetstream.stream_info(STREAM_IN)
                await jetstream.update_stream(info.config.evolve(max_age=600.0, max_msg_size=10))
                await member.append(*(numbered_event(n) for n in range(20)))
                await member.seen_up_to(20, within_s=2)
                await member.all_told(within_s=BACK_WITHIN_S)
                assert (await jetstream.stream_info(STREAM_EVENTS)).state.messages == 20
                put_back = (await jetstream.stream_info(STREAM_IN)).config
                assert (put_back.max_age, put_back.max_msg_size) == (7 * 86_400.0, 65_536)
                consumer = await jetstream.consumer_info(STREAM_IN, CONSUMER_IN)
                assert consumer.config is not None
                assert (consumer.config.ack_wait, consumer.config.max_ack_pending) == (10.0, 1_000)
            finally:
                await operator.close()


async def test_a_server_that_answers_nothing_keeps_nobody_waiting(
    stores: tuple[Store, Store],
) -> None:
    """The wire swallows everything: events are appended and seen as ever, and told afterwards."""
    with mortal_nats() as server:
        async with (
            Wire(server.port) as wire,
            member_of(stores[0], f"nats://127.0.0.1:{wire.port}") as member,
        ):
            await until(lambda: not member.tail.is_degraded)
            wire.swallow()
            for n in range(20):
                began = monotonic()
                await member.append(numbered_event(n))
                assert monotonic() - began < 1
                await member.seen_up_to(n + 1, within_s=2)
            await until(lambda: member.tail.is_degraded, within_s=6)  # within 2 s, and cleanup
            assert member.nats is not None
            with pytest.raises(NatsUnavailable):
                await member.nats.publish("hub.wake.relay", b"")
            wire.carry_on()
            await member.all_told(within_s=BACK_WITHIN_S)
        assert await messages_of(server.url, STREAM_EVENTS) == 20


async def test_refused_authentication_is_said_once_and_tried_on(
    stores: tuple[Store, Store], caplog: pytest.LogCaptureFixture
) -> None:
    with mortal_nats(settings="authorization { user: opshub, password: right }") as server:
        wrong = server.url.replace("nats://", "nats://opshub:wrong@")
        async with member_of(stores[0], wrong) as member:
            await until(lambda: "refuses our authentication" in caplog.text)
            await asyncio.sleep(1.5)
            assert caplog.text.count("refuses our authentication") == 1
            assert "wrong" not in caplog.text
            await member.append(numbered_event(1))
            await member.seen_up_to(1, within_s=2)
            assert member.tail.is_degraded


async def test_the_process_that_tells_ends_and_another_goes_on(
    stores: tuple[Store, Store], nats_url: str
) -> None:
    async with member_of(stores[1], nats_url, name="two", lease_s=1.0) as two:
        async with member_of(stores[0], nats_url, lease_s=1.0) as one:
            await one.append(*(numbered_event(n) for n in range(30)))
            await two.seen_up_to(30)
        await two.append(*(numbered_event(n) for n in range(30, 60)))
        await two.seen_up_to(60)
        assert two.positions == list(range(1, 61))


async def test_another_log_is_told(stores: tuple[Store, Store]) -> None:
    """The database was replaced under the running hub: positions begin anew, and it is said."""
    async with member_of(stores[0], None) as member:
        await member.append(*(numbered_event(n) for n in range(5)))
        await member.seen_up_to(5)
        before = member.tail.epoch
        async with stores[1].write() as connection:
            await connection.exec_driver_sql("DELETE FROM event_log")
            await connection.exec_driver_sql(
                "UPDATE event_head SET epoch = 'another', last_position = 0"
            )
        member.tail.check()
        await until(lambda: member.replaced == 1)
        assert (before != "another", member.tail.epoch, member.tail.position) == (
            True,
            "another",
            0,
        )
        await member.append(numbered_event(9))
        await until(lambda: numbers(member.seen) == [0, 1, 2, 3, 4, 9])
