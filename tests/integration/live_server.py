"""A small hub that ticks, behind the server and the connections a real one has."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import strawberry
import uvicorn
from graphql import get_argument_values
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from hub.cli.serving import CONNECTIONS
from hub.model.errors import CursorExpired, OpsHubError, StoreUnavailable
from hub.security.budget import Budgets
from hub.security.principal import Principal, Role
from hub.security.refused import TokenFault, refused
from hub.security.tokens import bearer_of
from resolvers.cost import Toll
from resolvers.engine import Engine, Request
from resolvers.fields import root
from resolvers.http import GraphQLEndpoint
from resolvers.limits import Limits
from resolvers.negotiation import Origins
from subscriptions.operation import Runner
from subscriptions.outlet import Outlet
from subscriptions.protocol import SUBPROTOCOL
from subscriptions.session import Parts
from subscriptions.sockets import Sockets
from subscriptions.sse import EventStreams
from subscriptions.websocket import WebSocketEndpoint
from tests.support.documents import documents_as_sent

SWEEP_S = 0.05
TICKS = "subscription ($after: String) { ticks(after: $after) { number text } }"
KNOWN_AFTER = 3
"""Cursors before it are forgotten."""


async def _number(context: Any) -> int:
    return 7


async def _slow(context: Any) -> int:
    await asyncio.sleep(30)
    return 7


async def _broken(context: Any) -> int:
    raise KeyError("hunter2")


@strawberry.type
class Tick:
    number: int
    text: str
    event_id: str
    cursor: str


@strawberry.type
class Query:
    number: int = root(_number)
    slow: int = root(_slow)
    broken: int | None = root(_broken)


@strawberry.type
class Mutation:
    renumber: int = root(_number)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self, after: str | None = None) -> AsyncIterator[Tick]:
        yield Tick(number=0, text="", event_id="", cursor="")


@dataclass(eq=False)
class TickStream:
    """Keeps what its outlet does not take, and writes it where there is room."""

    ticks: Ticks
    outlet: Outlet
    waiting: list[int] = field(default_factory=list)

    def put(self, number: int) -> None:
        self.waiting.append(number)
        self.resume()

    def resume(self) -> None:
        while self.waiting and self.outlet.write(*self.ticks.payload(self.waiting[0])):
            self.waiting.pop(0)

    def close(self) -> None:
        self.ticks.open_streams.discard(self)

    def end(self, error: OpsHubError | None) -> None:
        self.close()
        self.outlet.end(error)


class Ticks:
    """Numbers from 1 on; the cursor of each is its text."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._payloads: dict[int, bytes] = {}
        self.text = "tick"
        self.tells_cursors = False
        self.away = 0  # streams that fail to open because the store is away
        self.last = 0
        self.open_streams: set[TickStream] = set()

    async def open(
        self, request: Request, principal: Principal, outlet: Outlet, *, correlation_id: str
    ) -> TickStream:
        if self.away:
            self.away -= 1
            raise StoreUnavailable("the store does not answer")
        streams = self._engine.graphql_schema.subscription_type
        assert streams is not None
        field_node: Any = request.operation.selection_set.selections[0]
        given = get_argument_values(streams.fields["ticks"], field_node, request.variables)
        after = self.last if given.get("after") is None else int(given["after"])
        if given.get("after") is not None and after < KNOWN_AFTER:
            raise CursorExpired("after: it is too old")
        stream = TickStream(self, outlet)
        self.open_streams.add(stream)
        for number in range(after + 1, self.last + 1):
            stream.put(number)
        return stream

    def payload(self, number: int) -> tuple[bytes, str]:
        content = self._payloads.get(number)
        if content is None:
            tick: dict[str, Any] = {"number": number, "text": self.text}
            if self.tells_cursors:
                tick = {"number": number, "eventId": str(number), "cursor": str(number)}
            data = {"data": {"ticks": tick}}
            content = self._payloads[number] = orjson.dumps(data)
        return content, str(number)

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.last += 1
            for stream in list(self.open_streams):
                stream.put(self.last)


class Tokens:
    """`ROLE[.SUBJECT]` is a good token for an hour, unless it is in `ends` or `revoked`."""

    def __init__(self) -> None:
        self.ends: dict[str, datetime] = {}
        self.revoked: set[str] = set()

    def authenticate(self, authorization: str | None) -> Principal:
        token = bearer_of(authorization)
        role, _, subject = token.partition(".")
        if role not in [each.value for each in Role]:
            raise refused(TokenFault.SIGNATURE, "the token is not signed by a key of this hub")
        ends = self.ends.get(token, datetime.now(UTC) + timedelta(hours=1))
        customers = frozenset({("erp", "C1")})
        principal = Principal(subject or role, frozenset({Role(role)}), customers, None, None, ends)
        self.check(principal)
        return principal

    def check(self, principal: Principal) -> None:
        if principal.subject in self.revoked:
            raise refused(TokenFault.REVOKED, "the token was revoked; sign in again")
        if datetime.now(UTC) >= principal.expires_at:
            raise refused(TokenFault.EXPIRED, "the token has expired; sign in again")


