"""The words of the command path: what is wished, what became of it, who is told what.

An outcome is unknown until it is known: OUTCOME_UNKNOWN is neither done nor failed, and it ends in
APPLIED, REJECTED or FAILED.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as given
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol

from hub.events.commanding import Values
from hub.model.timeline import TimelineEntry
from hub.model.values import Ref

KEY_MAX = 128  # characters of an idempotency key
WAIT_MAX_S = 5.0  # a mutation waits at most so long for the outcome of its command
RECENT = timedelta(days=1)  # so long an ended command is shown to the checks of the next


class CommandStatus(Enum):
    """ACCEPTED and DISPATCHED are under way, OUTCOME_UNKNOWN is being found out, others final."""

    ACCEPTED = "ACCEPTED"
    DISPATCHED = "DISPATCHED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    APPLIED = "APPLIED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    COMPENSATED = "COMPENSATED"

    @property
    def is_final(self) -> bool:
        return self not in _OPEN


_OPEN = frozenset({CommandStatus.ACCEPTED, CommandStatus.DISPATCHED, CommandStatus.OUTCOME_UNKNOWN})

IDEMPOTENCY_KEY_MISMATCH = "IDEMPOTENCY_KEY_MISMATCH"
IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"
NOT_SUPPORTED = "NOT_SUPPORTED"
SOURCE_REJECTED = "SOURCE_REJECTED"
OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserError:
    """Why something is not done, as data. `field` is the path of the input, dotted."""

    code: str
    message: str
    field: str | None = None
    retryable: bool = False
    system: str | None = None
    evidence: Mapping[str, str] = given(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants done, validated but for what only the ledger can say.

    `payload` is the whole input but key, wait and dry run, as JSON: the same key must come with the
    same payload. `command` is `system.command`, sent with `values` (Decimals, text, lists, None);
    None where the hub itself does it, which is then done with the acceptance. Commands of one
    `aggregate` (`order/erp-eu/4711`) are carried out one after the other. `order` is whose timeline
    tells of it, with `entries` of its own (a note); `customer` and `business_unit` say who may see.
    """

    actor: str
    mutation: str
    key: str
    payload: Mapping[str, Any]
    aggregate: str
    subject: Ref
    correlation_id: str
    command: str | None = None
    values: Values = given(default_factory=dict)
    order: Ref | None = None
    customer: Ref | None = None
    business_unit: str | None = None
    note: str | None = None
    expected_version: int | None = None
    entries: tuple[TimelineEntry, ...] = ()

    @property
    def system(self) -> str | None:
        """Whose command it is; None where it is the hub's own."""
        return None if self.command is None else self.command.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the caller is told. `replayed` says that the key was known and nothing new was begun."""

    id: str
    status: CommandStatus
    correlation_id: str
    accepted_at: datetime
    replayed: bool = False
    user_errors: tuple[UserError, ...] = ()
    result: Mapping[str, str] = given(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A row of the ledger, as people look at it. `key` is the caller's idempotency key.

    `waits_for_person` is true where nothing more is sent until somebody decides; `due_at` is when
    it is looked at next, None where it is final. `version` counts its changes of status.
    """

    receipt: Receipt
    actor: str
    mutation: str
    key: str
    payload: Mapping[str, Any]
    aggregate: str
    subject: Ref
    order: Ref | None
    customer: Ref | None
    business_unit: str | None
    command: str | None
    system: str | None
    note: str | None
    version: int
    attempts: int
    waits_for_person: bool
    due_at: datetime | None
    changed_at: datetime
    ended_at: datetime | None

    @property
    def id(self) -> str:
        return self.receipt.id

    @property
    def status(self) -> CommandStatus:
        return self.receipt.status


Check = Callable[[Sequence[Command]], Sequence[UserError]]
"""Asked in the transaction that accepts, with the aggregate's commands that are open or ended less
than RECENT ago, oldest first (what a read may not show yet). What it returns refuses the wish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandQuery:
    """Which commands, the newest first. None asks for all; `before` is a Command's `id`."""

    actor: str | None = None
    statuses: frozenset[CommandStatus] | None = None
    mutation: str | None = None
    system: str | None = None
    aggregate: str | None = None
    order: Ref | None = None
    correlation_id: str | None = None
    waits_for_person: bool | None = None
    before: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class CommandPage:
    """`has_more` says that older ones follow the last."""

    commands: tuple[Command, ...]
    has_more: bool


class Ledgered(Protocol):
    """The ledger, as whoever takes wishes sees it. Raises StoreUnavailable, and what is said."""

    async def earlier(self, wish: Wish) -> Receipt | None:
        """What the key was answered before, None where it is new; ask before you validate."""
        ...

    async def accept(self, wish: Wish, *, check: Check | None = None) -> Receipt:
        """Keep it, or answer as before; its effect comes later unless it is the hub's own.

        Where the key came with another payload the receipt is that of the first with
        IDEMPOTENCY_KEY_MISMATCH, while the first is under way with IDEMPOTENCY_IN_PROGRESS. Both
        have the `commandId` as evidence.
        """
        ...

    async def refuse(self, wish: Wish, errors: Sequence[UserError]) -> Receipt:
        """Keep that it was refused (REJECTED), or answer as before.

        What may be tried again with the same key is not kept: raise it instead.
        """
        ...

    async def one(self, id: str) -> Command | None: ...

    async def page(self, query: CommandQuery) -> CommandPage: ...

    async def wait_for_end(self, id: str, wait_s: float) -> Receipt:
        """Its receipt once it is final, or after so long (at most WAIT_MAX_S) as it is then."""
        ...

    async def retry(self, id: str, *, actor: str, reason: str) -> Command:
        """A person wants it tried again now, or once more where it failed.

        Where its outcome is unknown it is looked up first and sent again where that finds nothing.
        InputInvalid where it is done, refused or under way; NotFound where there is none.
        """
        ...

    async def conclude(self, id: str, *, is_done: bool, actor: str, reason: str) -> Command:
        """A person has found out at the system that it was done (APPLIED), or was not (FAILED).

        InputInvalid where its outcome is not unknown or it is being looked up just now.
        """
        ...
