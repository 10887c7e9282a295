"""`opshub schema`: the public contract, whom a change of it would break, and what will go."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from hub.cli.output import AsJson, Exit, run, show, stop

if TYPE_CHECKING:
    from hub.store.usage import UsageStore, Use
    from resolvers.schema_check import BrokenDocument
    from resolvers.usage_check import Broken, UsedDeprecation

T = TypeVar("T")

group = typer.Typer(no_args_is_help=True, help="The GraphQL contract.")

StoreUrl = Annotated[
    str | None, typer.Option(help="The hub's store; by default the data directory's SQLite.")
]
DataDir = Annotated[Path | None, typer.Option(help="The hub's data directory.")]

EVENTS_FILE = "asyncapi.json"
_USERS_TOLD_MAX = 20  # clients of one line; JSON has all of them
_HASH_TOLD = 12  # characters of a document's hash


@group.command("print")
def print_schema(
    events: Annotated[
        bool, typer.Option("--events", help="The events instead, as AsyncAPI 3.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the schema as the code declares it."""
    if events:
        from hub.events.asyncapi import document_text

        typer.echo(document_text(), nl=False)
        return
    from resolvers.schema import print_schema_text

    text = print_schema_text()
    show({"schema": text}, text.removesuffix("\n"), as_json=as_json)


