"""`opshub dlq`: dead letters, what could not be taken in or told outside; see docs/runbook.md.

The store answers `list`, `show` and `drop`; `replay` needs a hub that can read the messages.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from hub.cli.options import DataDir, StoreUrl, settings_of
from hub.cli.output import AsJson, Exit, run, show, stop

if TYPE_CHECKING:
    from hub.config.settings import Settings
    from hub.events.dead_letter_acts import Acted
    from hub.events.dead_letter_rows import DeadLetter, LetterPage
    from hub.events.dead_letters import DeadLetters

T = TypeVar("T")

group = typer.Typer(no_args_is_help=True, help="Dead letters: messages that were not taken.")

LISTED_MAX = 100  # letters of one listing
CHOSEN_MAX = 1_000  # letters of one replay or drop
REASON_MAX = 500  # characters
_SHOWN_REASON = 70  # characters of a line


class Which(StrEnum):
    """The letters to list, by their state."""

    PARKED = "parked"
    REPLAYED = "replayed"
    DROPPED = "dropped"
    ALL = "all"


Ids = Annotated[
    list[str] | None, typer.Argument(help="The letters; without any all that wait, oldest first.")
]
OfSystem = Annotated[str | None, typer.Option(help="Only letters of this system.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do it; without it nothing is changed.")]
AtMost = Annotated[int, typer.Option("--limit", help=f"At most so many, up to {CHOSEN_MAX}.")]


@group.callback()
def dead_letters() -> None:
    """Dead letters: messages that were not taken."""


@group.command("list")
def list_letters(
    state: Annotated[Which, typer.Option(help="The letters in this state.")] = Which.PARKED,
    system: OfSystem = None,
    limit: Annotated[int, typer.Option(help=f"At most so many, up to {LISTED_MAX}.")] = 50,
    after: Annotated[str | None, typer.Option(help="Go on where a listing ended.")] = None,
    store_url: StoreUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the newest first."""
    from hub.events.dead_letter_rows import LetterQuery, LetterState, decode_cursor
    from hub.model.errors import InputInvalid

    if not 1 <= limit <= LISTED_MAX:
        stop(f"--limit: received {limit}; expected 1 to {LISTED_MAX}", Exit.USAGE)
    of = None if state is Which.ALL else LetterState(state.name)
    try:
        if after is not None:
            decode_cursor(after)
    except InputInvalid as error:
        stop(f"--{error}", Exit.USAGE)
    query = LetterQuery(first=limit, after=after, state=of, system=system)
    settings = settings_of(store_url=store_url, data_dir=data_dir)
    page = run(_with_letters(settings, lambda letters: letters.page(query)))
    answer = {"letters": [_about(each) for each in page.letters], "next": _next(page)}
    show(answer, _table(page), as_json=as_json)


