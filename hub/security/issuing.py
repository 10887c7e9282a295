"""Issuing tokens of the hub's own key, in the claims its rules read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt

from hub.model.errors import InputInvalid, Unauthenticated
from hub.security.claim_paths import ClaimPaths, put_at
from hub.security.claims import principal_of
from hub.security.principal import Role
from hub.security.tokens import KEY_ID, OWN_ALGORITHM, Grant, TokenRules

LIFETIME_MAX = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Issued:
    """A signed token, and what it takes to revoke it."""

    token: str
    token_id: str
    expires_at: datetime


def issue_token(
    grant: Grant, key: bytes, *, rules: TokenRules, key_id: str = KEY_ID, now: datetime
) -> Issued:
    """A token that `rules` accepts; InputInvalid where it could not be verified."""
    if not timedelta(0) < grant.lifetime <= LIFETIME_MAX:
        raise InputInvalid("ttl", grant.lifetime, expected=f"more than 0 and up to {LIFETIME_MAX}")
    claims: dict[str, Any] = {
        "iss": rules.issuer,
        "aud": rules.audience,
        "sub": grant.subject,
        "iat": int(now.timestamp()),
        "exp": int((now + grant.lifetime).timestamp()),
        "jti": uuid4().hex,
    }
    _put_grant(claims, grant, rules.paths)
    try:
        principal = principal_of(claims, rules.paths)
    except Unauthenticated as error:
        raise InputInvalid("token", grant.subject, expected=f"claims that hold: {error}") from error
    token = jwt.encode(claims, key, algorithm=OWN_ALGORITHM, headers={"kid": key_id})
    return Issued(token, claims["jti"], principal.expires_at)


def _put_grant(claims: dict[str, Any], grant: Grant, paths: ClaimPaths) -> None:
    """At the first path of each kind; the roles by the names the rules know them under."""
    put_at(claims, paths.roles[0], sorted(_name_of(role, paths) for role in grant.roles))
    for path, values in (
        (paths.customers[0], grant.customers),
        (paths.business_units[0], grant.business_units),
        (paths.approval_tiers[0], grant.approval_tiers),
    ):
        if values:
            put_at(claims, path, sorted(values))


def _name_of(role: Role, paths: ClaimPaths) -> str:
    """What a token calls the role: a name of the role map that means this role and no other."""
    if paths.role_map is None:
        return role.value
    names = [name for name, roles in paths.role_map.items() if roles == {role}]
    if not names:
        expected = "a role that OPSHUB_TOKEN_ROLE_MAP gives a name of its own"
        raise InputInvalid("role", role.value, expected=expected)
    return names[0]
