"""Event streams: what a client reads, how it goes on, and when it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import orjson
import pytest

from hub.observe import metrics
from tests.integration.live_server import TICKS, LiveServer, live_server, until

pytestmark = pytest.mark.timeout(60)

STREAM = {"accept": "text/event-stream", "authorization": "Bearer agent"}
PLAIN = "subscription { ticks { number text } }"


@pytest.fixture
async def server() -> Any:
    async with live_server() as server:
        yield server


class Events:
    """The events of one answer, comments and `retry` apart."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.comments = 0
        self.retry: int | None = None
        self._lines = response.aiter_lines()

    async def next(self, within_s: float = 5.0) -> dict[str, Any]:
        """Its fields, `data` read as JSON; StopAsyncIteration where the answer has ended."""
        event: dict[str, Any] = {}
        async with asyncio.timeout(within_s):
            async for line in self._lines:
                name, _, value = line.partition(":")
                if line.startswith(":"):
                    self.comments += 1
                elif name == "retry":
                    self.retry = int(value)
                elif line:
                    event[name] = value.removeprefix(" ")
                elif event:
                    event["data"] = orjson.loads(event["data"]) if event["data"] else None
                    return event
        raise StopAsyncIteration

    async def rest(self) -> list[dict[str, Any]]:
        found = []
        try:
            while True:
                found.append(await self.next())
        except StopAsyncIteration:
            return found


@asynccontextmanager
async def asked(
    server: LiveServer,
    query: str = TICKS,
    *,
    method: str = "POST",
    headers: Any = None,
    **more: Any,
) -> AsyncIterator[Events]:
    """One request; a GET says the same in its URL."""
    members = {"query": query, "variables": more}
    async with httpx2.AsyncClient(timeout=10) as client:
        if method == "GET":
            params = {"query": query, "variables": orjson.dumps(more).decode()}
            asking = client.stream(
                "GET", server.url, params=params, headers=STREAM | (headers or {})
            )
        else:
            asking = client.stream(
                "POST", server.url, json=members, headers=STREAM | (headers or {})
            )
        async with asking as response:
            yield Events(response)


async def opened(server: LiveServer) -> None:
    await until(lambda: bool(server.ticks.open_streams))


def next_of(number: int) -> dict[str, Any]:
    data = {"ticks": {"number": number, "text": "tick"}}
    return {"id": str(number), "event": "next", "data": {"data": data}}


COMPLETE = {"event": "complete", "data": None}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_subscription_is_a_stream_whose_ids_are_cursors(
    server: LiveServer, method: str
) -> None:
    async with asked(server, method=method) as events:
        assert events.response.status_code == 200
        headers = events.response.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-store, private"
        assert headers["x-accel-buffering"] == "no"
        await opened(server)
        server.ticks.tick(2)
        assert [await events.next(), await events.next()] == [next_of(1), next_of(2)]
        assert events.retry is not None
        assert 1_000 <= events.retry <= 4_000
    await until(lambda: not server.ticks.open_streams)
    await until(lambda: not len(server.sockets))


@pytest.mark.parametrize(
    "query",
    [
        TICKS,
        PLAIN,
        'subscription { ticks(after: "3") { number text } }',
        "subscription A { ticks(after: null) { ...T } } fragment T on Tick { number text }",
    ],
)
async def test_a_browser_goes_on_after_the_last_event_it_has_seen(
    server: LiveServer, query: str
) -> None:
    server.ticks.tick(6)
    body = {"query": query, "variables": {}}
    async with httpx2.AsyncClient(timeout=10) as client:
        headers = STREAM | {"last-event-id": "4"}
        for _ in range(2):
            async with client.stream("POST", server.url, json=body, headers=headers) as response:
                events = Events(response)
                assert [await events.next(), await events.next()] == [next_of(5), next_of(6)]


async def test_a_cursor_that_is_too_old_is_an_event_and_the_end(server: LiveServer) -> None:
    server.ticks.tick(6)
    async with asked(server, headers={"last-event-id": "1"}) as events:
        failed, *rest = await events.rest()
    assert failed["data"]["errors"][0]["extensions"]["code"] == "CURSOR_EXPIRED"
    assert rest == [COMPLETE]


@pytest.mark.parametrize(
    ("document", "data", "codes"),
    [("{ number }", {"number": 7}, []), ("mutation { renumber }", {"renumber": 7}, []),
     ("{ nothing }", None, ["DOCUMENT_INVALID"]), ("{", None, ["DOCUMENT_INVALID"])],
)  # fmt: skip
async def test_other_operations_are_one_event_and_the_end(
    server: LiveServer, document: str, data: Any, codes: list[str]
) -> None:
    async with asked(server, document) as events:
        assert events.response.status_code == 200
        answer, *rest = await events.rest()
    assert rest == [COMPLETE]
    assert answer["data"].get("data") == data
    assert [each["extensions"]["code"] for each in answer["data"].get("errors", [])] == codes


