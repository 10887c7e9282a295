"""`opshub config`: judge a systems file, show what the hub understood, help editors."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.output import AsJson, Exit, run, show, stop

if TYPE_CHECKING:
    from hub.config.problems import Problem

group = typer.Typer(no_args_is_help=True, help="The systems file.")

SystemsPath = Annotated[Path, typer.Argument(help="The systems file.")]


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
    from hub.config.check import as_text, problems_of

    problems = problems_of(file, environ=os.environ)
    unreachable: list[str] = []
    if connect and not problems:
        problems, unreachable = run(_asked(file))
    text = "\n".join([as_text(file, problems), *unreachable])
    answer = problems_as_json(file, problems) | {"unreachable": unreachable}
    show(answer, text, as_json=as_json)
    if any(problem.is_error for problem in problems):
        raise typer.Exit(int(Exit.FINDINGS))
    if unreachable:
        raise typer.Exit(int(Exit.CANNOT_REACH))


async def _asked(file: Path) -> tuple[tuple[Problem, ...], list[str]]:
    """What the systems say of the file, and which of them did not answer."""
    from hub.config.systems import load_systems
    from hub.model.errors import OpsHubError
    from sources.registry import open_sources

    sources = open_sources(load_systems(file, environ=os.environ))
    answers = await asyncio.gather(*(source.check() for source in sources))
    await asyncio.gather(*(source.close() for source in sources))
    found = [each for answer in answers if not isinstance(answer, OpsHubError) for each in answer]
    silent = [str(answer) for answer in answers if isinstance(answer, OpsHubError)]
    return tuple(found), silent


@group.command("show")
def show_file(file: SystemsPath, as_json: AsJson = False) -> None:
    """Print what the hub understood, defaults filled in and secrets hidden."""
    from hub.config.show import shown
    from hub.config.systems import SystemsFileInvalid, load_systems

    try:
        understood = shown(load_systems(file, environ=os.environ))
    except SystemsFileInvalid as error:
        stop(str(error), Exit.FINDINGS)
    show(understood, json.dumps(understood, indent=2, ensure_ascii=False), as_json=as_json)


@group.command()
def schema(as_json: AsJson = False) -> None:
    """Print a JSON Schema of the systems file, for editors; it is JSON either way."""
    from hub.config.editor_schema import json_schema

    answer = json_schema()
    show(answer, json.dumps(answer, indent=2), as_json=as_json)
