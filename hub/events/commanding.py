"""What it means to tell a system to do something: the outcomes, and the port that does it.

Where a call ended without an answer its outcome is unknown, which is neither done nor failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hub.model.errors import OpsHubError

Values = Mapping[str, Any]
"""What a command is given, by dotted name (`order.key`) or nested. Decimals, text, lists, None."""


@dataclass(frozen=True, slots=True)
class Applied:
    """It was done. `result` holds what the file asked for of the answer, None where absent."""

    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """The system says no, in its own words; nothing was done, and asking again changes nothing."""

    message: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """Surely nothing was done; it may be sent again where the error is `retryable`.

    `after_s`: not before so many seconds have passed, where the receiver said so.
    """

    error: OpsHubError
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been done. It must be looked up before it is sent again."""

    error: OpsHubError


@dataclass(frozen=True, slots=True)
class NotFound:
    """Nothing has our reference; that counts only after the command's `settles_within`."""


Outcome = Applied | Refused | NotSent | Unknown
Sought = Applied | NotFound | OpsHubError


@dataclass(frozen=True, slots=True)
class Terms:
    """How a declared command may be tried again.

    `settles_within_s` is None where its effect cannot be looked up. `deadline_s` is the longest
    one call takes.
    """

    deadline_s: float
    settles_within_s: float | None
    is_reference_unique: bool


class Commanding(Protocol):
    """Carries out declared commands. Named `system.command`, as the systems file has them."""

    def terms(self, command: str) -> Terms | None:
        """None where the file in force declares no such command."""
        ...

    async def execute(self, command: str, values: Values, *, reference: str) -> Outcome:
        """Send it once, `reference` being `{external_reference}`. Never raises but a defect."""
        ...

    async def find(self, command: str, values: Values, *, reference: str) -> Sought:
        """Look its effect up by the reference; the error where that could not be answered."""
        ...