@pytest.mark.parametrize(
    ("method", "document", "headers", "status", "code"),
    [
        ("POST", TICKS, {"accept": "application/json"}, 406, "BODY_INVALID"),
        ("GET", TICKS, {"accept": "application/json"}, 406, "BODY_INVALID"),
        ("POST", TICKS, {"accept": "*/*"}, 406, "BODY_INVALID"),
        ("GET", "{ number }", {}, 405, "BODY_INVALID"),
        ("GET", "mutation { renumber }", {}, 405, "BODY_INVALID"),
        ("POST", TICKS, {"authorization": "Bearer nobody"}, 401, "UNAUTHENTICATED"),
        ("POST", TICKS, {"origin": "https://evil.example"}, 403, "FORBIDDEN"),
        ("POST", "", {}, 400, "BODY_INVALID"),
    ],
)
async def test_what_is_refused_at_the_door_is_a_status(
    server: LiveServer, method: str, document: str, headers: Any, status: int, code: str
) -> None:  # fmt: skip
    async with asked(server, document, method=method, headers=headers) as events:
        body = orjson.loads(await events.response.aread())
    assert events.response.status_code == status
    assert [each["extensions"]["code"] for each in body["errors"]] == [code]
    assert "data" not in body


async def test_over_the_budget_is_429_and_not_a_stream(server: LiveServer) -> None:
    principal = server.tokens.authenticate("Bearer agent")
    server.budgets.charge(principal, server.budgets.remaining(principal) - 0.5)
    for document in (TICKS, "{ number }"):
        async with asked(server, document) as events:
            assert events.response.status_code == 429
            assert "retry-after" in events.response.headers
    assert not len(server.sockets)


async def test_event_streams_count_as_connections_of_their_subject(server: LiveServer) -> None:
    headers = {"authorization": "Bearer customer.kim"}
    streams = [asked(server, headers=headers) for _ in range(9)]
    for each in streams:
        await each.__aenter__()
    async with server.talk("customer.kim"), asked(server, headers=headers) as events:
        assert events.response.status_code == 429
        body = orjson.loads(await events.response.aread())
        assert body["errors"][0]["extensions"]["code"] == "SUBSCRIPTIONS_EXCEEDED"
    for each in streams:
        await each.__aexit__(None, None, None)
    await until(lambda: not len(server.sockets))


async def test_a_stream_ends_with_its_token(server: LiveServer) -> None:
    token = "agent.kim"
    server.tokens.ends[token] = datetime.now(UTC) + timedelta(seconds=1)
    async with asked(server, headers={"authorization": f"Bearer {token}"}) as events:
        failed, *rest = await events.rest()
    assert (datetime.now(UTC) - server.tokens.ends[token]).total_seconds() < 1
    assert failed["data"]["errors"][0]["extensions"]["reason"] == "TOKEN_EXPIRED"
    assert rest == [COMPLETE]


async def test_a_stream_ends_when_its_token_is_revoked(server: LiveServer) -> None:
    async with asked(server) as events:
        await opened(server)
        server.tokens.revoked.add("agent")
        failed, *rest = await events.rest()
    assert failed["data"]["errors"][0]["extensions"]["reason"] == "TOKEN_REVOKED"
    assert rest == [COMPLETE]
    assert not server.ticks.open_streams


async def test_a_stream_that_ends_completes_and_one_of_a_hub_that_ends_breaks_off(
    server: LiveServer,
) -> None:
    for is_complete in (True, False):
        async with asked(server) as events:
            await opened(server)
            if is_complete:
                for stream in list(server.ticks.open_streams):
                    stream.end(None)
            else:
                server.sockets.drain()
            assert await events.rest() == ([COMPLETE] if is_complete else [])
            assert not server.ticks.open_streams


async def test_a_quiet_stream_has_a_heartbeat(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.sse.HEARTBEAT_S", 0.1)
    async with asked(server) as events:
        await opened(server)
        await asyncio.sleep(0.6)
        server.ticks.tick()
        assert await events.next() == next_of(1)
        assert events.comments >= 2


async def test_a_stream_nobody_reads_is_dropped(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = {"transport": "sse", "code": "DROPPED"}
    before = metrics.value_of("opshub_sockets_closed_total", dropped)
    monkeypatch.setattr("subscriptions.wire.WRITE_MAX_S", 0.3)
    async with asked(server):
        await opened(server)
        server.ticks.text = "x" * 50_000
        server.ticks.tick(400)  # 20 MB
        await until(lambda: not len(server.sockets))
    assert metrics.value_of("opshub_sockets_closed_total", dropped) == before + 1
    assert not server.ticks.open_streams
