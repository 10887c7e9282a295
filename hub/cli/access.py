"""Which keys and rules this hub's tokens follow, and how a command gets one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol

from hub.config.settings import Settings
from hub.security.keys import signing_key
from hub.security.principal import Role
from hub.security.tokens import KEY_ID, Grant, TokenRules, issue_token


class Issuer(Protocol):
    """Issues one token."""

    def __call__(
        self,
        subject: str,
        roles: Collection[Role],
        *,
        customers: Collection[str],
        business_units: Collection[str],
        lifetime: timedelta,
        now: datetime,
    ) -> str: ...


def token_rules(settings: Settings) -> TokenRules:
    """What a token must satisfy; ConfigInvalid where the settings name no usable key."""
    key = signing_key(
        profile=settings.profile, data_dir=settings.data_dir, key_file=settings.token_key_file
    )
    return TokenRules(
        keys={KEY_ID: key}, issuer=settings.token_issuer, audience=settings.token_audience
    )


def issuer(settings: Settings) -> Issuer:
    """Issues tokens that a hub with the same settings accepts."""
    rules = token_rules(settings)

    def issue(
        subject: str,
        roles: Collection[Role],
        *,
        customers: Collection[str],
        business_units: Collection[str],
        lifetime: timedelta,
        now: datetime,
    ) -> str:
        grant = Grant(
            subject=subject,
            roles=roles,
            customers=customers,
            business_units=business_units,
            lifetime=lifetime,
        )
        return issue_token(grant, rules.keys[KEY_ID], rules=rules, now=now)

    return issue
