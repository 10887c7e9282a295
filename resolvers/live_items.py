"""What a stream tells, as plain records: the state now, an event, a gap, a sign of life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import blake2b

import orjson

from hub.commands.words import Command
from hub.events.event import StatusChange
from hub.model.record import Record
from hub.model.shipment import Milestone
from hub.model.timeline import Severity, TimelineCategory, TimelineEntry
from hub.model.values import Ref

DIGEST_BYTES = 9  # of what a cursor belongs to; 12 characters in the cursor


class Feed(Enum):
    """What can be followed; the value is its root field."""

    TIMELINE = "orderTimeline"
    ORDERS = "orderStatusChanged"
    RETURNS = "returnStatusChanged"
    SHIPMENTS = "shipmentMilestones"
    CASES = "caseUpdated"
    COMMANDS = "commandStatusChanged"

    @property
    def is_lossless(self) -> bool:
        """Whether each event is told; else only the newest of a record, if the reader is slow."""
        return self in (Feed.TIMELINE, Feed.SHIPMENTS, Feed.COMMANDS)


class StreamState(Enum):
    """How quickly a stream hears of what happens."""

    LIVE = "LIVE"
    DEGRADED = "DEGRADED"


class GapReason(Enum):
    """Why events of a stream are not told."""

    PURGED = "PURGED"
    TOO_MANY = "TOO_MANY"
    NOT_READ = "NOT_READ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """Which events a stream is about. Every bound must hold; None bounds nothing.

    `records` are the orders, returns, shipments, cases or commands themselves, `order` the order
    they are of. `customers` are all refs of the customers meant, or of those the caller is bound
    to.
    """

    feed: Feed
    records: tuple[Ref, ...] | None = None
    order: Ref | None = None
    customers: frozenset[Ref] | None = None
    business_unit: str | None = None
    queue: str | None = None
    assignee: str | None = None
    categories: frozenset[TimelineCategory] | None = None
    min_severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """What a root field asks for: what to follow, from where, and whether its state comes first.

    `digest` is over the field and its arguments, `after` and `snapshot` left out: a cursor is good
    for the same question only. `snapshot` None: where there is no `after`.
    """

    following: Following
    digest: bytes
    after: str | None = None
    snapshot: bool | None = None

    @property
    def is_snapshot_first(self) -> bool:
        return self.after is None if self.snapshot is None else self.snapshot


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state the stream goes on from; its nodes are read when they are asked for.

    `command` is the one that is followed, None where none is.
    """

    feed: Feed
    cursor: str
    sequence: int
    following: Following
    command: Command | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEvent:
    """One event as its audience is told it. `conflated` events of the same record are left out."""

    feed: Feed
    cursor: str
    sequence: int
    event_id: str
    type: str
    occurred_at: datetime
    recorded_at: datetime
    source: Ref
    entity_version: int
    node: Record | TimelineEntry | Command
    milestone: Milestone | None = None
    changes: tuple[StatusChange, ...] = ()
    conflated: int = 0
    correlation_id: str | None = None
    causation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that are not told, by their first and last sequence."""

    cursor: str
    first: int
    last: int
    reason: GapReason


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life; `cursor` is as far as everything was told."""

    cursor: str
    state: StreamState


Item = Snapshot | LiveEvent | Gap | Beat


def digest_of(feed: Feed, arguments: Mapping[str, object]) -> bytes:
    """What a cursor belongs to, as DIGEST_BYTES bytes."""
    given = {name: value for name, value in arguments.items() if value is not None}
    said = orjson.dumps([feed.value, given], default=list, option=orjson.OPT_SORT_KEYS)
    return blake2b(said, digest_size=DIGEST_BYTES).digest()
