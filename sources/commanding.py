"""Declared commands of all systems, carried out: bounded in time and number, their outcome told.

A refusal is looked up where it can be: a system that refuses a reference it has already seen has
done it. Implements `hub.events.commanding.Commanding`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from hub.config.command_specs import CommandSpec
from hub.config.specs import Limits, SystemsFile, SystemSpec
from hub.events.commanding import Applied, NotSent, Outcome, Refused, Sought, Terms, Unknown, Values
from hub.model.errors import (
    NotServed,
    OpsHubError,
    SourceBusy,
    SourceError,
    SourceTimeout,
    SourceUnavailable,
)
from hub.observe.metrics import observe_source_call
from sources.breaker import Breaker, Monotonic, TokenBucket
from sources.commanding_values import REFERENCE

QUEUED_MAX = 256  # commands that wait for a place of one system; more are not sent

Answer = TypeVar("Answer")
_log = logging.getLogger(__name__)


class Sender(Protocol):
    """One command over one connection, unbounded in time."""

    async def send(self, values: Values) -> Outcome: ...

    async def find(self, values: Values) -> Sought: ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class _Gate:
    """The limits of one system, for its commands: the same numbers as its reads have."""

    system: str
    limits: Limits
    places: asyncio.Semaphore
    breaker: Breaker
    bucket: TokenBucket | None
    waiting: int = 0

    def refusal(self) -> SourceError | None:
        """Why nothing may be sent now."""
        if self.waiting >= QUEUED_MAX:
            return SourceBusy(self.system, f"{QUEUED_MAX} commands are waiting for it already")
        if not self.breaker.lets_through():
            return SourceUnavailable(self.system, "it failed repeatedly; sent again in a while")
        wait_s = 0.0 if self.bucket is None else self.bucket.take()
        if wait_s:
            return SourceBusy(self.system, "its quota is used up", retry_after_s=wait_s)
        return None

    def account(self, answer: object) -> None:
        error = answer.error if isinstance(answer, Unknown | NotSent) else answer
        if isinstance(error, SourceUnavailable | SourceTimeout):
            self.breaker.failed()
        else:
            self.breaker.succeeded()


class Commander:
    """All declared commands of a systems file, by `system.command`. Opened when first used."""

    def __init__(self, file: SystemsFile, *, clock: Monotonic = time.monotonic) -> None:
        self._file, self._clock = file, clock
        self._senders: dict[str, Sender] = {}
        self._gates: dict[str, _Gate] = {}

    async def close(self) -> None:
        for sender in self._senders.values():
            await sender.close()

    def terms(self, command: str) -> Terms | None:
        declared = self._declared(command)
        if declared is None:
            return None
        system, spec = declared
        find = spec.find
        return Terms(
            deadline_s=system.limits.timeout_s,
            settles_within_s=None if find is None else find.settles_within_s,
            is_reference_unique=find is not None and find.reference_unique,
        )

    async def execute(self, command: str, values: Values, *, reference: str) -> Outcome:
        """Send it once. A deadline that passes leaves the outcome unknown."""
        declared = self._declared(command)
        if declared is None:
            return NotSent(NotServed(f"command {command}"))
        system, spec = declared
        gate = self._gate(system)
        if (refusal := gate.refusal()) is not None:
            return NotSent(refusal)
        given = {**values, REFERENCE: reference}
        try:
            sender = self._sender(command, system, spec)
        except OpsHubError as error:
            return NotSent(error)
        outcome = await self._bounded(gate, spec.name, lambda: sender.send(given))
        if isinstance(outcome, Refused) and spec.find is not None:
            return await self._unless_done(gate, sender, given, outcome)
        return outcome

    async def find(self, command: str, values: Values, *, reference: str) -> Sought:
        """Look the effect up. The error where the system did not say."""
        declared = self._declared(command)
        if declared is None or declared[1].find is None:
            return NotServed(f"find of command {command}")
        system, spec = declared
        gate = self._gate(system)
        if (refusal := gate.refusal()) is not None:
            return refusal
        try:
            sender = self._sender(command, system, spec)
        except OpsHubError as error:
            return error
        return await self._sought(gate, sender, {**values, REFERENCE: reference})

    async def _unless_done(
        self, gate: _Gate, sender: Sender, values: Values, refused: Refused
    ) -> Outcome:
        """The refusal, unless an effect with our reference is there already."""
        found = await self._sought(gate, sender, values)
        if isinstance(found, Applied):
            return found
        return Unknown(found) if isinstance(found, OpsHubError) else refused

    async def _sought(self, gate: _Gate, sender: Sender, values: Values) -> Sought:
        found = await self._bounded(gate, "find", lambda: sender.find(values))
        if isinstance(found, NotSent | Unknown):  # a look-up has no effect that could be unknown
            return found.error
        assert not isinstance(found, Refused)  # a look-up is never refused as data
        return found

    async def _bounded(
        self, gate: _Gate, operation: str, call: Callable[[], Awaitable[Answer]]
    ) -> Answer | NotSent | Unknown:
        """The call in a place of its system, within its deadline; the wait counts."""
        began = self._clock()
        answer: Answer | NotSent | Unknown
        is_queued = True
        gate.waiting += 1
        try:
            async with asyncio.timeout(gate.limits.timeout_s), gate.places:
                is_queued = False
                gate.waiting -= 1
                answer = await call()
        except TimeoutError:
            within = f"within {gate.limits.timeout_s:g} s"
            if is_queued:
                answer = NotSent(SourceBusy(gate.system, f"no place was free {within}"))
            else:
                answer = Unknown(SourceTimeout(gate.system, f"it did not answer {within}"))
        finally:
            gate.waiting -= is_queued
        gate.account(answer)
        self._tell(gate.system, operation, answer, self._clock() - began)
        return answer

    def _tell(self, system: str, operation: str, answer: object, seconds: float) -> None:
        failed = answer.error if isinstance(answer, NotSent | Unknown) else answer
        outcome = failed.code if isinstance(failed, OpsHubError) else "ok"
        observe_source_call(system, f"command.{operation}", outcome, seconds)
        if isinstance(failed, OpsHubError):
            seen = {"system": system, "code": failed.code, "operation": operation}
            _log.warning("%s", failed, extra=seen)

    def _declared(self, command: str) -> tuple[SystemSpec, CommandSpec] | None:
        name, _, word = command.partition(".")
        system = self._file.systems.get(name)
        spec = None if system is None else system.commands.get(word)
        return None if system is None or spec is None else (system, spec)

    def _sender(self, command: str, system: SystemSpec, spec: CommandSpec) -> Sender:
        if command not in self._senders:
            self._senders[command] = _opened(over(system, spec), spec)
        return self._senders[command]

    def _gate(self, system: SystemSpec) -> _Gate:
        if system.name not in self._gates:
            limits, quota = system.limits, system.limits.quota
            self._gates[system.name] = _Gate(
                system.name, limits, asyncio.Semaphore(limits.in_flight),
                Breaker(clock=self._clock),
                None if quota is None else TokenBucket(quota.calls, quota.per_s, clock=self._clock),
            )  # fmt: skip
        return self._gates[system.name]


def over(system: SystemSpec, command: CommandSpec) -> SystemSpec:
    """The connection the command goes over: the system's own, or the one it declares."""
    if command.over is None:
        return system
    further = command.over
    changed = {"kind": further.kind, "url": further.url, "auth": further.auth}
    return system.model_copy(update=changed)


def _opened(system: SystemSpec, command: CommandSpec) -> Sender:
    if command.sql is not None:
        from sources.commanding_sql import SqlCommand  # importing sqlalchemy costs 0.7 s

        return SqlCommand(system, command)
    from sources.commanding_rest import RestCommand

    return RestCommand(system, command)
