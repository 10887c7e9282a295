"""How far each role has come on the way to registered documents only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum

from hub.model.errors import ConfigInvalid
from hub.security.principal import Principal, Role


class Step(IntEnum):
    """What happens to a document that is not in the manifest; a higher step is a stricter one."""

    LOG = 0  # it runs, and is counted as unknown
    PREFER = 1  # it runs, is counted, and the answer warns
    REQUIRE = 2  # it is refused


_PRODUCTION = {Role.CUSTOMER: Step.REQUIRE}


class Steps:
    """The step of every role."""

    def __init__(self, by_role: Mapping[Role, Step]) -> None:
        self._by_role = {role: by_role.get(role, Step.LOG) for role in Role}

    def of(self, principal: Principal) -> Step:
        """The strictest of the caller's roles; a caller without one may run nothing ad hoc."""
        return max((self._by_role[role] for role in principal.roles), default=Step.REQUIRE)


def steps_of(declared: Iterable[str], *, profile: str) -> Steps:
    """Steps from `role=step` words; ConfigInvalid names the word that is none.

    A role that is not named logs; in the production profile customers are required to.
    """
    by_role = dict(_PRODUCTION) if profile == "production" else {}
    for word in declared:
        role, _, step = word.partition("=")
        try:
            by_role[Role(role.strip())] = Step[step.strip().upper()]
        except (ValueError, KeyError):
            roles = ", ".join(each.value for each in Role)
            raise ConfigInvalid(
                f"document step {word[:60]!r}: expected role=log, role=prefer or role=require, "
                f"the role one of {roles}"
            ) from None
    return Steps(by_role)
