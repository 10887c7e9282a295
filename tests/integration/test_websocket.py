"""graphql-transport-ws as clients speak it: words, codes, and what one socket can do."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from hub.observe import metrics
from tests.integration.live_server import TICKS, LiveServer, Talk, live_server, until

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def server() -> Any:
    async with live_server() as server:
        yield server


async def opened(server: LiveServer, count: int = 1) -> None:
    """Once that many streams are open."""
    await until(lambda: len(server.ticks.open_streams) >= count)


def next_of(id_: str, number: int) -> dict[str, Any]:
    data = {"ticks": {"number": number, "text": "tick"}}
    return {"id": id_, "type": "next", "payload": {"data": data}}


async def test_a_subscription_tells_every_event_until_the_client_has_enough(
    server: LiveServer,
) -> None:
    async with server.talk() as talk:
        await talk.subscribe("a")
        await opened(server)
        server.ticks.tick(3)
        assert [await talk.heard() for _ in range(3)] == [next_of("a", each) for each in (1, 2, 3)]
        await talk.say(id="a", type="complete")
        await talk.say(type="ping")
        assert await talk.heard() == {"type": "pong"}
        assert not server.ticks.open_streams
        await talk.subscribe("a", after="3")  # the id is free again
        server.ticks.tick()
        assert await talk.heard() == next_of("a", 4)


async def test_several_operations_share_a_socket(server: LiveServer) -> None:
    async with server.talk() as talk:
        for id_ in "abc":
            await talk.subscribe(id_)
        await opened(server, 3)
        server.ticks.tick()
        heard = sorted([await talk.heard() for _ in "abc"], key=lambda word: str(word["id"]))
        assert heard == [next_of(id_, 1) for id_ in "abc"]


@pytest.mark.parametrize(
    ("document", "data"),
    [("{ number }", {"number": 7}), ("mutation { renumber }", {"renumber": 7})],
)
async def test_queries_and_mutations_are_answered_once(
    server: LiveServer, document: str, data: dict[str, int]
) -> None:
    async with server.talk() as talk:
        await talk.subscribe("q", document)
        answer = await talk.heard()
        assert (answer["id"], answer["type"], answer["payload"]["data"]) == ("q", "next", data)
        extensions = answer["payload"]["extensions"]
        assert set(extensions) == {"correlationId", "cost"}
        assert extensions["cost"]["remaining"] < 10_000, "it was charged"
        assert await talk.heard() == {"id": "q", "type": "complete"}


@pytest.mark.parametrize(
    ("document", "code"),
    [("{ number", "DOCUMENT_INVALID"), ("{ nothing }", "DOCUMENT_INVALID"),
     ("{ a: " + "number b: " * 40 + "number }", "DOCUMENT_TOO_LARGE"),
     ("{ __schema { description } }", "INTROSPECTION_DISABLED")],
)  # fmt: skip
async def test_what_is_wrong_with_a_document_ends_only_its_operation(
    server: LiveServer, document: str, code: str
) -> None:
    async with server.talk() as talk:
        await talk.subscribe("a")
        await opened(server)
        await talk.subscribe("b", document)
        answer = await talk.heard()
        assert (answer["id"], answer["type"]) == ("b", "error")
        assert {each["extensions"]["code"] for each in answer["payload"]} == {code}
        server.ticks.tick()
        assert await talk.heard() == next_of("a", 1)


async def test_a_defect_is_masked(server: LiveServer, caplog: pytest.LogCaptureFixture) -> None:
    async with server.talk() as talk:
        with caplog.at_level(logging.CRITICAL):
            await talk.subscribe("b", "{ broken number }")
            answer = await talk.heard()
        assert answer["payload"]["data"] == {"broken": None, "number": 7}
        assert "hunter2" not in str(answer)


async def test_an_operation_over_the_budget_is_refused_and_the_socket_stays(
    server: LiveServer,
) -> None:
    async with server.talk("customer") as talk:
        principal = server.tokens.authenticate("Bearer customer")
        server.budgets.charge(principal, server.budgets.remaining(principal) - 0.5)
        for id_, document in (("a", "{ number }"), ("b", TICKS)):
            await talk.subscribe(id_, document)
            answer = await talk.heard()
            assert (answer["id"], answer["type"]) == (id_, "error")
            assert answer["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_a_stream_that_cannot_open_says_why(server: LiveServer) -> None:
    async with server.talk() as talk:
        await talk.subscribe("a", after="1")
        answer = await talk.heard()
        assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == (
            "error", "CURSOR_EXPIRED",
        )  # fmt: skip


async def test_a_stream_waits_a_moment_for_a_hub_that_has_just_started(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ticks.away = 2
    async with server.talk() as talk:
        await talk.subscribe("a")
        await opened(server)
        server.ticks.tick()
        assert await talk.heard() == next_of("a", 1)
        monkeypatch.setattr("subscriptions.operation.OPEN_WITHIN_S", 0.3)
        server.ticks.away = 100
        await talk.subscribe("b")
        answer = await talk.heard()
        assert (answer["id"], answer["type"]) == ("b", "error")
        assert answer["payload"][0]["extensions"]["code"] == "STORE_UNAVAILABLE"


async def test_a_stream_that_ends_completes(server: LiveServer) -> None:
    async with server.talk() as talk:
        await talk.subscribe("a")
        await opened(server)
        for stream in list(server.ticks.open_streams):
            stream.end(None)
        assert await talk.heard() == {"id": "a", "type": "complete"}


async def test_a_query_that_is_completed_by_its_client_is_cancelled(server: LiveServer) -> None:
    async with server.talk() as talk:
        await talk.subscribe("a", "{ slow }")
        await talk.say(id="a", type="complete")
        await talk.subscribe("a", "{ number }")
        assert (await talk.heard())["payload"]["data"] == {"number": 7}


async def close_after(server: LiveServer, *words: dict[str, Any]) -> tuple[int, str]:
    async with server.connect() as socket:
        talk = Talk(socket)
        for word in words:
            await talk.say(**word)
        return await talk.closed()


INIT: dict[str, Any] = {"type": "connection_init", "payload": {"Authorization": "Bearer agent"}}


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        ([INIT, INIT], 4429, "connection_init came twice"),
        ([{"type": "subscribe", "id": "a", "payload": {"query": TICKS}}], 4401,
         "subscribe came before connection_ack"),
        ([{"type": "connection_init"}], 4403,
         "TOKEN_ABSENT: no token; expected the header Authorization: Bearer …"),
        ([{"type": "connection_init", "payload": {"authorization": "Bearer nobody"}}], 4403,
         "TOKEN_SIGNATURE: the token is not signed by a key of this hub"),
        ([INIT, *[{"type": "subscribe", "id": "a", "payload": {"query": TICKS}}] * 2], 4409,
         "Subscriber for a already exists"),
    ],
)  # fmt: skip
async def test_who_breaks_the_protocol_is_told_by_its_code(
    server: LiveServer, words: list[dict[str, Any]], code: int, reason: str
) -> None:
    assert await close_after(server, *words) == (code, reason)
    await until(lambda: not len(server.sockets))
    assert not server.ticks.open_streams


async def test_the_token_may_also_be_in_the_handshake(server: LiveServer) -> None:
    headers = {"Authorization": "Bearer agent"}
    async with server.connect(additional_headers=headers) as socket:
        talk = Talk(socket)
        await talk.say(type="connection_init")
        assert await talk.heard() == {"type": "connection_ack"}


@pytest.mark.parametrize("offered", [None, "graphql-ws", "chat"])
async def test_without_the_subprotocol_nothing_is_spoken(
    server: LiveServer, offered: str | None
) -> None:
    async with server.connect(subprotocol=offered) as socket:
        code, reason = await Talk(socket).closed()
    assert (code, reason) == (4406, "expected the subprotocol graphql-transport-ws")


@pytest.mark.parametrize(
    ("origin", "is_served"),
    [("https://desk.example", True), ("https://evil.example", False), ("null", False)],
)
async def test_pages_of_other_origins_get_no_socket(
    server: LiveServer, origin: str, is_served: bool
) -> None:
    if is_served:
        async with server.talk(origin=origin) as talk:
            await talk.say(type="ping")
            assert await talk.heard() == {"type": "pong"}
        return
    with pytest.raises(InvalidStatus) as refused:
        async with server.connect(origin=origin):
            pass
    assert refused.value.response.status_code == 403
    assert b"may not call this hub" in (refused.value.response.body or b"")


async def test_a_socket_that_says_nothing_is_closed(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.session.INIT_WITHIN_S", 0.3)
    assert await close_after(server) == (4408, "no connection_init within 0.3 s")


async def test_a_socket_ends_with_its_token(server: LiveServer) -> None:
    token = "agent.kim"
    server.tokens.ends[token] = datetime.now(UTC) + timedelta(seconds=1)
    async with server.talk(token) as talk:
        await talk.subscribe("a")
        await opened(server)
        assert await talk.closed() == (4403, "TOKEN_EXPIRED: the token has expired; sign in again")
    late = (datetime.now(UTC) - server.tokens.ends[token]).total_seconds()
    assert 0 <= late < 1
    assert not server.ticks.open_streams


async def test_a_socket_ends_when_its_token_is_revoked(server: LiveServer) -> None:
    async with server.talk("agent.kim") as kim, server.talk("agent.lee") as lee:
        server.tokens.revoked.add("kim")
        assert await kim.closed() == (4403, "TOKEN_REVOKED: the token was revoked; sign in again")
        await lee.say(type="ping")
        assert await lee.heard() == {"type": "pong"}


async def test_a_peer_that_answers_no_ping_is_dead(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.session.PING_EVERY_S", 0.2)
    async with server.talk() as quiet, server.talk() as lively:
        for _ in range(4):
            assert await lively.heard() == {"type": "ping"}
            await lively.say(type="pong")
        assert [await quiet.heard() for _ in range(2)] == [{"type": "ping"}] * 2
        assert await quiet.closed() == (1013, "2 pings were not answered")
        await lively.say(type="ping")
        assert {"type": "pong"} in [await lively.heard(), await lively.heard()]


async def test_a_hub_that_ends_says_when_to_come_again(server: LiveServer) -> None:
    async with server.talk() as talk:
        await talk.subscribe("a")
        await opened(server)
        server.sockets.drain()
        code, reason = await talk.closed(1)
        assert code == 1001
        assert reason.startswith("the hub restarts; reconnect in ")
        assert not server.ticks.open_streams
    with pytest.raises(InvalidStatus) as refused:
        async with server.connect():
            pass
    assert refused.value.response.status_code == 503


async def test_sockets_are_counted(server: LiveServer) -> None:
    labels = {"transport": "websocket"}
    sent = metrics.value_of("opshub_sent_messages_total", labels)
    async with server.talk() as talk:
        await talk.subscribe("a")
        await opened(server)
        server.ticks.tick(5)
        for _ in range(5):
            await talk.heard()
        assert metrics.value_of("opshub_sockets", labels) == 1
        assert metrics.value_of("opshub_socket_operations", labels) == 1
        await asyncio.sleep(0.2)
        assert metrics.value_of("opshub_sent_messages_total", labels) == sent + 6  # and the ack
    await until(lambda: not metrics.value_of("opshub_sockets", labels))
    assert metrics.value_of("opshub_socket_operations", labels) == 0
