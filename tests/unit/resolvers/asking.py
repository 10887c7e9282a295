"""A GraphQL endpoint over the small company, asked as a server would ask it, without a socket."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.routing import Route

from hub.security.introspection import may_introspect
from hub.security.principal import Principal
from hub.security.tokens import bearer_of
from resolvers.http import GraphQLEndpoint
from resolvers.negotiation import Origins
from tests.support.documents import documents_as_sent
from tests.unit.resolvers.shelf import AGENT, Desk

BODY_MAX = 1_000  # bytes; small, so that a test can go beyond it
DEADLINE_S = 2.0
JSON_CONTENT = ("content-type", "application/json")
TOKEN = ("authorization", "Bearer some-token")


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return orjson.loads(self.content)

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.body["errors"]]

    @property
    def message(self) -> str:
        (error,) = self.body["errors"]
        return str(error["message"])


def endpoint(desk: Desk, **more: Any) -> GraphQLEndpoint:
    """`/graphql` of the desk; any bearer token is an agent's."""

    def authenticate(authorization: str | None) -> Principal:
        bearer_of(authorization)
        return AGENT

    parts: dict[str, Any] = {
        "engine": desk.engine,
        "authenticate": authenticate,
        "open_context": lambda principal, correlation: desk.context(principal),
        "deadline_s": lambda principal: DEADLINE_S,
        "body_max": BODY_MAX,
        "may_introspect": lambda who: may_introspect(who, "production"),
        "origins": Origins(),
        "documents": documents_as_sent(),
    }
    return GraphQLEndpoint(**parts | more)


async def ask(
    app: Any,
    content: bytes | dict[str, Any] = b"",
    *headers: tuple[str, str],
    method: str = "POST",
    query_string: str = "",
) -> HttpAnswer:
    """One request with exactly these headers; a dict is sent as JSON with a token."""
    if isinstance(content, dict):
        content, headers = orjson.dumps(content), (JSON_CONTENT, TOKEN, *headers)
    return await ask_in_pieces(app, [content], headers, method=method, query_string=query_string)


async def ask_in_pieces(
    app: Any,
    pieces: Sequence[bytes],
    headers: Sequence[tuple[str, str]],
    *,
    method: str = "POST",
    query_string: str = "",
) -> HttpAnswer:
    """The body arrives in these pieces; a missing last one is a client that went away."""
    waiting = list(pieces)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not waiting:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": method, "scheme": "http",
        "path": "/graphql", "raw_path": b"/graphql", "query_string": query_string.encode(),
        "root_path": "", "server": None, "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }  # fmt: skip
    await Starlette(routes=[Route("/graphql", app)])(scope, receive, send)
    start, *bodies = sent
    return HttpAnswer(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(message["body"] for message in bodies),
    )
