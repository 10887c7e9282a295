"""The catalogue of canonical events: which there are, what they are called, when they are told.

The one table of event types. `asyncapi.py` publishes it, deliveries choose from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hub.events.envelope import EVENT_VERSION, type_name
from hub.events.event import CHANGED, COMMAND, RECORDED, STATUS_CHANGED, TIMELINE, Event
from hub.model.catalog import NOUNS
from hub.model.errors import Internal
from hub.model.record import fields_of

FACTS = frozenset({"milestone", "receipt", "inspection", "disposition", "message"})
"""Nouns whose records are facts: that one was recorded is an event of its own."""


@dataclass(frozen=True, slots=True)
class EventType:
    """One row. `axes` are the canonical fields whose change it tells, of a status_changed."""

    noun: str
    change: str
    axes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The type as the envelope has it, versioned."""
        return type_name(self.noun, self.change)

    @property
    def version(self) -> int:
        return EVENT_VERSION

    @property
    def address(self) -> str:
        """The subject, `{key}` standing for the token of system and key."""
        return f"hub.evt.{self.noun}.{{key}}.{self.change}"

    @property
    def summary(self) -> str:
        """One sentence for people."""
        if self.noun == TIMELINE:
            return "An entry was recorded on the timeline of an order."
        if self.noun == COMMAND:
            return "A command was accepted, or its status was changed."
        return _SUMMARIES[self.change].format(noun=self.noun.replace("_", " "))


_SUMMARIES = {
    CHANGED: "A record of {noun} was changed, or seen for the first time.",
    STATUS_CHANGED: "A status of a record of {noun} was changed, or seen for the first time.",
    RECORDED: "A {noun} was recorded for the first time.",
}


def status_axes(noun: str) -> tuple[str, ...]:
    """The canonical fields of a noun that hold a status, in declared order."""
    declared = fields_of(NOUNS[noun]).values()
    return tuple(
        each.name for each in declared if each.codes is not None and each.name.endswith("status")
    )


def _rows_of(noun: str) -> list[EventType]:
    rows = [EventType(noun, CHANGED)]
    if axes := status_axes(noun):
        rows.append(EventType(noun, STATUS_CHANGED, axes))
    if noun in FACTS:
        rows.append(EventType(noun, RECORDED))
    return rows


CATALOGUE: Mapping[tuple[str, str], EventType] = MappingProxyType(
    {
        (row.noun, row.change): row
        for row in (
            *(row for noun in NOUNS for row in _rows_of(noun)),
            EventType(TIMELINE, RECORDED),
            EventType(COMMAND, STATUS_CHANGED, ("status",)),
        )
    }
)
"""Every event the hub can tell, by noun and change."""


def type_of(event: Event) -> EventType:
    """The event's row; Internal where the catalogue has none."""
    row = CATALOGUE.get((event.noun, event.change))
    if row is None:
        raise Internal(f"{event.noun}.{event.change} is no event of the catalogue")
    return row
