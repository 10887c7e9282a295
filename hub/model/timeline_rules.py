"""Which facts a record tells, as a table: one row per kind of timeline entry. Pure.

A row applies where its moment is known and its condition holds. The rows stand in causal order:
of entries at the same instant the later row happened later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any

from hub.model.case import ActorType, Visibility
from hub.model.correlation import correlation_id_of
from hub.model.order import Order
from hub.model.record import Record
from hub.model.timeline import Severity, TimelineCategory, TimelineEntry
from hub.model.values import Money, Quantity, Ref

SUMMARY_MAX = 140  # characters of a message shown on a timeline; the case has the rest

_C = TimelineCategory
Condition = Callable[[Record], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of entry of one noun; every name but `type` and `title` is a canonical field.

    `at` are the fields of its moment, the first one present counts; `as_of` stands last where the
    source has no moment of its own for it. `states` are the statuses it holds in, where it is no
    moment that stays: such a state may be left and reached again. `to` is the state it leads to,
    where it is a change. `subject` is the record it is about, where that is not the record itself.
    """

    noun: str
    type: str
    title: str
    category: TimelineCategory
    at: tuple[str, ...]
    states: tuple[str, ...] = ()
    when: Condition | None = None
    to: str | None = None
    severity: Severity = Severity.INFO
    visibility: Visibility | str = Visibility.INTERNAL
    message: str | None = None
    quantity: str | None = None
    money: str | None = None
    actor: str | None = None
    actor_type: ActorType | str = ActorType.SOURCE
    subject: str | None = None


def _some(counter: str) -> Condition:
    def is_positive(record: Record) -> bool:
        quantity: Quantity | None = getattr(record, counter)
        return quantity is not None and quantity.value > 0

    return is_positive


_FOR_ALL = Visibility.CUSTOMER
_STATE_SEEN = ("updated_at", "as_of")  # the source tells the state, not when it was reached

RULES: tuple[Rule, ...] = (
    Rule(noun="order", type="order.placed", title="Order placed", category=_C.ORDER,
         at=("placed_at",), to="OPEN", visibility=_FOR_ALL, money="total"),
    Rule(noun="order", type="order.held", title="Order held", category=_C.ORDER, at=_STATE_SEEN,
         states=("ON_HOLD",), to="ON_HOLD", severity=Severity.WARNING, message="hold_reason"),
    Rule(noun="order", type="order.confirmed", title="Order confirmed", category=_C.ORDER,
         at=("confirmed_at",), to="CONFIRMED", visibility=_FOR_ALL),
    Rule(noun="order_line", type="order_line.backordered", title="Line backordered",
         category=_C.WAREHOUSE, at=_STATE_SEEN, when=_some("backordered"), to="BACKORDERED",
         severity=Severity.NOTICE, visibility=_FOR_ALL, message="sku", quantity="backordered"),
    Rule(noun="order_line", type="order_line.short_picked", title="Line picked short",
         category=_C.WAREHOUSE, at=_STATE_SEEN, when=_some("shorted"), to="SHORT_PICKED",
         severity=Severity.WARNING, message="sku", quantity="shorted"),
    Rule(noun="shipment", type="shipment.created", title="Shipment created",
         category=_C.SHIPMENT, at=("created_at",), visibility=_FOR_ALL),
    Rule(noun="shipment", type="shipment.shipped", title="Shipped", category=_C.SHIPMENT,
         at=("shipped_at",), to="SHIPPED", visibility=_FOR_ALL, message="tracking_number"),
    Rule(noun="shipment", type="shipment.exception", title="Shipment exception",
         category=_C.SHIPMENT, at=_STATE_SEEN, states=("EXCEPTION",), to="EXCEPTION",
         severity=Severity.WARNING, visibility=_FOR_ALL, message="sub_status"),
    Rule(noun="shipment", type="shipment.delivered", title="Delivered", category=_C.SHIPMENT,
         at=("delivered_at",), to="DELIVERED", visibility=_FOR_ALL, message="proof_of_delivery"),
    Rule(noun="invoice", type="invoice.posted", title="Invoice posted", category=_C.FINANCE,
         at=("posted_at",), visibility=_FOR_ALL, money="total"),
    Rule(noun="order", type="order.completed", title="Order completed", category=_C.ORDER,
         at=("completed_at",), to="COMPLETED", visibility=_FOR_ALL),
    Rule(noun="order", type="order.cancelled", title="Order cancelled", category=_C.ORDER,
         at=("cancelled_at",), to="CANCELLED", severity=Severity.NOTICE, visibility=_FOR_ALL),
    Rule(noun="return", type="return.requested", title="Return requested", category=_C.RETURN,
         at=("requested_at",), to="REQUESTED", visibility=_FOR_ALL, message="reason"),
    Rule(noun="return", type="return.authorized", title="Return authorized", category=_C.RETURN,
         at=("authorized_at",), to="AUTHORIZED", visibility=_FOR_ALL),
    Rule(noun="return", type="return.declined", title="Return declined", category=_C.RETURN,
         at=("closed_at", *_STATE_SEEN), states=("DECLINED",), to="DECLINED",
         severity=Severity.NOTICE, visibility=_FOR_ALL),
    Rule(noun="return", type="return.cancelled", title="Return cancelled", category=_C.RETURN,
         at=("closed_at", *_STATE_SEEN), states=("CANCELLED",), to="CANCELLED",
         visibility=_FOR_ALL),
    Rule(noun="return", type="return.expired", title="Return expired", category=_C.RETURN,
         at=("closed_at", "expires_at", *_STATE_SEEN), states=("EXPIRED",), to="EXPIRED",
         severity=Severity.NOTICE, visibility=_FOR_ALL),
    Rule(noun="receipt", type="return.received", title="Returned goods received",
         category=_C.RETURN, at=("received_at",), visibility=_FOR_ALL, message="sku",
         quantity="quantity", actor="received_by", subject="rma"),
    Rule(noun="inspection", type="return.inspected", title="Returned goods inspected",
         category=_C.RETURN, at=("inspected_at",), visibility=_FOR_ALL, message="verdict",
         quantity="quantity", actor="inspector", subject="rma"),
    Rule(noun="disposition", type="return.dispositioned", title="Returned goods dispositioned",
         category=_C.RETURN, at=("decided_at",), message="code", quantity="quantity",
         actor="decided_by", subject="rma"),
    Rule(noun="credit_memo", type="credit.posted", title="Credit memo posted",
         category=_C.FINANCE, at=("posted_at",), to="POSTED", visibility=_FOR_ALL, money="total"),
    Rule(noun="return", type="return.closed", title="Return closed", category=_C.RETURN,
         at=("closed_at",), states=("CLOSED", "CREDITED"), to="CLOSED",
         visibility=_FOR_ALL),
    Rule(noun="case", type="case.opened", title="Case opened", category=_C.CASE,
         at=("opened_at",), to="NEW", visibility=_FOR_ALL, message="subject"),
    Rule(noun="message", type="case.message", title="Message", category=_C.CASE, at=("sent_at",),
         visibility="visibility", message="body", actor="author", actor_type="author_type",
         subject="case"),
    Rule(noun="case", type="case.solved", title="Case solved", category=_C.CASE,
         at=("resolved_at",), to="SOLVED", visibility=_FOR_ALL),
)  # fmt: skip

