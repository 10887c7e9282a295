"""What a change of a command leaves behind, in its transaction: timeline, events, audit.

The locks are taken in this order by all: aggregate, order, audit chain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.commands.telling import entry_of_status, event_of_entry, event_of_status, own_entry
from hub.commands.words import Command, CommandStatus
from hub.events.event import Event
from hub.events.outgoing import HUB
from hub.events.ports import EventSink
from hub.model.timeline import TimelineEntry
from hub.store import audit
from hub.store.engine import Store
from hub.store.timeline_entries import TimelineEntries

ENDED = "command.ended"
"""The audited act of a command whose outcome is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Where changes are written. `now` is the wall clock, aware."""

    store: Store
    events: EventSink
    timeline: TimelineEntries
    now: Callable[[], datetime]

    async def tell_in(
        self,
        connection: AsyncConnection,
        command: Command,
        *,
        before: CommandStatus | None,
        entries: Sequence[TimelineEntry] = (),
    ) -> list[Event]:
        """Write that the status has changed, and the command's own entries; what was written."""
        at = self.now()
        about = entry_of_status(command, at)
        told = [own_entry(each, command) for each in entries]
        told += [] if about is None else [about]
        stored = await self.timeline.record_in(connection, told) if told else []
        events = [
            event_of_status(command, before, at),
            *(event_of_entry(command, each, at) for each in stored if not each.duplicate_count),
        ]
        await self.events.append_in(connection, events)
        return events

    async def audit_wish_in(
        self, connection: AsyncConnection, command: Command, *, payload_hash: str
    ) -> None:
        """Who wanted what, under which key."""
        await audit.append(
            connection,
            self.store,
            audit.AuditEntry(
                at=self.now(),
                actor=command.actor,
                action=f"command.{command.mutation}",
                subject=subject_of(command),
                before=None,
                after=_outcome(command) | {"payload": command.payload},
                reason=command.note,
                correlation_id=command.receipt.correlation_id,
                idempotency_key=command.key,
                request=payload_hash,
            ),
        )

    async def audit_end_in(
        self, connection: AsyncConnection, command: Command, *, before: CommandStatus
    ) -> None:
        """What became of it."""
        await self.audit_act_in(connection, command, before=before, actor=HUB, reason=None)

    async def audit_act_in(
        self,
        connection: AsyncConnection,
        command: Command,
        *,
        before: CommandStatus,
        actor: str,
        reason: str | None,
    ) -> None:
        """What the hub made of a command, or a person, who also lets it be tried again."""
        ended = command.status.is_final
        await audit.append(
            connection,
            self.store,
            audit.AuditEntry(
                at=self.now(),
                actor=actor,
                action=ENDED if ended else "command.retry",
                subject=subject_of(command),
                before={"status": before.value},
                after=_outcome(command),
                reason=reason,
                correlation_id=command.receipt.correlation_id,
            ),
        )


def subject_of(command: Command) -> str:
    """What an audit entry of a command is about."""
    return f"command/{command.id}"


def _outcome(command: Command) -> dict[str, object]:
    return {
        "commandId": command.id,
        "status": command.status.value,
        "errors": [[each.code, each.message] for each in command.receipt.user_errors],
        "result": dict(command.receipt.result),
    }
