"""What a demo system says of its changes, and how badly: twice, late, and now and then nonsense."""

import os
import sqlite3
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import orjson

from hub.demo.database import Row
from hub.demo.life import Changed

WAITING_MAX = 10_000
"""Messages that wait to be sent; the oldest are lost when nobody takes them."""
COPIES_AFTER = (1, 6)
"""A copy or a late message follows after so many others, at least and less than, or right after
newer news of the same record."""
HELD_MAX_S = 3.0
"""Seconds after which it follows anyway, where the system is quiet."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message in the system's own words.

    `about` is the kind of record, `id_field` takes the message's own id where it has one, and
    `tells` is the field without which nobody can know what the message is about.
    """

    about: str
    body: Row
    id_field: str | None = None
    tells: str = ""


Say = Callable[[sqlite3.Connection, Changed], Message | None]


@dataclass(frozen=True, slots=True)
class Voice:
    """How a system tells of its changes; a webhook is signed where the header has a name."""

    way: Literal["nats", "webhook"]
    say: Say
    signature_header: str | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """Of all messages, how many come again, come late, and are joined by one nobody can read."""

    duplicate: float = 0.02
    late: float = 0.02
    poison: float = 0.005

    @classmethod
    def from_environment(cls) -> "Rates":
        usual = cls()
        return cls(
            duplicate=_rate("DUPLICATE", usual.duplicate),
            late=_rate("LATE", usual.late),
            poison=_rate("POISON", usual.poison),
        )


def _rate(name: str, usual: float) -> float:
    rate = float(os.environ.get(f"OPSHUB_DEMO_{name}_RATE", usual))
    if not 0 <= rate <= 1:
        raise ValueError(f"OPSHUB_DEMO_{name}_RATE is {rate}; give a share between 0 and 1")
    return rate


@dataclass(frozen=True, slots=True)
class Sending:
    """A message as it goes out: about what kind of record, and its bytes."""

    about: str
    payload: bytes


@dataclass
class _Held:
    sending: Sending
    whom: str
    others: int
    until: float


@dataclass
class Outbox:
    """Messages on their way out, in the disorder that the rates ask for.

    `said` counts what was put in, by `told`, `duplicate`, `late`, `poison` and `lost`.
    """

    voice: Voice
    rates: Rates
    dice: Random
    clock: Callable[[], float] = time.monotonic
    waiting: deque[Sending] = field(default_factory=deque)
    said: Counter[str] = field(default_factory=Counter)
    _held: list[_Held] = field(default_factory=list)

    def tell(self, connection: sqlite3.Connection, changes: Iterable[Changed]) -> None:
        """Say each change as the record is now, whenever the message may arrive."""
        for changed in changes:
            message = self.voice.say(connection, changed)
            if message is not None:
                self._tell(message, f"{changed.kind} {changed.key}")

    def settle(self) -> None:
        """Let go of what was held long enough."""
        self._release(lambda held: held.until <= self.clock())

    def _tell(self, message: Message, whom: str) -> None:
        sending = _sending(message)
        self.said["told"] += 1
        if self.dice.random() < self.rates.poison:
            self.said["poison"] += 1
            self._put(self._nonsense(message, sending))
        if self.dice.random() < self.rates.late:
            self.said["late"] += 1
            self._hold(sending, whom)
        else:
            self._put(sending)
            # older news of this record that was held follows it now
            self._release(lambda held: held.whom == whom)
        self._count()
        if self.dice.random() < self.rates.duplicate:
            self.said["duplicate"] += 1
            self._hold(sending if self.dice.random() < 0.5 else _sending(message), whom)

    def _count(self) -> None:
        """One more message has passed those that are held."""
        for held in self._held:
            held.others -= 1
        self._release(lambda held: held.others < 0)

    def _nonsense(self, message: Message, sending: Sending) -> Sending:
        """No JSON at all, or a message that does not say what it is about."""
        if self.dice.random() < 0.5:
            half = len(sending.payload) // 2
            return Sending(sending.about, sending.payload[:half])
        mute = {name: value for name, value in message.body.items() if name != message.tells}
        return _sending(Message(message.about, mute, message.id_field))

    def _hold(self, sending: Sending, whom: str) -> None:
        others = self.dice.randrange(*COPIES_AFTER)
        self._held.append(_Held(sending, whom, others, self.clock() + HELD_MAX_S))

    def _release(self, is_due: Callable[[_Held], bool]) -> None:
        due = [held for held in self._held if is_due(held)]
        self._held = [held for held in self._held if not is_due(held)]
        for held in due:
            self._put(held.sending)

    def _put(self, sending: Sending) -> None:
        if len(self.waiting) >= WAITING_MAX:
            self.waiting.popleft()
            self.said["lost"] += 1
        self.waiting.append(sending)


def _sending(message: Message) -> Sending:
    """With an id of its own each time, where messages have one."""
    ids = {message.id_field: str(uuid.uuid4())} if message.id_field else {}
    return Sending(message.about, orjson.dumps(ids | message.body))
