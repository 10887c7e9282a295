"""`opshub commands`: what was asked of the systems, and another try; see docs/runbook.md.

The store answers both: whichever hub runs on it carries out what is to be tried again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from hub.cli.options import DataDir, StoreUrl, settings_of
from hub.cli.output import AsJson, Exit, run, show, stop

if TYPE_CHECKING:
    from hub.commands.ledger import Ledger
    from hub.commands.words import Command, CommandPage
    from hub.config.settings import Settings

T = TypeVar("T")

group = typer.Typer(no_args_is_help=True, help="Commands: what was asked of the systems.")

LISTED_MAX = 100  # commands of one listing
REASON_MAX = 500  # characters
_SHOWN_MESSAGE = 60  # characters of a line


class Which(StrEnum):
    """The commands to list, by where they stand."""

    OPEN = "open"
    UNKNOWN = "unknown"
    WAITING = "waiting"
    FAILED = "failed"
    REJECTED = "rejected"
    ALL = "all"


@group.callback()
def commands() -> None:
    """Commands: what was asked of the systems."""


@group.command("list")
def list_commands(
    which: Annotated[
        Which, typer.Option(help="Where they stand; `waiting`: somebody must decide.")
    ] = Which.OPEN,
    system: Annotated[str | None, typer.Option(help="Only commands to this system.")] = None,
    limit: Annotated[int, typer.Option(help=f"At most so many, up to {LISTED_MAX}.")] = 50,
    after: Annotated[str | None, typer.Option(help="Go on where a listing ended.")] = None,
    store_url: StoreUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List commands, the newest first."""
    from hub.commands.words import CommandQuery

    if not 1 <= limit <= LISTED_MAX:
        stop(f"--limit: received {limit}; expected 1 to {LISTED_MAX}", Exit.USAGE)
    query = CommandQuery(system=system, before=after, limit=limit, **_bounds(which))
    settings = settings_of(store_url=store_url, data_dir=data_dir)
    page = run(_with_ledger(settings, lambda ledger: ledger.page(query)))
    answer = {"commands": [_about(each) for each in page.commands], "next": _next(page)}
    show(answer, _table(page), as_json=as_json)


