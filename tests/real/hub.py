"""The one place where these tests start the hub and ask it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from hub.app import open_hub
from hub.cli.access import issuer, token_rules
from hub.config.settings import Settings
from hub.config.systems import load_systems
from hub.model.ids import encode_id
from hub.model.values import Ref
from hub.security.principal import Role

IDS_A_REQUEST = 100
TOKEN_LIFETIME = timedelta(hours=1)

Answer = dict[str, Any]
Ask = Callable[[str, Mapping[str, Any]], Awaitable[Answer]]


@asynccontextmanager
async def running_hub(
    systems_file: Path, environment: Mapping[str, str], *, data_dir: Path
) -> AsyncIterator[Ask]:
    """A hub over a systems file whose variables are given; yields what asks it as an agent.

    `ask(document, variables)` posts to /graphql and gives the whole answer: `data`, and `errors`
    if there are any. Every table of the systems file was found before the first question.
    """
    settings = Settings(data_dir=data_dir)
    systems = load_systems(systems_file, environ=environment)
    hub = await open_hub(settings, systems, token_rules(settings))
    try:
        assert await hub.start() == []
        transport = httpx2.ASGITransport(app=hub.asgi())
        headers = {"Authorization": f"Bearer {_agent_token(settings)}"}
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://hub", headers=headers
        ) as client:
            yield _asking(client)
    finally:
        await hub.close()


def _asking(client: httpx2.AsyncClient) -> Ask:
    async def ask(document: str, variables: Mapping[str, Any]) -> Answer:
        response = await client.post("/graphql", json={"query": document, "variables": variables})
        answer: Answer = response.json()
        return answer

    return ask


def _agent_token(settings: Settings) -> str:
    return issuer(settings)(
        "real data",
        [Role.AGENT],
        customers=(),
        business_units=("*",),
        lifetime=TOKEN_LIFETIME,
        now=datetime.now(UTC),
    )


async def all_nodes(ask: Ask, refs: Sequence[Ref], fields: str) -> list[Answer]:
    """The records behind refs in their order, asked as `nodes(ids)`, without a single error."""
    document = f"query Nodes($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... {fields} }} }}"
    found: list[Answer] = []
    for start in range(0, len(refs), IDS_A_REQUEST):
        ids = [encode_id(ref) for ref in refs[start : start + IDS_A_REQUEST]]
        answer = await ask(document, {"ids": ids})
        assert "errors" not in answer, answer["errors"]
        found += answer["data"]["nodes"]
    return found
