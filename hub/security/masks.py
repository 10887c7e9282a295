"""Which canonical fields, entries and names stay inside the house.

A field is internal by its row in `INTERNAL_FIELDS`; `resolvers.edges.internal` is the one way to
show it, which refuses whoever is outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hub.model.case import ActorType, Visibility
from hub.model.values import Attribute
from hub.security.scope import OUTSIDE, Scope

INTERNAL_FIELDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        # the hold's reason tells of credit
        "order": frozenset({"hold_reason", "sales_person"}),
        "order_line": frozenset({"unit_cost"}),
        "item": frozenset({"unit_cost"}),
        "customer": frozenset({"segment", "credit_limit", "credit_exposure", "credit_hold"}),
        "price": frozenset({"price_list"}),
        "inventory_position": frozenset(
            {
                "hard_allocated", "soft_reserved", "quality_hold", "damaged",
                "returns_quarantine", "safety_stock", "backorder_demand", "counted_at",
            }
        ),
        "credit_memo": frozenset({"external_reference"}),
        "receipt": frozenset({"received_by"}),
        "inspection": frozenset({"inspector", "notes"}),
        "disposition": frozenset({"decided_by"}),
        "case": frozenset({"queue", "assignee"}),
    }
)  # fmt: skip
"""By noun, the fields that neither customers nor partners read, filter or sort by."""

_NONE: frozenset[str] = frozenset()


def is_visible(noun: str, field: str, scope: Scope) -> bool:
    """Whether the scope may read, filter and sort by a canonical field of a noun."""
    return not scope.is_external or field not in INTERNAL_FIELDS.get(noun, _NONE)


def is_readable(visibility: Visibility | None, scope: Scope) -> bool:
    """Whether the scope may read a message or timeline entry; without a visibility it is internal.

    The house reads all, a customer CUSTOMER only, a partner PARTNER only.
    """
    if not scope.is_external:
        return True
    return visibility is (Visibility.CUSTOMER if scope.is_customer else Visibility.PARTNER)


def is_attribute_visible(attribute: Attribute, scope: Scope) -> bool:
    """Whether the scope may read a company's own field: by the roles its declaration names.

    Where it names none, the house reads it. Whoever is outside counts as that alone, whatever
    other roles the token names.
    """
    roles = scope.roles & OUTSIDE if scope.is_external else scope.roles
    if not attribute.visible_to:
        return not scope.is_external
    return any(role.value in attribute.visible_to for role in roles)


def is_name_told(actor_type: ActorType | None, scope: Scope) -> bool:
    """Whether the scope may read who did something: the names of our people stay in the house."""
    return not scope.is_external or actor_type is ActorType.CUSTOMER
