"""`opshub config`: judge a systems file, show what the hub understood, help editors."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.output import AsJson, Exit, run, show

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
    from hub.config.check import check_file, problems_as_json, problems_as_text

    systems, problems = check_file(file, environ=os.environ)
    if connect and systems is not None:
        from sources.registry import check_systems

        problems = run(check_systems(systems))
    text = problems_as_text(problems) or f"{file}: no problems"
    show(problems_as_json(problems), text, as_json=as_json)
    if any(problem.is_error for problem in problems):
        raise typer.Exit(int(Exit.FINDINGS))


@group.command("show")
def show_file(file: SystemsPath, as_json: AsJson = False) -> None:
    """Print what the hub understood, defaults filled in and secrets hidden."""
    from hub.config.check import check_file, problems_as_text
    from hub.config.show import shown

    systems, problems = check_file(file, environ=os.environ)
    if systems is None:
        typer.echo(problems_as_text(problems), err=True)
        raise typer.Exit(int(Exit.FINDINGS))
    understood = shown(systems)
    show(understood, json.dumps(understood, indent=2, ensure_ascii=False), as_json=as_json)


@group.command()
def schema() -> None:
    """Print a JSON Schema of the systems file, for editors."""
    from hub.config.json_schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
