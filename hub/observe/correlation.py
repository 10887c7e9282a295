"""The correlation id: one text per request that joins its answer, its log lines and its effects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

HEADER = "X-Correlation-Id"

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
"""The id of the request being served; empty outside of one."""

# 8 characters at least, so that ids stay distinct; 64 at most, so that a header costs little.
# Neither blanks nor dots: it may become a part of a NATS subject and of a log line.
_WELL_FORMED = re.compile(r"[A-Za-z0-9_:-]{8,64}", re.ASCII)


def new_correlation_id() -> str:
    """32 hexadecimal digits, random."""
    return uuid4().hex


def accepted_correlation_id(received: str | None) -> str:
    """The caller's id where it is well formed (8-64 of A-Z a-z 0-9 _ : -), else a new one."""
    if received is not None and _WELL_FORMED.fullmatch(received):
        return received
    return new_correlation_id()


@contextmanager
def correlated(received: str | None = None) -> Iterator[str]:
    """Everything inside carries the caller's id, or a new one where that is not well formed."""
    chosen = accepted_correlation_id(received)
    token = correlation_id.set(chosen)
    try:
        yield chosen
    finally:
        correlation_id.reset(token)
