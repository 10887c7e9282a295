"""What a kind of source must be able to do. `guard.py` wraps it into what reads ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    async def native(self, noun: str, key: str) -> NativeRecord | None:
        """One record in both forms, for `opshub source test`."""
        ...

    async def check(self) -> Sequence[Problem]:
        """What does not fit between the systems file and the real system, with positions."""
        ...
