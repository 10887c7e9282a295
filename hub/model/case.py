"""Service cases and their messages. The CRM is the system of record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated, ClassVar

from hub.model.record import Record, To
from hub.model.values import Ref


class CaseStatus(Enum):
    NEW = "NEW"
    OPEN = "OPEN"
    PENDING_CUSTOMER = "PENDING_CUSTOMER"
    ON_HOLD = "ON_HOLD"
    SOLVED = "SOLVED"
    CLOSED = "CLOSED"


class CasePriority(Enum):
    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


class Visibility(Enum):
    """Who may read it. A customer sees CUSTOMER only, a partner PARTNER only."""

    INTERNAL = "INTERNAL"
    CUSTOMER = "CUSTOMER"
    PARTNER = "PARTNER"


class ActorType(Enum):
    AGENT = "AGENT"
    CUSTOMER = "CUSTOMER"
    SYSTEM = "SYSTEM"
    SOURCE = "SOURCE"
    POLICY = "POLICY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Record):
    """A message of a case. Without a mapped visibility it is internal."""

    NOUN: ClassVar[str] = "message"

    case: Annotated[Ref | None, To("case")] = None
    number: str | None = None
    author: str | None = None
    author_type: ActorType | None = None
    visibility: Visibility | None = None
    channel: str | None = None
    body: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Record):
    """A service case; it may concern an order, a return, a customer, or several of them."""

    NOUN: ClassVar[str] = "case"

    number: str | None = None
    subject: str | None = None
    type: str | None = None
    priority: CasePriority | None = None
    status: CaseStatus | None = None
    queue: str | None = None
    assignee: str | None = None
    order: Annotated[Ref | None, To("order")] = None
    rma: Annotated[Ref | None, To("return")] = None
    customer: Annotated[Ref | None, To("customer")] = None
    opened_at: datetime | None = None
    first_response_at: datetime | None = None
    resolved_at: datetime | None = None
    due_at: datetime | None = None
    updated_at: datetime | None = None
    messages: tuple[Message, ...] | None = None
