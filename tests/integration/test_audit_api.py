"""The audit over HTTP: auditors page through it, everybody else is refused."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from hub.app import open_hub
from hub.cli.access import issue, token_rules
from hub.config.settings import Settings
from hub.config.systems import load_systems
from hub.security.principal import Role
from hub.security.tokens import Grant
from hub.store.revocations import Revoking
from tests.support.bad_tokens import no_systems

HOUR = timedelta(hours=1)
PAGE = """
query Page($first: Int!, $after: String, $actor: String) {
  auditEntries(first: $first, after: $after, actor: $actor) {
    nodes { chain position actor action subject reason before after hash }
    edges { cursor node { subject } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
REFUSALS = "{ refusals(first: 10) { principal code count } }"


@dataclass(frozen=True, slots=True)
class Office:
    """A hub whose audit holds five revocations of two operators."""

    settings: Settings
    client: httpx2.AsyncClient

    async def ask(self, document: str, *roles: Role, **variables: Any) -> tuple[Any, list[Any]]:
        grant = Grant(subject="sam", roles=roles, customers=["erp:1"], lifetime=HOUR)
        token = issue(self.settings, grant, datetime.now(UTC)).token
        response = await self.client.post(
            "/graphql",
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Bearer {token}"},
        )
        body = response.json()
        return body.get("data"), body.get("errors", [])


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    settings = Settings(data_dir=tmp_path)
    systems = load_systems(no_systems(tmp_path), environ={})
    hub = await open_hub(settings, systems, token_rules(settings))
    try:
        for number in range(5):
            await hub.authenticator.revocations.revoke(
                Revoking(
                    claim="sub", value=f"user {number}", until=datetime.now(UTC) + HOUR,
                    actor=("cli:ann", "cli:ben")[number % 2], reason="left",
                )
            )  # fmt: skip
        hub.authenticator.refusals.count("anonymous", "TOKEN_EXPIRED", times=7)
        await hub.authenticator.refusals.flush()
        transport = httpx2.ASGITransport(app=hub.asgi())
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as client:
            yield Office(settings, client)
    finally:
        await hub.close()


async def test_an_auditor_pages_from_the_newest_to_the_first(office: Office) -> None:
    seen, after, pages = [], None, 0
    while True:
        data, errors = await office.ask(PAGE, Role.AUDITOR, first=2, after=after)
        assert errors == []
        page = data["auditEntries"]
        seen += [entry["subject"] for entry in page["nodes"]]
        assert [edge["node"]["subject"] for edge in page["edges"]] == seen[2 * pages :]
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        assert page["pageInfo"]["hasPreviousPage"] == (pages > 0)
        after, pages = page["pageInfo"]["endCursor"], pages + 1
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [f"sub:user {number}" for number in (4, 3, 2, 1, 0)]
    assert pages == 3


async def test_entries_say_who_did_what_and_can_be_filtered(office: Office) -> None:
    data, _ = await office.ask(PAGE, Role.AUDITOR, first=100, actor="cli:ben")
    newest = data["auditEntries"]["nodes"][0]
    assert [entry["position"] for entry in data["auditEntries"]["nodes"]] == [4, 2]
    assert (newest["action"], newest["reason"], newest["before"]) == (
        "token.revoke", "left", "null"
    )  # fmt: skip
    assert newest["after"].startswith('{"until":"')


@pytest.mark.parametrize("document", [PAGE, REFUSALS])
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.AUDITOR])
async def test_nobody_else_reads_it(office: Office, role: Role, document: str) -> None:
    data, (error,) = await office.ask(document, role, first=1)
    assert list(data.values()) == [None]
    assert error["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("document", [PAGE, REFUSALS])
async def test_a_customer_does_not_read_it_whatever_else_they_are(
    office: Office, document: str
) -> None:
    data, (error,) = await office.ask(document, Role.AUDITOR, Role.CUSTOMER, first=1)
    assert list(data.values()) == [None]
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_an_auditor_reads_the_counts(office: Office) -> None:
    data, errors = await office.ask(REFUSALS, Role.AUDITOR)
    assert errors == []
    assert data["refusals"] == [{"principal": "anonymous", "code": "TOKEN_EXPIRED", "count": 7}]


@pytest.mark.parametrize(
    "arguments", ["first: 0", "first: 101", 'after: "x"', 'actor: ""', 'action: " "']
)
async def test_arguments_out_of_bounds_are_refused(office: Office, arguments: str) -> None:
    document = f"{{ auditEntries({arguments}) {{ nodes {{ at }} }} }}"
    data, (error,) = await office.ask(document, Role.AUDITOR)
    assert data is None or data == {"auditEntries": None}
    assert error["extensions"]["code"] in ("INPUT_INVALID", "DOCUMENT_TOO_LARGE")