@group.command()
def check(
    file: Annotated[Path, typer.Argument(help="The published schema.")] = Path("schema.graphql"),
    usage: Annotated[
        bool, typer.Option("--usage", help="Name the clients and documents it would break.")
    ] = False,
    trusted: Annotated[
        Path | None, typer.Option(help="A manifest whose documents must fit the code.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option(help="The published events; asyncapi.json beside the schema.")
    ] = None,
    store_url: StoreUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Compare a published schema with the code: breaking, dangerous and any other drift.

    Deprecations without a day, or whose day has come, are findings too; so are changes of events.
    """
    from resolvers.schema import print_schema_text
    from resolvers.schema_check import schema_changes

    published, current = _text_of(file), print_schema_text()
    changes = schema_changes(published, current)
    problems = _deprecation_problems(current)
    broken: list[Broken] = []
    if usage:
        broken = _asking(_broken(published, current), store_url=store_url, data_dir=data_dir)
    misfits = _misfits(trusted, current) if trusted else []
    has_drifted = published != current
    lines = [f"{change.severity}: {change.description}" for change in changes]
    lines += [line for one in broken for line in _told(one)]
    lines += [f"manifest: {one.document}: {'; '.join(one.errors)}" for one in misfits]
    lines += [f"deprecation: {problem}" for problem in problems]
    if has_drifted:
        lines.append(f"{file} is not what the code declares: opshub schema print > {file}")
    answer = {
        "drifted": has_drifted,
        "changes": [{"severity": one.severity, "description": one.description} for one in changes],
        "breaks": [_broken_answer(one) for one in broken],
        "misfits": [{"document": one.document, "errors": list(one.errors)} for one in misfits],
        "deprecations": problems,
    }
    event_lines, has_drifted_events = _event_drift(events or file.parent / EVENTS_FILE, events)
    if has_drifted_events is not None:
        answer["events"] = {"drifted": has_drifted_events, "changes": event_lines}
        lines += event_lines
    show(answer, "\n".join(lines) or f"{file} is what the code declares", as_json=as_json)
    if has_drifted or problems or misfits or has_drifted_events:
        raise typer.Exit(int(Exit.FINDINGS))


@group.command()
def deprecations(
    file: Annotated[
        Path | None, typer.Argument(help="A schema; by default what the code declares.")
    ] = None,
    store_url: StoreUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List what is deprecated: the day it goes, who still uses it, and when last."""
    from graphql import build_schema

    from resolvers.schema import print_schema_text
    from resolvers.usage_check import deprecations_used
    from resolvers.usage_deprecations import deprecations_of

    found = deprecations_of(build_schema(_text_of(file) if file else print_schema_text()))
    used = _asking(
        lambda store: deprecations_used(store, found), store_url=store_url, data_dir=data_dir
    )
    lines = [line for one in used for line in _told_deprecation(one)]
    answer = {"deprecations": [_deprecation_answer(one) for one in used]}
    show(answer, "\n".join(lines) or "nothing is deprecated", as_json=as_json)


def _event_drift(file: Path, named: Path | None) -> tuple[list[str], bool | None]:
    """What changed in the events, and whether they are not as published; None: not published."""
    if named is None and not file.is_file():
        return [], None
    from hub.events.asyncapi import document, document_text
    from resolvers.events_check import event_changes

    text = _text_of(file)
    try:
        published = json.loads(text)
    except ValueError:
        stop(f"{file} is no JSON; expected what opshub schema print --events prints", Exit.USAGE)
    lines = [f"breaking: {change}" for change in event_changes(published, document())]
    has_drifted = text != document_text()
    if has_drifted:
        lines.append(f"{file} is not what the code declares: opshub schema print --events > {file}")
    return lines, has_drifted


def _text_of(file: Path) -> str:
    if not file.is_file():
        stop(f"{file} is not a file; expected the published schema", Exit.USAGE)
    return file.read_text()


def _deprecation_problems(sdl: str) -> list[str]:
    from graphql import build_schema

    from resolvers.usage_deprecations import deprecation_problems, deprecations_of

    today = datetime.now(UTC).date()
    return deprecation_problems(deprecations_of(build_schema(sdl)), today=today)


def _misfits(manifest: Path, sdl: str) -> list[BrokenDocument]:
    """Documents of a manifest that the schema refuses."""
    from hub.model.errors import ConfigInvalid
    from resolvers.persisted_manifest import read_manifest
    from resolvers.schema_check import invalid_documents

    try:
        return invalid_documents(sdl, read_manifest(manifest).documents)
    except OSError as error:
        stop(f"{manifest}: the manifest cannot be read: {error.strerror}", Exit.USAGE)
    except ConfigInvalid as error:
        stop(str(error), Exit.USAGE)


def _broken(old_sdl: str, new_sdl: str) -> Callable[[UsageStore], Awaitable[list[Broken]]]:
    from resolvers.usage_check import coordinates_broken, documents_broken

    async def ask(usage: UsageStore) -> list[Broken]:
        documents = await documents_broken(usage, old_sdl, new_sdl)
        return documents + await coordinates_broken(usage, old_sdl, new_sdl)

    return ask


def _asking(
    question: Callable[[UsageStore], Awaitable[T]],
    *,
    store_url: str | None,
    data_dir: Path | None,
) -> T:
    """What the recorded usage answers; ends the command where the store cannot be read."""
    from hub.cli.options import settings_of

    settings = settings_of(store_url=store_url, data_dir=data_dir)
    return run(_asked(question, settings.store_dsn))


async def _asked(question: Callable[[UsageStore], Awaitable[T]], dsn: str) -> T:
    from hub.store.migrate import open_store
    from hub.store.usage import UsageStore

    store = await open_store(dsn)
    try:
        return await question(UsageStore(store))
    finally:
        await store.close()


def _told(one: Broken) -> Iterator[str]:
    name = one.name[:_HASH_TOLD] if one.errors else one.name
    kind = "breaks document" if one.errors else "breaks users of"
    yield f"{kind} {name}{': ' if one.errors else ''}{'; '.join(one.errors)}"
    yield from _told_users(one.users)


def _told_deprecation(one: UsedDeprecation) -> Iterator[str]:
    day = one.deprecation.removal_on or "without a day"
    yield f"{one.deprecation.coordinate}  removal {day}  {one.deprecation.reason}"
    yield from _told_users(one.users) if one.users else ("  nobody uses it",)


def _told_users(users: Sequence[Use]) -> Iterator[str]:
    for use in users[:_USERS_TOLD_MAX]:
        operation = use.operation or "(without a name)"
        last = use.last_seen_at.isoformat(timespec="minutes")
        yield (
            f"  {use.client} {use.version}, {operation} in {use.document[:_HASH_TOLD]}: "
            f"{use.count} requests, last {last}"
        )
    if len(users) > _USERS_TOLD_MAX:
        yield f"  and {len(users) - _USERS_TOLD_MAX} more"


def _broken_answer(one: Broken) -> dict[str, Any]:
    kind = "document" if one.errors else "coordinate"
    return {
        kind: one.name,
        "errors": list(one.errors),
        "clients": [_use_answer(use) for use in one.users],
    }


def _deprecation_answer(one: UsedDeprecation) -> dict[str, Any]:
    return one.deprecation.extension | {"clients": [_use_answer(use) for use in one.users]}


def _use_answer(use: Use) -> dict[str, Any]:
    return {
        "name": use.client,
        "version": use.version,
        "document": use.document,
        "operation": use.operation or None,
        "trusted": use.is_trusted,
        "requests": use.count,
        "firstSeenAt": use.first_seen_at.isoformat(),
        "lastSeenAt": use.last_seen_at.isoformat(),
    }
