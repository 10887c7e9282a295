"""Paths into claims whose names hold dots, and role maps."""

from typing import Any

import pytest

from hub.model.errors import ConfigInvalid, Unauthenticated
from hub.security.claim_paths import ClaimPaths, found_at, role_map_of
from hub.security.claims import principal_of
from hub.security.principal import Principal, Role

CLAIMS: dict[str, Any] = {
    "roles": ["a"],
    "realm_access": {"roles": ["b"]},
    "resource_access": {"my.app": {"roles": ["c"]}, "my": {"app": {"other": ["d"]}}},
    "https://company.example/claims/roles": ["e"],
    "urn:company:roles": ["f"],
    "x.y": {"z": ["g"]},
    "x": {"y": {"z": ["h"]}, "y.z": ["i"]},
    "n": None,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("roles", ["a"]),
        ("realm_access.roles", ["b"]),
        ("resource_access.my.app.roles", ["c"]),
        ("resource_access.my.app.other", ["d"]),
        ("https://company.example/claims/roles", ["e"]),
        ("urn:company:roles", ["f"]),
        ("x.y.z", ["g"]),
        ("n", None),
        ("roles.a", None),
        ("realm_access", {"roles": ["b"]}),
        ("", None),
        (".".join("abcdefghijklmnopqrstuvwxyz"), None),
    ],
)
def test_the_longest_name_that_is_there_is_taken(path: str, found: Any) -> None:
    assert found_at(CLAIMS, path) == found


def read(roles: Any, *words: str) -> Principal:
    claims = {"sub": "x", "exp": 1_800_000_000, "roles": roles, "business_units": ["*"]}
    return principal_of(claims, ClaimPaths(role_map=role_map_of(words)))


def test_with_a_role_map_only_listed_roles_count() -> None:
    words = ("desk=agent", " desk = supervisor ", "/Group A=analyst", "a=b=auditor")
    assert read(["desk", "offline_access"], *words).roles == {Role.AGENT, Role.SUPERVISOR}
    assert read(["/Group A", "a=b"], *words).roles == {Role.ANALYST, Role.AUDITOR}
    for foreign in (["operator"], ["offline_access"], [], ["Desk"], ["x desk"], None):
        with pytest.raises(Unauthenticated, match="names no role of this hub"):
            read(foreign, *words)


def test_one_text_is_a_list_of_words_but_a_name_in_a_list_is_one_name() -> None:
    assert read("agent analyst").roles == {Role.AGENT, Role.ANALYST}
    with pytest.raises(Unauthenticated, match="unknown role"):
        read(["agent analyst"])


def test_no_word_is_no_map() -> None:
    assert role_map_of(()) is None


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("desk", "expected provider=role"),
        ("=agent", "expected provider=role"),
        ("desk=", "'' is no role of the hub"),
        ("desk=boss", "'boss' is no role of the hub; expected one of customer, agent"),
    ],
)
def test_a_role_map_that_is_none_is_refused(word: str, said: str) -> None:
    with pytest.raises(ConfigInvalid, match=said):
        role_map_of([word])
