"""Routes beside `/graphql`: the first screen, liveness, readiness and metrics.

`/livez` and plain `/readyz` are for anybody and say one word. Which systems are connected and how
they do is for operators and auditors: `/readyz?verbose` and `/metrics` want such a token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from hub.model.errors import Forbidden, OpsHubError
from hub.observe import metrics
from hub.observe.correlation import HEADER, correlated
from hub.observe.health import Readiness, live_body, ready_body
from hub.security.principal import Principal, Role
from hub.security.scope import scope_of
from resolvers.answer import refusal
from resolvers.negotiation import JSON

_HERE = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# What the page loads.
_FILES = (
    "first-screen.css",
    "first-screen.js",
    "graphql.js",
    "event-stream.js",
    "showing.js",
    "order-timeline.js",
    "moving-orders.js",
)
_PRIVATE = {"Cache-Control": "no-store, private", "Vary": "Authorization"}
_OF_THE_HOUSE = frozenset({Role.OPERATOR, Role.AUDITOR})

Authenticate = Callable[[str | None], Principal]


def web_routes(
    look: Callable[[], Awaitable[Readiness]], authenticate: Authenticate | None = None
) -> list[Route]:
    """The routes; `look` tells how ready the process is, without asking any source.

    Without `authenticate` whoever reaches the port may read everything here.
    """

    async def ready(request: Request) -> Response:
        is_verbose = "verbose" in request.query_params
        if is_verbose and (refused := _refusal(request, authenticate)) is not None:
            return refused
        seen = await look()
        body = ready_body(seen, verbose=is_verbose)
        return JSONResponse(body, status_code=seen.http_status, headers=_PRIVATE)

    async def measured(request: Request) -> Response:
        refused = _refusal(request, authenticate)
        if refused is not None:
            return refused
        return Response(metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE} | _PRIVATE)

    return [
        Route("/", _file("index.html")),
        *(Route(f"/{name}", _file(name)) for name in _FILES),
        Route("/livez", _live),
        Route("/readyz", ready),
        Route("/metrics", measured),
    ]


def _refusal(request: Request, authenticate: Authenticate | None) -> Response | None:
    """401 without a valid token, 403 with one of other roles; None where the caller may read."""
    if authenticate is None:
        return None
    try:
        principal = authenticate(request.headers.get("authorization"))
        if scope_of(principal).is_external or not principal.roles & _OF_THE_HOUSE:
            raise Forbidden("this is for operators and auditors; ask with a token of such a role")
    except OpsHubError as error:
        metrics.count_refusal(error.code)
        with correlated(request.headers.get(HEADER)) as correlation:
            answer = refusal(error, correlation, JSON)
        headers = {name.decode(): value.decode() for name, value in answer.headers}
        return JSONResponse(answer.body, status_code=answer.status, headers=headers | _PRIVATE)
    return None


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def file(_: Request) -> Response:
        return FileResponse(_HERE / name, headers=_HEADERS)

    return file


async def _live(_: Request) -> Response:
    return JSONResponse(live_body())
