"""Who changes cross references and why, as the audit keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.observe.correlation import correlation_id
from hub.store import audit
from hub.store.engine import Store


@dataclass(frozen=True, slots=True)
class Act:
    """An operator's act. The same key with the same input answers as it did the first time."""

    actor: str
    reason: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What an act did; `request` is what it was asked to do. JSON values."""

    action: str
    before: Any
    after: Any
    request: Any = None


async def answered_before(
    connection: AsyncConnection, action: str, act: Act, *, request: Any
) -> Any | None:
    """What the act answered before under its key; InputInvalid where it then asked otherwise."""
    if act.key is None:
        return None
    return await audit.answered_before(
        connection, actor=act.actor, action=_named(action), key=act.key, request=request
    )


async def write_audit(
    connection: AsyncConnection, store: Store, *, act: Act, change: Change, at: datetime
) -> None:
    """One audit entry in the caller's transaction."""
    entry = audit.AuditEntry(
        at=at,
        actor=act.actor,
        action=_named(change.action),
        subject="cross_reference",
        before=change.before,
        after=change.after,
        reason=act.reason,
        correlation_id=correlation_id.get() or None,
        idempotency_key=act.key,
        request=change.request,
    )
    await audit.append(connection, store, entry)


def _named(action: str) -> str:
    return f"cross_reference.{action}"