@dataclass
class LiveServer:
    port: int
    ticks: Ticks
    tokens: Tokens
    sockets: Sockets
    budgets: Budgets

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    def connect(self, *, subprotocol: str | None = SUBPROTOCOL, **more: Any) -> connect:
        """A socket that is not acknowledged yet."""
        offered = None if subprotocol is None else [Subprotocol(subprotocol)]
        return connect(
            f"ws://127.0.0.1:{self.port}/graphql",
            subprotocols=offered, proxy=None, compression=None, ping_interval=None, **more,
        )  # fmt: skip

    @asynccontextmanager
    async def talk(self, token: str = "agent", **more: Any) -> AsyncIterator[Talk]:
        """An acknowledged socket."""
        async with self.connect(**more) as socket_:
            talk = Talk(socket_)
            await talk.say(type="connection_init", payload={"authorization": f"Bearer {token}"})
            assert await talk.heard() == {"type": "connection_ack"}
            yield talk


@dataclass
class Talk:
    """Words of the protocol to and fro."""

    socket: ClientConnection

    async def say(self, **word: Any) -> None:
        await self.socket.send(orjson.dumps(word).decode())

    async def subscribe(self, id_: str, query: str = TICKS, **variables: Any) -> None:
        payload = {"query": query, "variables": variables}
        await self.say(id=id_, type="subscribe", payload=payload)

    async def heard(self, within_s: float = 5.0) -> Any:
        async with asyncio.timeout(within_s):
            return orjson.loads(await self.socket.recv())

    async def closed(self, within_s: float = 8.0) -> tuple[int, str]:
        """The code and reason it is closed with; what comes before is thrown away."""
        async with asyncio.timeout(within_s):
            with suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
            await self.socket.wait_closed()
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""


@asynccontextmanager
async def live_server(*, port: int = 0, **sockets_more: Any) -> AsyncIterator[LiveServer]:
    """On loopback; port 0 takes a free one."""
    engine = Engine(strawberry.Schema(Query, Mutation, Subscription), limits=Limits())
    ticks, tokens, budgets = Ticks(engine), Tokens(), Budgets(clock=lambda: 0.0)
    sockets = Sockets(tokens.check, **sockets_more)
    origins = Origins(frozenset({"https://desk.example"}))
    plain = GraphQLEndpoint(
        engine=engine,
        authenticate=tokens.authenticate,
        open_context=_open_context,
        deadline_s=lambda principal: 5.0,
        body_max=100_000,
        may_introspect=lambda principal: False,
        origins=origins,
        documents=documents_as_sent(),
        toll=Toll(engine.graphql_schema, budgets, systems=dict),
    )
    runner = Runner(plain.operations, ticks)
    endpoint = replace(plain, event_streams=EventStreams(runner, sockets))
    parts = Parts(tokens.authenticate, runner, sockets)
    app = Starlette(
        routes=[
            Route("/graphql", endpoint),
            WebSocketRoute("/graphql", WebSocketEndpoint(parts, origins=origins)),
        ]
    )
    async with serving(app, CONNECTIONS, port=port) as port:
        sweeping = asyncio.create_task(sockets.follow(every_s=SWEEP_S))
        try:
            yield LiveServer(port, ticks, tokens, sockets, budgets)
        finally:
            sweeping.cancel()
            sockets.drain()


@asynccontextmanager
async def serving(app: Any, connections: Any, *, port: int = 0) -> AsyncIterator[int]:
    """The application behind uvicorn; its port."""
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", server_header=False,
        timeout_graceful_shutdown=5, **connections,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def until(holds: Callable[[], bool], within_s: float = 5.0) -> None:
    """Wait for it; an AssertionError where it does not come."""
    for _ in range(round(within_s / 0.01)):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"it did not come within {within_s:g} s")


@dataclass
class _NoReads:
    calls: tuple[Any, ...] = ()
    rows_read: dict[str, int] = field(default_factory=dict)


@dataclass
class _Context:
    principal: Principal
    reads: Any = field(default_factory=_NoReads)


def _open_context(principal: Principal, correlation_id: str) -> Any:
    return _Context(principal)
