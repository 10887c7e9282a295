"""Who asks: from the Authorization header to a principal, without waiting for anything."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.model.errors import Unauthenticated
from hub.security.principal import Principal
from hub.security.published_keys import PublishedKeys
from hub.security.refused import TokenFault, refused
from hub.security.tokens import TokenKey, TokenRules, bearer_of, verify_token
from hub.store.engine import Store
from hub.store.refusals import ANONYMOUS, Refusals
from hub.store.revocations import Revocations


@dataclass(frozen=True, slots=True)
class Authenticator:
    """The rules, the keys and what was revoked. `published` is None without a provider."""

    rules: TokenRules
    published: PublishedKeys | None
    revocations: Revocations
    refusals: Refusals
    now: Callable[[], datetime]

    def authenticate(self, authorization: str | None) -> Principal:
        """The caller; Unauthenticated, which is also counted, where the header is not good."""
        try:
            principal = verify_token(bearer_of(authorization), self.rules, self.find_key)
        except Unauthenticated as error:
            # Not under the token's subject: a forged token may name anybody.
            self.refusals.count(ANONYMOUS, error.reason)
            raise
        try:
            self._check(principal, leeway_s=self.rules.leeway_s)
        except Unauthenticated as error:
            self.refusals.count(principal.subject, error.reason)
            raise
        return principal

    def check(self, principal: Principal) -> None:
        """Unauthenticated once the token has expired or was revoked; for whoever stays on.

        Without leeway: a token that our own clock has judged good once needs none for its end.
        """
        self._check(principal, leeway_s=0.0)

    def _check(self, principal: Principal, *, leeway_s: float) -> None:
        if self.revocations.is_revoked(token_id=principal.token_id, subject=principal.subject):
            raise refused(TokenFault.REVOKED, "the token was revoked; sign in again")
        if (self.now() - principal.expires_at).total_seconds() >= leeway_s:
            raise refused(TokenFault.EXPIRED, "the token has expired; sign in again")

    def find_key(self, key_id: str | None) -> TokenKey | None:
        """The key of a `kid`: the hub's own first, then the provider's, so that a provider cannot
        take the place of an own one. Without a `kid`, the only key there is."""
        if self.published is None:
            return self.rules.own_key(key_id)
        published = self.published.keys
        if key_id is None:
            only = [*map(self.rules.own_key, self.rules.keys), *published.values()]
            return only[0] if len(only) == 1 else None
        found = self.rules.own_key(key_id) or published.get(key_id)
        if found is None:
            self.published.wish()
        return found

    @property
    def problem(self) -> str | None:
        """Why no token can be good now; None where some can."""
        if self.published is None or self.rules.keys or self.published.keys:
            return None
        return self.published.problem

    def background(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """What must run as long as requests come, each for ever."""
        running: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self.revocations.follow, self.refusals.follow,
        ]  # fmt: skip
        return running if self.published is None else [*running, self.published.follow]


async def open_authenticator(
    rules: TokenRules,
    *,
    published: PublishedKeys | None,
    store: Store,
    now: Callable[[], datetime],
) -> Authenticator:
    """With the keys and revocations as they are now; a provider that is away is asked again."""
    revocations = Revocations(store, now=now)
    await revocations.refresh()
    if published is not None:
        await published.refresh()
    return Authenticator(rules, published, revocations, Refusals(store, now=now), now)
