"""Which keys and rules this hub's tokens follow, and how a command gets one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

from hub.config.settings import Settings
from hub.security.keys import signing_key
from hub.security.principal import Role
from hub.security.tokens import KEY_ID, Grant, TokenRules, issue_token

_DEMO_LIFETIME = timedelta(hours=24)


def token_rules(settings: Settings) -> TokenRules:
    """What a token must satisfy; ConfigInvalid where the settings name no usable key."""
    key = signing_key(
        profile=settings.profile, data_dir=settings.data_dir, key_file=settings.token_key_file
    )
    return TokenRules(
        keys={KEY_ID: key}, issuer=settings.token_issuer, audience=settings.token_audience
    )


def issuer(settings: Settings) -> Callable[[Grant, datetime], str]:
    """Issues, for a grant and the time now, a token that a hub with the same settings accepts."""
    rules = token_rules(settings)
    return lambda grant, now: issue_token(grant, rules.keys[KEY_ID], rules=rules, now=now)


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
