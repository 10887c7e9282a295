"""Which published keys are taken, and which are passed over."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import RSAAlgorithm

from hub.model.errors import ConfigInvalid
from hub.security.claim_paths import ClaimPaths
from hub.security.jwks import JWKS_BYTES_MAX, KEYS_MAX, parse_jwks
from tests.support.issuer import base64url, ec_key, key_set, rsa_key

RSA, EC = rsa_key("rsa-1"), ec_key("ec-1")
PATHS = ClaimPaths(roles=["realm_access.roles"])
SECRET = {"kty": "oct", "kid": "s", "k": base64url(b"k" * 32), "alg": "HS256", "use": "sig"}


def test_each_key_has_the_one_algorithm_it_is_for() -> None:
    keys = parse_jwks(key_set(RSA.jwk(), EC.jwk(alg=None, use=None)), PATHS)
    assert {kid: key.algorithm for kid, key in keys.items()} == {"rsa-1": "RS256", "ec-1": "ES256"}
    assert all(key.paths is PATHS for key in keys.values())


PASSED_OVER: dict[str, dict[str, Any]] = {
    "a secret": SECRET,
    "an encryption key": RSA.jwk(kid="x", use="enc", alg="RSA-OAEP"),
    "another algorithm": RSA.jwk(kid="x", alg="RS512"),
    "an algorithm of the other kind": RSA.jwk(kid="x", alg="ES256"),
    "an HMAC over a public key": RSA.jwk(kid="x", alg="HS256"),
    "for signing only": RSA.jwk(kid="x", key_ops=["sign"]),
    "operations of a text": RSA.jwk(kid="x", key_ops="verify"),
    "no kid": RSA.jwk(kid=None),
    "an empty kid": RSA.jwk(kid=""),
    "a kid of a number": RSA.jwk(kid=7),
    "a kid that is too long": RSA.jwk(kid="k" * 201),
    "a short modulus": rsa_key("x", 1_024).jwk(),
    "no modulus": RSA.jwk(kid="x", n=None),
    "a modulus of a number": RSA.jwk(kid="x", n=7),
    "another curve": ec_key("x", ec.SECP384R1()).jwk(),
    "a point off the curve": EC.jwk(kid="x", x=base64url(b"1" * 32)),
    "nothing": {},
}


@pytest.mark.parametrize("name", PASSED_OVER)
def test_other_keys_are_passed_over(name: str) -> None:
    assert list(parse_jwks(key_set(PASSED_OVER[name], RSA.jwk()), PATHS)) == ["rsa-1"]
    with pytest.raises(ConfigInvalid, match="no usable key"):
        parse_jwks(key_set(PASSED_OVER[name]), PATHS)


def test_a_private_key_that_was_published_is_read_as_a_public_one() -> None:
    private = json.loads(RSAAlgorithm.to_jwk(RSA.private)) | {"kid": "p"}
    private["key_ops"] = ["verify"]
    assert not hasattr(parse_jwks(key_set(private), PATHS)["p"].key, "private_numbers")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * JWKS_BYTES_MAX, "no JSON"),
        (b"[]", "an object with a list keys"),
        (b"{}", "an object with a list keys"),
        (b'{"keys": {}}', "an object with a list keys"),
        (b'{"keys": []}', "no usable key"),
        (b'{"keys": [1, null, "x", []]}', "no usable key"),
        (key_set(*[RSA.jwk(kid=str(n)) for n in range(KEYS_MAX + 1)]), "a list keys of 1 to 50"),
        (key_set(RSA.jwk(), EC.jwk(kid="rsa-1")), "two keys of one kid"),
    ],
)
def test_what_is_no_key_set_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(ConfigInvalid, match=said):
        parse_jwks(text, PATHS)
