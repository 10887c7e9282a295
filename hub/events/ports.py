"""What taking in events asks of the rest of the hub; filled where the hub is composed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.events.event import Event
from hub.events.told import Fate, Place
from hub.model.errors import OpsHubError
from hub.model.record import Record
from hub.model.values import Ref

Taken = Fate | OpsHubError
"""What became of one thing that was told: its fate, or why it could not be taken."""


class Reading(Protocol):
    async def read(self, refs: Sequence[Ref]) -> Sequence[Record | OpsHubError | None]:
        """The records as their systems have them now, aligned; never from a cache.

        None where the system does not have it.
        """
        ...


class Placing(Protocol):
    async def place(self, records: Sequence[Record]) -> Sequence[Place | OpsHubError]:
        """What each record belongs to, aligned; the error of the system that could not say it."""
        ...


class EventSink(Protocol):
    async def append_in(self, connection: AsyncConnection, events: Sequence[Event]) -> None:
        """Write the events, in this order, in the caller's transaction; each id is new.

        Called after the rows of their records and orders were locked.
        """
        ...


class Outgoing(Protocol):
    async def note_in(self, connection: AsyncConnection, events: Sequence[Event]) -> None:
        """Write what is to be told outside of these events, in the caller's transaction."""
        ...
