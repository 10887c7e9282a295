"""A timeline entry as JSON and back. Pure.

Decimals are text, instants ISO 8601 in UTC, codes their canonical names; what is absent is left
out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from hub.model.case import ActorType, Visibility
from hub.model.timeline import Severity, TimelineCategory, TimelineEntry
from hub.model.values import Money, Quantity, Ref

Json = dict[str, Any]
_Codec = tuple[Callable[[Any], Any], Callable[[Any], Any]]

_REF: _Codec = (list, lambda given: Ref(*given))
_INSTANT: _Codec = (lambda at: at.isoformat(), datetime.fromisoformat)
_CODECS: Mapping[str, _Codec] = {
    "order": _REF,
    "subject": _REF,
    "category": (lambda code: code.value, TimelineCategory),
    "severity": (lambda code: code.value, Severity),
    "visibility": (lambda code: code.value, Visibility),
    "actor_type": (lambda code: code.value, ActorType),
    "occurred_at": _INSTANT,
    "observed_at": _INSTANT,
    "recorded_at": _INSTANT,
    "quantity": (
        lambda quantity: [str(quantity.value), quantity.uom],
        lambda given: Quantity(Decimal(given[0]), given[1]),
    ),
    "money": (
        lambda money: [str(money.amount), money.currency],
        lambda given: Money(Decimal(given[0]), given[1]),
    ),
    "collapsed": (
        lambda entries: [entry_to_json(each) for each in entries],
        lambda given: tuple(entry_from_json(each) for each in given),
    ),
}
"""Fields that JSON does not hold as they are: how each is written and read."""

_NAMES = tuple(each.name for each in fields(TimelineEntry))


def entry_to_json(entry: TimelineEntry) -> Json:
    """The whole entry; `entry_from_json` gives an equal one."""
    return {
        name: _CODECS[name][0](value) if name in _CODECS else value
        for name in _NAMES
        if (value := getattr(entry, name)) is not None
    }


def entry_from_json(given: Mapping[str, Any]) -> TimelineEntry:
    """The entry; TypeError or ValueError where the JSON was not made by `entry_to_json`."""
    return TimelineEntry(
        **{
            name: _CODECS[name][1](value) if name in _CODECS else value
            for name, value in given.items()
        }
    )
