"""`opshub token`: issue tokens of the hub's own key, and revoke any token."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import DataDir, settings_of
from hub.cli.output import AsJson, Exit, run, show, stop

if TYPE_CHECKING:
    from hub.config.settings import Settings
    from hub.security.principal import Role
    from hub.store.revocations import Revoking

group = typer.Typer(no_args_is_help=True, help="Tokens for people and programs.")

_TTL_H = 12  # a working day
_HOURS_MAX = 24 * 365  # the longest a token of the hub's own lives
_REASON_MAX = 500  # characters


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
    approval_tier: Annotated[
        list[str] | None,
        typer.Option("--approval-tier", help="What it may approve; may be repeated."),
    ] = None,
    subject: Annotated[str, typer.Option(help="Who it is for.")] = "developer",
    ttl: Annotated[float, typer.Option(help="Hours until it expires.")] = _TTL_H,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Issue a token for a role, signed with the hub's own key."""
    from hub.cli.access import issue as issue_for
    from hub.model.errors import OpsHubError
    from hub.security.tokens import Grant

    grant = Grant(
        subject=subject,
        roles=_roles(role),
        customers=customer or (),
        business_units=business_unit or ("*",),
        approval_tiers=approval_tier or (),
        lifetime=_hours(ttl),
    )
    try:
        issued = issue_for(settings_of(data_dir=data_dir), grant, datetime.now(UTC))
    except OpsHubError as error:
        stop(str(error), Exit.USAGE)
    answer = {"token": issued.token, "jti": issued.token_id, "expires_at": issued.expires_at}
    show(answer, issued.token, as_json=as_json)


@group.command()
def revoke(
    jti: Annotated[str | None, typer.Option(help="One token, by its id.")] = None,
    sub: Annotated[str | None, typer.Option(help="Every token of a subject.")] = None,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
    hours: Annotated[
        float, typer.Option(help="How long; by default as long as any token lives.")
    ] = _HOURS_MAX,
    lift: Annotated[bool, typer.Option("--lift", help="End a revocation instead.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Refuse one token, or all of a subject, in every process of the hub within 5 seconds."""
    from hub.cli.access import operator_name
    from hub.store.revocations import Revoking

    if (jti is None) == (sub is None):
        stop("give --jti or --sub, exactly one of them", Exit.USAGE)
    if not 0 < len(reason.strip()) <= _REASON_MAX:
        stop(f"--reason: expected 1 to {_REASON_MAX} characters; the audit keeps it", Exit.USAGE)
    now = datetime.now(UTC)
    revoking = Revoking(
        claim="sub" if jti is None else "jti",
        value=sub or jti or "",
        until=now if lift else now + _hours(hours),
        actor=operator_name(),
        reason=reason,
    )
    run(_revoked(settings_of(data_dir=data_dir), revoking))
    answer = {revoking.claim: revoking.value, "revoked": not lift, "until": revoking.until}
    told = "is no longer revoked" if lift else f"is refused until {revoking.until:%Y-%m-%d %H:%M}"
    show(answer, f"{revoking.claim} {revoking.value} {told}", as_json=as_json)


async def _revoked(settings: Settings, revoking: Revoking) -> None:
    from hub.store.chain_name import chain_name
    from hub.store.migrate import open_store
    from hub.store.revocations import Revocations

    store = await open_store(settings.store_dsn, process=chain_name(settings.data_dir))
    try:
        await Revocations(store, now=lambda: datetime.now(UTC)).revoke(revoking)
    finally:
        await store.close()


def _roles(names: Sequence[str]) -> list[Role]:
    from hub.security.principal import Role

    try:
        return [Role(name) for name in names]
    except ValueError:
        known = ", ".join(each.value for each in Role)
        stop(f"unknown role {', '.join(names)!r}; expected one of {known}", Exit.USAGE)


def _hours(hours: float) -> timedelta:
    if not 0 < hours <= _HOURS_MAX:
        stop(f"{hours:g} hours; expected more than 0 and at most {_HOURS_MAX}", Exit.USAGE)
    return timedelta(hours=hours)
