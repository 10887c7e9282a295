"""What a key that is known already is answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hub.commands.rows import receipt_of
from hub.commands.words import (
    IDEMPOTENCY_IN_PROGRESS,
    IDEMPOTENCY_KEY_MISMATCH,
    CommandStatus,
    Receipt,
    UserError,
    Wish,
)
from hub.store.audit import request_hash

_UNDER_WAY = frozenset({CommandStatus.ACCEPTED, CommandStatus.DISPATCHED})


def replayed(first: Mapping[Any, Any], wish: Wish) -> Receipt:
    """The first command's receipt as it is now, with what is to be said of the key."""
    receipt = receipt_of(first)
    evidence = {"commandId": receipt.id}
    if first["payload_hash"] != request_hash(wish.payload):
        mismatch = UserError(
            code=IDEMPOTENCY_KEY_MISMATCH,
            message="the key came with other input before; send new input with a new key",
            field="idempotencyKey",
            evidence=evidence,
        )
        return replace(receipt, user_errors=(mismatch,), result={})
    if receipt.status not in _UNDER_WAY:
        return replace(receipt, replayed=True)
    running = UserError(
        code=IDEMPOTENCY_IN_PROGRESS,
        message="the command of this key is under way; ask for it by its id",
        field="idempotencyKey",
        retryable=True,
        evidence=evidence,
    )
    return replace(receipt, replayed=True, user_errors=(running, *receipt.user_errors))
