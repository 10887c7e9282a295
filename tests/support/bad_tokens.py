"""Tokens that nobody may be served with, as a table: forged, stale, revoked, confused, malformed.

The word `geheim` stands wherever a token says something that an answer must not repeat.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt

from hub.security.tokens import KEY_ID
from tests.support.issuer import IssuerKey, base64url

Claims = dict[str, Any]

REVOKED_TOKEN = "geheim-revoked-token"
REVOKED_SUBJECT = "geheim-revoked-subject"


@dataclass(frozen=True, slots=True)
class Forger:
    """What a forger may have: everything public, keys of their own, and old tokens.

    `own`, `rsa` and `ec` sign for those rows whose fault is not the signature.
    """

    own: bytes
    rsa: IssuerKey
    ec: IssuerKey
    stranger: IssuerKey

    def hs(self, claims: Any, key: bytes | None = None, **header: Any) -> str:
        """Signed with HS256 by hand: a library would refuse some of these."""
        return joined(
            {"alg": "HS256", "typ": "JWT", "kid": KEY_ID} | header, claims, key or self.own
        )


def joined(header: Any, claims: Any, key: bytes | None = None, *, digest: str = "sha256") -> str:
    """Three parts; the last is empty without a key."""
    told = f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"
    mac = b"" if key is None else hmac.new(key, told.encode(), getattr(hashlib, digest)).digest()
    return f"{told}.{base64url(mac)}"


def seconds(from_now: float) -> int:
    return int((datetime.now(UTC) + timedelta(seconds=from_now)).timestamp())


def claims(**changed: Any) -> Claims:
    """Those of a good token, with some changed; None takes one away."""
    good = {
        "iss": "opshub", "aud": "opshub", "sub": "geheim-anna", "jti": "geheim-1",
        "iat": seconds(-60), "exp": seconds(3_600), "roles": ["operator"], "business_units": ["*"],
    }  # fmt: skip
    return {name: value for name, value in (good | changed).items() if value is not None}


def header(kid: Any = KEY_ID, **changed: Any) -> Claims:
    return {"alg": "HS256", "typ": "JWT", "kid": kid} | changed


def cut(token: str, *parts: int) -> str:
    """Only some of its parts."""
    return ".".join(token.split(".")[part] for part in parts)


def swapped(token: str, other: Claims) -> str:
    """Another payload under the same signature."""
    head, _, signature = token.split(".")
    return f"{head}.{base64url(json.dumps(other).encode())}.{signature}"


def no_systems(folder: Path) -> Path:
    """A systems file that connects nothing: whoever is let in finds only the hub itself."""
    file = folder / "systems.yaml"
    file.write_text("version: 1\nsystems: {}\n")
    return file


Row = tuple[str, Callable[[Forger], str]]

FORGED: dict[str, Row] = {
    "alg none": ("ALGORITHM", lambda f: joined(header(alg="none"), claims())),
    "alg None": ("ALGORITHM", lambda f: joined(header(alg="None"), claims())),
    "alg NONE of a published key": (
        "ALGORITHM", lambda f: joined(header("rsa-1", alg="NONE"), claims())),
    "alg none without kid": (
        "KEY", lambda f: joined({"alg": "none", "typ": "JWT"}, claims())),
    "alg none with a signature": ("ALGORITHM", lambda f: f.hs(claims(), alg="none")),
    "alg absent": ("ALGORITHM", lambda f: joined({"kid": KEY_ID}, claims(), f.own)),
    "alg empty": ("ALGORITHM", lambda f: f.hs(claims(), alg="")),
    "alg a number": ("ALGORITHM", lambda f: f.hs(claims(), alg=256)),
    "alg a list": ("ALGORITHM", lambda f: f.hs(claims(), alg=["HS256"])),
    "alg hs256": ("ALGORITHM", lambda f: f.hs(claims(), alg="hs256")),
    "alg HS384": (
        "ALGORITHM", lambda f: joined(header(alg="HS384"), claims(), f.own, digest="sha384")),
    "alg HS512": (
        "ALGORITHM", lambda f: joined(header(alg="HS512"), claims(), f.own, digest="sha512")),
    "alg RS512 of the right key": ("ALGORITHM", lambda f: f.rsa.sign(claims(), alg="RS512")),
    "alg PS256 of the right key": ("ALGORITHM", lambda f: f.rsa.sign(claims(), alg="PS256")),
    "RSA public key as HMAC, PEM": (
        "ALGORITHM", lambda f: f.hs(claims(), f.rsa.pem(), kid="rsa-1")),
    "RSA public key as HMAC, PEM stripped": (
        "ALGORITHM", lambda f: f.hs(claims(), f.rsa.pem().strip(), kid="rsa-1")),
    "RSA public key as HMAC, JWK": (
        "ALGORITHM",
        lambda f: f.hs(claims(), json.dumps(f.rsa.jwk()).encode(), kid="rsa-1")),
    "RSA modulus as HMAC": (
        "ALGORITHM", lambda f: f.hs(claims(), f.rsa.jwk()["n"].encode(), kid="rsa-1")),
    "RSA public key as HMAC of the own kid": (
        "SIGNATURE", lambda f: f.hs(claims(), f.rsa.pem())),
    "RSA public key as HMAC without kid": (
        "KEY", lambda f: joined({"alg": "HS256"}, claims(), f.rsa.pem())),
    "EC public key as HMAC": ("ALGORITHM", lambda f: f.hs(claims(), f.ec.pem(), kid="ec-1")),
    "own key named, RSA signature": (
        "ALGORITHM", lambda f: f.rsa.sign(claims(), kid=KEY_ID)),
    "RSA key named, own signature": ("ALGORITHM", lambda f: f.hs(claims(), kid="rsa-1")),
    "RSA key named, EC signature": ("ALGORITHM", lambda f: f.ec.sign(claims(), kid="rsa-1")),
    "EC key named, RSA signature": ("ALGORITHM", lambda f: f.rsa.sign(claims(), kid="ec-1")),
    "a stranger's RSA key under a known kid": (
        "SIGNATURE", lambda f: f.stranger.sign(claims(), kid="rsa-1")),
    "a stranger's RSA key under its own kid": ("KEY", lambda f: f.stranger.sign(claims())),
    "a stranger's HMAC key": ("SIGNATURE", lambda f: f.hs(claims(), b"another key" * 4)),
    "an empty HMAC key": ("SIGNATURE", lambda f: f.hs(claims(), b"\x00")),
    "no signature": ("SIGNATURE", lambda f: joined(header(), claims())),
    "no signature of RSA": (
        "SIGNATURE", lambda f: joined(header("rsa-1", alg="RS256"), claims())),
    "an ES256 signature of zeros": (
        "SIGNATURE",
        lambda f: joined(header("ec-1", alg="ES256"), claims()) + base64url(b"\x00" * 64)),
    "a cut signature": ("SIGNATURE", lambda f: f.hs(claims())[:-3]),
    "more rights under an old signature": (
        "SIGNATURE", lambda f: swapped(f.hs(claims(roles=["agent"])), claims())),
    "more rights under an old RSA signature": (
        "SIGNATURE", lambda f: swapped(f.rsa.sign(claims(roles=["agent"])), claims())),
}  # fmt: skip

KEYS: dict[str, Row] = {
    "kid unknown": ("KEY", lambda f: f.hs(claims(), kid="geheim")),
    "kid unknown of RSA": ("KEY", lambda f: f.rsa.sign(claims(), kid="geheim")),
    "kid absent where there are several": ("KEY", lambda f: f.rsa.sign(claims(), kid=None)),
    "kid empty": ("KEY", lambda f: f.hs(claims(), kid="")),
    "kid in capitals": ("KEY", lambda f: f.rsa.sign(claims(), kid="RSA-1")),
    "kid a path": ("KEY", lambda f: f.hs(claims(), b"\x00", kid="../../../dev/null")),
    "kid a statement": ("KEY", lambda f: f.hs(claims(), kid="x' UNION SELECT 'geheim' --")),
    "kid a url": ("KEY", lambda f: f.hs(claims(), kid="https://geheim.example/keys")),
    "kid a number": ("MALFORMED", lambda f: f.hs(claims(), kid=1)),
    "kid a list": ("MALFORMED", lambda f: f.hs(claims(), kid=[KEY_ID])),
    "an embedded jwk": (
        "HEADER", lambda f: f.stranger.sign(claims(), kid="rsa-1", jwk=f.stranger.jwk())),
    "an embedded jwk of a known key": (
        "HEADER", lambda f: f.rsa.sign(claims(), jwk=f.rsa.jwk())),
    "a jku": (
        "HEADER",
        lambda f: f.stranger.sign(claims(), kid="rsa-1", jku="https://geheim.example/jwks")),
    "an x5u": (
        "HEADER", lambda f: f.stranger.sign(claims(), x5u="https://geheim.example/cert")),
    "an x5c": ("HEADER", lambda f: f.stranger.sign(claims(), x5c=["geheim"])),
    "a typ of another use": ("HEADER", lambda f: f.rsa.sign(claims(), typ="logout+jwt")),
    "a critical header": (
        "MALFORMED", lambda f: f.hs(claims(), crit=["b64"], b64=False)),
}  # fmt: skip

STALE: dict[str, Row] = {
    "expired": ("EXPIRED", lambda f: f.hs(claims(iat=None, exp=seconds(-90)))),
    "expired of RSA": ("EXPIRED", lambda f: f.rsa.sign(claims(iat=None, exp=seconds(-90)))),
    "expired at the epoch": ("EXPIRED", lambda f: f.hs(claims(iat=None, exp=0))),
    "expired by a truth": ("EXPIRED", lambda f: f.hs(claims(iat=None, exp=True))),
    "not before tomorrow": ("EARLY", lambda f: f.hs(claims(nbf=seconds(86_400)))),
    "issued tomorrow": ("EARLY", lambda f: f.rsa.sign(claims(iat=seconds(3_000)))),
    "issued after it expired": (
        "CLAIMS", lambda f: f.hs(claims(iat=seconds(0), exp=seconds(-10)))),
    "exp a text": ("CLAIMS", lambda f: f.hs(claims(exp=str(seconds(60))))),
    "exp a word": ("MALFORMED", lambda f: f.hs(claims(exp="geheim"))),
    "exp Infinity": ("MALFORMED", lambda f: f.hs(claims(exp=float("inf")))),
    "exp NaN": ("MALFORMED", lambda f: f.hs(claims(exp=float("nan")))),
    "exp beyond the calendar": ("CLAIMS", lambda f: f.hs(claims(exp=10**18))),
    "exp absent": ("CLAIMS", lambda f: f.hs(claims(exp=None))),
    "nbf a truth": ("CLAIMS", lambda f: f.hs(claims(nbf=True))),
    "iat a word": ("CLAIMS", lambda f: f.hs(claims(iat="geheim"))),
    "revoked by its id": ("REVOKED", lambda f: f.hs(claims(jti=REVOKED_TOKEN))),
    "revoked by its id, of RSA": ("REVOKED", lambda f: f.rsa.sign(claims(jti=REVOKED_TOKEN))),
    "revoked by its subject": ("REVOKED", lambda f: f.hs(claims(sub=REVOKED_SUBJECT))),
    "revoked by its subject, without an id": (
        "REVOKED", lambda f: f.ec.sign(claims(sub=REVOKED_SUBJECT, jti=None))),
}  # fmt: skip

CLAIMED: dict[str, Row] = {
    "aud of another": ("AUDIENCE", lambda f: f.hs(claims(aud="geheim"))),
    "aud of others": ("AUDIENCE", lambda f: f.rsa.sign(claims(aud=["geheim", "account"]))),
    "aud a prefix": ("AUDIENCE", lambda f: f.hs(claims(aud="opshub.geheim"))),
    "aud empty": ("CLAIMS", lambda f: f.hs(claims(aud=[]))),
    "aud an object": ("AUDIENCE", lambda f: f.hs(claims(aud={"opshub": True}))),
    "aud absent": ("CLAIMS", lambda f: f.hs(claims(aud=None))),
    "iss of another": ("ISSUER", lambda f: f.hs(claims(iss="geheim"))),
    "iss with a slash": ("ISSUER", lambda f: f.rsa.sign(claims(iss="opshub/"))),
    "iss a list": ("ISSUER", lambda f: f.hs(claims(iss=["opshub"]))),
    "iss absent": ("CLAIMS", lambda f: f.hs(claims(iss=None))),
    "sub absent": ("CLAIMS", lambda f: f.hs(claims(sub=None))),
    "sub a number": ("CLAIMS", lambda f: f.hs(claims(sub=7))),
    "sub blank": ("CLAIMS", lambda f: f.hs(claims(sub=" "))),
    "sub of two lines": ("CLAIMS", lambda f: f.hs(claims(sub="geheim\nFAKE"))),
    "sub too long": ("CLAIMS", lambda f: f.hs(claims(sub="x" * 201))),
    "jti a number": ("CLAIMS", lambda f: f.hs(claims(jti=7))),
    "an ID token of Keycloak": ("CLAIMS", lambda f: f.rsa.sign(claims(typ="ID"))),
    "a refresh token of Keycloak": ("CLAIMS", lambda f: f.rsa.sign(claims(typ="Refresh"))),
    "roles absent": ("ROLE", lambda f: f.hs(claims(roles=None))),
    "roles empty": ("ROLE", lambda f: f.hs(claims(roles=[]))),
    "roles unknown": ("ROLE", lambda f: f.hs(claims(roles=["geheim"]))),
    "roles known and unknown": ("ROLE", lambda f: f.rsa.sign(claims(roles=["agent", "geheim"]))),
    "roles in capitals": ("ROLE", lambda f: f.hs(claims(roles=["OPERATOR"]))),
    "roles every": ("ROLE", lambda f: f.hs(claims(roles=["*"]))),
    "roles an object": ("CLAIMS", lambda f: f.hs(claims(roles={"operator": True}))),
    "roles in lists": ("CLAIMS", lambda f: f.hs(claims(roles=[["operator"]]))),
    "a customer without customers": ("CLAIMS", lambda f: f.hs(claims(roles=["customer"]))),
    "a customer of every system": (
        "CLAIMS", lambda f: f.hs(claims(roles=["customer"], customers=["*:*"]))),
    "business units absent": ("CLAIMS", lambda f: f.hs(claims(business_units=None))),
    "business units of numbers": ("CLAIMS", lambda f: f.hs(claims(business_units=[7]))),
}  # fmt: skip

MALFORMED: dict[str, Row] = {
    "a word": ("MALFORMED", lambda f: "geheim"),
    "dots": ("MALFORMED", lambda f: ".."),
    "one part": ("MALFORMED", lambda f: cut(f.hs(claims()), 0)),
    "two parts": ("MALFORMED", lambda f: cut(f.hs(claims()), 0, 1)),
    "four parts": ("MALFORMED", lambda f: f.hs(claims()) + ".geheim"),
    "five parts": ("MALFORMED", lambda f: f.hs(claims()) + ".geheim.geheim"),
    "parts in disorder": ("KEY", lambda f: cut(f.hs(claims()), 1, 0, 2)),
    "two tokens": ("MALFORMED", lambda f: f"{f.hs(claims())}, {f.hs(claims())}"),
    "too long": ("MALFORMED", lambda f: f.hs(claims(x="geheim" * 1_500))),
    "a deep header": ("MALFORMED", lambda f: base64url(b"[" * 5_000) + ".e30.x"),
    "a header of a list": ("MALFORMED", lambda f: joined(["HS256"], claims(), f.own)),
    "a payload of a list": ("MALFORMED", lambda f: f.hs(["geheim"])),
    "a payload of a text": ("MALFORMED", lambda f: f.hs("geheim")),
    "not base64": ("MALFORMED", lambda f: "geheim!.geheim!.geheim!"),
    "letters of no alphabet": ("MALFORMED", lambda f: "\u00c4.\u00f6.\u00fc"),
    "an encrypted token": (
        "KEY", lambda f: joined({"alg": "RSA-OAEP", "enc": "A256GCM"}, claims(), f.own)),
    "a signature of another library, cut": (
        "MALFORMED", lambda f: cut(jwt.encode(claims(), f.own, algorithm="HS256"), 1, 2)),
}  # fmt: skip

BAD_TOKENS: dict[str, Row] = {
    f"{kind}: {name}": row
    for kind, table in (
        ("forged", FORGED), ("keys", KEYS), ("stale", STALE), ("claims", CLAIMED),
        ("malformed", MALFORMED),
    )
    for name, row in table.items()
}  # fmt: skip
