"""The one place where these tests start the hub and ask it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hub.app import open_hub
from hub.config.settings import Settings
from hub.config.systems import load_systems
from hub.model.ids import encode_id
from hub.model.values import Ref
from hub.observe.correlation import correlated
from hub.security.principal import Principal, Role
from hub.security.tokens import TokenRules
from resolvers.errors import wire_errors

IDS_A_REQUEST = 100

Answer = dict[str, Any]
Ask = Callable[[str, Mapping[str, Any]], Awaitable[Answer]]


@asynccontextmanager
async def running_hub(
    systems_file: Path, environment: Mapping[str, str], *, data_dir: Path
) -> AsyncIterator[Ask]:
    """A hub over a systems file whose variables are given; yields what asks it as an agent.

    `ask(document, variables)` gives the whole GraphQL answer: `data`, and `errors` if any.
    """
    systems = load_systems(systems_file, environ=environment)
    hub = await open_hub(Settings(data_dir=data_dir), systems, TokenRules(keys={}))
    agent = Principal(
        "agent", frozenset({Role.AGENT}), frozenset(), None, None,
        datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip

    async def ask(document: str, variables: Mapping[str, Any]) -> Answer:
        with correlated() as correlation:
            context = hub.open_context(agent, correlation)
            result = await hub.engine.execute(document, variables=variables, context=context)
            answer: Answer = {"data": result.data}
            if result.errors:
                answer["errors"] = wire_errors(result.errors, correlation)[0]
            return answer

    try:
        assert await hub.start() == []
        yield ask
    finally:
        await hub.close()


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
