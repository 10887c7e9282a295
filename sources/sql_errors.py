"""Database errors in our words: one table for SQLSTATE classes, one for SQLite's texts.

No message carries the statement, a parameter or the address of the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlalchemy import exc

from hub.model.errors import (
    SourceBusy,
    SourceError,
    SourceInvalid,
    SourceMisconfigured,
    SourceTimeout,
    SourceUnavailable,
)

try:  # the extra `postgres`; without it no PostgreSQL error can occur
    from asyncpg import PostgresError as PostgresError
except ImportError:  # pragma: no cover - the tests have the extra

    class PostgresError(Exception):  # type: ignore[no-redef]  # stands in for the absent driver
        """Never raised."""


# SQLSTATE, or its first two characters, longest match first.
_SQLSTATES: Mapping[str, tuple[type[SourceError], str]] = {
    "42P01": (SourceMisconfigured, "a table is missing"),
    "42703": (SourceMisconfigured, "a column is missing"),
    "42501": (SourceMisconfigured, "the hub's account may not read it"),
    "57014": (SourceTimeout, "the statement was cancelled"),
    "53300": (SourceBusy, "it takes no more connections"),
    "3D": (SourceMisconfigured, "there is no such database"),
    "28": (SourceMisconfigured, "the login was refused; check its credentials"),
    "42": (SourceMisconfigured, "it does not accept the statement; check `from` and the columns"),
    "22": (SourceInvalid, "a value does not fit its column"),
    "08": (SourceUnavailable, "the connection broke"),
    "53": (SourceUnavailable, "it is out of resources"),
    "57": (SourceUnavailable, "it is shutting down or starting"),
    "0A": (SourceUnavailable, "its schema changed under a prepared statement; ask again"),
    "40": (SourceUnavailable, "the statement lost a conflict; ask again"),
}
_SQLITE: tuple[tuple[str, type[SourceError], str], ...] = (
    ("no such table", SourceMisconfigured, "a table is missing"),
    ("no such column", SourceMisconfigured, "a column is missing"),
    ("unable to open", SourceUnavailable, "the database file cannot be opened"),
    ("locked", SourceBusy, "the database is locked"),
    ("busy", SourceBusy, "the database is locked"),
    ("interrupted", SourceTimeout, "the statement was cancelled"),
    ("not a database", SourceMisconfigured, "the file is no SQLite database"),
    ("malformed", SourceInvalid, "the database file is damaged"),
    ("syntax error", SourceMisconfigured, "it does not accept the statement; check `from`"),
)
# The one thing of a message worth telling: which table or column. Identifiers only.
_NAMED = re.compile(
    r'(?:(?:relation|column) "?([\w. $-]{1,80}?)"? does not exist'
    r"|no such (?:table|column): ([\w. $-]{1,80}))"
)


def translated(system: str, error: BaseException) -> SourceError:
    """Our error for anything a driver, the pool or the network raised."""
    if isinstance(error, SourceError):
        return error
    if isinstance(error, TimeoutError):
        return SourceTimeout(system, "it did not answer in time")
    if isinstance(error, exc.TimeoutError):
        return SourceBusy(system, "all connections are in use")
    if isinstance(error, exc.DBAPIError):
        return _driver_error(system, error.orig or error)
    if isinstance(error, OSError):
        return SourceUnavailable(system, "it cannot be reached")
    return _driver_error(system, error)


def _driver_error(system: str, error: BaseException) -> SourceError:
    named = _NAMED.search(str(error))
    detail = f" ({named[1] or named[2]})" if named else ""
    state = _sqlstate(error)
    if state:
        kind, text = _by_state(state)
        return kind(system, text + detail)
    message = str(error).lower()
    for word, kind, text in _SQLITE:
        if word in message:
            return kind(system, text + detail)
    return SourceUnavailable(system, f"the driver gave up ({type(error).__name__})")


def _sqlstate(error: BaseException | None) -> str:
    """The SQLSTATE of an error or of what caused it; drivers are wrapped once or twice."""
    for _ in range(4):
        if error is None:
            return ""
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str) and state:
            return state
        error = error.__cause__
    return ""


def _by_state(state: str) -> tuple[type[SourceError], str]:
    for known in (state, state[:2]):
        if known in _SQLSTATES:
            return _SQLSTATES[known]
    return SourceUnavailable, f"it answered with SQLSTATE {state}"
