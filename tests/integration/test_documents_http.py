"""Documents by hash and id over HTTP, as clients send them; what the answer and the store say."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hub.security.introspection import may_introspect
from hub.security.principal import Role
from hub.store.usage import UsageStore
from resolvers.http import GraphQLEndpoint
from resolvers.negotiation import Origins
from resolvers.persisted import Documents
from resolvers.persisted_manifest import ManifestFile
from resolvers.persisted_steps import Step, Steps
from resolvers.usage import Usage
from tests.support.stores import opened_store
from tests.unit.resolvers.shelf import Desk, NoonClock, opened_desk, principal
from tests.unit.resolvers.world import company

MINE = "query Mine { me { subject } }"
AD_HOC = "query Who { me { roles } }"
WHO = {role.value: principal(role) for role in (Role.AGENT, Role.CUSTOMER, Role.WAREHOUSE)}
STEPS = Steps({Role.CUSTOMER: Step.REQUIRE, Role.WAREHOUSE: Step.PREFER})
STRICT = "application/graphql-response+json"


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def persisted(text: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)}}}


class World:
    """An endpoint with a manifest and usage; `ask` sends one body over HTTP."""

    def __init__(self, desk: Desk, manifest: Path, recorded: UsageStore) -> None:
        self.unknown: Counter[Step] = Counter()
        self.recorded = recorded
        self.usage = Usage(desk.engine.graphql_schema, recorded, now=NoonClock().now)
        trusted = ManifestFile(manifest)
        trusted.refresh()
        self.endpoint = GraphQLEndpoint(
            engine=desk.engine,
            authenticate=lambda header: WHO[(header or "").removeprefix("Bearer ")],
            open_context=lambda who, _: desk.context(who),
            deadline_s=lambda _: 5.0,
            body_max=100_000,
            may_introspect=lambda who: may_introspect(who, "production"),
            origins=Origins(),
            documents=Documents(
                trusted, STEPS, count_unknown=lambda step: self.unknown.update([step])
            ),
            usage=self.usage,
        )

    async def ask(
        self, body: dict[str, Any], *, role: str = "agent", **headers: str
    ) -> tuple[int, Any]:
        sent = {"authorization": f"Bearer {role}", "accept": "application/json"} | headers
        transport = httpx2.ASGITransport(app=self.endpoint)
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub.test") as client:
            response = await client.post("/graphql", json=body, headers=sent)
        return response.status_code, response.json()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    manifest = tmp_path / "documents.json"
    manifest.write_text(json.dumps({"mine": MINE}))
    async with (
        opened_desk(tmp_path, *company()) as desk,
        opened_store(f"sqlite:///{tmp_path}/usage.sqlite") as store,
    ):
        yield World(desk, manifest, UsageStore(store))


def codes(answer: Any) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]


async def test_a_client_sends_the_hash_then_both_then_the_hash(world: World) -> None:
    status, missing = await world.ask(persisted(AD_HOC))
    assert (status, codes(missing)) == (200, ["PERSISTED_QUERY_NOT_FOUND"])
    assert missing["errors"][0]["message"] == "PersistedQueryNotFound"
    assert "data" not in missing
    found = {"me": {"roles": ["agent"]}}
    status, answer = await world.ask({"query": AD_HOC} | persisted(AD_HOC))
    assert (status, answer["data"]) == (200, found)
    status, answer = await world.ask(persisted(AD_HOC))
    assert (status, answer["data"]) == (200, found)


async def test_an_invalid_document_is_not_kept(world: World) -> None:
    for _ in range(2):
        _, answer = await world.ask({"query": "{ nothing }"} | persisted("{ nothing }"))
        assert codes(answer) == ["DOCUMENT_INVALID"]
        _, answer = await world.ask(persisted("{ nothing }"))
        assert codes(answer) == ["PERSISTED_QUERY_NOT_FOUND"]


@pytest.mark.parametrize(("accept", "status"), [("application/json", 200), (STRICT, 400)])
async def test_a_refusal_has_the_status_of_its_media_type(
    world: World, accept: str, status: int
) -> None:
    seen, answer = await world.ask({"query": AD_HOC}, role="customer", accept=accept)
    assert (seen, codes(answer)) == (status, ["DOCUMENT_NOT_TRUSTED"])
    seen, answer = await world.ask({"query": MINE} | persisted(AD_HOC), accept=accept)
    assert (seen, codes(answer)) == (status, ["DOCUMENT_MISMATCH"])
    seen, answer = await world.ask(persisted(AD_HOC), role="customer", accept=accept)
    assert (seen, codes(answer)) == (status, ["DOCUMENT_NOT_TRUSTED"])


async def test_a_registered_document_runs_for_everyone(world: World) -> None:
    for role in WHO:
        status, answer = await world.ask({"documentId": "mine"}, role=role)
        assert (status, answer["data"]) == (200, {"me": {"subject": "sam"}})
        assert "warnings" not in answer["extensions"]
    assert world.unknown == {}


async def test_an_unknown_document_is_counted_and_warned_about(world: World) -> None:
    _, answer = await world.ask({"query": AD_HOC})
    assert "warnings" not in answer["extensions"]
    _, answer = await world.ask({"query": AD_HOC}, role="warehouse")
    assert answer["data"] == {"me": {"roles": ["warehouse"]}}
    assert [each["code"] for each in answer["extensions"]["warnings"]] == ["DOCUMENT_NOT_TRUSTED"]
    assert world.unknown == {Step.LOG: 1, Step.PREFER: 1}


async def test_requests_are_counted_by_client_and_document(world: World) -> None:
    desk = {"graphql-client-name": "desk", "graphql-client-version": "1.4"}
    await world.ask({"query": AD_HOC}, **desk)
    await world.ask({"documentId": "mine"}, role="customer", **{"apollographql-client-name": "app"})
    await world.ask({"query": "{ nothing }"}, **desk)
    await world.ask({"query": AD_HOC}, role="customer", **desk)
    await world.usage.write()
    hashes = [hash_of(MINE), hash_of(AD_HOC)]
    uses = await world.recorded.users_of_documents(hashes)
    assert [
        (use.client, use.version, use.document, use.operation, use.is_trusted, use.count)
        for use in uses
    ] == [
        ("app", "unknown", hash_of(MINE), "Mine", True, 1),
        ("desk", "1.4", hash_of(AD_HOC), "Who", False, 1),
    ]
