"""Tokens: what is issued is verified; everything else is refused, by name and without an echo."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model.errors import InputInvalid, Unauthenticated
from hub.security.claim_paths import ClaimPaths
from hub.security.issuing import issue_token
from hub.security.principal import CallerClass, Principal, Role, caller_class
from hub.security.tokens import (
    KEY_ID,
    LEEWAY_S,
    TOKEN_LENGTH_MAX,
    Grant,
    TokenRules,
    bearer_of,
    verify_token,
)

KEY = b"opshub-development-" + b"k" * 64
OTHER_KEY = b"another key that is long enough, too"
RULES = TokenRules(keys={KEY_ID: KEY})
HOUR = timedelta(hours=1)
Claims = dict[str, Any]


def now() -> datetime:
    return datetime.now(UTC)


def claims(**changed: Any) -> Claims:
    """Those of a good token, with some changed; None takes one away."""
    good = {
        "iss": "opshub",
        "aud": "opshub",
        "sub": "anna",
        "iat": int(now().timestamp()),
        "exp": int((now() + HOUR).timestamp()),
        "jti": "t-1",
        "roles": ["agent"],
        "business_units": ["*"],
    }
    return {name: value for name, value in (good | changed).items() if value is not None}


def signed(payload: Claims, *, key: bytes = KEY, kid: Any = KEY_ID, alg: str = "HS256") -> str:
    return jwt.encode(payload, key, algorithm=alg, headers={} if kid is None else {"kid": kid})


def bare(header: Any, payload: Any, signature: bytes = b"") -> str:
    """Three parts joined by dots, whatever they hold."""
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def in_seconds(seconds: float) -> int:
    return int((now() + timedelta(seconds=seconds)).timestamp())


def test_what_is_issued_is_verified() -> None:
    grant = Grant(
        subject="portal-1001",
        roles=[Role.CUSTOMER],
        customers=["erp-eu:1001", "crm:A:1"],
        business_units=[],
        lifetime=HOUR,
    )
    issued_at = now().replace(microsecond=0)
    principal = verify_token(issue_token(grant, KEY, rules=RULES, now=issued_at).token, RULES)
    assert principal == Principal(
        subject="portal-1001",
        roles=frozenset({Role.CUSTOMER}),
        customers=frozenset({("erp-eu", "1001"), ("crm", "A:1")}),
        business_units=None,
        token_id=principal.token_id,
        expires_at=issued_at + HOUR,
    )
    assert principal.token_id is not None
    assert len(principal.token_id) == 32


@pytest.mark.parametrize("role", Role)
def test_a_token_for_every_role(role: Role) -> None:
    grant = Grant(subject="x", roles=[role], customers=["erp-eu:1"], lifetime=HOUR)
    principal = verify_token(issue_token(grant, KEY, rules=RULES, now=now()).token, RULES)
    assert principal.roles == {role}
    assert principal.business_units is None


BAD_CLAIMS: list[tuple[Claims, str]] = [
    ({"exp": None}, "lacks the claim exp"),
    ({"aud": None}, "lacks the claim aud"),
    ({"iss": None}, "lacks the claim iss"),
    ({"sub": None}, "lacks the claim sub"),
    ({"aud": "geheim"}, "another audience"),
    ({"aud": ["geheim"]}, "another audience"),
    ({"iss": "geheim"}, "another issuer"),
    ({"exp": in_seconds(-LEEWAY_S - 60)}, "has expired"),
    ({"exp": 0}, "has expired"),
    ({"exp": True}, "has expired"),
    ({"nbf": in_seconds(3_600)}, "not valid yet"),
    ({"iat": in_seconds(3_600)}, "not valid yet"),
    ({"iat": "geheim"}, "iat is no time"),
    ({"exp": "geheim"}, "no JSON Web Token"),
    ({"exp": float("inf")}, "no JSON Web Token"),
    ({"exp": float("nan")}, "no JSON Web Token"),
    ({"exp": 10**18}, "exp must be a time"),
    ({"sub": 7}, "sub is no text"),
    ({"sub": ""}, "claim sub must be a text"),
    ({"sub": "geheim\nFAKE"}, "claim sub must be a text"),
    ({"sub": "x" * 201}, "claim sub must be a text"),
    ({"jti": 7}, "jti is no text"),
    ({"jti": "x" * 201}, "claim jti must be a text"),
    ({"roles": None}, "names no role"),
    ({"roles": []}, "names no role"),
    ({"roles": ["agent", "geheim"]}, "unknown role"),
    ({"roles": ["AGENT"]}, "unknown role"),
    ({"roles": {"agent": True}}, "claim roles must be a list of texts"),
    ({"roles": [["agent"]]}, "claim roles must be a list of texts"),
    ({"roles": ["agent"] * 201}, "claim roles holds 201 entries; at most 200"),
    ({"roles": ["customer"]}, "must name customers"),
    ({"roles": ["customer"], "customers": ["geheim"]}, "customers as system:number"),
    ({"roles": ["customer"], "customers": ["erp-eu:"]}, "customers as system:number"),
    ({"roles": ["customer"], "customers": [":1001"]}, "customers as system:number"),
    ({"roles": ["customer"], "customers": ["*:*", "ERP:1"]}, "customers as system:number"),
    ({"customers": ["a:1"] * 201}, "claim customers holds 201 entries; at most 200"),
    ({"business_units": None}, "names no business unit"),
    ({"business_units": []}, "names no business unit"),
    ({"business_units": [7]}, "claim business_units must be a list of texts"),
]


@pytest.mark.parametrize(("changed", "said"), BAD_CLAIMS)
def test_bad_claims_are_refused(changed: Claims, said: str) -> None:
    refused_with(signed(claims(**changed)), said)


def refused_with(token: str, said: str, rules: TokenRules = RULES) -> None:
    with pytest.raises(Unauthenticated) as refused:
        verify_token(token, rules)
    assert said in str(refused.value)
    assert refused.value.extensions == {
        "code": "UNAUTHENTICATED",
        "retryable": False,
        "reason": refused.value.reason,
    }
    assert "geheim" not in str(refused.value)
    assert refused.value.__cause__ is None


HS256 = {"alg": "HS256", "typ": "JWT", "kid": KEY_ID}
GOOD = claims()

BAD_TOKENS: dict[str, tuple[Callable[[], str], str]] = {
    "nothing": (lambda: "", "no JSON Web Token"),
    "a word": (lambda: "geheim", "no JSON Web Token"),
    "two parts": (lambda: "a.b", "no JSON Web Token"),
    "four parts": (lambda: signed(GOOD) + ".x", "no JSON Web Token"),
    "not ascii": (lambda: "Ä.ö.ü", "no JSON Web Token"),
    "a lone surrogate": (lambda: "\ud800.a.b", "no JSON Web Token"),
    "too long": (lambda: "a" * (TOKEN_LENGTH_MAX + 1), f"longer than {TOKEN_LENGTH_MAX}"),
    "alg none": (lambda: bare(HS256 | {"alg": "none"}, GOOD), "must be signed with HS256"),
    "alg None": (lambda: bare(HS256 | {"alg": "None"}, GOOD), "must be signed with HS256"),
    "alg absent": (lambda: bare({"kid": KEY_ID}, GOOD), "must be signed with HS256"),
    "alg HS512": (lambda: signed(GOOD, alg="HS512"), "must be signed with HS256"),
    "alg RS256": (lambda: bare(HS256 | {"alg": "RS256"}, GOOD, b"x"), "must be signed with HS256"),
    "alg of a number": (lambda: bare(HS256 | {"alg": 1}, GOOD, b"x"), "must be signed"),
    "another key": (lambda: signed(GOOD, key=OTHER_KEY), "not signed with a key of this hub"),
    "no signature": (lambda: bare(HS256, GOOD), "not signed with a key of this hub"),
    "cut signature": (lambda: signed(GOOD)[:-3], "not signed with a key of this hub"),
    "unknown kid": (lambda: signed(GOOD, kid="other"), "not signed with a key of this hub"),
    "kid of a path": (lambda: signed(GOOD, kid="/dev/null"), "not signed with a key of this hub"),
    "kid of a number": (lambda: bare(HS256 | {"kid": 7}, GOOD, b"x"), "no JSON Web Token"),
    "header of a list": (lambda: bare([1], GOOD, b"x"), "no JSON Web Token"),
    "critical header": (
        lambda: bare(HS256 | {"crit": ["b64"], "b64": False}, GOOD, b"x"),
        "no JSON Web Token",
    ),
    "deep header": (
        lambda: base64.urlsafe_b64encode(b"[" * 5_000).decode().rstrip("=") + ".e30.x",
        "no JSON Web Token",
    ),
    "payload of a list": (lambda: resigned([1]), "no JSON Web Token"),
    "payload of a text": (lambda: resigned("geheim"), "no JSON Web Token"),
}


def resigned(payload: Any) -> str:
    """A right signature over a payload that the library would not sign."""
    return jwt.PyJWS().encode(
        json.dumps(payload).encode(), KEY, algorithm="HS256", headers={"kid": KEY_ID}
    )


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_bad_tokens_are_refused(name: str) -> None:
    make, said = BAD_TOKENS[name]
    refused_with(make(), said)


def test_a_changed_payload_is_refused() -> None:
    header, payload, signature = signed(claims()).split(".")
    raised = base64.urlsafe_b64encode(json.dumps(claims(roles=["operator"])).encode())
    forged = f"{header}.{raised.decode().rstrip('=')}.{signature}"
    refused_with(forged, "not signed with a key of this hub")
    assert verify_token(f"{header}.{payload}.{signature}", RULES).roles == {Role.AGENT}


@given(st.text(max_size=200))
def test_any_text_is_refused_without_a_traceback(text: str) -> None:
    with pytest.raises(Unauthenticated):
        verify_token(text, RULES)


def test_the_leeway_holds_on_both_sides() -> None:
    assert (
        verify_token(signed(claims(iat=None, exp=in_seconds(-LEEWAY_S + 10))), RULES).subject
        == "anna"
    )
    assert verify_token(signed(claims(nbf=in_seconds(LEEWAY_S - 10))), RULES).subject == "anna"


def test_without_a_kid_the_only_key_is_meant() -> None:
    token = signed(claims(), kid=None)
    assert verify_token(token, RULES).subject == "anna"
    two = TokenRules(keys={"new": OTHER_KEY, "old": KEY})
    refused_with(token, "not signed with a key of this hub", two)
    assert verify_token(signed(claims(), kid="old"), two).subject == "anna"


def test_claims_are_read_where_the_provider_puts_them() -> None:
    paths = ClaimPaths(
        roles=["realm_access.roles"],
        customers=["https://ops.example/customers"],
        business_units=["bu"],
    )
    rules = TokenRules(keys={KEY_ID: KEY}, paths=paths)
    token = signed(
        claims(roles=None, business_units=None)
        | {
            "realm_access": {"roles": ["supervisor", "customer"]},
            "https://ops.example/customers": "erp-eu:1001",
            "bu": ["north", "south"],
        }
    )
    principal = verify_token(token, rules)
    assert principal.roles == {Role.SUPERVISOR, Role.CUSTOMER}
    assert principal.customers == {("erp-eu", "1001")}
    assert principal.business_units == frozenset({"north", "south"})
    grant = Grant(subject="x", roles=[Role.CUSTOMER], customers=["erp-eu:1"], lifetime=HOUR)
    again = verify_token(issue_token(grant, KEY, rules=rules, now=now()).token, rules)
    assert again.customers == {("erp-eu", "1")}


@pytest.mark.parametrize(
    "grant",
    [
        Grant(subject="x", roles=[Role.AGENT], lifetime=timedelta(0)),
        Grant(subject="x", roles=[Role.AGENT], lifetime=timedelta(days=366)),
        Grant(subject="x", roles=[], lifetime=HOUR),
        Grant(subject="", roles=[Role.AGENT], lifetime=HOUR),
        Grant(subject="x", roles=[Role.CUSTOMER], lifetime=HOUR),
        Grant(subject="x", roles=[Role.CUSTOMER], customers=["1001"], lifetime=HOUR),
        Grant(subject="x", roles=[Role.AGENT], business_units=[], lifetime=HOUR),
    ],
)
def test_a_token_that_could_not_be_verified_is_not_issued(grant: Grant) -> None:
    with pytest.raises(InputInvalid):
        issue_token(grant, KEY, rules=RULES, now=now())


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "BEARER  abc "])
def test_a_bearer_header_holds_a_token(header: str) -> None:
    assert bearer_of(header) == "abc"


@pytest.mark.parametrize("header", [None, "", "abc", "Bearer", "Bearer ", "Basic abc"])
def test_other_headers_hold_none(header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        bearer_of(header)


def test_the_keys_stay_out_of_logs() -> None:
    assert repr(RULES) == "TokenRules(issuer='opshub', audience='opshub', leeway_s=30.0)"


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ({Role.CUSTOMER, Role.AGENT}, CallerClass.CUSTOMER),
        ({Role.ANALYST}, CallerClass.ANALYST),
        ({Role.ANALYST, Role.AUDITOR}, CallerClass.ANALYST),
        ({Role.INTEGRATION}, CallerClass.ANALYST),
        ({Role.ANALYST, Role.AGENT}, CallerClass.AGENT),
        ({Role.FINANCE}, CallerClass.AGENT),
    ],
)
def test_the_class_of_a_caller(roles: set[Role], expected: CallerClass) -> None:
    principal = Principal("x", frozenset(roles), frozenset(), None, None, now())
    assert caller_class(principal) is expected
