"""`opshub config`: judge a systems file, show what the hub understood, help editors."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.output import AsJson, Exit, run, show, stop

if TYPE_CHECKING:
    from hub.config.problems import Problem
    from hub.config.systems import SystemsFile

group = typer.Typer(no_args_is_help=True, help="The systems file, and the settings.")

SystemsPath = Annotated[Path, typer.Argument(help="The systems file.")]


OptionalPath = Annotated[
    Path | None, typer.Argument(help="The systems file; without it the settings are printed.")
]


@group.command()
def check(
    file: SystemsPath,
    connect: Annotated[
        bool, typer.Option("--connect", help="Also ask every system what the file says of it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Report every problem of a systems file at once, as file:line:column."""
    from hub.config.check import as_json as problems_as_json
    from hub.config.check import as_text
    from hub.config.problems import in_order
    from hub.config.systems import read_systems
    from hub.events.outgoing_check import masked_values

    systems, problems = read_systems(file, environ=os.environ)
    if systems is not None:
        problems = in_order([*problems, *masked_values(systems)])
    if connect and systems is not None:
        problems = in_order([*problems, *run(_asked(systems))])
    unreachable = [each.message for each in problems if each.is_unreachable]
    answer = problems_as_json(file, problems) | {"unreachable": unreachable}
    show(answer, as_text(file, problems), as_json=as_json)
    if any(each.is_error and not each.is_unreachable for each in problems):
        raise typer.Exit(int(Exit.FINDINGS))
    if unreachable:
        raise typer.Exit(int(Exit.CANNOT_REACH))


async def _asked(systems: SystemsFile) -> list[Problem]:
    """What all the systems say of the file; one that does not answer is a problem at its url."""
    answers = await asyncio.gather(*(_asked_one(systems, name) for name in systems.systems))
    return [each for answer in answers for each in answer]


async def _asked_one(systems: SystemsFile, name: str) -> Sequence[Problem]:
    from hub.model.errors import OpsHubError
    from sources.registry import open_source
    from sources.silence import no_answer

    try:
        source = open_source(systems.systems[name], systems)
    except OpsHubError as error:
        return [no_answer(systems, name, error)]
    answer = await source.check()
    await source.close()
    return [no_answer(systems, name, answer)] if isinstance(answer, OpsHubError) else answer


@group.command("show")
def show_file(file: OptionalPath = None, as_json: AsJson = False) -> None:
    """Print what the hub understood of a file, or without one its settings; secrets hidden."""
    if file is None:
        _show_settings(as_json=as_json)
        return
    from hub.config.show import shown
    from hub.config.systems import SystemsFileInvalid, load_systems

    try:
        understood = shown(load_systems(file, environ=os.environ))
    except SystemsFileInvalid as error:
        stop(str(error), Exit.FINDINGS)
    show(understood, json.dumps(understood, indent=2, ensure_ascii=False), as_json=as_json)


def _show_settings(*, as_json: bool) -> None:
    """The variables with the values in force, urls without credentials."""
    from hub.cli.options import settings_of
    from hub.config.show import settings_as_text, shown_settings

    settings = shown_settings(settings_of())
    show(settings, settings_as_text(settings), as_json=as_json)


@group.command()
def schema(as_json: AsJson = False) -> None:
    """Print a JSON Schema of the systems file, for editors; it is JSON either way."""
    from hub.config.editor_schema import json_schema

    answer = json_schema()
    show(answer, json.dumps(answer, indent=2), as_json=as_json)
