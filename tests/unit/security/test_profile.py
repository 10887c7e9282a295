"""What production demands before it starts, and whose keys a hub then has."""

from pathlib import Path
from typing import Any

import pytest

from hub.cli.access import issue, token_rules
from hub.config.settings import Settings
from hub.model.errors import ConfigInvalid
from hub.security.profile import published_keys
from hub.security.tokens import KEY_ID

SERVERS = {"store_url": "postgresql://db/opshub", "nats_url": "nats://nats:4222"}


LACKING = (
    "nobody could be authenticated",
    "could sign a token for any role",
    "OPSHUB_TOKEN_JWKS",
    "OPSHUB_TOKEN_KEY_FILE",
    "OPSHUB_STORE_URL",
    "OPSHUB_NATS_URL",
)


def production(tmp_path: Path, **given: Any) -> Settings:
    return Settings(profile="production", data_dir=tmp_path, **given)


def own_key(tmp_path: Path) -> Path:
    path = tmp_path / "own.key"
    path.write_bytes(b"k" * 40)
    path.chmod(0o600)
    return path


def test_production_says_everything_it_lacks_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        token_rules(production(tmp_path))
    said = str(refused.value)
    assert said.count("\n- ") == 3
    for word in LACKING:
        assert word in said
    assert list(tmp_path.iterdir()) == []


def test_production_with_a_provider_has_no_key_of_its_own(tmp_path: Path) -> None:
    settings = production(tmp_path, token_jwks="https://sso.example/keys", **SERVERS)
    assert token_rules(settings).keys == {}
    assert published_keys(settings) is not None
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigInvalid, match="tokens come from your identity provider"):
        issue(settings, None, None)  # type: ignore[arg-type]


def test_production_with_a_key_of_its_own(tmp_path: Path) -> None:
    settings = production(tmp_path, token_key_file=own_key(tmp_path), **SERVERS)
    assert token_rules(settings).keys == {KEY_ID: b"k" * 40}
    assert published_keys(settings) is None


def test_development_lacks_nothing(tmp_path: Path) -> None:
    rules = token_rules(Settings(data_dir=tmp_path, token_leeway_s=5))
    assert list(rules.keys) == [KEY_ID]
    assert rules.leeway_s == 5


def test_beside_a_provider_the_own_key_keeps_our_claims(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, token_jwks="keys.json", token_claim_roles=("realm_access.roles",),
        token_role_map=("desk=agent",),
    )  # fmt: skip
    assert token_rules(settings).paths.roles == ("roles",)
    assert token_rules(settings).paths.role_map is None


@pytest.mark.parametrize(
    "location",
    [
        "http://sso.example/keys", "ftp://sso.example/keys", "file:///etc/passwd", "https://",
        "https://user:geheim@sso.example/keys", "http://127.0.0.1.example/keys", "://x",
        "http://169.254.169.254/keys", "https://sso.example:x/keys",
    ],
)  # fmt: skip
def test_keys_come_from_a_file_https_or_this_machine(location: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="expected a file, an https URL") as refused:
        published_keys(Settings(data_dir=tmp_path, token_jwks=location))
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    "location", ["keys.json", "https://sso.example/keys", "http://[::1]:8/k", "http://localhost/k"]
)
async def test_these_are_read(location: str, tmp_path: Path) -> None:
    assert published_keys(Settings(data_dir=tmp_path, token_jwks=location)) is not None
