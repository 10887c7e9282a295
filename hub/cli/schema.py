"""`opshub schema`: the public contract, and what a change of it would break."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.output import AsJson, Exit, show, stop

group = typer.Typer(no_args_is_help=True, help="The GraphQL contract.")


@group.command("print")
def print_schema(as_json: AsJson = False) -> None:
    """Print the schema as the code declares it."""
    from resolvers.schema import print_schema_text

    text = print_schema_text()
    show({"schema": text}, text.removesuffix("\n"), as_json=as_json)


@group.command()
def check(
    file: Annotated[Path, typer.Argument(help="The published schema.")] = Path("schema.graphql"),
    as_json: AsJson = False,
) -> None:
    """Compare a published schema with the code: breaking, dangerous and any other drift."""
    from resolvers.schema import print_schema_text
    from resolvers.schema_check import schema_changes

    if not file.is_file():
        stop(f"{file} is not a file; expected the published schema", Exit.USAGE)
    published, current = file.read_text(), print_schema_text()
    changes = schema_changes(published, current)
    has_drifted = published != current
    lines = [f"{change.severity}: {change.description}" for change in changes]
    if has_drifted:
        lines.append(f"{file} is not what the code declares: opshub schema print > {file}")
    answer = {
        "drifted": has_drifted,
        "changes": [{"severity": one.severity, "description": one.description} for one in changes],
    }
    show(answer, "\n".join(lines) or f"{file} is what the code declares", as_json=as_json)
    if has_drifted:
        raise typer.Exit(int(Exit.FINDINGS))
