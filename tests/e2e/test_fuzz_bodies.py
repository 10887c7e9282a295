"""5,000 seeded requests nobody should send: none is a 5xx, each has a coded answer in JSON.

In process, against the very application a server runs, and a few hundred over a socket.
"""

import asyncio
import logging
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from hub.app import open_hub
from hub.cli.access import token_rules
from hub.config.settings import Settings
from hub.config.systems import load_systems
from hub.demo.supervisor import SYSTEMS_FILE, DemoSystem, environment_of
from hub.security.principal import Role
from resolvers.errors import ANSWER_BYTES_MAX
from tests.contract.test_errors_page import coded
from tests.e2e.hub_process import RunningHub
from tests.support.body_fuzz import DOCUMENTS, FuzzedRequest, fuzzed

pytestmark = pytest.mark.timeout(120)

COUNT = 5_000
SOCKET_COUNT = 200
SEED = int(os.environ.get("OPSHUB_TEST_SEED", random.randrange(2**32)))
OF_ONE_SUBJECT = 100
"""Requests; each may cost 20 units as a new document, of the 4,000 of an analyst."""
STATUSES = {200, 204, 400, 401, 403, 405, 406, 408, 413, 414, 415, 429}
CODES = frozenset(coded()) - {"INTERNAL"}


@dataclass(frozen=True, slots=True)
class Seen:
    status: int
    headers: dict[bytes, bytes]
    body: bytes


@pytest_asyncio.fixture
async def application(demo_hub: RunningHub, tmp_path: Path) -> AsyncIterator[Starlette]:
    """A hub of this process over the demo's systems, which accepts the demo's tokens."""
    systems = tuple(
        DemoSystem(name, each["kind"], each["url"], Path(each["database"]))
        for name, each in demo_hub.demo["systems"].items()
    )
    rules = token_rules(Settings(data_dir=demo_hub.log.parent / "data"))
    hub = await open_hub(
        Settings(data_dir=tmp_path),
        load_systems(SYSTEMS_FILE, environ=environment_of(systems)),
        rules,
    )
    try:
        assert await hub.start() == []
        yield hub.asgi()
    finally:
        await hub.close()


async def _sent(application: Starlette, request: FuzzedRequest) -> Seen:
    chunks = list(request.chunks)
    started: dict[str, Any] = {}
    body = bytearray()

    async def receive() -> dict[str, Any]:
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message: Any) -> None:
        started.update(message) if "status" in message else body.extend(message["body"])

    scope = {
        "type": "http", "http_version": "1.1", "method": request.method, "scheme": "http",
        "path": "/graphql", "raw_path": b"/graphql", "query_string": request.query_string,
        "root_path": "", "headers": request.headers, "client": ("127.0.0.1", 1), "server": None,
    }  # fmt: skip
    await application(scope, receive, send)
    return Seen(started["status"], dict(started["headers"]), bytes(body))


def _requests(hub: RunningHub, count: int) -> Iterator[FuzzedRequest]:
    """Fuzzed ones, of many subjects: new documents cost, and one would soon be over its budget."""
    for start in range(0, count, OF_ONE_SUBJECT):
        token = hub.token_of(f"fuzz {count} {start}", Role.ANALYST)
        yield from fuzzed(SEED + start, OF_ONE_SUBJECT, token)


def _check(seen: Seen) -> Any:
    """The answer as JSON; an AssertionError where it is none, or leaks, or is not coded."""
    assert seen.status in STATUSES
    assert seen.headers[b"cache-control"] == b"no-store, private"
    if seen.status == 204:
        assert seen.body == b""
        return {}
    answer = orjson.loads(seen.body)
    assert ("data" in answer) <= (seen.status == 200)
    errors = answer.get("errors", [])
    assert errors or "data" in answer
    assert {error["extensions"]["code"] for error in errors} <= CODES
    assert {error["extensions"]["correlationId"] for error in errors} <= {
        answer["extensions"]["correlationId"]
    }
    if "data" not in answer:
        assert len(seen.body) <= ANSWER_BYTES_MAX
    return answer


async def test_what_is_mutated_is_answered_whole(
    application: Starlette, demo_hub: RunningHub
) -> None:
    """Else the fuzz would stay at the door."""
    for document, variables in DOCUMENTS:
        request = FuzzedRequest(
            [orjson.dumps({"query": document, "variables": variables})],
            headers=[
                (b"authorization", f"Bearer {demo_hub.token('analyst')}".encode()),
                (b"content-type", b"application/json"),
            ],
        )
        answer = _check(await _sent(application, request))
        assert "data" in answer, (document, answer["errors"])


async def test_no_body_is_a_5xx(
    application: Starlette, demo_hub: RunningHub, caplog: pytest.LogCaptureFixture
) -> None:
    print(f"OPSHUB_TEST_SEED={SEED}")
    statuses: Counter[int] = Counter()
    executed = 0
    caplog.set_level(logging.INFO)
    for number, request in enumerate(_requests(demo_hub, COUNT)):
        caplog.clear()
        seen = await asyncio.wait_for(_sent(application, request), 10)
        try:
            executed += "data" in _check(seen)
            assert [line.getMessage() for line in caplog.records if line.exc_info] == []
            assert [line.getMessage() for line in caplog.records].count("answered") == 1
        except AssertionError as error:
            error.add_note(f"seed {SEED}, request {number}: {request!r:.3000}\n{seen!r:.3000}")
            raise
        statuses[seen.status] += 1
    print(dict(statuses), f"{executed} executed")
    assert executed > COUNT / 20, "the fuzz must also reach what lies behind the body"
    assert {400, 401, 403, 405, 406, 415} <= set(statuses)
    assert 429 not in statuses, "the fuzz must not end at the budget"


def test_no_body_is_a_5xx_over_a_socket(demo_hub: RunningHub) -> None:
    print(f"OPSHUB_TEST_SEED={SEED}")
    logged = len(demo_hub.log.read_bytes())
    with httpx2.Client(base_url=demo_hub.url, timeout=15) as client:
        for request in _requests(demo_hub, SOCKET_COUNT):
            headers = [pair for pair in request.headers if pair[0] == b"authorization"]
            response = client.post(
                "/graphql",
                # Several pieces go without a Content-Length; each piece waits 40 ms for an ACK.
                content=request.chunks[0] if len(request.chunks) == 1 else iter(request.chunks),
                headers=[(b"content-type", b"application/json"), *headers[:1]],
            )
            seen = Seen(
                response.status_code,
                {name.lower(): value for name, value in response.headers.raw},
                response.content,
            )
            _check(seen)
    assert b"Traceback" not in demo_hub.log.read_bytes()[logged:]
