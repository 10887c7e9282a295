"""Who may read what beside `/graphql`."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette

from hub.observe.health import Part, Readiness, SystemSeen, readiness
from hub.security.principal import Principal, Role
from hub.security.tokens import bearer_of
from hub.web.routes import web_routes
from tests.unit.resolvers.shelf import AGENT

LOOKED: list[str] = []


async def look() -> Readiness:
    LOOKED.append("looked")
    return readiness(
        [Part("store", is_ok=True)],
        [SystemSeen("erp", "DOWN", "SOURCE_TIMEOUT")],
        is_draining=False,
    )


def authenticate(authorization: str | None) -> Principal:
    """The token is the role's name."""
    return replace(AGENT, roles=frozenset({Role(bearer_of(authorization))}))


async def get(
    path: str, role: str | None = None, *, query: bytes = b"", is_open: bool = False
) -> tuple[int, dict[str, str], bytes]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [] if role is None else [(b"authorization", f"Bearer {role}".encode())]
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": query, "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": None,
    }  # fmt: skip
    app = Starlette(routes=web_routes(look, None if is_open else authenticate))
    await app(scope, receive, send)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, b"".join(each.get("body", b"") for each in sent[1:])


PRIVATE = [("/metrics", b""), ("/readyz", b"verbose"), ("/readyz", b"verbose=0")]


@pytest.mark.parametrize(("path", "query"), PRIVATE)
@pytest.mark.parametrize("role", [each.value for each in Role] + [None])
async def test_only_operators_and_auditors_see_the_systems(
    path: str, query: bytes, role: str | None
) -> None:
    LOOKED.clear()
    status, headers, body = await get(path, role, query=query)
    assert headers["cache-control"] == "no-store, private"
    if role in ("operator", "auditor"):
        assert status == 200
        return
    assert (status, LOOKED) == (401 if role is None else 403, [])
    code = "UNAUTHENTICATED" if role is None else "FORBIDDEN"
    assert [each["extensions"]["code"] for each in orjson.loads(body)["errors"]] == [code]
    assert ("www-authenticate" in headers) == (status == 401)


async def test_probes_are_for_anybody_and_say_one_word() -> None:
    LOOKED.clear()
    status, _, body = await get("/livez")
    assert (status, orjson.loads(body), LOOKED) == (200, {"status": "live"}, [])
    status, _, body = await get("/readyz")
    assert (status, orjson.loads(body)) == (200, {"status": "degraded"})


async def test_an_operator_reads_which_system_is_down() -> None:
    _, _, body = await get("/readyz", "operator", query=b"verbose")
    (system,) = orjson.loads(body)["systems"]
    assert (system["name"], system["code"]) == ("erp", "SOURCE_TIMEOUT")
    _, headers, body = await get("/metrics", "auditor")
    assert headers["content-type"].startswith("text/plain")
    assert b"opshub_refusals_total" in body
