"""Which keys and rules this hub's tokens follow, and how a command gets one."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

from hub.config.settings import Settings
from hub.model.errors import ConfigInvalid
from hub.security import profile
from hub.security.issuing import Issued, issue_token
from hub.security.principal import Role
from hub.security.tokens import KEY_ID, Grant, TokenRules

_DEMO_LIFETIME = timedelta(hours=24)


def token_rules(settings: Settings) -> TokenRules:
    """What a token must satisfy; ConfigInvalid where the profile lacks something, or no usable
    key is named."""
    profile.check_profile(settings)
    return profile.token_rules(settings)


def issue(settings: Settings, grant: Grant, now: datetime) -> Issued:
    """A token that a hub with the same settings accepts; ConfigInvalid without a key to sign."""
    rules = profile.token_rules(settings)
    if KEY_ID not in rules.keys:
        raise ConfigInvalid(
            "this hub has no signing key: its tokens come from your identity provider; "
            "OPSHUB_TOKEN_KEY_FILE would name one"
        )
    return issue_token(grant, rules.keys[KEY_ID], rules=rules, now=now)


def issuer(settings: Settings) -> Callable[[Grant, datetime], str]:
    """Issues, for a grant and the time now, a token that a hub with the same settings accepts."""
    return lambda grant, now: issue(settings, grant, now).token


def operator_name() -> str:
    """Who acts at the terminal, as the audit shows it."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli:unknown"


def demo_tokens(settings: Settings, customers: Collection[str]) -> dict[str, str]:
    """A token for every role of the house by its name, and one per customer by its number."""
    issue, now = issuer(settings), datetime.now(UTC)

    def token(subject: str, role: Role, customers: Collection[str] = ()) -> str:
        grant = Grant(subject=subject, roles=[role], customers=customers, lifetime=_DEMO_LIFETIME)
        return issue(grant, now)

    of_house = {
        role.value: token(f"demo {role.value}", role) for role in Role if role is not Role.CUSTOMER
    }
    return of_house | {each: token(f"demo {each}", Role.CUSTOMER, [each]) for each in customers}
