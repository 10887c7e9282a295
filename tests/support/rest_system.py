"""A small HTTP system on loopback: collections of rows, three ways of paging, canned failures."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PAGE_SIZE = 2  # records; so small that every answer of more has pages
Row = Mapping[str, Any]


@dataclass
class RestSystem:
    """Its rows by collection, and what it has been asked. `canned` answers instead, by path."""

    collections: Mapping[str, Sequence[Row]]
    port: int = 0
    asked: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    canned: dict[str, Response] = field(default_factory=dict)
    delay_s: float = 0.0
    running: int = 0
    most_running: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: Request) -> Response:
        self.asked.append(f"{request.url.path}?{request.url.query}")
        self.headers.append(dict(request.headers))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(self.delay_s)
            return self._answer(request)
        finally:
            self.running -= 1

    def _answer(self, request: Request) -> Response:
        if request.url.path in self.canned:
            return self.canned[request.url.path]
        style, collection = request.path_params["style"], request.path_params["collection"]
        if collection not in self.collections:
            return Response(status_code=404)
        rows = matching(self.collections[collection], raw_query(request.url.query))
        return Response(page(style, rows, request), media_type="application/json")


def raw_query(query: str) -> dict[str, list[str]]:
    """The values of each parameter, split at commas before they are decoded: `a%2Cb,c` is two."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return {name: [unquote(each) for each in value.split(",")] for name, _, value in pairs}


def matching(rows: Sequence[Row], query: Mapping[str, list[str]]) -> list[Row]:
    """Rows by `column=a,b` and `column.contains=`, sorted by `sort`."""
    found = list(rows)
    for name, wanted in query.items():
        column, _, operator = name.partition(".")
        if rows and column in rows[0]:
            found = [row for row in found if _holds(row[column], operator, wanted)]
    order = query.get("sort", [""])[0]
    if order:
        found.sort(key=lambda row: row[order.lstrip("-")], reverse=order.startswith("-"))
    return found


def _holds(value: Any, operator: str, wanted: list[str]) -> bool:
    if operator == "contains":
        return wanted[0].lower() in str(value).lower()
    return str(value) in wanted


def page(style: str, rows: Sequence[Row], request: Request) -> str:
    """One page as JSON: by link, by number (`page=`), or by cursor."""
    if style == "page":
        start = (int(request.query_params["page"]) - 1) * PAGE_SIZE
        return _json({"items": rows[start : start + PAGE_SIZE]})
    start = int(request.query_params.get("cursor", "0"))
    body: dict[str, Any] = {"items": rows[start : start + PAGE_SIZE], "next": None}
    if start + PAGE_SIZE < len(rows):
        kept = [pair for pair in request.url.query.split("&") if not pair.startswith("cursor=")]
        link = f"{request.url.path}?{'&'.join([*kept, f'cursor={start + PAGE_SIZE}'])}"
        body["next"] = link if style == "link" else str(start + PAGE_SIZE)
    return _json(body)


def _json(body: Any) -> str:
    """JSON with decimals as plain numbers, digit for digit."""
    marked = json.dumps(body, default=lambda each: f"\x01{each}\x01")
    return marked.replace('"\\u0001', "").replace('\\u0001"', "")


@asynccontextmanager
async def running_rest(system: RestSystem) -> AsyncIterator[RestSystem]:
    """The system served on loopback, on its port or on one it is given."""
    routes = [Route("/{style}/{collection}", system.answer), Route("/{path:path}", system.answer)]
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", system.port))
    system.port = listener.getsockname()[1]
    config = uvicorn.Config(
        Starlette(routes=routes), log_config=None, lifespan="off", ws="none",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server._serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        yield system
    finally:
        server.should_exit = True
        await serving
        listener.close()
