"""For which class of caller a system is being called: said by reads, read by the system's guard.

Ports stay free of it, as they are of the scope: it decides who waits, never what is answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hub.security.principal import CallerClass

_caller: ContextVar[CallerClass | None] = ContextVar("caller", default=None)


def current_caller() -> CallerClass | None:
    """The class the running call is made for; None where the hub calls for itself."""
    return _caller.get()


@contextmanager
def calling_for(caller: CallerClass) -> Iterator[None]:
    """Calls made inside belong to that class."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)
