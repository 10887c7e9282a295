"""Who asks: the subject of a verified token, their roles, and the data their claims name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Role(Enum):
    """What a person or program may be. Approval tiers name roles; a token names at least one."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ANALYST = "analyst"
    WAREHOUSE = "warehouse"
    QUALITY = "quality"
    FINANCE = "finance"
    CONTROLLER = "controller"
    BUYER = "buyer"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    INTEGRATION = "integration"


class CallerClass(Enum):
    """Whose calls share a batch and a share of a system: one class never waits for another's."""

    AGENT = "agent"
    CUSTOMER = "customer"
    ANALYST = "analyst"


# Roles that ask much and wait gladly; they get a bulkhead of their own.
_PATIENT = frozenset({Role.ANALYST, Role.AUDITOR, Role.INTEGRATION})


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller.

    `customers` are (system, key) pairs and bind only the role customer; `business_units` is None
    for all. `token_id` is the token's `jti`, None where it has none. `approval_tiers` name what it
    may approve.
    """

    subject: str
    roles: frozenset[Role]
    customers: frozenset[tuple[str, str]]
    business_units: frozenset[str] | None
    token_id: str | None
    expires_at: datetime
    approval_tiers: frozenset[str] = frozenset()


def caller_class(principal: Principal) -> CallerClass:
    """CUSTOMER wins over every other role; ANALYST where all roles are patient ones."""
    if Role.CUSTOMER in principal.roles:
        return CallerClass.CUSTOMER
    if principal.roles <= _PATIENT:
        return CallerClass.ANALYST
    return CallerClass.AGENT
