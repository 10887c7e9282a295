"""A JSON Web Key Set (RFC 7517): the public keys of an identity provider.

Taken are RSA keys of 2,048 bits and more for RS256 and P-256 keys for ES256, each under its `kid`.
Others of the same set are passed over: providers publish encryption keys beside them. Secret keys
(`oct`) are never taken, so that nothing published can check an HMAC.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from hub.model.errors import ConfigInvalid
from hub.security.claim_paths import ClaimPaths
from hub.security.tokens import TokenKey

JWKS_BYTES_MAX = 200_000  # bytes; large providers publish some 20 KB
KEYS_MAX = 50  # keys of one set
KEY_ID_MAX = 200  # characters
RSA_BITS_MIN, RSA_BITS_MAX = 2_048, 8_192

# What the key is made of; a private part that was published by mistake is left behind.
_RSA_PARTS = ("kty", "n", "e")
_EC_PARTS = ("kty", "crv", "x", "y")


def parse_jwks(text: bytes, paths: ClaimPaths) -> dict[str, TokenKey]:
    """The usable keys by `kid`; ConfigInvalid where the text is no key set or has none."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigInvalid("the key set is no JSON") from None
    listed = read.get("keys") if isinstance(read, dict) else None
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise ConfigInvalid(f"the key set must be an object with a list keys of 1 to {KEYS_MAX}")
    found: dict[str, TokenKey] = {}
    for each in listed:
        key = _usable(each, paths)
        if key is None:
            continue
        if each["kid"] in found:
            raise ConfigInvalid("the key set has two keys of one kid")
        found[each["kid"]] = key
    if not found:
        raise ConfigInvalid(
            "the key set has no usable key; expected RSA (RS256) or P-256 (ES256), with a kid"
        )
    return found


def _usable(jwk: Any, paths: ClaimPaths) -> TokenKey | None:
    """The key; None where it is for something else, or not good enough."""
    if not isinstance(jwk, dict) or not _is_for_signatures(jwk):
        return None
    try:
        if jwk.get("kty") == "RSA" and jwk.get("alg", "RS256") == "RS256":
            return _rsa(jwk, paths)
        if jwk.get("kty") == "EC" and jwk.get("alg", "ES256") == "ES256":
            return _ec(jwk, paths)
    except (PyJWTError, ValueError, TypeError):
        return None
    return None


def _is_for_signatures(jwk: Mapping[str, Any]) -> bool:
    key_id, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    return (
        isinstance(key_id, str)
        and 0 < len(key_id) <= KEY_ID_MAX
        and jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
    )


def _rsa(jwk: Mapping[str, Any], paths: ClaimPaths) -> TokenKey | None:
    key = RSAAlgorithm.from_jwk({part: jwk[part] for part in _RSA_PARTS if part in jwk})
    if not isinstance(key, RSAPublicKey) or not RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX:
        return None
    return TokenKey("RS256", key, paths)


def _ec(jwk: Mapping[str, Any], paths: ClaimPaths) -> TokenKey | None:
    key = ECAlgorithm.from_jwk({part: jwk[part] for part in _EC_PARTS if part in jwk})
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        return None
    return TokenKey("ES256", key, paths)
