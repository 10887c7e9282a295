"""An identity provider for the tests: keys it signs with, and the set it publishes of them."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Jwk = dict[str, Any]


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """A private key, and what is published of it."""

    kid: str
    algorithm: str
    private: Any

    def jwk(self, **changed: Any) -> Jwk:
        """The public key; None takes a member away."""
        algorithm = RSAAlgorithm if self.algorithm == "RS256" else ECAlgorithm
        made = json.loads(algorithm.to_jwk(self.private.public_key()))
        told = made | {"kid": self.kid, "use": "sig", "alg": self.algorithm} | changed
        return {name: value for name, value in told.items() if value is not None}

    def pem(self) -> bytes:
        """The public key as a file would hold it."""
        return bytes(
            self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )

    def sign(self, claims: Any, **header: Any) -> str:
        """A token of this key; None takes a header away."""
        headers = {"kid": self.kid} | header
        alg = headers.pop("alg", self.algorithm)
        named = {name: value for name, value in headers.items() if value is not None}
        return jwt.encode(claims, self.private, algorithm=alg, headers=named)


def rsa_key(kid: str, bits: int = 2_048) -> IssuerKey:
    return IssuerKey(kid, "RS256", rsa.generate_private_key(public_exponent=65_537, key_size=bits))


def ec_key(kid: str, curve: ec.EllipticCurve | None = None) -> IssuerKey:
    return IssuerKey(kid, "ES256", ec.generate_private_key(curve or ec.SECP256R1()))


def key_set(*keys: Jwk) -> bytes:
    return json.dumps({"keys": keys}).encode()


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
