"""Which claims of a token say what, and how they become a principal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.model.errors import Unauthenticated
from hub.security.principal import Principal, Role

ROLES_MAX = 20  # a token
CUSTOMERS_MAX = 200  # a token; about what its 8,192 characters hold
BUSINESS_UNITS_MAX = 200  # a token
TEXT_LENGTH_MAX = 200  # characters of a subject, role, customer or business unit

EVERY_BUSINESS_UNIT = "*"

_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]+")
_CUSTOMER = re.compile(r"([a-z0-9][a-z0-9_-]*):([^\x00-\x1f\x7f]+)")


@dataclass(frozen=True, slots=True)
class ClaimPaths:
    """Where an identity provider puts things: a claim's name, or a dotted path into one.

    The whole text is tried as a name first, so `https://company.example/roles` works too.
    """

    roles: str = "roles"
    customers: str = "customers"
    business_units: str = "business_units"


def principal_of(claims: Mapping[str, Any], paths: ClaimPaths) -> Principal:
    """The principal of verified claims; Unauthenticated where they say too little or too much.

    A customer must name customers, everyone else business units (`["*"]` for all of them).
    """
    roles = frozenset(_role(name) for name in _texts(claims, paths.roles, ROLES_MAX))
    if not roles:
        raise Unauthenticated(f"the token names no role; expected a list in claim {paths.roles}")
    customers = frozenset(
        _customer(text, paths.customers) for text in _texts(claims, paths.customers, CUSTOMERS_MAX)
    )
    if Role.CUSTOMER in roles and not customers:
        raise Unauthenticated(
            "a token with role customer must name customers, as system:number, "
            f"in claim {paths.customers}"
        )
    return Principal(
        subject=_subject(claims),
        roles=roles,
        customers=customers,
        business_units=_business_units(claims, paths.business_units, roles),
        token_id=_token_id(claims),
        expires_at=_instant(claims["exp"]),
    )


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        known = ", ".join(role.value for role in Role)
        raise Unauthenticated(f"the token names an unknown role; known: {known}") from None


def _customer(text: str, claim: str) -> tuple[str, str]:
    found = _CUSTOMER.fullmatch(text)
    if found is None:
        raise Unauthenticated(f"claim {claim} must hold customers as system:number")
    return found[1], found[2]


def _business_units(
    claims: Mapping[str, Any], claim: str, roles: frozenset[Role]
) -> frozenset[str] | None:
    units = frozenset(_texts(claims, claim, BUSINESS_UNITS_MAX))
    if EVERY_BUSINESS_UNIT in units:
        return None
    if units:
        return units
    if Role.CUSTOMER in roles:
        return None  # bound by its customers already
    raise Unauthenticated(
        f'the token names no business unit; expected claim {claim}, ["*"] for all'
    )


def _texts(claims: Mapping[str, Any], path: str, count_max: int) -> Sequence[str]:
    """The list of texts at a path, empty where there is none; a single text is a list of one."""
    found = _at(claims, path)
    if found is None:
        return ()
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, list) or not all(_is_text(text) for text in texts):
        raise Unauthenticated(f"claim {path} must be a list of texts")
    if len(texts) > count_max:
        raise Unauthenticated(f"claim {path} holds {len(texts)} entries; at most {count_max}")
    return texts


def _at(claims: Mapping[str, Any], path: str) -> Any:
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _subject(claims: Mapping[str, Any]) -> str:
    if not _is_text(claims["sub"]):
        raise Unauthenticated(
            f"claim sub must be a text of 1 to {TEXT_LENGTH_MAX} printable characters"
        )
    return str(claims["sub"])


def _token_id(claims: Mapping[str, Any]) -> str | None:
    if "jti" not in claims:
        return None
    if not _is_text(claims["jti"]):
        raise Unauthenticated(
            f"claim jti must be a text of 1 to {TEXT_LENGTH_MAX} printable characters"
        )
    return str(claims["jti"])


def _is_text(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= TEXT_LENGTH_MAX
        and _PRINTABLE.fullmatch(value) is not None
    )


def _instant(seconds: Any) -> datetime:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, ValueError, OSError, TypeError):
        raise Unauthenticated("claim exp must be a time in seconds since 1970") from None
