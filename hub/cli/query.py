"""`opshub query`: ask a running hub from the terminal."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import DataDir, running_hub, settings_of
from hub.cli.output import AsJson, Exit, show, stop

if TYPE_CHECKING:
    from hub.config.settings import Settings

_TIMEOUT_S = 35.0  # longer than the longest deadline of a request (30 s, analysts)
_TOKEN_LIFETIME = timedelta(minutes=5)


def query(
    document: Annotated[str, typer.Argument(help="A GraphQL document, or - for standard input.")],
    variables: Annotated[str, typer.Option(help="Variables as a JSON object.")] = "{}",
    url: Annotated[str | None, typer.Option(help="The hub; the running one by default.")] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="OPSHUB_TOKEN", help="A token; else one is issued for --role."),
    ] = None,
    role: Annotated[str, typer.Option(help="The role to ask as, on a hub of this machine.")] = (
        "agent"
    ),
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Send one document to a running hub and print its answer."""

    settings = settings_of(data_dir=data_dir)
    ready = running_hub(settings) or {}
    target = url or ready.get("url") or f"http://{settings.host}:{settings.port}"
    text = sys.stdin.read() if document == "-" else document
    body = {"query": text, "variables": json_object(variables)}
    answer = post(f"{target}/graphql", body, token or own_token(settings, role))
    show(answer, json.dumps(answer, indent=2, ensure_ascii=False), as_json=as_json)
    if answer.get("errors"):
        raise typer.Exit(int(Exit.FINDINGS))


def json_object(text: str) -> dict[str, Any]:
    """What `--variables` says; the command ends where that is no JSON object."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        stop(f"--variables is not JSON: {error}", Exit.USAGE)
    if not isinstance(value, dict):
        stop("--variables: expected a JSON object", Exit.USAGE)
    return value


def own_token(settings: Settings, role: str, *, subject: str = "opshub query") -> str:
    """A short token of the development key; a hub elsewhere needs --token."""
    from hub.cli.access import issuer
    from hub.model.errors import OpsHubError
    from hub.security.principal import Role
    from hub.security.tokens import Grant

    try:
        grant = Grant(subject=subject, roles=[Role(role)], lifetime=_TOKEN_LIFETIME)
        return issuer(settings)(grant, datetime.now(UTC))
    except (OpsHubError, ValueError) as error:
        stop(f"no token for role {role!r}: {error}; give --token", Exit.USAGE)


def post(url: str, body: dict[str, Any], token: str) -> dict[str, Any]:
    """The answer of a hub; the command ends where there is none."""
    import httpx2

    try:
        response = httpx2.post(
            url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S
        )
        answer = response.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, json.JSONDecodeError) as error:
        stop(f"no answer from {url}: {error}; is a hub running there?", Exit.CANNOT_REACH)
    if not isinstance(answer, dict):
        stop(f"{url} does not answer as a hub", Exit.CANNOT_REACH)
    return answer
