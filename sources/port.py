"""What a kind of source must be able to do. `guard.py` wraps it into what reads ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from hub.config.problems import Problem
from hub.model.errors import OpsHubError, SourceError
from hub.model.record import Record
from hub.reads.port import FieldValue, ListPage, ListQuery, NounTerms

ROWS_MAX = 10_000  # rows of one answer; more is refused, never cut silently
ANSWER_BYTES_MAX = 5_000_000  # bytes of one answer
CODES_MAX = 200  # distinct native codes looked at by `check`


class NativeRecord(NamedTuple):
    """A record as the source has it, beside what the hub makes of it."""

    native: Mapping[str, Any]
    canonical: Record | OpsHubError


@dataclass(frozen=True, slots=True)
class ChangeCursor:
    """Where a look at the changes of one entity goes on.

    A look asks for what was changed at `since` or after it, from the beginning where that is None,
    or, `is_unset`, for what has no time of change. `place` is where its next page begins, in the
    source's own words, None at the first one. `seen` is the latest time of change that was met.
    """

    since: datetime | None = None
    place: str | None = None
    seen: datetime | None = None
    is_unset: bool = False


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A record that was changed, or why it could not be read; `at` is its time of change.

    `key` is None where not even that could be read.
    """

    key: str | None
    outcome: Record | OpsHubError
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Changed records, oldest first where the source has an order; `cursor` is behind them.

    With `is_last` the look is over: the next one begins at `cursor.seen`, less the overlap.
    """

    records: Sequence[ChangedRow]
    cursor: ChangeCursor
    is_last: bool


class Source(Protocol):
    """One connected system, unguarded: every call may raise a SourceError for all its keys.

    Answers are aligned with what was asked. A record that could not be read stands in its place as
    an error; the others are not concerned. No call has a deadline of its own: cancelling it ends
    the work in the foreign system where the protocol can.
    """

    name: str
    role: str
    kind: str

    @property
    def nouns(self) -> Mapping[str, NounTerms]: ...

    async def start(self) -> tuple[SourceError, ...]:
        """Connect and look at the declared tables or endpoints; what is wrong, never raised."""
        ...

    async def close(self) -> None: ...

    async def by_key(
        self, noun: str, keys: Sequence[str]
    ) -> Sequence[Record | OpsHubError | None]: ...

    async def by_field(
        self, noun: str, field: str, values: Sequence[FieldValue]
    ) -> Sequence[Sequence[Record | OpsHubError] | OpsHubError]: ...

    async def list(self, noun: str, query: ListQuery) -> ListPage: ...

    async def changes(self, noun: str, after: ChangeCursor | None, limit: int) -> ChangePage:
        """The next page of changes of an entity that declares them; None is the beginning.

        At most `limit` rows, or what the system itself has on a page.
        """
        ...

    async def native(self, noun: str, key: str) -> NativeRecord | None:
        """One record in both forms, for `opshub source test`."""
        ...

    async def check(self) -> Sequence[Problem]:
        """What does not fit between the systems file and the real system, with positions."""
        ...
