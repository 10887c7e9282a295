"""The command `opshub`: a table of commands, one module each. Imports are lazy: they cost 0.7 s."""

from __future__ import annotations

import typer

from hub.cli import (
    commands,
    config,
    demo,
    dlq,
    doctor,
    explain,
    migrate,
    query,
    schema,
    source,
    token,
    up,
    verify,
    watch,
)

app = typer.Typer(
    name="opshub",
    help="A GraphQL federated operational data hub for distribution companies.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for command in (
    up.up,
    demo.demo,
    query.query,
    watch.watch,
    explain.explain,
    doctor.doctor,
    migrate.migrate,
    verify.verify,
):
    app.command()(command)
for name, group in (
    ("config", config.group),
    ("source", source.group),
    ("schema", schema.group),
    ("token", token.group),
    ("dlq", dlq.group),
    ("commands", commands.group),
):
    app.add_typer(group, name=name)


def main() -> None:
    """The console script."""
    app()
