"""Whose key a token is checked with, where the hub and a provider both have some."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.model.errors import Unauthenticated
from hub.security.authenticator import Authenticator, open_authenticator
from hub.security.claim_paths import ClaimPaths, role_map_of
from hub.security.principal import Role
from hub.security.published_keys import PublishedKeys
from hub.security.tokens import KEY_ID, TokenRules
from tests.support.bad_tokens import claims
from tests.support.issuer import IssuerKey, key_set, rsa_key
from tests.support.stores import opened_store

OWN = b"k" * 40
FIRST, SECOND, NAMESAKE = rsa_key("first"), rsa_key("second"), rsa_key(KEY_ID)
DESK = ClaimPaths(roles=["desk.roles"], role_map=role_map_of(["desk=agent"]))


def now() -> datetime:
    return datetime.now(UTC)


async def authenticator(
    folder: Path, *published: IssuerKey, keys: dict[str, bytes] | None = None
) -> Authenticator:
    """One whose store is closed again: nothing of these tests asks it."""
    file = folder / "keys.json"
    file.write_bytes(key_set(*[key.jwk() for key in published]))
    async with opened_store(f"sqlite:///{folder}/hub.sqlite") as store:
        return await open_authenticator(
            TokenRules(keys={KEY_ID: OWN} if keys is None else keys),
            published=PublishedKeys(str(file), DESK),
            store=store,
            now=now,
        )


async def test_a_provider_cannot_take_the_place_of_an_own_key(tmp_path: Path) -> None:
    asked = await authenticator(tmp_path, NAMESAKE)
    found = asked.find_key(KEY_ID)
    assert found is not None
    assert (found.algorithm, found.key) == ("HS256", OWN)


async def test_each_key_has_its_own_claims(tmp_path: Path) -> None:
    asked = await authenticator(tmp_path, FIRST)
    told = claims(roles=["operator"], desk={"roles": ["desk", "offline_access"]})
    assert asked.authenticate(f"Bearer {FIRST.sign(told)}").roles == {Role.AGENT}
    with pytest.raises(Unauthenticated, match="names no role of this hub"):
        asked.authenticate(f"Bearer {FIRST.sign(claims(roles=['operator']))}")


async def test_without_a_kid_only_the_only_key_is_meant(tmp_path: Path) -> None:
    alone = await authenticator(tmp_path, FIRST, keys={})
    assert alone.find_key(None) is not None
    assert (await authenticator(tmp_path, FIRST)).find_key(None) is None
    assert (await authenticator(tmp_path, FIRST, SECOND, keys={})).find_key(None) is None


async def test_an_unknown_key_wishes_for_a_refresh_and_a_known_one_does_not(tmp_path: Path) -> None:
    asked = await authenticator(tmp_path, FIRST)
    assert asked.published is not None
    assert asked.find_key("first") is not None
    assert not asked.published._wished.is_set()
    assert asked.find_key("second") is None
    assert asked.published._wished.is_set()


async def test_without_any_key_it_says_why(tmp_path: Path) -> None:
    asked = await authenticator(tmp_path, keys={})
    assert str(asked.problem).endswith("expected RSA (RS256) or P-256 (ES256), with a kid")
    assert (await authenticator(tmp_path)).problem is None


async def test_who_stays_on_is_refused_at_the_end_of_the_token(tmp_path: Path) -> None:
    asked = await authenticator(tmp_path, FIRST)
    token = FIRST.sign(claims(desk={"roles": ["desk"]}))
    principal = asked.authenticate(f"Bearer {token}")
    asked.check(principal)

    def at(seconds: int) -> Authenticator:
        def then() -> datetime:
            return principal.expires_at + timedelta(seconds=seconds)

        return Authenticator(asked.rules, asked.published, asked.revocations, asked.refusals, then)

    at(-1).check(principal)
    with pytest.raises(Unauthenticated) as refused:
        at(0).check(principal)
    assert refused.value.reason == "TOKEN_EXPIRED"
    assert at(29).authenticate(f"Bearer {token}") == principal, "a new request has the leeway"
    with pytest.raises(Unauthenticated):
        at(31).authenticate(f"Bearer {token}")
