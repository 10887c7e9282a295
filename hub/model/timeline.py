"""Entries of the unified order timeline: what happened to an order, whoever said it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from hub.model.case import ActorType, Visibility
from hub.model.values import Money, Quantity, Ref


class TimelineCategory(Enum):
    ORDER = "ORDER"
    FINANCE = "FINANCE"
    WAREHOUSE = "WAREHOUSE"
    SHIPMENT = "SHIPMENT"
    RETURN = "RETURN"
    INVENTORY = "INVENTORY"
    CASE = "CASE"
    COMMUNICATION = "COMMUNICATION"
    NOTE = "NOTE"
    EXCEPTION = "EXCEPTION"
    SYNC = "SYNC"
    COMMAND = "COMMAND"


class Severity(Enum):
    INFO = "INFO"
    NOTICE = "NOTICE"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One fact of an order's history.

    `natural_key` is the identity of the fact (system, subject, transition): what was fetched and
    what an event told is one entry. `sequence` is the hub's gap-free number, only of recorded
    entries. `type` is the dotted name of the fact, `shipment.delivered`.
    """

    natural_key: str
    order: Ref
    category: TimelineCategory
    type: str
    title: str
    system: str
    occurred_at: datetime
    observed_at: datetime
    severity: Severity = Severity.INFO
    visibility: Visibility = Visibility.INTERNAL
    message: str | None = None
    sequence: int | None = None
    source_sequence: int = 0
    causal_rank: int = 0
    recorded_at: datetime | None = None
    actor_type: ActorType = ActorType.SOURCE
    actor: str | None = None
    subject: Ref | None = None
    change_from: str | None = None
    change_to: str | None = None
    quantity: Quantity | None = None
    money: Money | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    is_late: bool = False
    is_clock_suspect: bool = False
    duplicate_count: int = 0
    collapsed: tuple[TimelineEntry, ...] = field(default=())
