"""Who may read the schema."""

import pytest

from hub.security.introspection import Profile, may_introspect
from hub.security.principal import Principal, Role
from tests.unit.resolvers.shelf import NOON


def who(*roles: Role) -> Principal:
    return Principal("sam", frozenset(roles), frozenset(), None, None, NOON)


@pytest.mark.parametrize(
    ("profile", "allowed"),
    [
        ("production", {"analyst", "operator", "auditor", "integration"}),
        (
            "development",
            {"analyst", "operator", "auditor", "integration", "agent", "supervisor"},
        ),
    ],
)
def test_each_role(profile: Profile, allowed: set[str]) -> None:
    assert {role.value for role in Role if may_introspect(who(role), profile)} == allowed


@pytest.mark.parametrize("profile", ["production", "development"])
def test_one_role_is_enough_but_not_beside_customer(profile: Profile) -> None:
    assert may_introspect(who(Role.WAREHOUSE, Role.ANALYST), profile)
    assert not may_introspect(who(Role.CUSTOMER, Role.ANALYST), profile)
