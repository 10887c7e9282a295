"""Who asks, as the program says it of itself in the headers of its requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

UNKNOWN = "unknown"
NAME_MAX = 80  # characters
VERSION_MAX = 40  # characters

CLIENT_HEADERS = (
    "graphql-client-name",
    "graphql-client-version",
    "apollographql-client-name",
    "apollographql-client-version",
)
"""What a browser must be allowed to send."""

_WORD = re.compile(r"[A-Za-z0-9@][A-Za-z0-9 ._@/+:()-]*", re.ASCII)


class Client(NamedTuple):
    """A program and its version; UNKNOWN where it did not say, or not well.

    `subject` is the principal it asks for, None where nobody is known: see `usage_shares`.
    """

    name: str
    version: str
    subject: str | None = None


def client_of(headers: Mapping[str, str], subject: str | None = None) -> Client:
    """The client the headers name (lower case keys, or any mapping that does not care)."""
    return Client(
        _told(headers, "client-name", most=NAME_MAX),
        _told(headers, "client-version", most=VERSION_MAX),
        subject,
    )


def _told(headers: Mapping[str, str], what: str, *, most: int) -> str:
    told = headers.get(f"graphql-{what}") or headers.get(f"apollographql-{what}") or ""
    return told if len(told) <= most and _WORD.fullmatch(told) else UNKNOWN
