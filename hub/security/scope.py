"""What a principal may read. Every read demands a scope, and only a principal makes one."""

from __future__ import annotations

from dataclasses import dataclass

from hub.model.values import Ref
from hub.security.principal import Principal, Role

_NO_CUSTOMERS: frozenset[Ref] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """The bounds of a read; hashable, so caches may key on it.

    `customers` are the only customers whose records are readable, None for all of them;
    `business_units` likewise. There are no defaults, so nobody builds a wide one by omission.
    """

    customers: frozenset[Ref] | None
    business_units: frozenset[str] | None
    is_customer: bool
    roles: frozenset[Role]

    @property
    def is_bound(self) -> bool:
        """Whether there are records it may not see."""
        return self.customers is not None or self.business_units is not None

    @property
    def is_external(self) -> bool:
        """Customers and partners: internal fields, notes and entries stay hidden from them."""
        return self.is_customer or self.roles <= OUTSIDE


OUTSIDE = frozenset({Role.CUSTOMER, Role.INTEGRATION})


def scope_of(principal: Principal) -> Scope:
    """The only maker of scopes.

    Whoever has the role customer is bound to the customers of the token, whatever other roles it
    names. An integration alone publishes events and reads nobody's records. The rest of the house
    reads every customer of its business units.
    """
    is_customer = Role.CUSTOMER in principal.roles
    if is_customer:
        customers = frozenset(Ref("customer", system, key) for system, key in principal.customers)
    elif principal.roles <= OUTSIDE:
        customers = _NO_CUSTOMERS
    else:
        customers = None
    return Scope(customers, principal.business_units, is_customer, principal.roles)
