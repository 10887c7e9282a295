"""Who may read `/asyncapi.json`."""

from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from hub.events.asyncapi import document_text
from hub.model.errors import Unauthenticated
from hub.security.introspection import Profile
from hub.security.principal import Principal, Role
from hub.web.catalogue import catalogue_routes


def authenticate(header: str | None) -> Principal:
    if header is None:
        raise Unauthenticated("no token", reason="missing")
    return Principal(
        subject="x", roles=frozenset({Role(header)}), customers=frozenset(), business_units=None,
        token_id=None, expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "role", "status"),
    [
        ("development", None, 200), ("production", None, 401), ("production", "agent", 403),
        ("production", "customer", 403), ("production", "operator", 200),
        ("production", "analyst", 200), ("production", "integration", 200),
    ],
)  # fmt: skip
def test_who_may_read_the_events(profile: Profile, role: str | None, status: int) -> None:
    client = TestClient(Starlette(routes=catalogue_routes(authenticate, profile)))
    headers = {} if role is None else {"authorization": role}
    answer = client.get("/asyncapi.json", headers=headers)
    assert answer.status_code == status
    assert (answer.text == document_text()) == (status == 200)
