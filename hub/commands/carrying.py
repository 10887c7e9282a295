"""One claimed command, carried out. It waits for nothing but its ports, so it can be simulated.

Before a command is sent that is written; whoever finds that written and no outcome looks it up.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hub.commands import decisions
from hub.commands.steps import Claims, Move, Step, Task
from hub.events.commanding import Commanding, Terms
from hub.model.errors import StoreUnavailable
from hub.observe import crash_points
from hub.observe.correlation import correlated

BUSY_MARGIN_S = 5.0  # beyond the longest a command takes: to write its outcome
SETTLE_PAUSES_S = (0.1, 0.4, 1.0, 2.0)  # an outcome that is known is worth writing again
SAFE_PART = 0.75  # of our time: later nothing is sent, another may have claimed it

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Time and chance, given from outside. `monotonic` in seconds; `sleep` for so many."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    jitter: decisions.Jitter


class Carrier:
    """Carries out claimed commands, one at a time each."""

    def __init__(self, claims: Claims, commanding: Commanding, means: Means) -> None:
        self._claims, self._commanding, self._means = claims, commanding, means

    async def carry_out(self, task: Task) -> None:
        """Look it up where it may have been done, send it where it was not; write the outcome."""
        with correlated(task.correlation_id):
            terms = self._commanding.terms(task.command)
            if terms is None:
                await self._settle(task, decisions.without_terms(task))
                return
            move = await self._sought(task, terms)
            if move is None:
                move = await self._sent(task, terms)
            if move is not None:
                await self._settle(task, move)

    async def _sought(self, task: Task, terms: Terms) -> Move | None:
        """None where it is to be sent."""
        if task.step is Step.SEND:
            return None
        if terms.settles_within_s is None:
            return decisions.without_look_up(task)
        found = await self._commanding.find(task.command, task.values, reference=task.id)
        return decisions.after_looking(task, found, terms, jitter=self._means.jitter)

    async def _sent(self, task: Task, terms: Terms) -> Move | None:
        """None where it is not ours any longer."""
        busy_s = 2 * terms.deadline_s + BUSY_MARGIN_S  # a refusal is looked up, which is a call
        settles_s = busy_s + (terms.settles_within_s or 0.0)
        asked_at = self._means.monotonic()
        if not await self._claims.begin(task, busy_s=busy_s, settles_in_s=settles_s):
            return None
        crash_points.reach("begun")
        if self._means.monotonic() - asked_at > BUSY_MARGIN_S * SAFE_PART:
            _log.warning("command %s was begun too long ago to be sent; it is looked up", task.id)
            return None
        crash_points.reach_during_call()
        outcome = await self._commanding.execute(task.command, task.values, reference=task.id)
        crash_points.reach("answered")
        return decisions.after_sending(task, outcome, terms, jitter=self._means.jitter)

    async def _settle(self, task: Task, move: Move) -> None:
        """Write the move. Where that fails for good it is looked up later, by whoever claims it."""
        for pause_s in SETTLE_PAUSES_S:
            try:
                if not await self._claims.settle(task, move):
                    _log.warning(
                        "command %s was claimed by another; our outcome is dropped", task.id
                    )
                return
            except StoreUnavailable as error:
                _log.warning("the outcome of command %s waits for the database: %s", task.id, error)
                await self._means.sleep(pause_s)
