"""Where an identity provider puts things in its tokens, and what it calls our roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.model.errors import ConfigInvalid
from hub.security.principal import Role

PATH_PARTS_MAX = 12  # names between dots; each may be a name or a part of one

RoleMap = Mapping[str, frozenset[Role]]


@dataclass(frozen=True, slots=True)
class ClaimPaths:
    """Paths of claims; what several paths hold is taken together.

    A path is a claim's name, or names with dots between that lead into objects. A name may itself
    hold dots, colons and slashes (`https://company.example/roles`, `resource_access.my.app.roles`):
    the longest name that is there is taken. `role_map` says what the provider's roles are here,
    None where it uses our names.
    """

    roles: Sequence[str] = ("roles",)
    customers: Sequence[str] = ("customers",)
    business_units: Sequence[str] = ("business_units",)
    approval_tiers: Sequence[str] = ("approval_tiers",)
    role_map: RoleMap | None = None


def found_at(claims: Mapping[str, Any], path: str) -> Any:
    """What stands at the path; None where there is nothing."""
    return _walk(claims, path.split(".", PATH_PARTS_MAX - 1))


def put_at(claims: dict[str, Any], path: str, value: Any) -> None:
    """Write a claim where `found_at` reads it; a path with `:` or `/` is one name."""
    *parents, name = [path] if ":" in path or "/" in path else path.split(".")
    for parent in parents:
        claims = claims.setdefault(parent, {})
    claims[name] = value


def role_map_of(words: Iterable[str]) -> RoleMap | None:
    """`provider=ours` words as a map; None without any, ConfigInvalid where one is none."""
    found: dict[str, frozenset[Role]] = {}
    for word in words:
        theirs, equals, ours = (part.strip() for part in word.rpartition("="))
        if not equals or not theirs:
            raise ConfigInvalid(f"OPSHUB_TOKEN_ROLE_MAP: {word!r}; expected provider=role")
        found[theirs] = found.get(theirs, frozenset()) | {_role(ours)}
    return found or None


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        known = ", ".join(role.value for role in Role)
        raise ConfigInvalid(
            f"OPSHUB_TOKEN_ROLE_MAP: {name!r} is no role of the hub; expected one of {known}"
        ) from None


def _walk(claims: Any, names: Sequence[str]) -> Any:
    """Longest name first, so that what is found does not depend on the order of claims."""
    if not isinstance(claims, Mapping):
        return None
    for length in range(len(names), 0, -1):
        name, rest = ".".join(names[:length]), names[length:]
        if name in claims:
            found = claims[name] if not rest else _walk(claims[name], rest)
            if found is not None:
                return found
    return None
