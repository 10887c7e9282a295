"""What is done next with a command, and the narrow store behind the dispatcher.

Times are relative here: the store's clock alone says when something is due, settled or expired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as given
from enum import Enum
from typing import Protocol

from hub.commands.words import CommandStatus, UserError
from hub.events.commanding import Values


class Step(Enum):
    """What the next look at a command does."""

    SEND = "SEND"
    """Nothing of it was done: send it."""
    SEEK = "SEEK"
    """It may have been done: look it up."""
    REFUSED = "REFUSED"
    """It was refused when sent again, and the first may have been done: look it up."""
    PERSON = "PERSON"
    """It may have been done and must not be sent again: look it up, and wait for a person."""
    ASKED = "ASKED"
    """A person wants it sent again unless it was done: look it up, then send it."""
    END = "END"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An aggregate's first open command, claimed. `id` is our reference at the system.

    `fence` grows with each claim of the aggregate. `is_doubtful` says that one that was sent
    before may have been done; `settles_in_s` is how long *not found* does not count yet, 0 where
    it does. `attempts` were sent, `looks` made in a row.
    """

    id: str
    aggregate: str
    fence: int
    command: str
    values: Values
    correlation_id: str
    status: CommandStatus
    step: Step
    attempts: int
    looks: int
    is_doubtful: bool
    settles_in_s: float
    errors: tuple[UserError, ...] = ()

    @property
    def system(self) -> str:
        return self.command.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What is written of a look at a command.

    It is due again after `later_s`; None leaves it until a person asks. `settles_in_s` is None
    where the instant at which *not found* counts stays as it is.
    """

    status: CommandStatus
    step: Step
    later_s: float | None = None
    settles_in_s: float | None = None
    is_doubtful: bool = False
    looks: int = 0
    errors: tuple[UserError, ...] = ()
    result: Mapping[str, str] = given(default_factory=dict)


class Claims(Protocol):
    """Who carries out what. Each raises StoreUnavailable, and then it may have been written."""

    async def systems_due(self) -> list[str]:
        """Whose commands are due and held by nobody."""
        ...

    async def claim(self, system: str, limit: int) -> list[Task]:
        """Take up to so many aggregates for LEASE_S; the first open command of each."""
        ...

    async def begin(self, task: Task, *, busy_s: float, settles_in_s: float) -> bool:
        """Write that it is being sent, before it is; false where another has claimed it since.

        It is ours for `busy_s` at least. Should we die it is looked up, and *not found* counts
        only after `settles_in_s`.
        """
        ...

    async def settle(self, task: Task, move: Move) -> bool:
        """Write the move and let go; false where another has claimed it since: nothing is written.

        Once written it is false for ever, so asking again is harmless.
        """
        ...
