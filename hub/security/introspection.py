"""Which roles may read the schema: introspection, and the suggestions of error messages."""

from __future__ import annotations

from typing import Literal

from hub.security.principal import Principal, Role

Profile = Literal["development", "production"]

MAY_INTROSPECT: dict[Profile, frozenset[Role]] = {
    "production": frozenset({Role.ANALYST, Role.OPERATOR, Role.AUDITOR, Role.INTEGRATION}),
    "development": frozenset(
        {
            Role.ANALYST, Role.OPERATOR, Role.AUDITOR, Role.INTEGRATION,
            Role.AGENT, Role.SUPERVISOR,
        }
    ),
}  # fmt: skip


def may_introspect(principal: Principal, profile: Profile) -> bool:
    """Whether one of the roles may; whoever is also a customer may not."""
    if Role.CUSTOMER in principal.roles:
        return False
    return bool(principal.roles & MAY_INTROSPECT[profile])
