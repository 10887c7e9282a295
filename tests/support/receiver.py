"""Somebody outside who is told things: a real HTTP receiver that misbehaves on order."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@dataclass(frozen=True)
class Got:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answering = Callable[[Got], Response]


@dataclass
class Receiver:
    """What it got, in order. `answers` are given by turns, then `answer`; `hang_s` before each."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    answer: Answering = lambda _: Response(status_code=204)
    hang_s: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def receive(self, request: Request) -> Response:
        body = await request.body()
        query = f"?{request.url.query}" if request.url.query else ""
        got = Got(request.method, f"{request.url.path}{query}", dict(request.headers), body)
        self.got.append(got)
        made = self.answer(got) if not self.answers else None
        if self.hang_s:
            await asyncio.sleep(self.hang_s)
        if made is not None:
            return made
        status = self.answers.pop(0)
        return Response(status_code=status, headers={"location": "/elsewhere"})


@asynccontextmanager
async def running_receiver(receiver: Receiver) -> AsyncIterator[Receiver]:
    """The receiver served on loopback, on its port or on one it is given."""
    methods = ["GET", "POST", "PUT", "PATCH"]
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", receiver.port))
    receiver.port = listener.getsockname()[1]
    config = uvicorn.Config(
        Starlette(routes=[Route("/{path:path}", receiver.receive, methods=methods)]),
        log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server._serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        yield receiver
    finally:
        server.should_exit = True
        await serving
        listener.close()
