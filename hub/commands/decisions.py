"""What follows from an outcome. Pure: the one place that decides whether something is sent again.

It is sent again only where it surely was not done: the system said so, or the look-up after
`settles_within` finds nothing and the system keeps references unique. Else a person decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hub.commands.steps import Move, Step, Task
from hub.commands.words import (
    NOT_SUPPORTED,
    OUTCOME_UNKNOWN,
    SOURCE_REJECTED,
    CommandStatus,
    UserError,
)
from hub.events.commanding import (
    Applied,
    NotSent,
    Outcome,
    Refused,
    Sought,
    Terms,
    Unknown,
)
from hub.model.errors import OpsHubError, SourceBusy

PAUSE_FIRST_S = 0.5  # before the first repetition; each further is twice as long
PAUSE_MAX_S = 30.0
JITTER = 0.2  # of a pause, so that what failed together does not come back together
TRIES_MAX = 3_000  # sent so often while a system is away: about a day
RETRY_AFTER_MAX_S = 60.0  # a system's own wish is followed so far
PERSON_LOOK_S = 300.0  # between look-ups of what waits for a person
RESULT_TEXT_MAX = 1_000  # characters of a result kept

Jitter = Callable[[float, float], float]
"""A number between two: `random.uniform`."""


def after_sending(task: Task, outcome: Outcome, terms: Terms, *, jitter: Jitter) -> Move:
    """What follows from a call that ended; `task.is_doubtful` is from before it was sent."""
    match outcome:
        case Applied(result):
            return done(result)
        case Refused(message):
            return _refused(task, message, terms)
        case NotSent(error):
            return _not_sent(task, error, terms, jitter)
        case Unknown(error):
            return _unknown(task, error, terms, jitter)


def after_looking(task: Task, sought: Sought, terms: Terms, *, jitter: Jitter) -> Move | None:
    """What follows from a look-up; None where it is to be sent now."""
    if isinstance(sought, Applied):
        return done(sought.result)
    if isinstance(sought, OpsHubError):
        return _look_again(task, _pause_s(task.looks, jitter))
    if task.settles_in_s > 0:
        return _look_again(task, min(_pause_s(task.looks, jitter), task.settles_in_s))
    if task.step is Step.REFUSED:
        return Move(status=CommandStatus.REJECTED, step=Step.END, errors=task.errors)
    if task.step is Step.ASKED:
        return None
    if task.step is Step.SEEK and terms.is_reference_unique and task.attempts < TRIES_MAX:
        return None
    return to_person(task, PERSON_LOOK_S)


def without_look_up(task: Task) -> Move | None:
    """What follows where nothing can be looked up; None where it is to be sent now."""
    return None if task.step in (Step.SEND, Step.ASKED) else to_person(task, None)


def without_terms(task: Task) -> Move:
    """The file in force declares the command no longer; it may come back."""
    if task.is_doubtful or task.step is not Step.SEND:
        return to_person(task, PERSON_LOOK_S)
    missing = f"the systems file declares no command {task.command}"
    return _failed(UserError(code=NOT_SUPPORTED, message=missing, system=task.system))


def to_person(task: Task, later_s: float | None, *, error: UserError | None = None) -> Move:
    """It may have been done and is not sent again by itself; `error` is the newest news of it."""
    known = task.errors if error is None else (error,)
    return Move(
        status=CommandStatus.OUTCOME_UNKNOWN,
        step=Step.PERSON,
        later_s=later_s,
        is_doubtful=True,
        looks=task.looks + 1,
        errors=known or (_in_doubt(task, "its effect cannot be looked up"),),
    )


def done(result: Mapping[str, Any]) -> Move:
    """It was done; the result is kept as text, what is absent left out."""
    texts = {name: str(each)[:RESULT_TEXT_MAX] for name, each in result.items() if each is not None}
    return Move(status=CommandStatus.APPLIED, step=Step.END, result=texts)


def _refused(task: Task, message: str, terms: Terms) -> Move:
    error = UserError(code=SOURCE_REJECTED, message=message, system=task.system)
    if not task.is_doubtful:
        return Move(status=CommandStatus.REJECTED, step=Step.END, errors=(error,))
    if terms.settles_within_s is None:  # a person wanted it sent again, and the first is unknown
        return to_person(task, None, error=error)
    return Move(
        status=CommandStatus.OUTCOME_UNKNOWN,
        step=Step.REFUSED,
        later_s=0.0,
        settles_in_s=terms.settles_within_s,
        is_doubtful=True,
        errors=(error,),
    )


def _not_sent(task: Task, error: OpsHubError, terms: Terms, jitter: Jitter) -> Move:
    """Nothing was done by this call; what an earlier one did stays as unknown as it was."""
    told = (_told(task, error),)
    is_over = not error.retryable or task.attempts >= TRIES_MAX
    if task.is_doubtful and is_over:
        return to_person(task, PERSON_LOOK_S)
    if is_over:
        return _failed(*told)
    wish_s = (error.retry_after_s or 0.0) if isinstance(error, SourceBusy) else 0.0
    later_s = max(_pause_s(task.attempts, jitter), min(wish_s, RETRY_AFTER_MAX_S))
    if task.is_doubtful:
        return replace(_look_again(task, later_s), settles_in_s=terms.settles_within_s)
    return Move(status=CommandStatus.DISPATCHED, step=Step.SEND, later_s=later_s, errors=told)


def _unknown(task: Task, error: OpsHubError, terms: Terms, jitter: Jitter) -> Move:
    settles_s = terms.settles_within_s
    errors = (_in_doubt(task, str(error)),)
    return Move(
        status=CommandStatus.OUTCOME_UNKNOWN,
        step=Step.PERSON if settles_s is None else Step.SEEK,
        later_s=None if settles_s is None else min(_pause_s(0, jitter), settles_s),
        settles_in_s=settles_s,
        is_doubtful=True,
        errors=errors,
    )


def _look_again(task: Task, later_s: float) -> Move:
    waits = task.step is Step.PERSON
    return Move(
        status=CommandStatus.OUTCOME_UNKNOWN,
        step=Step.SEEK if task.step is Step.SEND else task.step,
        later_s=PERSON_LOOK_S if waits else later_s,
        is_doubtful=True,
        looks=task.looks + 1,
        errors=task.errors or (_in_doubt(task, "whoever sent it did not hear the end"),),
    )


def _failed(*errors: UserError) -> Move:
    return Move(status=CommandStatus.FAILED, step=Step.END, errors=errors)


def _told(task: Task, error: OpsHubError) -> UserError:
    return UserError(
        code=error.code, message=str(error), retryable=error.retryable, system=task.system
    )


def _in_doubt(task: Task, why: str) -> UserError:
    message = f"it may have been done: {why}"
    return UserError(code=OUTCOME_UNKNOWN, message=message, system=task.system)


def _pause_s(count: int, jitter: Jitter) -> float:
    doubled = PAUSE_FIRST_S * 2.0 ** min(count, 16)
    return min(doubled, PAUSE_MAX_S) * jitter(1 - JITTER, 1 + JITTER)
