"""What each role may read, and that nobody makes a scope but `scope_of`."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.model.case import Visibility
from hub.model.catalog import NOUNS
from hub.model.record import fields_of
from hub.model.values import Ref
from hub.security.masks import INTERNAL_FIELDS, is_readable, is_visible
from hub.security.principal import Principal, Role
from hub.security.scope import Scope, scope_of

ROOT = Path(__file__).resolve().parents[3]
OWN = Ref("customer", "erp-eu", "1001")


def scope(*roles: Role, units: frozenset[str] | None = None) -> Scope:
    customers = frozenset({("erp-eu", "1001")})
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return scope_of(Principal("x", frozenset(roles), customers, units, None, at))


def test_a_customer_is_bound_to_its_customers_whatever_else_it_is() -> None:
    for roles in ((Role.CUSTOMER,), (Role.CUSTOMER, Role.AGENT, Role.OPERATOR)):
        bound = scope(*roles)
        assert bound.customers == frozenset({OWN})
        assert bound.is_customer
        assert bound.is_external


def test_the_house_reads_every_customer_of_its_units() -> None:
    bound = scope(Role.AGENT, units=frozenset({"north"}))
    assert (bound.customers, bound.business_units) == (None, frozenset({"north"}))
    assert not bound.is_external


def test_an_integration_alone_reads_nobodys_records() -> None:
    assert scope(Role.INTEGRATION).customers == frozenset()
    assert scope(Role.INTEGRATION).is_external
    assert scope(Role.INTEGRATION, Role.AGENT).customers is None


def test_a_scope_has_no_defaults_and_keys_caches() -> None:
    with pytest.raises(TypeError):
        Scope()  # type: ignore[call-arg]
    assert hash(scope(Role.AGENT)) == hash(scope(Role.AGENT))
    assert scope(Role.AGENT) != scope(Role.ANALYST)


def test_only_scope_of_makes_a_scope() -> None:
    makers = [
        path.relative_to(ROOT).as_posix()
        for package in ("hub", "resolvers", "sources", "subscriptions")
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Scope"
    ]
    assert makers == ["hub/security/scope.py"]


def test_every_internal_field_is_a_field_of_its_noun() -> None:
    for noun, fields in INTERNAL_FIELDS.items():
        known = fields_of(NOUNS[noun])
        assert fields <= set(known), noun


@pytest.mark.parametrize(
    ("noun", "field"),
    [
        ("customer", "credit_limit"), ("customer", "credit_exposure"), ("customer", "credit_hold"),
        ("order_line", "unit_cost"), ("item", "unit_cost"), ("order", "hold_reason"),
        ("inspection", "notes"),
    ],
)  # fmt: skip
def test_internal_fields_are_hidden_from_outside_only(noun: str, field: str) -> None:
    assert not is_visible(noun, field, scope(Role.CUSTOMER))
    assert not is_visible(noun, field, scope(Role.INTEGRATION))
    assert is_visible(noun, field, scope(Role.AGENT))


def test_other_fields_are_visible_to_all() -> None:
    assert is_visible("order", "number", scope(Role.CUSTOMER))
    assert is_visible("shipment", "tracking_number", scope(Role.CUSTOMER))


@pytest.mark.parametrize("visibility", [*Visibility, None])
def test_who_reads_a_message(visibility: Visibility | None) -> None:
    assert is_readable(visibility, scope(Role.AGENT))
    assert is_readable(visibility, scope(Role.CUSTOMER)) == (visibility is Visibility.CUSTOMER)
    assert is_readable(visibility, scope(Role.INTEGRATION)) == (visibility is Visibility.PARTNER)
