"""A system that can be told to do things, and the command path over a store, for tests.

`Doing` keeps its effects by reference and fails as it is told to, once for each word.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from time import monotonic
from typing import Any

from hub.commands.carrying import Carrier, Means
from hub.commands.claim_rows import LEASE_S, SqlClaims
from hub.commands.dispatching import Dispatcher
from hub.commands.ledger import Ledger
from hub.commands.recording import Recording
from hub.commands.words import Wish
from hub.events.commanding import (
    Applied,
    NotFound,
    NotSent,
    Outcome,
    Refused,
    Sought,
    Terms,
    Unknown,
    Values,
)
from hub.events.event import Event
from hub.events.log import EventLog
from hub.model.errors import SourceTimeout, SourceUnavailable
from hub.model.values import Ref
from hub.store.engine import Store
from hub.store.timeline_entries import TimelineEntries

ERP = "erp"
ORDER = Ref("order", ERP, "4711")
CREDIT = "erp.credit"


def now() -> datetime:
    return datetime.now(UTC)


def wish(key: str = "k1", **changed: Any) -> Wish:
    """A credit of 10.50 for the order 4711."""
    return Wish(
        **{
            "actor": "agent-1",
            "mutation": "issueCredit",
            "key": key,
            "payload": {"amount": "10.50", "currency": "EUR"},
            "aggregate": "order/erp/4711",
            "command": CREDIT,
            "values": {"amount": Decimal("10.50"), "order.key": "4711", "lines": ["1", None]},
            "subject": ORDER,
            "order": ORDER,
            "correlation_id": "corr-4711",
        }
        | changed
    )


@dataclass
class Doing:
    """Implements `Commanding`. `words` say what happens to the next calls, in order; then all well.

    down: not sent. refuse. lost: done, and the answer lost. never: not done, no answer. late: done
    `settles_s` after the call ended without an answer. hang: done, then it does not come back.
    find-fails: the next look-up fails.
    """

    settles_s: float | None = 0.3
    is_reference_unique: bool = True
    words: list[str] = field(default_factory=list)
    effects: Counter[str] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    finds: int = 0
    at_once: int = 0
    at_once_max: int = 0
    pause_s: float = 0.0
    late: list[tuple[float, str]] = field(default_factory=list)

    def terms(self, command: str) -> Terms | None:
        if command.endswith(".gone"):
            return None
        return Terms(0.5, self.settles_s, self.is_reference_unique)

    async def execute(self, command: str, values: Values, *, reference: str) -> Outcome:
        self.calls.append(reference)
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        try:
            await asyncio.sleep(self.pause_s)
            return await self._answer(reference)
        finally:
            self.at_once -= 1

    async def _answer(self, reference: str) -> Outcome:
        word = self.words.pop(0) if self.words else "well"
        match word:
            case "down":
                return NotSent(SourceUnavailable(ERP, "refused"))
            case "refuse":
                return Refused("the period is closed")
            case "never":
                return Unknown(SourceTimeout(ERP, "no answer"))
            case "late":
                self.late.append((monotonic() + (self.settles_s or 0.0) * 0.8, reference))
                return Unknown(SourceTimeout(ERP, "no answer"))
        self._do(reference)
        if word == "hang":
            await asyncio.Event().wait()
        if word == "lost":
            return Unknown(SourceTimeout(ERP, "no answer"))
        return Applied({"number": f"CM-{len(self.order)}", "absent": None})

    async def find(self, command: str, values: Values, *, reference: str) -> Sought:
        self.finds += 1
        await asyncio.sleep(0)
        if self.words and self.words[0] == "find-fails":
            self.words.pop(0)
            return SourceUnavailable(ERP, "refused")
        for at, late in list(self.late):
            if at <= monotonic():
                self.late.remove((at, late))
                self._do(late)
        if self.effects[reference]:
            return Applied({"number": f"CM-{self.order.index(reference) + 1}"})
        return NotFound()

    async def has_effects(self) -> bool:
        return bool(self.effects)

    def _do(self, reference: str) -> None:
        if self.is_reference_unique and self.effects[reference]:
            return
        self.effects[reference] += 1
        self.order.append(reference)


@dataclass
class Path:
    """The command path of one process over a store. `told` are the events after commits."""

    store: Store
    doing: Any
    lease_s: float = LEASE_S
    holder: str = "one"
    told: list[Event] = field(default_factory=list)
    claims: SqlClaims = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        recording = Recording(
            store=self.store,
            events=EventLog(self.store, now),
            timeline=TimelineEntries(self.store, now=now),
            now=now,
        )
        self.claims = SqlClaims(recording, holder=self.holder, told=self.hear, lease_s=self.lease_s)
        means = Means(monotonic=monotonic, sleep=asyncio.sleep, jitter=random.uniform)
        self.carrier = Carrier(self.claims, self.doing, means)
        self.dispatcher = Dispatcher(self.claims, self.carrier)
        self.ledger = Ledger(recording, accepted=self.hear)

    def hear(self, events: Sequence[Event]) -> None:
        self.told += events
        self.ledger.hear(events)
        self.dispatcher.wake()


async def until(holds: Callable[[], Awaitable[bool]], *, within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110 - a condition of a database has no event
            await asyncio.sleep(0.02)
