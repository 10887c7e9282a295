"""What every resolver of one request is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.model.values import Attribute
from hub.reads.reads import Reads
from hub.security.masks import is_attribute_visible
from hub.security.principal import Principal, Role
from hub.security.scope import Scope
from hub.store.cross_references import CrossReferences


@dataclass(frozen=True, slots=True)
class OperationLimits:
    """The most one argument may ask for."""

    ids_max: int = 100  # ids of `orders` and `nodes`
    skus_max: int = 100  # SKUs, and locations, of `availability`
    search_hits_max: int = 50  # hits of `search`
    search_text_max: int = 200  # characters of its text
    unmatched_max: int = 100  # rows of `unmatchedReferences`


@dataclass(frozen=True, slots=True)
class Context:
    """One per request. `system_roles` is the role of each connected system, by its name."""

    reads: Reads
    references: CrossReferences
    principal: Principal
    system_roles: Mapping[str, str]
    correlation_id: str
    started_at: datetime
    limits: OperationLimits = OperationLimits()

    @property
    def scope(self) -> Scope:
        """The bounds of every read of this request."""
        return self.reads.scope

    def may_see(self, attribute: Attribute) -> bool:
        """Whether the systems file lets the caller see it."""
        return is_attribute_visible(attribute, self.scope)

    def has_role(self, role: Role) -> bool:
        """Whether the caller acts in that role; whoever is outside acts in no role of the house."""
        return role in self.principal.roles and not self.scope.is_external
