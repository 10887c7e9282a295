"""Routes beside `/graphql`: the first screen, liveness, readiness and metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from hub.observe import metrics
from hub.observe.health import Readiness, live_body, ready_body

_HERE = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def web_routes(look: Callable[[], Awaitable[Readiness]]) -> list[Route]:
    """The routes; `look` tells how ready the process is, without asking any source."""

    async def ready(request: Request) -> Response:
        seen = await look()
        body = ready_body(seen, verbose="verbose" in request.query_params)
        return JSONResponse(body, status_code=seen.http_status)

    return [
        Route("/", _first_screen),
        Route("/first-screen.js", _first_screen_script),
        Route("/livez", _live),
        Route("/readyz", ready),
        Route("/metrics", _metrics),
    ]


async def _first_screen(_: Request) -> Response:
    return FileResponse(_HERE / "index.html", headers=_HEADERS)


async def _first_screen_script(_: Request) -> Response:
    return FileResponse(_HERE / "first-screen.js", headers=_HEADERS)


async def _live(_: Request) -> Response:
    return JSONResponse(live_body())


async def _metrics(_: Request) -> Response:
    return Response(metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})
