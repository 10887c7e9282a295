"""What may be asked of a timeline, and the page it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.model.case import ActorType, Visibility
from hub.model.errors import OpsHubError
from hub.model.timeline import Severity, TimelineCategory, TimelineEntry
from hub.model.values import Ref

PAGE_DEFAULT = 50  # entries
PAGE_MAX = 100  # entries; the page limit of the public schema


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineQuery:
    """Filters are joined by AND; None filters nothing. `first`/`after` or `last`/`before` page.

    `since` is inclusive, `until` exclusive, both on `occurred_at`.
    """

    categories: frozenset[TimelineCategory] | None = None
    types: frozenset[str] | None = None
    min_severity: Severity | None = None
    systems: frozenset[str] | None = None
    actor_types: frozenset[ActorType] | None = None
    visibility: frozenset[Visibility] | None = None
    since: datetime | None = None
    until: datetime | None = None
    correlation_id: str | None = None
    subject: Ref | None = None
    only_state_changes: bool = False
    text: str | None = None
    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Entries newest first, `cursors` aligned with them; `total` counts all that passed the filter.

    `failures` has one error for each system that could not tell its part.
    """

    entries: tuple[TimelineEntry, ...]
    cursors: tuple[str, ...]
    has_next: bool
    has_previous: bool
    total: int
    failures: tuple[OpsHubError, ...] = ()

    @property
    def start_cursor(self) -> str | None:
        return self.cursors[0] if self.cursors else None

    @property
    def end_cursor(self) -> str | None:
        return self.cursors[-1] if self.cursors else None
