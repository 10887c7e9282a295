"""`opshub token`: development tokens, signed with the key of the data directory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.output import AsJson, Exit, show, stop

group = typer.Typer(no_args_is_help=True, help="Tokens for people and programs.")

_TTL_H = 12  # a working day


@group.callback()
def tokens() -> None:
    """Tokens for people and programs."""


@group.command()
def issue(
    role: Annotated[list[str], typer.Option("--role", help="A role; may be repeated.")],
    customer: Annotated[
        list[str] | None,
        typer.Option("--customer", help="A customer, as SYSTEM:NUMBER; may be repeated."),
    ] = None,
    business_unit: Annotated[
        list[str] | None,
        typer.Option("--business-unit", help="A business unit; all where none is named."),
    ] = None,
    subject: Annotated[str, typer.Option(help="Who it is for.")] = "developer",
    ttl: Annotated[float, typer.Option(help="Hours until it expires.")] = _TTL_H,
    data_dir: Annotated[Path | None, typer.Option(help="Where the key lies.")] = None,
    as_json: AsJson = False,
) -> None:
    """Issue a token for a role, signed with the development key."""
    from hub.cli.access import issuer
    from hub.cli.options import settings_of
    from hub.model.errors import OpsHubError
    from hub.security.principal import Role
    from hub.security.tokens import Grant

    try:
        roles = [Role(name) for name in role]
    except ValueError:
        known = ", ".join(each.value for each in Role)
        stop(f"unknown role {', '.join(role)!r}; expected one of {known}", Exit.USAGE)
    grant = Grant(
        subject=subject,
        roles=roles,
        customers=customer or (),
        business_units=business_unit or ("*",),
        lifetime=timedelta(hours=ttl),
    )
    try:
        token = issuer(settings_of(data_dir=data_dir))(grant, datetime.now(UTC))
    except OpsHubError as error:
        stop(str(error), Exit.USAGE)
    show({"token": token}, token, as_json=as_json)
