"""Messages of systems over a real NATS: each is taken once, whoever dies in between."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic

import nats
import pytest
from nats.aio.client import Client

from hub.events.connection import Nats, NatsAccess
from hub.events.incoming import Incoming
from hub.events.intake import Again, Done, Message, Verdict
from hub.events.streams import CONSUMER_IN, STREAM_IN
from hub.events.told import Via
from hub.observe.tasks import in_background
from tests.support.nats_faults import MortalNats, mortal_nats
from tests.support.relayed import ended, until

MESSAGES = 500


class Taken:
    """What is taken in; those whose payload says so come again once."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.batches: list[int] = []

    async def receive(self, messages: Sequence[Message]) -> list[Verdict]:
        self.messages += messages
        self.batches.append(len(messages))
        return [Again(0.2) if m.payload == b"again" and not m.tries else Done() for m in messages]

    @property
    def payloads(self) -> Counter[bytes]:
        return Counter(message.payload for message in self.messages)


@asynccontextmanager
async def taking_in(url: str) -> AsyncIterator[tuple[Taken, Nats]]:
    connection, taken = Nats(NatsAccess(url)), Taken()
    works = [in_background(connection.follow())]
    works.append(in_background(Incoming(connection, taken).follow()))
    try:
        await until(lambda: connection.is_connected)
        yield taken, connection
    finally:
        for work in reversed(works):
            await ended(work)


@asynccontextmanager
async def sender_to(server: MortalNats) -> AsyncIterator[Client]:
    client = await nats.connect(server.url)
    try:
        yield client
    finally:
        await client.close()


async def nothing_left(client: Client) -> None:
    async with asyncio.timeout(10):
        while True:
            info = await client.jetstream().consumer_info(STREAM_IN, CONSUMER_IN)
            if (info.num_pending, info.num_ack_pending) == (0, 0):
                return
            await asyncio.sleep(0.02)


async def test_a_message_as_it_is_taken_in() -> None:
    with mortal_nats() as server:
        async with taking_in(server.url) as (taken, _), sender_to(server) as sender:
            trace = {"traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"}
            began = monotonic()
            await sender.jetstream().publish("in.wms-north.a.b", b"{}", headers=trace)
            await until(lambda: taken.messages)
            assert monotonic() - began < 0.5  # at once, whatever else may come
            [message] = taken.messages
            assert datetime.now(UTC) - message.received_at < timedelta(seconds=5)
            assert message == Message(
                system="wms-north",
                via=Via.NATS,
                payload=b"{}",
                subject="in.wms-north.a.b",
                is_trusted=True,
                traceparent=trace["traceparent"],
                received_at=message.received_at,
                tries=0,
            )
            await nothing_left(sender)


@pytest.mark.parametrize("status", ["100", "404", "503", "no number"])
async def test_no_header_of_a_sender_is_taken_for_the_servers_word(status: str) -> None:
    """Else one empty message costs the connection, again each time that it is redelivered."""
    with mortal_nats() as server:
        async with taking_in(server.url) as (taken, connection), sender_to(server) as sender:
            changes: list[bool] = []
            connection.on_change.append(lambda: changes.append(connection.is_connected))
            await sender.jetstream().publish("in.wms-north.a", b"", headers={"Status": status})
            await until(lambda: taken.messages)
            assert taken.payloads == {b"": 1}
            assert changes == []
            await nothing_left(sender)


async def test_what_is_not_taken_comes_again_after_its_delay() -> None:
    with mortal_nats() as server:
        async with taking_in(server.url) as (taken, _), sender_to(server) as sender:
            began = monotonic()
            await sender.jetstream().publish("in.crm.x", b"again")
            await until(lambda: len(taken.messages) == 2)
            assert monotonic() - began >= 0.2
            assert [message.tries for message in taken.messages] == [0, 1]
            await nothing_left(sender)


async def test_two_processes_share_what_comes() -> None:
    with mortal_nats() as server:
        async with (
            taking_in(server.url) as (one, _),
            taking_in(server.url) as (two, _),
            sender_to(server) as sender,
        ):
            for n in range(MESSAGES):
                await sender.publish("in.erp-us.x", json.dumps(n).encode())
            await until(lambda: len(one.messages) + len(two.messages) >= MESSAGES)
            await nothing_left(sender)
            assert one.payloads + two.payloads == Counter(
                {json.dumps(n).encode(): 1 for n in range(MESSAGES)}
            )
            assert max(one.batches + two.batches) <= 100


async def test_the_server_dies_in_between() -> None:
    """What was confirmed to its sender is taken in; a lost answer makes it come twice at most."""
    with mortal_nats() as server:
        async with taking_in(server.url) as (taken, connection):
            confirmed: set[bytes] = set()
            for life in range(3):
                await until(lambda: connection.is_connected)
                async with sender_to(server) as sender:
                    for n in range(60):
                        payload = f"{life}-{n}".encode()
                        await sender.jetstream().publish("in.wms-south.x", payload)
                        confirmed.add(payload)
                server.kill()
                server.start()
            await until(lambda: confirmed <= set(taken.payloads), within_s=40)


async def test_a_consumer_that_is_deleted_is_made_again() -> None:
    with mortal_nats() as server:
        async with taking_in(server.url) as (taken, _), sender_to(server) as sender:
            await sender.jetstream().publish("in.crm.x", b"1")
            await until(lambda: taken.messages)
            await sender.jetstream().delete_consumer(STREAM_IN, CONSUMER_IN)
            await sender.jetstream().publish("in.crm.x", b"2")
            await until(lambda: b"2" in taken.payloads, within_s=10)
            await sender.jetstream().delete_stream(STREAM_IN)
            await asyncio.sleep(0.1)

            async def is_stored() -> bool:
                try:
                    await sender.jetstream().publish("in.crm.x", b"3")
                except nats.errors.Error:
                    return False
                return True

            async with asyncio.timeout(10):
                while not await is_stored():  # noqa: ASYNC110 (of another process)
                    await asyncio.sleep(0.1)
            await until(lambda: b"3" in taken.payloads, within_s=10)
