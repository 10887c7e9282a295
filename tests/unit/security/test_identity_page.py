"""docs/identity.md: its examples are read by the settings beside them, and its words are all."""

import json
import re
from pathlib import Path

import pytest

from hub.config.settings import load_settings
from hub.security.claims import principal_of
from hub.security.principal import Role
from hub.security.profile import claim_paths, published_keys
from hub.security.refused import TokenFault

DOCS = Path(__file__).resolve().parents[3] / "docs"
EXAMPLE = re.compile(r"<!-- example: (\w+) -->\n```sh\n(.*?)```\n```json\n(.*?)```", re.DOTALL)
EXAMPLES = {
    name: (dict(line.split("=", 1) for line in settings.splitlines()), json.loads(claims))
    for name, settings, claims in EXAMPLE.findall((DOCS / "identity.md").read_text())
}

FOUND = {
    "own": ({Role.AGENT, Role.SUPERVISOR}, {"eu", "us"}, {"supervisor"}),
    "keycloak": ({Role.AGENT, Role.FINANCE, Role.CONTROLLER}, {"eu"}, {"credit-approver"}),
    "entra": (
        {Role.AGENT, Role.SUPERVISOR, Role.ANALYST},
        {"eu", "us"},
        {"finance", "controller"},
    ),
}


def test_every_example_is_tried() -> None:
    assert EXAMPLES.keys() == FOUND.keys()


@pytest.mark.parametrize("name", FOUND)
def test_an_example_is_read_as_it_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, claims = EXAMPLES[name]
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert claims["iss"] == settings.token_issuer
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    assert settings.token_audience in audiences
    assert (published_keys(settings) is None) == (name == "own")
    principal = principal_of(claims | {"exp": 1_800_000_000}, claim_paths(settings))
    roles, units, tiers = FOUND[name]
    assert set(principal.roles) == roles
    assert set(principal.business_units or ()) == units
    assert principal.approval_tiers == tiers
    assert (principal.subject, principal.token_id) == (claims["sub"], claims.get("jti"))


def test_every_reason_is_told_and_no_other() -> None:
    listed = re.findall(r"^\| `(TOKEN_[A-Z]+)` \|", (DOCS / "errors.md").read_text(), re.MULTILINE)
    assert listed == [fault.value for fault in TokenFault]
