"""What the settings say of identity, and what production demands of them."""

from __future__ import annotations

from pathlib import Path

from hub.config.settings import Settings
from hub.model.errors import ConfigInvalid
from hub.security.claim_paths import ClaimPaths, role_map_of
from hub.security.keys import signing_key
from hub.security.published_keys import PublishedKeys
from hub.security.tokens import KEY_ID, TokenRules


def token_rules(settings: Settings) -> TokenRules:
    """What a token must satisfy, with the hub's own keys.

    Beside a provider's keys the hub's own are for its own tokens, so those keep our claims and
    names; production then has an own key only where a file is named. ConfigInvalid where the
    settings name no usable key.
    """
    has_provider = settings.token_jwks is not None
    has_own = not (has_provider and settings.profile == "production") or settings.token_key_file
    return TokenRules(
        keys={KEY_ID: _own_key(settings)} if has_own else {},
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        paths=ClaimPaths() if has_provider else claim_paths(settings),
        leeway_s=settings.token_leeway_s,
    )


def published_keys(settings: Settings) -> PublishedKeys | None:
    """The provider's keys, not read yet; None without a provider."""
    if settings.token_jwks is None:
        return None
    return PublishedKeys(settings.token_jwks, claim_paths(settings))


def claim_paths(settings: Settings) -> ClaimPaths:
    """Where the tokens of the settings say what; ConfigInvalid for a role map that is none."""
    return ClaimPaths(
        roles=settings.token_claim_roles,
        customers=settings.token_claim_customers,
        business_units=settings.token_claim_business_units,
        approval_tiers=settings.token_claim_approval_tiers,
        role_map=role_map_of(settings.token_role_map),
    )


def check_profile(settings: Settings) -> None:
    """ConfigInvalid with everything production lacks; development lacks nothing."""
    if settings.profile != "production":
        return
    lacking = [text for is_there, text in _demands(settings) if not is_there]
    if lacking:
        raise ConfigInvalid("production does not start like this:\n- " + "\n- ".join(lacking))


def _demands(settings: Settings) -> list[tuple[bool, str]]:
    return [
        (
            settings.token_jwks is not None or settings.token_key_file is not None,
            "nobody could be authenticated: set OPSHUB_TOKEN_JWKS to the key set of your identity "
            "provider, or OPSHUB_TOKEN_KEY_FILE to a signing key of your own. The development key "
            "lies in the data directory, and whoever reads it could sign a token for any role",
        ),
        (
            settings.store_url is not None,
            "OPSHUB_STORE_URL is not set: SQLite in the data directory is for one process on one "
            "machine; name a database (postgresql://…), or that file explicitly",
        ),
        (
            settings.nats_url is not None,
            "OPSHUB_NATS_URL is not set: the embedded NATS ends with this process and knows no "
            "other; name a server with JetStream and authentication",
        ),
    ]


def _own_key(settings: Settings) -> bytes:
    key_file: Path | None = settings.token_key_file
    return signing_key(profile=settings.profile, data_dir=settings.data_dir, key_file=key_file)
