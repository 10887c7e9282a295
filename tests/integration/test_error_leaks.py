"""What foreign failures say stays inside: real systems break, and answers and logs are searched.

Every system here fails in its own way and tries to take something out with it: its address, its
statement, a path, a stack or a password.
"""

import logging
import re
import socket
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from starlette.responses import Response

from hub.app import Hub, open_hub
from hub.config.settings import Settings
from hub.config.systems import load_systems
from hub.observe.logs import JsonLines
from hub.security.tokens import TokenRules
from resolvers.errors import ANSWER_BYTES_MAX
from resolvers.http import GraphQLEndpoint
from resolvers.negotiation import Origins
from tests.support.documents import documents_as_sent
from tests.support.rest_system import RestSystem, running_rest
from tests.unit.resolvers.asking import ask
from tests.unit.resolvers.shelf import AGENT

SECRET = "hunter2"
TRACE = (
    "<html><pre>Traceback (most recent call last): File /srv/erp/db.py, psycopg2.OperationalError: "
    f"SELECT * FROM payroll WHERE pin = '{SECRET}'</pre></html>"
)
STATEMENTS = {
    "no-table": f"SELECT id, no FROM payroll WHERE pin = '{SECRET}'",
    "no-column": f"SELECT id, no FROM orders WHERE salary = '{SECRET}'",
    "no-function": f"SELECT id, decrypt(no, '{SECRET}') AS no FROM orders",
    "no-sense": f"SELECT id id no '{SECRET}' FROM orders",
}
"""Over a real SQLite database that has one table, `orders`."""
ANSWERS = {
    "page-500": Response(TRACE, 500, media_type="text/html"),
    "page-200": Response(TRACE, 200, media_type="text/html"),
    "moved": Response("", 302, {"location": f"http://10.1.2.3/?pin={SECRET}"}),
    "forbidden": Response(f'{{"error": "key {SECRET} is revoked"}}', 403),
    "gone-for-good": Response(TRACE, 410),
    "other-shape": Response(f'{{"items": {{"pin": "{SECRET}"}}}}', 200),
    "odd-number": Response(f'{{"items": [{{"id": "1", "no": {{"pin": "{SECRET}"}}}}]}}', 200),
    "nan": Response('{"items": [{"id": NaN}]}', 200),
    "cut-off": Response(f'{{"items": [{{"id": "{SECRET}', 200),
    "claims-gzip": Response(TRACE, 200, {"content-encoding": "gzip"}),
}
"""What each of the HTTP systems answers whatever it is asked."""
ABSENT = ("absent-postgres", "absent-file", "absent-rest")

FORBIDDEN_IN_ANSWERS = re.compile(
    r"hunter2|payroll|salary|decrypt|127\.0\.0\.1|localhost|10\.1\.2\.3|:\d{4,5}\b|\w+://|"
    r"/srv|/tmp|"
    r"\.py\b|\.db\b|Traceback|\b(SELECT|FROM|WHERE|select|pragma)\b|[A-Z][a-z]+(Error|Exception)\b|"
    r"sqlalchemy|asyncpg|sqlite3|aiosqlite|psycopg|httpx|<html|errno|Errno",
)


def _sql(url: str, statement: str) -> dict[str, Any]:
    order = {"from": statement, "key": "id", "fields": {"number": "no"}}
    return {"role": "erp", "kind": "sql", "url": url, "entities": {"order": order}}


def _rest(url: str, path: str) -> dict[str, Any]:
    by_number = {"get": f"/{path}?pin={SECRET}&no={{keys|csv}}", "each": "items"}
    order = {
        "key": "id", "fields": {"number": "no"}, "by_number": by_number,
        "by_key": {"get": f"/{path}?id={{keys|csv}}", "each": "items"},
    }  # fmt: skip
    auth = {"bearer": SECRET}
    return {
        "role": "erp", "kind": "rest", "url": url, "auth": auth, "entities": {"order": order},
    }  # fmt: skip


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def systems_file(tmp_path: Path) -> Path:
    """A systems file without the HTTP systems that answer."""
    database = tmp_path / "erp.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE orders (id TEXT PRIMARY KEY, no TEXT)")
    connection.close()
    port = _closed_port()
    systems = {name: _sql(f"sqlite:///{database}", text) for name, text in STATEMENTS.items()}
    systems["absent-file"] = _sql(f"sqlite:///{tmp_path}/none.db", "orders")
    systems["absent-postgres"] = _sql(
        f"postgresql://erp:{SECRET}@127.0.0.1:{port}/payroll_db", "orders"
    )
    systems["absent-rest"] = _rest(f"http://127.0.0.1:{port}", "orders")
    path = tmp_path / "systems.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "systems": systems}))
    return path


