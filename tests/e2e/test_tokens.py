"""Nobody is served with a bad token: each of the table, over HTTP, and a hub that is told so."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from hub.app import Hub, open_hub
from hub.config.settings import Settings
from hub.config.systems import load_systems
from hub.security.profile import token_rules
from hub.security.tokens import KEY_ID
from hub.store.refusals import RefusalQuery, read_refusals
from hub.store.revocations import Claim, Revoking
from tests.support.bad_tokens import (
    BAD_TOKENS,
    REVOKED_SUBJECT,
    REVOKED_TOKEN,
    Forger,
    claims,
    no_systems,
)
from tests.support.issuer import ec_key, key_set, rsa_key

ME = {"query": "{ me { subject roles } }"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True)
class World:
    """A hub with a provider and a key of its own, and a forger at its door."""

    hub: Hub
    client: httpx2.AsyncClient
    forger: Forger

    async def post(self, *headers: tuple[bytes, bytes], path: str = "/graphql") -> httpx2.Response:
        return await self.client.post(path, json=ME, headers=list(headers))

    async def send(self, token: str) -> httpx2.Response:
        return await self.post((b"authorization", b"Bearer " + token.encode()))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("tokens")
    rsa, ec = rsa_key("rsa-1"), ec_key("ec-1")
    keys = folder / "keys.json"
    keys.write_bytes(key_set(rsa.jwk(), ec.jwk()))
    settings = Settings(data_dir=folder, token_jwks=str(keys))
    rules = token_rules(settings)
    hub = await open_hub(settings, load_systems(no_systems(folder), environ={}), rules)
    try:
        await revoke(hub, "jti", REVOKED_TOKEN)
        await revoke(hub, "sub", REVOKED_SUBJECT)
        transport = httpx2.ASGITransport(app=hub.asgi())
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as client:
            yield World(hub, client, Forger(rules.keys[KEY_ID], rsa, ec, rsa_key("rsa-9")))
    finally:
        await hub.close()


async def revoke(hub: Hub, claim: Claim, value: str) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    revoking = Revoking(claim=claim, value=value, until=until, actor="test", reason="stolen")
    await hub.authenticator.revocations.revoke(revoking)


@pytest.mark.parametrize("key", ["own", "rsa", "ec"])
async def test_good_tokens_are_served(world: World, key: str) -> None:
    forger = world.forger
    sign = forger.hs if key == "own" else getattr(forger, key).sign
    response = await world.send(sign(claims(sub="anna")))
    assert response.status_code == 200
    assert response.json()["data"] == {"me": {"subject": "anna", "roles": ["operator"]}}


@pytest.mark.parametrize("name", BAD_TOKENS)
async def test_a_bad_token_is_refused_and_nothing_of_it_repeated(world: World, name: str) -> None:
    fault, forged_by = BAD_TOKENS[name]
    token = forged_by(world.forger)
    response = await world.send(token)
    assert (response.status_code, refusal(response)) == (401, f"TOKEN_{fault}")
    assert response.headers["www-authenticate"] == 'Bearer realm="opshub"'
    assert len(response.content) < 1_000
    answered = response.text + json.dumps(dict(response.headers))
    assert "geheim" not in answered
    assert [part for part in token.split(".") if len(part) > 6 and part in answered] == []


def refusal(response: httpx2.Response) -> str:
    """The reason of the only error; there is no data."""
    body: dict[str, Any] = response.json()
    assert set(body) == {"errors", "extensions"}
    (error,) = body["errors"]
    assert set(error) == {"message", "extensions"}
    told = error["extensions"]
    assert (told["code"], told["retryable"]) == ("UNAUTHENTICATED", False)
    return str(told["reason"])


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"Bearer",
        b"Bearer  ",
        b"Basic Z2VoZWltOmdlaGVpbQ==",
        b"Token {}",
        b"{}",
        b"Bearer,{}",
    ],
)
async def test_without_a_bearer_token_nobody_is_served(world: World, header: bytes | None) -> None:
    good = world.forger.hs(claims()).encode()
    headers = [] if header is None else [(b"authorization", header.replace(b"{}", good))]
    response = await world.post(*headers)
    assert (response.status_code, refusal(response)) == (401, "TOKEN_ABSENT")


@pytest.mark.parametrize("name", ["access_token", "token", "authorization", "jwt"])
async def test_a_token_elsewhere_is_not_read(world: World, name: str) -> None:
    good = world.forger.hs(claims())
    for response in (
        await world.post(path=f"/graphql?{name}={good}"),
        await world.post((b"cookie", f"{name}={good}".encode())),
        await world.post((f"x-{name.replace('_', '-')}".encode(), good.encode())),
    ):
        assert (response.status_code, refusal(response)) == (401, "TOKEN_ABSENT")


async def test_refusals_are_counted_and_cost_no_write_each(world: World) -> None:
    await world.hub.authenticator.refusals.flush()
    query = RefusalQuery(first=1_000)
    before = await read_refusals(world.hub.store, query)
    for _ in range(50):
        await world.send("geheim")
        await world.send(world.forger.hs(claims(sub=REVOKED_SUBJECT)))
    assert await read_refusals(world.hub.store, query) == before
    await world.hub.authenticator.refusals.flush()
    counted = counts(await read_refusals(world.hub.store, query))
    known = counts(before)
    assert {key: n - known.get(key, 0) for key, n in counted.items() if n != known.get(key)} == {
        ("anonymous", "TOKEN_MALFORMED"): 50,
        (REVOKED_SUBJECT, "TOKEN_REVOKED"): 50,
    }


def counts(rows: list[Any]) -> dict[tuple[str, str], int]:
    total: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row.principal, row.code)
        total[key] = total.get(key, 0) + row.count
    return total