@group.command()
def retry(
    command: Annotated[str, typer.Argument(help="Its id, as `opshub commands list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")],
    store_url: StoreUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let a command be tried again that failed, or whose outcome waits for somebody.

    Where its outcome is unknown it is looked up first, and sent again where nothing is found.
    """
    from hub.cli.access import operator_name

    if not 0 < len(reason.strip()) <= REASON_MAX:
        stop(f"--reason: expected 1 to {REASON_MAX} characters; the audit keeps it", Exit.USAGE)
    settings = settings_of(store_url=store_url, data_dir=data_dir)
    actor = operator_name()
    found = run(
        _with_ledger(
            settings, lambda ledger: _told(ledger.retry(command, actor=actor, reason=reason))
        )
    )
    show(_about(found), f"{found.id} {found.status.value}: it is tried again", as_json=as_json)


@group.command()
def conclude(
    command: Annotated[str, typer.Argument(help="Its id, as `opshub commands list` shows it.")],
    is_done: Annotated[
        bool, typer.Option("--done/--not-done", help="What you found at the system.")
    ],
    reason: Annotated[str, typer.Option(help="How you know; kept in the audit.")],
    store_url: StoreUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say what became of a command whose outcome is unknown and cannot be looked up."""
    from hub.cli.access import operator_name

    if not 0 < len(reason.strip()) <= REASON_MAX:
        stop(f"--reason: expected 1 to {REASON_MAX} characters; the audit keeps it", Exit.USAGE)
    settings = settings_of(store_url=store_url, data_dir=data_dir)
    actor = operator_name()
    found = run(
        _with_ledger(
            settings,
            lambda ledger: _told(
                ledger.conclude(command, is_done=is_done, actor=actor, reason=reason)
            ),
        )
    )
    show(_about(found), f"{found.id} {found.status.value}", as_json=as_json)


async def _told(deciding: Awaitable[Command]) -> Command:
    """The command; the program ends where it cannot be decided so."""
    from hub.model.errors import InputInvalid, NotFound

    try:
        return await deciding
    except (InputInvalid, NotFound) as error:
        stop(f"{error}; see `opshub commands list --which all`", Exit.FINDINGS)


async def _with_ledger(settings: Settings, ask: Callable[[Ledger], Awaitable[T]]) -> T:
    """What the ledger of the store answers, with no hub around it.

    What is audited goes to the chain of the data directory, as the hub's own acts do.
    """
    from hub.commands.ledger import Ledger
    from hub.commands.recording import Recording
    from hub.events.log import EventLog
    from hub.store.chain_name import chain_name
    from hub.store.migrate import open_store
    from hub.store.timeline_entries import TimelineEntries

    def now() -> datetime:
        return datetime.now(UTC)

    store = await open_store(settings.store_dsn, process=chain_name(settings.data_dir))
    try:
        timeline = TimelineEntries(store, now=now)
        recording = Recording(store=store, events=EventLog(store, now), timeline=timeline, now=now)
        return await ask(Ledger(recording, accepted=_nobody_here))
    finally:
        await store.close()


def _nobody_here(_: Sequence[Any]) -> None:
    """Hubs that run on the store find what is due by themselves."""


def _bounds(which: Which) -> dict[str, Any]:
    """The fields of a query."""
    from hub.commands.words import CommandStatus as Status

    unknown = frozenset({Status.OUTCOME_UNKNOWN})
    under_way = frozenset({Status.ACCEPTED, Status.DISPATCHED}) | unknown
    bounds: dict[Which, dict[str, Any]] = {
        Which.OPEN: {"statuses": under_way},
        Which.UNKNOWN: {"statuses": unknown},
        Which.WAITING: {"waits_for_person": True},
        Which.FAILED: {"statuses": frozenset({Status.FAILED})},
        Which.REJECTED: {"statuses": frozenset({Status.REJECTED})},
        Which.ALL: {},
    }
    return bounds[which]


def _about(command: Command) -> dict[str, Any]:
    receipt = command.receipt
    return {
        "id": command.id,
        "status": command.status.value,
        "mutation": command.mutation,
        "actor": command.actor,
        "key": command.key,
        "command": command.command,
        "aggregate": command.aggregate,
        "payload": dict(command.payload),
        "note": command.note,
        "correlation_id": receipt.correlation_id,
        "accepted_at": receipt.accepted_at,
        "changed_at": command.changed_at,
        "ended_at": command.ended_at,
        "due_at": command.due_at,
        "attempts": command.attempts,
        "waits_for_person": command.waits_for_person,
        "result": dict(receipt.result),
        "errors": [{"code": each.code, "message": each.message} for each in receipt.user_errors],
    }


def _next(page: CommandPage) -> str | None:
    return page.commands[-1].id if page.has_more else None


def _table(page: CommandPage) -> str:
    rows = [
        (each.id, f"{each.receipt.accepted_at:%Y-%m-%d %H:%M:%S}", each.status.value,
         each.mutation, each.aggregate, each.actor, _why(each))
        for each in page.commands
    ]  # fmt: skip
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(6)]
    lines = [
        _plain("  ".join([*(row[place].ljust(widths[place]) for place in range(6)), row[6]]))
        for row in rows
    ]
    rest = f"; more: --after {_next(page)}" if page.has_more else ""
    return "\n".join([*lines, f"{len(rows)} commands{rest}"])


def _why(command: Command) -> str:
    waits = "waits for somebody: " if command.waits_for_person else ""
    errors = command.receipt.user_errors
    return (waits + (errors[0].message if errors else ""))[:_SHOWN_MESSAGE]


def _plain(text: str) -> str:
    """Without what a terminal would obey: a system may have written it."""
    return "".join(each if each.isprintable() else " " for each in text)
