"""The events an audience has not been told yet.

In a status feed a newer event of a record takes the place of the older one; the number of those
left out goes with it. In a lossless feed all wait; there are too many where `add` says so.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from hub.events.event import Event
from hub.model.values import Ref
from subscriptions.items import conflated

EVENTS_WAITING_MAX = 4_096  # events of one audience: seconds of what a busy hub takes in


class Waiter(NamedTuple):
    event: Event
    left_out: int


@dataclass(slots=True)
class EventsWaiting:
    is_lossless: bool
    _all: deque[Waiter] = field(default_factory=deque)
    _newest: dict[Ref, Waiter] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._all) + len(self._newest)

    def add(self, event: Event) -> bool:
        """False where more wait than may; the event is kept nevertheless."""
        if self.is_lossless:
            self._all.append(Waiter(event, 0))
        else:
            older = self._newest.pop(event.ref, None)
            if older is None:
                self._newest[event.ref] = Waiter(event, 0)
            else:
                joined = conflated(older.event, event)
                self._newest[event.ref] = Waiter(joined, older.left_out + 1)
        return len(self) <= EVENTS_WAITING_MAX

    def take(self) -> Waiter | None:
        """The one that waits longest."""
        if self._all:
            return self._all.popleft()
        if self._newest:
            return self._newest.pop(next(iter(self._newest)))
        return None

    def clear(self) -> None:
        self._all.clear()
        self._newest.clear()
