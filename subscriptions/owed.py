"""Events that are owed to an audience: whose record it is could not be read yet.

Whoever is bound to customers or units is told nothing that may not be theirs. The event waits until
its record can be read again; cursors stay before it, so that whoever goes away meanwhile and comes
back is told it too.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

from hub.events.event import Event
from hub.model.values import Ref
from subscriptions.items import conflated

OWED_MAX = 256  # events of one audience, or of one stream that catches up
OWED_FOR_S = 600.0  # then a gap is told in its place: a record may be unreadable for ever


class Owing(NamedTuple):
    """An event, how many it stands for besides itself, since when (of the monotonic clock) it is
    owed, and the position of the first it stands for."""

    event: Event
    left_out: int
    since: float
    first: int


@dataclass(eq=False)
class Owed:
    """In a status feed the newest event of a record stands for all of them."""

    is_lossless: bool

    def __post_init__(self) -> None:
        self._all: OrderedDict[Hashable, Owing] = OrderedDict()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def before(self) -> int | None:
        """The last position before all that is owed; None where nothing is."""
        return min(each.first for each in self._all.values()) - 1 if self._all else None

    def has(self, ref: Ref) -> bool:
        return any(each.event.ref == ref for each in self._all.values())

    def owe(self, event: Event, left_out: int = 0) -> None:
        """Owe it from now on."""
        self.add(Owing(event, left_out, time.monotonic(), event.position or 0))

    def add(self, owing: Owing) -> None:
        """Go on owing it, behind or together with what is owed of its record."""
        key: Hashable = owing.event.id if self.is_lossless else owing.event.ref
        older = self._all.pop(key, None)
        self._all[key] = owing if older is None else _joined(older, owing)

    def take(self) -> list[Owing]:
        """Everything, the first that was owed first; nothing is owed any more."""
        taken, self._all = list(self._all.values()), OrderedDict()
        return taken

    def given_up(self) -> list[Event]:
        """What was owed too long, or is too much; not owed any more."""
        latest = time.monotonic() - OWED_FOR_S
        over = len(self._all) - OWED_MAX
        keys = [
            key for n, (key, each) in enumerate(self._all.items())
            if n < over or each.since <= latest
        ]  # fmt: skip
        return [self._all.pop(key).event for key in keys]


def _joined(older: Owing, newer: Owing) -> Owing:
    """Of one record, or twice the same event."""
    first, since = min(older.first, newer.first), min(older.since, newer.since)
    if newer.event.id == older.event.id or newer.event.version < older.event.version:
        return Owing(older.event, older.left_out, since, first)
    event = conflated(older.event, newer.event)
    return Owing(event, older.left_out + newer.left_out + 1, since, first)
