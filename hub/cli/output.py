"""How a command speaks: text, or one JSON object with `--json`, and a meaningful exit code."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Coroutine
from enum import IntEnum
from typing import Annotated, Any, NoReturn, TypeVar

import typer

T = TypeVar("T")
THREAD_WAIT_S = 0.5
LoopFactory = Callable[[], asyncio.AbstractEventLoop]
Tell = Callable[[str], None]

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]


class Exit(IntEnum):
    """What the exit code of every command means."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    CANNOT_REACH = 3


def say(text: str) -> None:
    """A line for the person at the terminal."""
    typer.echo(text)


def teller(*, as_json: bool) -> Tell:
    """How a command that keeps running says its steps: beside the object where that is wanted."""
    return _aside if as_json else say


def _aside(text: str) -> None:
    typer.echo(text, err=True)


def show(answer: Any, text: str, *, as_json: bool) -> None:
    """The result of a command, in the form that was asked for."""
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False, default=str) if as_json else text)


def stop(message: str, exit_code: Exit = Exit.USAGE) -> NoReturn:
    """End the command with a reason on standard error."""
    typer.echo(f"opshub: {message}", err=True)
    raise typer.Exit(int(exit_code))


def run(work: Coroutine[Any, Any, T], *, loop: LoopFactory | None = None) -> T:
    """Run a command's one coroutine; our own errors end it with their message, no traceback."""
    from hub.model.errors import ConfigInvalid, OpsHubError

    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            try:
                return runner.run(work)
            finally:
                _let_threads_end()
    except ConfigInvalid as error:
        stop(str(error), Exit.FINDINGS)
    except OpsHubError as error:
        stop(str(error), Exit.CANNOT_REACH)
    except KeyboardInterrupt:
        sys.exit(130)


def _let_threads_end() -> None:
    """A SQLite file that cannot be opened is told to the loop by a thread of its own, which must
    have ended before the loop is closed, or it leaves a traceback on standard error."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            thread.join(THREAD_WAIT_S)
