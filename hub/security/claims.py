"""How the claims of a verified token become a principal."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hub.security.claim_paths import ClaimPaths, found_at
from hub.security.principal import Principal, Role
from hub.security.refused import TokenFault, refused

ROLES_MAX = 200  # a token, foreign ones among them; providers list groups beside roles
CUSTOMERS_MAX = 200  # a token; about what its 8,192 characters hold
BUSINESS_UNITS_MAX = 200  # a token
APPROVAL_TIERS_MAX = 50  # a token
TEXT_LENGTH_MAX = 200  # characters of a subject, role, customer or business unit

EVERY_BUSINESS_UNIT = "*"

_TIMES = ("exp", "nbf", "iat")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+")
_CUSTOMER = re.compile(r"([a-z0-9][a-z0-9_-]*):([^\x00-\x1f\x7f\ud800-\udfff]+)")


def principal_of(claims: Mapping[str, Any], paths: ClaimPaths) -> Principal:
    """The principal of verified claims; Unauthenticated where they say too little or too much.

    A customer must name customers, everyone else business units (`["*"]` for all of them).
    """
    _check_times(claims)
    roles = _roles(claims, paths)
    customers = frozenset(
        _customer(text, paths.customers) for text in _texts(claims, paths.customers, CUSTOMERS_MAX)
    )
    if Role.CUSTOMER in roles and not customers:
        raise _claims(
            "a token with role customer must name customers, as system:number, "
            f"in {_claim(paths.customers)}"
        )
    return Principal(
        subject=_subject(claims),
        roles=roles,
        customers=customers,
        business_units=_business_units(claims, paths.business_units, roles),
        token_id=_token_id(claims),
        expires_at=_instant(claims["exp"]),
        approval_tiers=frozenset(
            _texts(claims, paths.approval_tiers, APPROVAL_TIERS_MAX, split=True)
        ),
    )


def _roles(claims: Mapping[str, Any], paths: ClaimPaths) -> frozenset[Role]:
    """Our roles. Without a map an unknown one is refused; with one, those it does not list are
    another application's. No role at all is refused."""
    names = _texts(claims, paths.roles, ROLES_MAX, split=True)
    if paths.role_map is None:
        roles = frozenset(_role(name) for name in names)
    else:
        roles = frozenset(role for name in names for role in paths.role_map.get(name, ()))
    if not roles:
        raise refused(
            TokenFault.ROLE, f"the token names no role of this hub in {_claim(paths.roles)}"
        )
    return roles


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        known = ", ".join(role.value for role in Role)
        raise refused(TokenFault.ROLE, f"the token names an unknown role; known: {known}") from None


def _customer(text: str, paths: Sequence[str]) -> tuple[str, str]:
    found = _CUSTOMER.fullmatch(text)
    if found is None:
        raise _claims(f"{_claim(paths)} must hold customers as system:number")
    return found[1], found[2]


def _business_units(
    claims: Mapping[str, Any], paths: Sequence[str], roles: frozenset[Role]
) -> frozenset[str] | None:
    units = frozenset(_texts(claims, paths, BUSINESS_UNITS_MAX))
    if EVERY_BUSINESS_UNIT in units:
        return None
    if units:
        return units
    if Role.CUSTOMER in roles:
        return None  # bound by its customers already
    raise _claims(f'the token names no business unit; expected {_claim(paths)}, ["*"] for all')


def _texts(
    claims: Mapping[str, Any], paths: Sequence[str], count_max: int, *, split: bool = False
) -> list[str]:
    """The texts at all the paths, none where there is nothing; a single text is a list of one,
    or with `split` of its words, as in `scp` and `scope`."""
    texts = [text for path in paths for text in _texts_at(claims, path, split=split)]
    if len(texts) > count_max:
        raise _claims(f"{_claim(paths)} holds {len(texts)} entries; at most {count_max}")
    return texts


def _texts_at(claims: Mapping[str, Any], path: str, *, split: bool) -> list[str]:
    found = found_at(claims, path)
    if found is None:
        return []
    if isinstance(found, str):
        found = found.split() if split else [found]
    if not isinstance(found, list) or not all(_is_text(text) for text in found):
        raise _claims(f"claim {path} must be a list of texts")
    return found


def _subject(claims: Mapping[str, Any]) -> str:
    if not _is_text(claims["sub"]) or not claims["sub"].strip():
        raise _claims(f"claim sub must be a text of 1 to {TEXT_LENGTH_MAX} printable characters")
    return str(claims["sub"])


def _token_id(claims: Mapping[str, Any]) -> str | None:
    if "jti" not in claims:
        return None
    if not _is_text(claims["jti"]):
        raise _claims(f"claim jti must be a text of 1 to {TEXT_LENGTH_MAX} printable characters")
    return str(claims["jti"])


def _check_times(claims: Mapping[str, Any]) -> None:
    """Instants must be numbers: a text or a truth value in their place is nobody's token."""
    for name in _TIMES:
        given = claims.get(name, 0)
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        if not is_number or not math.isfinite(given) or given < 0:
            raise _claims(f"claim {name} must be a time in seconds since 1970")
    if claims.get("iat", 0) > claims["exp"]:
        raise _claims("the token was issued after it expired")


def _is_text(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= TEXT_LENGTH_MAX
        and _PRINTABLE.fullmatch(value) is not None
    )


def _instant(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, ValueError, OSError):
        raise _claims("claim exp must be a time in seconds since 1970") from None


def _claim(paths: Sequence[str]) -> str:
    return "claim " + " or ".join(paths)


def _claims(message: str) -> Exception:
    return refused(TokenFault.CLAIMS, message)
