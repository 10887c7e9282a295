"""Bearer tokens: JSON Web Tokens signed with HS256. The algorithm is fixed here, never by a token.

A refusal says what is wrong with the token, and never repeats any of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
from jwt.exceptions import InvalidJTIError, InvalidSubjectError

from hub.model.errors import InputInvalid, Unauthenticated
from hub.security.claims import ClaimPaths, principal_of
from hub.security.principal import Principal, Role

ALGORITHMS = ("HS256",)
REQUIRED_CLAIMS = ("exp", "aud", "iss", "sub")
LEEWAY_S = 30  # two clocks kept by NTP differ by less
TOKEN_LENGTH_MAX = 8_192  # characters; also uvicorn's order of magnitude for one header
LIFETIME_MAX = timedelta(days=365)

ISSUER = "opshub"
AUDIENCE = "opshub"
KEY_ID = "development"

# The first class that fits explains the refusal; the library's own texts may quote the token.
_REFUSALS: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "the token has expired; sign in again"),
    (jwt.ImmatureSignatureError, "the token is not valid yet; check the clock of its issuer"),
    (jwt.InvalidAudienceError, "the token is meant for another audience"),
    (jwt.InvalidIssuerError, "the token comes from another issuer"),
    (jwt.InvalidIssuedAtError, "the token's iat is no time"),
    (InvalidSubjectError, "the token's sub is no text"),
    (InvalidJTIError, "the token's jti is no text"),
    (jwt.InvalidAlgorithmError, f"the token must be signed with {' or '.join(ALGORITHMS)}"),
    (jwt.InvalidSignatureError, "the token is not signed with a key of this hub"),
)
_NO_TOKEN = "the token is no JSON Web Token"


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must satisfy. `keys` are the accepted keys by their id (`kid`)."""

    keys: Mapping[str, bytes]
    issuer: str = ISSUER
    audience: str = AUDIENCE
    paths: ClaimPaths = field(default_factory=ClaimPaths)

    def __repr__(self) -> str:  # the keys stay out of logs
        return f"TokenRules(keys={sorted(self.keys)}, issuer={self.issuer!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token is to say. `customers` are texts `system:number`; `business_units` `*` = all."""

    subject: str
    roles: Collection[Role]
    customers: Collection[str] = ()
    business_units: Collection[str] = ("*",)
    lifetime: timedelta


def issue_token(
    grant: Grant, key: bytes, *, rules: TokenRules, key_id: str = KEY_ID, now: datetime
) -> str:
    """A signed token, in the claims `rules` reads; InputInvalid where it could not be verified."""
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
    _put(claims, rules.paths.roles, sorted(role.value for role in grant.roles))
    if grant.customers:
        _put(claims, rules.paths.customers, sorted(grant.customers))
    if grant.business_units:
        _put(claims, rules.paths.business_units, sorted(grant.business_units))
    try:
        principal_of(claims, rules.paths)
    except Unauthenticated as error:
        raise InputInvalid("token", grant.subject, expected=f"claims that hold: {error}") from error
    return jwt.encode(claims, key, algorithm=ALGORITHMS[0], headers={"kid": key_id})


def verify_token(token: str, rules: TokenRules) -> Principal:
    """The principal of a token signed with one of the keys; Unauthenticated says why not."""
    if len(token) > TOKEN_LENGTH_MAX:
        raise Unauthenticated(f"the token is longer than {TOKEN_LENGTH_MAX} characters")
    try:
        claims = jwt.decode(
            token,
            _key_for(token, rules),
            algorithms=list(ALGORITHMS),
            audience=rules.audience,
            issuer=rules.issuer,
            leeway=LEEWAY_S,
            options={"require": list(REQUIRED_CLAIMS)},
        )
    except jwt.MissingRequiredClaimError as error:
        raise Unauthenticated(f"the token lacks the claim {error.claim}") from None
    # RecursionError: 8,000 brackets in an unsigned header. OverflowError: a claim of Infinity.
    except (jwt.PyJWTError, ValueError, OverflowError, RecursionError, TypeError) as error:
        raise Unauthenticated(_why(error)) from None
    return principal_of(claims, rules.paths)


def bearer_of(authorization: str | None) -> str:
    """The token of an Authorization header; Unauthenticated where there is none."""
    if authorization is None:
        raise Unauthenticated("no token; expected the header Authorization: Bearer …")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("the Authorization header must be: Bearer and a token")
    return token.strip()


def _key_for(token: str, rules: TokenRules) -> bytes:
    key_id = jwt.get_unverified_header(token).get("kid")
    if key_id is None and len(rules.keys) == 1:
        return next(iter(rules.keys.values()))
    if not isinstance(key_id, str) or key_id not in rules.keys:
        raise jwt.InvalidSignatureError
    return rules.keys[key_id]


def _why(error: Exception) -> str:
    return next((text for kind, text in _REFUSALS if isinstance(error, kind)), _NO_TOKEN)


def _put(claims: dict[str, Any], path: str, value: Any) -> None:
    """Write a claim where `ClaimPaths` reads it; a path with `:` is one name."""
    *parents, name = [path] if ":" in path else path.split(".")
    for parent in parents:
        claims = claims.setdefault(parent, {})
    claims[name] = value
