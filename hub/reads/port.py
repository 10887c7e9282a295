"""What reads ask of a connected system. `hub/app.py` fills it with guarded sources.

A system serves some nouns. For each it answers by key, by a field (a relation is a reference field
asked backwards) and in lists. It raises nothing: an error of the whole call is the answer of each
of its keys, so that callers stay aligned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from hub.model.errors import OpsHubError
from hub.model.record import Record
from hub.model.values import Ref

Operator = Literal[
    "eq", "ne", "in", "notIn", "gt", "gte", "lt", "lte", "between", "contains", "startsWith",
    "isNull",
]  # fmt: skip

FieldValue = Ref | str
"""What a field is asked by: a Ref for a reference field, canonical text for any other."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One predicate on a canonical field; several are joined by AND.

    `value` is canonical: Ref, Enum, Decimal, aware datetime, date, text; a list for `in`, a pair
    for `between`, a bool for `isNull`.
    """

    field: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class Sort:
    field: str
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A page of a noun. `cursor` is what the previous page of the same system gave."""

    conditions: tuple[Condition, ...] = ()
    sort: tuple[Sort, ...] = ()
    limit: int = 100  # records
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ListPage:
    """Records in the order asked for; `next_cursor` is None on the last page."""

    records: Sequence[Record | OpsHubError]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class NounTerms:
    """How one system serves one noun.

    `fresh_for_s` and `stale_for_s` are the record's ages up to which it is FRESH and STALE.
    `asked_by` are the fields it can look up; `targets` says, of a reference field, which systems'
    records it may name. `carries` are the children nested in its records. `batch_max` is keys a
    call. `searchable` are the fields that answer `contains`, `filterable` the fields of lists.
    """

    fresh_for_s: float
    stale_for_s: float
    batch_max: int
    asked_by: frozenset[str]
    targets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    carries: frozenset[str] = frozenset()
    searchable: frozenset[str] = frozenset()
    filterable: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    lists: bool = False


@dataclass(frozen=True, slots=True)
class SystemHealth:
    """What the guard has seen of a system. Times in seconds, counts since start."""

    state: Literal["UP", "DEGRADED", "DOWN", "UNKNOWN"]
    code: str | None
    message: str | None
    calls: int
    failures: int
    in_flight: int
    latency_p50_s: float | None
    latency_p95_s: float | None
    last_ok_age_s: float | None
    unmapped: Mapping[str, int]


class RecordSource(Protocol):
    """A connected system as reads see it: guarded, in canonical terms, scope-free."""

    name: str
    role: str
    kind: str

    @property
    def nouns(self) -> Mapping[str, NounTerms]: ...

    async def by_key(self, noun: str, keys: Sequence[str]) -> Sequence[Record | OpsHubError | None]:
        """One answer per key, aligned: the record, None where the system has none, or why not."""
        ...

    async def by_field(
        self, noun: str, field: str, values: Sequence[FieldValue]
    ) -> Sequence[Sequence[Record | OpsHubError] | OpsHubError]:
        """All records whose field has the value, per value and aligned, in no promised order.

        An element that is an error is one record that could not be read.
        """
        ...

    async def list(self, noun: str, query: ListQuery) -> ListPage | OpsHubError:
        """One page; SourceCannot where the system cannot filter or sort that way."""
        ...

    def health(self) -> SystemHealth: ...
