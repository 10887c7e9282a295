"""Bearer tokens: JSON Web Tokens. Each key has one algorithm; a token never chooses another.

A refusal says what is wrong with the token, and never repeats any of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import jwt
from jwt.exceptions import InvalidJTIError, InvalidSubjectError

from hub.model.errors import Unauthenticated
from hub.security.claim_paths import ClaimPaths
from hub.security.claims import principal_of
from hub.security.principal import Principal, Role
from hub.security.refused import TokenFault, refused

OWN_ALGORITHM = "HS256"
REQUIRED_CLAIMS = ("exp", "aud", "iss", "sub")
LEEWAY_S = 30.0  # two clocks kept by NTP differ by less
TOKEN_LENGTH_MAX = 8_192  # characters; also uvicorn's order of magnitude for one header

ISSUER = "opshub"
AUDIENCE = "opshub"
KEY_ID = "development"

# Keys a token brings along, or wants fetched: it would be its own witness.
_OWN_KEY_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c"})
# RFC 9068 access tokens, and what everybody else writes; an ID or logout token is neither.
_HEADER_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
_NO_TOKEN = "the token is no JSON Web Token"
_NOT_OURS = "the token is not signed with a key of this hub"

# The first class that fits explains the refusal; the library's own texts may quote the token.
_REFUSALS: tuple[tuple[type[Exception], TokenFault, str], ...] = (
    (jwt.ExpiredSignatureError, TokenFault.EXPIRED, "the token has expired; sign in again"),
    (jwt.ImmatureSignatureError, TokenFault.EARLY,
     "the token is not valid yet; check the clock of its issuer"),
    (jwt.InvalidAudienceError, TokenFault.AUDIENCE, "the token is meant for another audience"),
    (jwt.InvalidIssuerError, TokenFault.ISSUER, "the token comes from another issuer"),
    (jwt.InvalidIssuedAtError, TokenFault.CLAIMS, "the token's iat is no time"),
    (InvalidSubjectError, TokenFault.CLAIMS, "the token's sub is no text"),
    (InvalidJTIError, TokenFault.CLAIMS, "the token's jti is no text"),
    (jwt.InvalidSignatureError, TokenFault.SIGNATURE, _NOT_OURS),
)  # fmt: skip

# RecursionError: 8,000 brackets in an unsigned header. OverflowError: a claim of Infinity.
_BROKEN = (jwt.PyJWTError, ValueError, OverflowError, RecursionError, TypeError)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key that tokens may be signed with, its only algorithm, and what its tokens look like."""

    algorithm: str
    key: Any = field(repr=False)
    paths: ClaimPaths


FindKey = Callable[[str | None], TokenKey | None]
"""The key of a `kid`; of a token without one, the only key there is."""


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must satisfy. `keys` are the hub's own HS256 keys by their id (`kid`)."""

    keys: Mapping[str, bytes] = field(repr=False)
    issuer: str = ISSUER
    audience: str = AUDIENCE
    paths: ClaimPaths = field(default_factory=ClaimPaths, repr=False)
    leeway_s: float = LEEWAY_S

    def own_key(self, key_id: str | None) -> TokenKey | None:
        """The own key of that id; the only one where the token names none."""
        if key_id is None and len(self.keys) == 1:
            (key,) = self.keys.values()
        elif key_id is not None and key_id in self.keys:
            key = self.keys[key_id]
        else:
            return None
        return TokenKey(OWN_ALGORITHM, key, self.paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token is to say. `customers` are texts `system:number`; `business_units` `*` = all."""

    subject: str
    roles: Collection[Role]
    customers: Collection[str] = ()
    business_units: Collection[str] = ("*",)
    approval_tiers: Collection[str] = ()
    lifetime: timedelta


def verify_token(token: str, rules: TokenRules, find_key: FindKey | None = None) -> Principal:
    """The principal of a token signed with one of the keys; Unauthenticated says why not."""
    if len(token) > TOKEN_LENGTH_MAX:
        raise refused(
            TokenFault.MALFORMED, f"the token is longer than {TOKEN_LENGTH_MAX} characters"
        )
    key = _key_for(_header(token), find_key or rules.own_key)
    claims = _verified(token, key, rules)
    if str(claims.get("typ", "Bearer")).lower() != "bearer":
        # Keycloak marks its refresh, ID and logout tokens so, and signs them with the same keys.
        raise refused(TokenFault.CLAIMS, "the token is no access token")
    return principal_of(claims, key.paths)


def bearer_of(authorization: str | None) -> str:
    """The token of an Authorization header; Unauthenticated where there is none."""
    if authorization is None:
        raise refused(TokenFault.ABSENT, "no token; expected the header Authorization: Bearer …")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise refused(TokenFault.ABSENT, "the Authorization header must be: Bearer and a token")
    return token.strip()


def _header(token: str) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except _BROKEN:
        raise refused(TokenFault.MALFORMED, _NO_TOKEN) from None
    if not _OWN_KEY_HEADERS.isdisjoint(header):
        raise refused(
            TokenFault.HEADER, "the token brings a key of its own; it must name one by kid"
        )
    if str(header.get("typ", "")).lower() not in _HEADER_TYPES:
        raise refused(TokenFault.HEADER, "the token is no access token")
    return header


def _key_for(header: Mapping[str, Any], find_key: FindKey) -> TokenKey:
    key = find_key(header.get("kid"))
    if key is None:
        raise refused(TokenFault.KEY, _NOT_OURS)
    if header.get("alg") != key.algorithm:
        raise refused(TokenFault.ALGORITHM, f"the token must be signed with {key.algorithm}")
    return key


def _verified(token: str, key: TokenKey, rules: TokenRules) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            audience=rules.audience,
            issuer=rules.issuer,
            leeway=rules.leeway_s,
            options={"require": list(REQUIRED_CLAIMS)},
        )
    except jwt.MissingRequiredClaimError as error:
        raise refused(TokenFault.CLAIMS, f"the token lacks the claim {error.claim}") from None
    except _BROKEN as error:
        raise _why(error) from None
    return claims


def _why(error: Exception) -> Unauthenticated:
    for kind, fault, message in _REFUSALS:
        if isinstance(error, kind):
            return refused(fault, message)
    return refused(TokenFault.MALFORMED, _NO_TOKEN)