def _declare(systems_file: Path, more: dict[str, Any]) -> None:
    declared = yaml.safe_load(systems_file.read_text())
    declared["systems"] |= more
    systems_file.write_text(yaml.safe_dump(declared))


@pytest_asyncio.fixture
async def hub(systems_file: Path, tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub over all of them."""
    canned = {f"/{name}": answer for name, answer in ANSWERS.items()}
    async with running_rest(RestSystem({}, canned=canned)) as system:
        _declare(systems_file, {name: _rest(system.url, name) for name in ANSWERS})
        systems = load_systems(systems_file, environ={})
        opened = await open_hub(Settings(data_dir=tmp_path / "data"), systems, TokenRules(keys={}))
        try:
            yield opened
        finally:
            await opened.close()


def _endpoint(hub: Hub) -> GraphQLEndpoint:
    return GraphQLEndpoint(
        engine=hub.engine,
        authenticate=lambda _: AGENT,
        open_context=hub.open_context,
        deadline_s=lambda _: 10.0,
        body_max=10_000,
        may_introspect=lambda _: False,
        origins=Origins(),
        documents=documents_as_sent(),
    )


async def test_no_foreign_failure_tells_anything(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await hub.start()
    seen: dict[str, str] = {}
    for system in (*STATEMENTS, *ANSWERS, *ABSENT):
        document = f"""{{ order(sourceRef: {{system: "{system}", externalId: "1"}}) {{ number }}
          systems {{ name state code }} }}"""
        answer = await ask(_endpoint(hub), {"query": document})
        assert answer.status == 200
        (error,) = answer.body["errors"]
        assert error["extensions"]["system"] == system
        seen[system] = error["extensions"]["code"]
        assert FORBIDDEN_IN_ANSWERS.findall(answer.content.decode()) == [], error
    assert seen == EXPECTED
    ours = ("hub", "resolvers", "sources")  # the others' lines below WARNING are not printed
    logged = "\n".join(
        JsonLines().format(record) for record in caplog.records if record.name.startswith(ours)
    )
    assert SECRET not in logged
    assert "WHERE" not in logged
    assert "Traceback" not in logged


async def test_all_failures_at_once_fit_into_one_answer(hub: Hub) -> None:
    await hub.start()
    answer = await ask(_endpoint(hub), {"query": '{ order(number: "4711") { number } }'})
    body = answer.body
    assert body["data"] == {"order": None}
    assert len(answer.content) <= ANSWER_BYTES_MAX
    assert len(body["errors"]) <= 10
    systems = {error["extensions"].get("system") for error in body["errors"]}
    assert len(systems) == len(body["errors"]), "each system is heard before any is heard twice"
    assert FORBIDDEN_IN_ANSWERS.findall(answer.content.decode()) == []


EXPECTED = {
    "no-table": "SOURCE_MISCONFIGURED",
    "no-column": "SOURCE_MISCONFIGURED",
    "no-function": "SOURCE_UNAVAILABLE",
    "no-sense": "SOURCE_MISCONFIGURED",
    "page-500": "SOURCE_UNAVAILABLE",
    "page-200": "SOURCE_INVALID",
    "moved": "SOURCE_MISCONFIGURED",
    "forbidden": "SOURCE_MISCONFIGURED",
    "gone-for-good": "SOURCE_MISCONFIGURED",
    "other-shape": "SOURCE_INVALID",
    "odd-number": "SOURCE_INVALID",
    "nan": "SOURCE_INVALID",
    "cut-off": "SOURCE_INVALID",
    "claims-gzip": "SOURCE_INVALID",
    "absent-postgres": "SOURCE_UNAVAILABLE",
    "absent-file": "SOURCE_UNAVAILABLE",
    "absent-rest": "SOURCE_UNAVAILABLE",
}