@group.command("show")
def show_letter(
    letter: Annotated[str, typer.Argument(help="Its id, as `opshub dlq list` shows it.")],
    store_url: StoreUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with its message."""

    settings = settings_of(store_url=store_url, data_dir=data_dir)
    found = run(_with_letters(settings, lambda letters: letters.one(letter)))
    if found is None:
        stop(f"no dead letter {letter!r}; see `opshub dlq list --state all`", Exit.FINDINGS)
    about = _about(found)
    lines = [f"{name:12} {_plain(str(value))}" for name, value in about.items()]
    payload = found.payload.decode("utf-8", "replace")
    whole = about | {"payload": payload, "payload_base64": b64encode(found.payload).decode()}
    show(whole, "\n".join([*lines, "", _plain(payload)]), as_json=as_json)


@group.command()
def replay(
    letters: Ids = None,
    system: OfSystem = None,
    limit: AtMost = 100,
    reason: Annotated[
        str, typer.Option(help="Why; kept in the audit.")
    ] = "replayed from the terminal",
    apply: Apply = False,
    systems: Annotated[
        Path | None, typer.Option(help="The systems file, where no hub runs.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="OPSHUB_TOKEN", help="An operator's token; else one is issued."),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take dead letters in once more, by the running hub or, where none runs, by this command.

    A letter that is taken has its effect once, however often it is replayed.
    """
    from hub.cli.replaying import replayed

    _check_reason(reason)
    settings = settings_of(systems=systems, data_dir=data_dir)
    chosen = _chosen(settings, letters, system=system, limit=limit)
    if not apply:
        _tell_plan("replayed", chosen, as_json=as_json)
        return
    refused = replayed(settings, chosen, reason=reason, token=token)
    _tell_done("replayed", "still wait", chosen, refused=refused, as_json=as_json)


@group.command()
def drop(
    letters: Ids = None,
    system: OfSystem = None,
    limit: AtMost = 100,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    apply: Apply = False,
    store_url: StoreUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Give dead letters up; what they told stays untold."""
    from hub.cli.access import operator_name
    from hub.store.reference_acts import Act

    _check_reason(reason)
    settings = settings_of(store_url=store_url, data_dir=data_dir)
    chosen = _chosen(settings, letters, system=system, limit=limit)
    if not apply:
        _tell_plan("dropped", chosen, as_json=as_json)
        return
    act = Act(operator_name(), reason)

    async def dropped(letters: DeadLetters) -> list[Acted]:
        return [await letters.drop(some, act=act) for some in portions(chosen)]

    acted = run(_with_letters(settings, dropped, is_audited=True))
    refused = {each.id: each.message for one in acted for each in one.refused}
    _tell_done("dropped", "were not", chosen, refused=refused, as_json=as_json)


def portions(ids: Sequence[str]) -> list[Sequence[str]]:
    """As many at a time as one act may have."""
    from hub.events.dead_letter_acts import IDS_MAX

    return [ids[start : start + IDS_MAX] for start in range(0, len(ids), IDS_MAX)]


async def _with_letters(
    settings: Settings, ask: Callable[[DeadLetters], Awaitable[T]], *, is_audited: bool = False
) -> T:
    """What the letters of the store answer, with no hub around them.

    What is audited goes to the chain of the data directory, as the hub's own acts do.
    """
    from hub.events.dead_letters import DeadLetters
    from hub.store.chain_name import chain_name
    from hub.store.migrate import open_store

    process = chain_name(settings.data_dir) if is_audited else None
    store = await open_store(settings.store_dsn, process=process)
    try:
        return await ask(DeadLetters(store, now=lambda: datetime.now(UTC)))
    finally:
        await store.close()


def _chosen(
    settings: Settings, ids: Sequence[str] | None, *, system: str | None, limit: int
) -> list[str]:
    """The ids given, each once; else those that wait, the oldest first."""
    if not 1 <= limit <= CHOSEN_MAX:
        stop(f"--limit: received {limit}; expected 1 to {CHOSEN_MAX}", Exit.USAGE)
    if ids:
        return list(dict.fromkeys(ids))[:CHOSEN_MAX]
    return run(_with_letters(settings, lambda letters: _waiting(letters, system, limit)))


async def _waiting(letters: DeadLetters, system: str | None, limit: int) -> list[str]:
    from hub.events.dead_letter_rows import LetterQuery, LetterState

    query = LetterQuery(first=limit, state=LetterState.PARKED, system=system, is_oldest_first=True)
    return [each.id for each in (await letters.page(query)).letters]


def _check_reason(reason: str) -> None:
    if not 0 < len(reason.strip()) <= REASON_MAX:
        stop(f"--reason: expected 1 to {REASON_MAX} characters; the audit keeps it", Exit.USAGE)


def _tell_plan(what: str, chosen: Sequence[str], *, as_json: bool) -> None:
    answer = {"applied": False, what: [], "refused": {}, "chosen": list(chosen)}
    lines = [*chosen, f"{len(chosen)} would be {what} (dry run; add --apply)"]
    show(answer, "\n".join(lines), as_json=as_json)


def _tell_done(
    what: str, rest: str, chosen: Sequence[str], *, refused: dict[str, str], as_json: bool
) -> None:
    done = [each for each in chosen if each not in refused]
    answer = {"applied": True, what: done, "refused": refused, "chosen": list(chosen)}
    lines = [f"{id_}  {_plain(why)}" for id_, why in refused.items()]
    lines.append(f"{len(done)} {what}, {len(refused)} {rest}")
    show(answer, "\n".join(lines), as_json=as_json)
    if refused:
        raise typer.Exit(int(Exit.FINDINGS))


def _about(letter: DeadLetter) -> dict[str, Any]:
    """All but the message itself."""
    told = {each.name: getattr(letter, each.name) for each in fields(letter)}
    del told["payload"]
    return told | {"state": letter.state.value}


def _next(page: LetterPage) -> str | None:
    return page.letters[-1].cursor if page.has_next else None


def _table(page: LetterPage) -> str:
    rows = [
        (each.id, f"{each.parked_at:%Y-%m-%d %H:%M:%S}", each.system, each.via, each.state.value,
         f"{each.tries}", each.code, _plain(each.reason)[:_SHOWN_REASON])
        for each in page.letters
    ]  # fmt: skip
    widths = [max((len(row[place]) for row in rows), default=0) for place in range(7)]
    lines = [
        "  ".join([*(row[place].ljust(widths[place]) for place in range(7)), row[7]])
        for row in rows
    ]
    rest = f"; more: --after {_next(page)}" if page.has_next else ""
    return "\n".join([*lines, f"{len(rows)} dead letters{rest}"])


def _plain(text: str) -> str:
    """Without what a terminal would obey: a message may have been written by anybody."""
    return "".join(each if each.isprintable() else " " for each in text)
