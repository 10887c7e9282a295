"""Facts that only events can tell: a state that was reached, left, or altered. Pure.

A source shows the state it is in; what it went through is told as it happens. Each row is a rule
of `timeline_rules` with the change it stands for. A state that is left and reached again is a fact
of its own: it has the version of the record in its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple

from hub.model.case import Visibility
from hub.model.catalog import NOUNS
from hub.model.order import Order
from hub.model.record import Record, fields_of
from hub.model.timeline import Severity, TimelineCategory, TimelineEntry
from hub.model.timeline_rules import Rule, entry_by, rank_of, rules_of

_C = TimelineCategory
_FOR_ALL = Visibility.CUSTOMER
_STATE_SEEN = ("updated_at", "as_of")

Statuses = Mapping[str, str]
"""A record's statuses by canonical field, and under `@name` what is watched of it, as a hash."""

WATCHED: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "order": {
            "@terms": (
                "po_number", "priority", "requested_delivery_on", "currency", "total", "freight",
                "ship_to_name", "ship_to_street", "ship_to_city", "ship_to_postal_code",
                "ship_to_country",
            )
        },
        "case": {"@assignee": ("assignee",)},
    }
)  # fmt: skip
"""By noun the parts of a record whose change is a fact, and the fields each is made of."""


class Fact(NamedTuple):
    """An entry a told record gives. `again_key` is its key where the entry is known already and
    its state was reached again; None where it can be told once only. `late_after` is the key of a
    fact after which it came late."""

    entry: TimelineEntry
    again_key: str | None = None
    late_after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row. `rule.states` are the statuses it leads to, `after` those it leaves.

    Without `after` it is told of a record seen first in such a state too. `watched` is the part
    whose change it is. `beside` is the type it stands with in the causal order.
    """

    rule: Rule
    beside: str
    after: tuple[str, ...] = ()
    watched: str | None = None


def _reached(
    type: str, title: str, status: str, *, beside: str, category: TimelineCategory,
    **further: Any,
) -> Transition:  # fmt: skip
    noun = "return" if type.startswith("return.") else type.partition(".")[0]
    noun = {"credit": "credit_memo"}.get(noun, noun)
    rule = Rule(noun=noun, type=type, title=title, category=category, at=_STATE_SEEN,
                states=(status,), to=status, **further)  # fmt: skip
    return Transition(rule=rule, beside=beside)


def _line(step: str, title: str, counter: str, *, beside: str) -> Transition:
    return _reached(f"order_line.{step.lower()}", title, step, beside=beside,
                    category=_C.WAREHOUSE, message="sku", quantity=counter)  # fmt: skip


def _shipment(status: str, title: str, *, severity: Severity = Severity.INFO) -> Transition:
    """The natural key is that of the carrier's scan: whoever tells it first."""
    return _reached(f"shipment.{status.lower()}", title, status, beside="shipment.shipped",
                    category=_C.SHIPMENT, severity=severity, visibility=_FOR_ALL)  # fmt: skip


TRANSITIONS: tuple[Transition, ...] = (
    Transition(
        rule=Rule(noun="order", type="order.changed", title="Order changed", category=_C.ORDER,
                  at=_STATE_SEEN, visibility=_FOR_ALL, money="total"),
        watched="@terms", beside="order.confirmed",
    ),
    Transition(
        rule=Rule(noun="order", type="order.hold_released", title="Hold released",
                  category=_C.ORDER, at=_STATE_SEEN,
                  states=("OPEN", "CONFIRMED", "IN_FULFILLMENT", "COMPLETED")),
        after=("ON_HOLD",), beside="order.held",
    ),
    _line("ALLOCATED", "Line allocated", "allocated", beside="order.confirmed"),
    _line("RELEASED", "Line released to the warehouse", "ordered", beside="order.confirmed"),
    _line("PICKED", "Line picked", "picked", beside="order_line.short_picked"),
    _line("SUBSTITUTED", "Line substituted", "ordered", beside="order_line.short_picked"),
    _line("PACKED", "Line packed", "packed", beside="order_line.short_picked"),
    _shipment("PICKED_UP", "Picked up"),
    _shipment("IN_TRANSIT", "In transit"),
    _shipment("DELAYED", "Delayed", severity=Severity.NOTICE),
    _shipment("OUT_FOR_DELIVERY", "Out for delivery"),
    _shipment("DELIVERY_ATTEMPTED", "Delivery attempted", severity=Severity.NOTICE),
    _shipment("AVAILABLE_FOR_PICKUP", "Available for pickup"),
    _shipment("RETURN_TO_SENDER", "Return to sender", severity=Severity.WARNING),
    _reached("invoice.disputed", "Invoice disputed", "DISPUTED", beside="invoice.posted",
             category=_C.FINANCE, severity=Severity.WARNING, money="total"),
    _reached("invoice.paid", "Invoice paid", "PAID", beside="invoice.posted",
             category=_C.FINANCE, visibility=_FOR_ALL, money="total"),
    _reached("return.in_review", "Return in review", "PENDING_REVIEW", beside="return.requested",
             category=_C.RETURN),
    _reached("return.in_transit", "Return in transit", "IN_TRANSIT", beside="return.authorized",
             category=_C.RETURN, visibility=_FOR_ALL),
    _reached("credit.requested", "Credit waits for approval", "PENDING_APPROVAL",
             beside="return.dispositioned", category=_C.FINANCE, money="total"),
    _reached("credit.approved", "Credit approved", "APPROVED", beside="return.dispositioned",
             category=_C.FINANCE, money="total"),
    _reached("credit.rejected", "Credit rejected", "REJECTED", beside="return.dispositioned",
             category=_C.FINANCE, severity=Severity.NOTICE, money="total"),
    _reached("credit.reversed", "Credit memo reversed", "REVERSED", beside="credit.posted",
             category=_C.FINANCE, severity=Severity.WARNING, visibility=_FOR_ALL, money="total"),
    Transition(
        rule=Rule(noun="case", type="case.assigned", title="Case assigned", category=_C.CASE,
                  at=_STATE_SEEN, message="assignee"),
        watched="@assignee", beside="case.opened",
    ),
    _reached("case.pending_customer", "Case waits for the customer", "PENDING_CUSTOMER",
             beside="case.message", category=_C.CASE, visibility=_FOR_ALL),
    _reached("case.on_hold", "Case on hold", "ON_HOLD", beside="case.message", category=_C.CASE),
    _reached("case.closed", "Case closed", "CLOSED", beside="case.solved", category=_C.CASE,
             visibility=_FOR_ALL),
    Transition(
        rule=Rule(noun="case", type="case.reopened", title="Case reopened", category=_C.CASE,
                  at=_STATE_SEEN, visibility=_FOR_ALL, severity=Severity.NOTICE,
                  states=("NEW", "OPEN", "PENDING_CUSTOMER", "ON_HOLD")),
        after=("SOLVED", "CLOSED"), beside="case.solved",
    ),
)  # fmt: skip


STATUSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        noun: tuple(
            name
            for name, field in fields_of(of).items()
            if field.kind == "coded" and name.endswith("status")
        )
        for noun, of in NOUNS.items()
    }
)
"""By noun the fields that are statuses: those whose change is the news of an event."""

_OF_NOUN: Mapping[str, tuple[Transition, ...]] = MappingProxyType(
    {noun: tuple(row for row in TRANSITIONS if row.rule.noun == noun) for noun in NOUNS}
)


def statuses_of(record: Record) -> dict[str, str]:
    """Its statuses by canonical field, and a hash of each part that is watched."""
    names = STATUSES[record.ref.noun]
    codes = ((name, getattr(record, name)) for name in names)
    statuses = {name: str(code.value) for name, code in codes if code is not None}
    for name, fields in WATCHED.get(record.ref.noun, {}).items():
        said = repr([getattr(record, field) for field in fields])
        statuses[name] = sha256(said.encode()).hexdigest()[:8]
    return statuses


def facts_of(order: Order, record: Record, *, before: Statuses | None, version: int) -> list[Fact]:
    """Every fact the told record gives. `before` is what was told of it last; None where nothing
    was, or where the record is older than that."""
    after = statuses_of(record)
    moments = [
        Fact(entry, _again(entry, version) if _is_back(rule, before) else None)
        for rule in rules_of(record.ref.noun)
        if (entry := entry_by(rule, order, record)) is not None
    ]
    turns = [
        Fact(told, _again(told, version))
        for row in _OF_NOUN[record.ref.noun]
        if _applies(row, before, after)
        if (entry := entry_by(row.rule, order, record)) is not None
        if (told := replace(entry, causal_rank=rank_of(row.beside)))
    ]
    return [_from(fact, before, after) for fact in (*moments, *turns)]


def base_key(natural_key: str) -> str:
    """The key of the fact without the version of a state that was reached again."""
    base, at, version = natural_key.rpartition("@")
    return base if at and version.isdigit() else natural_key


def turn_of(natural_key: str) -> int:
    """Orders the keys of one fact: -1 for the first time its state was told, then by version."""
    again = natural_key.removeprefix(base_key(natural_key))
    return int(again[1:]) if again else -1


def _is_back(rule: Rule, before: Statuses | None) -> bool:
    """Whether a state that may be left was not held before."""
    return bool(rule.states) and before is not None and before.get("status") not in rule.states


def _applies(row: Transition, before: Statuses | None, after: Statuses) -> bool:
    if row.watched is not None:
        was = None if before is None else before.get(row.watched)
        return was is not None and was != after.get(row.watched)
    if row.after:
        return before is not None and before.get("status") in row.after
    return before is None or before.get("status") != after.get("status")


def _again(entry: TimelineEntry, version: int) -> str:
    return f"{entry.natural_key}@{version}"


def _from(fact: Fact, before: Statuses | None, after: Statuses) -> Fact:
    """The state it came from, where this very change is the fact."""
    was = None if before is None else before.get("status")
    if was is None or fact.entry.change_to is None or was == after.get("status"):
        return fact
    if fact.entry.change_to != after.get("status"):
        return fact
    return fact._replace(entry=replace(fact.entry, change_from=was))
