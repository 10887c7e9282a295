"""What is told of a command: its event, and the entry on its order's timeline. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from hub.commands.words import Command, CommandStatus
from hub.events.event import COMMAND, RECORDED, STATUS_CHANGED, TIMELINE, Event, StatusChange
from hub.events.making import event_id
from hub.events.outgoing import HUB
from hub.model.case import ActorType, Visibility
from hub.model.timeline import Severity, TimelineCategory, TimelineEntry
from hub.model.values import Ref

STATUS = "status"

_TITLES: Mapping[CommandStatus, tuple[str, Severity]] = {
    CommandStatus.ACCEPTED: ("{what} was accepted", Severity.INFO),
    CommandStatus.APPLIED: ("{what} was applied", Severity.NOTICE),
    CommandStatus.REJECTED: ("{what} was refused", Severity.WARNING),
    CommandStatus.FAILED: ("{what} failed; nothing was done", Severity.WARNING),
    CommandStatus.OUTCOME_UNKNOWN: ("{what}: its outcome is not known yet", Severity.WARNING),
    CommandStatus.COMPENSATED: ("{what} was undone", Severity.NOTICE),
}
"""Which changes stand on the timeline; that a command was sent is no news to people."""


def event_of_status(command: Command, before: CommandStatus | None, at: datetime) -> Event:
    """That its status has changed; the version counts the changes."""
    before_word = None if before is None else before.value
    return Event(
        id=event_id(HUB, COMMAND, command.id, str(command.version)),
        noun=COMMAND,
        change=STATUS_CHANGED,
        ref=Ref(COMMAND, HUB, command.id),
        version=command.version,
        occurred_at=at,
        recorded_at=at,
        order=command.order,
        customer=command.customer,
        business_unit=command.business_unit,
        changes=(StatusChange(STATUS, before_word, command.status.value),),
        correlation_id=command.receipt.correlation_id,
    )


def entry_of_status(command: Command, at: datetime) -> TimelineEntry | None:
    """The entry; None where it belongs to no order, or is no news."""
    told = _TITLES.get(command.status)
    if command.order is None or command.command is None or told is None:
        return None
    title, severity = told
    errors = command.receipt.user_errors
    return TimelineEntry(
        natural_key=f"{HUB}:command:{command.id}:{command.version}",
        order=command.order,
        category=TimelineCategory.COMMAND,
        type=f"command.{command.status.value.lower()}",
        title=title.format(what=command.mutation),
        system=HUB,
        occurred_at=at,
        observed_at=at,
        severity=severity,
        visibility=Visibility.INTERNAL,
        message=errors[0].message if errors else command.note,
        actor_type=ActorType.SYSTEM if command.version > 1 else ActorType.AGENT,
        actor=HUB if command.version > 1 else command.actor,
        subject=command.subject,
        correlation_id=command.receipt.correlation_id,
        causation_id=command.id,
    )


def own_entry(entry: TimelineEntry, command: Command) -> TimelineEntry:
    """An entry the wish brought along, as the command caused it."""
    return replace(entry, correlation_id=command.receipt.correlation_id, causation_id=command.id)


def event_of_entry(command: Command, entry: TimelineEntry, at: datetime) -> Event:
    """That the entry was recorded; its version is the entry's sequence."""
    assert entry.sequence is not None  # it was recorded
    return Event(
        id=event_id(*entry.order, entry.natural_key),
        noun=TIMELINE,
        change=RECORDED,
        ref=entry.order,
        version=entry.sequence,
        occurred_at=entry.occurred_at,
        recorded_at=at,
        order=entry.order,
        customer=command.customer,
        business_unit=command.business_unit,
        entry=entry,
        correlation_id=entry.correlation_id,
        causation_id=entry.causation_id,
    )
