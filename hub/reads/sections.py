"""What a request has read for a record: one row per section and system, so no null is unexplained.

`Section` is the answer of a relation for one parent; the recorder keeps the rows of one request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hub.model.errors import OpsHubError
from hub.model.record import Record
from hub.model.values import Ref, Staleness

SectionAvailability = Literal["AVAILABLE", "FAILED", "NOT_CONFIGURED"]

_WORST = (Staleness.FRESH, Staleness.STALE, Staleness.EXPIRED, Staleness.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Section:
    """The children of one parent: what arrived, and one error for each system that failed.

    `is_served` is False where no connected system could be asked. Null is right only where
    nothing arrived and something failed (`is_null`).
    """

    records: tuple[Record, ...]
    failures: tuple[OpsHubError, ...]
    is_served: bool

    @property
    def is_null(self) -> bool:
        return not self.is_served or (bool(self.failures) and not self.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionState:
    """One row of `sections`. `as_of` and `fetched_at` are the oldest of what the system gave.

    `code` is the error's code where the system failed; beside AVAILABLE it says why an older
    answer is shown. `system` is None where no system is configured for the section.
    """

    name: str
    system: str | None
    state: SectionAvailability
    as_of: datetime | None = None
    fetched_at: datetime | None = None
    staleness: Staleness = Staleness.FRESH
    code: str | None = None


class SectionRecorder:
    """The rows of one request, by the record they explain."""

    def __init__(self) -> None:
        self._rows: dict[Ref, dict[tuple[str, str | None], SectionState]] = {}

    def note(self, parent: Ref, row: SectionState) -> None:
        """Add a row; a second one for the same section and system joins the first."""
        rows = self._rows.setdefault(parent, {})
        slot = (row.name, row.system)
        before = rows.get(slot)
        rows[slot] = row if before is None else _joined(before, row)

    def rows_of(self, parent: Ref) -> list[SectionState]:
        """By section name, then system; a NOT_CONFIGURED row yields to a system's own."""
        rows = self._rows.get(parent, {}).values()
        served = {row.name for row in rows if row.system is not None}
        shown = [row for row in rows if row.system is not None or row.name not in served]
        return sorted(shown, key=lambda row: (row.name, row.system or ""))


def oldest(instants: Iterable[datetime | None]) -> datetime | None:
    return min((each for each in instants if each is not None), default=None)


def worst(staleness: Iterable[Staleness]) -> Staleness:
    """The least trustworthy; FRESH of nothing."""
    return max(staleness, key=_WORST.index, default=Staleness.FRESH)


def _joined(one: SectionState, other: SectionState) -> SectionState:
    failed = "FAILED" in (one.state, other.state)
    return SectionState(
        name=one.name,
        system=one.system,
        state="FAILED" if failed else other.state,
        as_of=oldest((one.as_of, other.as_of)),
        fetched_at=oldest((one.fetched_at, other.fetched_at)),
        staleness=worst((one.staleness, other.staleness)),
        code=one.code or other.code,
    )
