"""Why a request without a good token is refused, as words that clients may act on.

A word and a message say what is wrong, and never repeat anything of the token.
"""

from __future__ import annotations

from enum import Enum

from hub.model.errors import Unauthenticated


class TokenFault(Enum):
    """`extensions.reason` of UNAUTHENTICATED; docs/errors.md lists all."""

    ABSENT = "TOKEN_ABSENT"
    MALFORMED = "TOKEN_MALFORMED"
    HEADER = "TOKEN_HEADER"
    ALGORITHM = "TOKEN_ALGORITHM"
    KEY = "TOKEN_KEY"
    SIGNATURE = "TOKEN_SIGNATURE"
    EXPIRED = "TOKEN_EXPIRED"
    EARLY = "TOKEN_EARLY"
    AUDIENCE = "TOKEN_AUDIENCE"
    ISSUER = "TOKEN_ISSUER"
    CLAIMS = "TOKEN_CLAIMS"
    ROLE = "TOKEN_ROLE"
    REVOKED = "TOKEN_REVOKED"


def refused(fault: TokenFault, message: str) -> Unauthenticated:
    """The error to raise."""
    return Unauthenticated(message, reason=fault.value)
