"""What one client may take of the hub: sockets, operations, messages, memory, patience."""

import asyncio
import gc
import socket
import sys
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from hub.observe import metrics
from subscriptions.wire import WAITING_BYTES_MAX
from tests.integration.live_server import TICKS, LiveServer, Talk, live_server, until

pytestmark = pytest.mark.timeout(60)

STUCK_BYTES_MAX = 1_000_000


@pytest.fixture
async def server() -> Any:
    async with live_server() as server:
        yield server


async def test_a_socket_runs_50_operations_at_once(server: LiveServer) -> None:
    async with server.talk() as talk:
        for number in range(51):
            await talk.subscribe(str(number))
        answer = await talk.heard()
        assert (answer["id"], answer["type"]) == ("50", "error")
        assert answer["payload"][0]["extensions"]["code"] == "SUBSCRIPTIONS_EXCEEDED"
        assert len(server.ticks.open_streams) == 50
        await talk.say(id="0", type="complete")
        await talk.subscribe("50", "{ number }")
        assert (await talk.heard())["type"] == "next"


@pytest.mark.parametrize(("role", "most"), [("customer", 10), ("agent", 50)])
async def test_a_subject_has_so_many_sockets(server: LiveServer, role: str, most: int) -> None:
    kims = [server.talk(f"{role}.kim") for _ in range(most)]
    for each in kims:
        await each.__aenter__()
    async with server.connect() as socket_, server.talk(f"{role}.lee"):
        talk = Talk(socket_)
        await talk.say(type="connection_init", payload={"Authorization": f"Bearer {role}.kim"})
        assert await talk.closed() == (
            1013, f"connections of one subject: at most {most} at once; end one first",
        )  # fmt: skip
    await kims.pop().__aexit__(None, None, None)
    await until(lambda: len(server.sockets) == most - 1)
    async with server.talk(f"{role}.kim"):
        pass
    for each in kims:
        await each.__aexit__(None, None, None)


async def test_beyond_the_places_of_the_process_a_handshake_is_refused() -> None:
    async with live_server(places=2) as server, server.talk(), server.talk():
        with pytest.raises(InvalidStatus) as refused:
            async with server.connect():
                pass
        assert refused.value.response.status_code == 503


async def test_a_client_that_talks_too_fast_is_sent_away(server: LiveServer) -> None:
    async with server.talk() as talk:
        for _ in range(98):  # beside connection_init; as many may come at once
            await talk.say(type="ping")
        assert [await talk.heard() for _ in range(98)] == [{"type": "pong"}] * 98
    async with server.talk() as talk:
        for _ in range(200):
            await talk.say(type="pong")
        assert await talk.closed() == (4429, "too many messages: at most 100 a second")


def stuck_client(server: LiveServer) -> socket.socket:
    """A socket whose kernel holds little and that nobody reads."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect(("127.0.0.1", server.port))
    return client


async def stuck_talk(server: LiveServer) -> Talk:
    """An acknowledged subscriber that then reads no more."""
    connection = await server.connect(sock=stuck_client(server), max_queue=1)
    talk = Talk(connection)
    await talk.say(type="connection_init", payload={"authorization": "Bearer agent.stuck"})
    assert await talk.heard() == {"type": "connection_ack"}
    await talk.subscribe("a", TICKS)
    await until(lambda: len(server.ticks.open_streams) > 0)
    connection.transport.pause_reading()
    return talk


async def test_a_socket_that_stops_reading_holds_little_and_is_dropped(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = {"transport": "websocket", "code": "DROPPED"}
    before = metrics.value_of("opshub_sockets_closed_total", dropped)
    talk = await stuck_talk(server)
    (connection,) = server.sockets._all
    server.ticks.text = "x" * 10_000
    server.ticks.tick(1_000)  # 10 MB
    await asyncio.sleep(0.2)
    wire: Any = connection.wire  # type: ignore[attr-defined]
    transport = wire._send
    assert 0 < wire.waiting_bytes <= WAITING_BYTES_MAX + 20_000
    assert _held(wire) < STUCK_BYTES_MAX
    assert transport is not None
    assert not wire.is_over
    monkeypatch.setattr("subscriptions.wire.WRITE_MAX_S", 0.2)
    await until(lambda: not len(server.sockets))
    assert metrics.value_of("opshub_sockets_closed_total", dropped) == before + 1
    assert not server.ticks.open_streams
    talk.socket.transport.abort()
    gc.collect()


def _held(wire: Any) -> int:
    return sum(sys.getsizeof(each) for each in wire._waiting)


async def test_who_reads_again_in_time_misses_nothing(server: LiveServer) -> None:
    talk = await stuck_talk(server)
    server.ticks.text = "x" * 10_000
    server.ticks.tick(600)
    await asyncio.sleep(0.2)
    talk.socket.transport.resume_reading()
    numbers = [(await talk.heard())["payload"]["data"]["ticks"]["number"] for _ in range(600)]
    assert numbers == list(range(1, 601))
    await talk.socket.close()


async def test_a_large_answer_waits_for_its_reader(server: LiveServer) -> None:
    talk = await stuck_talk(server)
    server.ticks.text = "x" * 10_000
    server.ticks.tick(600)
    await talk.subscribe("q", "{ number }")
    await asyncio.sleep(0.2)
    talk.socket.transport.resume_reading()
    words = [await talk.heard() for _ in range(602)]
    assert [word["type"] for word in words if word["id"] == "q"] == ["next", "complete"]
    await talk.socket.close()