_RANKS = {rule.type: rank for rank, rule in enumerate(RULES)}
_BY_NOUN: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {noun: tuple(rule for rule in RULES if rule.noun == noun) for noun in {r.noun for r in RULES}}
)


def natural_key(subject: Ref, type: str) -> str:
    """The identity of a fact: whoever tells it, and however often, it is one."""
    return f"{subject.system}:{subject.noun}:{subject.key}:{type}"


def entries_of(order: Order, record: Record) -> list[TimelineEntry]:
    """Every fact the record tells of the order."""
    found = (entry_by(rule, order, record) for rule in rules_of(record.ref.noun))
    return [entry for entry in found if entry is not None]


def rules_of(noun: str) -> tuple[Rule, ...]:
    return _BY_NOUN.get(noun, ())


def entry_by(rule: Rule, order: Order, record: Record) -> TimelineEntry | None:
    """What the record tells by one rule; None where that does not apply, or has no moment yet."""
    if rule.states and status_of(record) not in rule.states:
        return None
    if rule.when is not None and not rule.when(record):
        return None
    occurred_at = _moment(order, record, rule)
    return None if occurred_at is None else _entry(order, record, rule, occurred_at)


def status_of(record: Record) -> str | None:
    """The canonical name of its `status`, where the noun has one and it is told."""
    status = getattr(record, "status", None)
    return None if status is None else str(status.value)


def rank_of(type: str) -> int:
    """The causal rank of an entry's type; 0 of one the table does not know."""
    return _RANKS.get(type, 0)


def _entry(order: Order, record: Record, rule: Rule, occurred_at: datetime) -> TimelineEntry:
    number = getattr(record, "number", None)
    quantity: Quantity | None = _field(record, rule.quantity)
    money: Money | None = _field(record, rule.money)
    subject = _field(record, rule.subject) or record.ref
    return TimelineEntry(
        natural_key=natural_key(record.ref, rule.type),
        order=order.ref,
        category=rule.category,
        type=rule.type,
        title=rule.title if number is None else f"{rule.title}: {number}",
        system=record.ref.system,
        occurred_at=occurred_at,
        observed_at=record.fetched_at,
        severity=rule.severity,
        visibility=_visibility(record, rule),
        message=_summary(_field(record, rule.message)),
        causal_rank=rank_of(rule.type),
        actor_type=_actor_type(record, rule),
        actor=_field(record, rule.actor),
        subject=subject,
        change_to=rule.to,
        quantity=quantity,
        money=money,
        correlation_id=correlation_id_of(order),
    )


def _moment(order: Order, record: Record, rule: Rule) -> datetime | None:
    for name in rule.at:
        moment: datetime | None = getattr(record, name)
        # without a time of the source `as_of` is our own reading: it would move with each read
        if name == "as_of" and moment == record.fetched_at:
            return order.updated_at or order.placed_at or moment
        if moment is not None:
            return moment
    return None


def _visibility(record: Record, rule: Rule) -> Visibility:
    if isinstance(rule.visibility, Visibility):
        return rule.visibility
    told: Visibility | None = getattr(record, rule.visibility)
    return told or Visibility.INTERNAL


def _actor_type(record: Record, rule: Rule) -> ActorType:
    if isinstance(rule.actor_type, ActorType):
        return rule.actor_type
    told: ActorType | None = getattr(record, rule.actor_type)
    return told or ActorType.SOURCE


def _field(record: Record, name: str | None) -> Any:
    return None if name is None else getattr(record, name)


def _summary(value: Any) -> str | None:
    """Text on one line, cut with an ellipsis; a coded value by its name."""
    if value is None:
        return None
    text = " ".join(str(value.value if isinstance(value, Enum) else value).split())
    return text if len(text) <= SUMMARY_MAX else text[: SUMMARY_MAX - 1].rstrip() + "…"
