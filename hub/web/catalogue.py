"""`/asyncapi.json`: the events the hub tells, for whoever may read the schema."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.events.asyncapi import document_text
from hub.model.errors import Forbidden, OpsHubError
from hub.observe import metrics
from hub.observe.correlation import HEADER, correlated
from hub.security.introspection import Profile, may_introspect
from hub.security.principal import Principal
from resolvers.answer import refusal
from resolvers.negotiation import JSON

_PRIVATE = {"Cache-Control": "no-store, private", "Vary": "Authorization"}

Authenticate = Callable[[str | None], Principal]


def catalogue_routes(authenticate: Authenticate, profile: Profile) -> list[Route]:
    """The route. In development anybody reads it; in production who may introspect."""

    async def catalogue(request: Request) -> Response:
        if profile == "production" and (refused := _refusal(request, authenticate)) is not None:
            return refused
        return Response(_text(), media_type="application/json", headers=_PRIVATE)

    return [Route("/asyncapi.json", catalogue)]


@cache
def _text() -> str:
    return document_text()


def _refusal(request: Request, authenticate: Authenticate) -> Response | None:
    try:
        principal = authenticate(request.headers.get("authorization"))
        if not may_introspect(principal, "production"):
            raise Forbidden("the events are for roles that may introspect; ask with one")
    except OpsHubError as error:
        metrics.count_refusal(error.code)
        with correlated(request.headers.get(HEADER)) as correlation:
            answer = refusal(error, correlation, JSON)
        headers = {name.decode(): value.decode() for name, value in answer.headers}
        return JSONResponse(answer.body, status_code=answer.status, headers=headers | _PRIVATE)
    return None
