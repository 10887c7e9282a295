"""`opshub watch`: follow an order of a running hub from the terminal, until Ctrl-C."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import DataDir, running_hub, settings_of
from hub.cli.output import Exit, say, stop, teller
from hub.cli.query import json_object, own_token, post

if TYPE_CHECKING:
    from hub.cli.event_stream import Answer, Question
    from hub.config.settings import Settings


def watch(
    order: Annotated[
        str | None, typer.Argument(help="An order number; without one the orders that move.")
    ] = None,
    system: Annotated[
        str | None, typer.Option(help="The system of the order, where several know the number.")
    ] = None,
    document: Annotated[
        str | None, typer.Option(help="Instead of an order: a subscription, or a file with one.")
    ] = None,
    variables: Annotated[str, typer.Option(help="Its variables as a JSON object.")] = "{}",
    url: Annotated[str | None, typer.Option(help="The hub; the running one by default.")] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="OPSHUB_TOKEN", help="A token; else one is issued for --role."),
    ] = None,
    role: Annotated[str, typer.Option(help="The role to ask as, on a hub of this machine.")] = (
        "agent"
    ),
    data_dir: DataDir = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Each answer as one JSON object on a line of its own.")
    ] = False,
) -> None:
    """Follow an order, or any subscription: what is so now, then each event as it happens."""
    if order is not None and document is not None:
        stop("an order number or --document, not both", Exit.USAGE)
    hub = _Hub(settings_of(data_dir=data_dir), url=url, token=token, role=role)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    try:
        if document is not None:
            asked = hub.question(_text(document), json_object(variables))
        else:
            asked = _own_question(hub, order, system, as_json=as_json)
        _follow(asked, as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit(int(Exit.OK)) from None


class _Hub:
    """The hub to ask; where it listens is read anew, for it may come back on another port."""

    def __init__(
        self, settings: Settings, *, url: str | None, token: str | None, role: str
    ) -> None:
        self._settings = settings
        self._given_url = url
        self._given_token = token
        self._role = role

    def url(self) -> str:
        ready = running_hub(self._settings) or {}
        default = f"http://{self._settings.host}:{self._settings.port}"
        return str(self._given_url or ready.get("url") or default)

    def token(self) -> str:
        """The given one, else a new one of five minutes; a stream that outlives it comes again."""
        return self._given_token or own_token(self._settings, self._role, subject="opshub watch")

    def question(self, document: str, variables: Mapping[str, Any]) -> Question:
        from hub.cli.event_stream import Question

        is_token_ours = self._given_token is None
        return Question(document, variables, self.url, self.token, is_token_ours)

    def ask(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        body = {"query": document, "variables": variables}
        return post(f"{self.url()}/graphql", body, self.token())


def _own_question(hub: _Hub, number: str | None, system: str | None, *, as_json: bool) -> Question:
    """One order's timeline, or what happens to all."""
    from hub.cli.watched import STATUSES, TIMELINE, order_line

    tell = teller(as_json=as_json)
    if number is None:
        tell("-- the orders whose status changes, as it changes")
        return hub.question(STATUSES, {})
    order = _order(hub, number, system)
    tell(order_line(order))
    return hub.question(TIMELINE, {"order": order["id"]})


def _order(hub: _Hub, number: str, system: str | None) -> dict[str, Any]:
    """The order of this number, of that system where several know it; the command ends else."""
    from hub.cli.watched import ORDER

    answer = hub.ask(ORDER, {"number": number})
    candidates = _candidates(answer)
    chosen = [each["id"] for each in candidates if each["system"] == system]
    if chosen:
        answer = hub.ask(ORDER, {"id": chosen[0]})
    order = (answer.get("data") or {}).get("order")
    if order is None and candidates:
        lines = [f"  --system {each['system']}   {each['description']}" for each in candidates]
        stop("\n".join([f"{number} is an order of several systems:", *lines]), Exit.FINDINGS)
    if order is None:
        stop(_reasons(answer), Exit.FINDINGS)
    if system is not None and order["provenance"]["system"] != system:
        known = order["provenance"]["system"]
        stop(f"order {number} is of {known}, not of {system!r}", Exit.FINDINGS)
    return dict(order)


def _candidates(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    errors = answer.get("errors") or ()
    return [each for error in errors for each in error["extensions"].get("candidates", ())]


def _reasons(answer: Mapping[str, Any]) -> str:
    errors = answer.get("errors") or ()
    return "; ".join(f"{each['extensions'].get('code')}: {each['message']}" for each in errors)


def _follow(asked: Question, *, as_json: bool) -> None:
    from hub.cli.event_stream import EventStream, NotReached, NotTold

    tell = teller(as_json=as_json)
    stream = EventStream(asked, lambda text: tell(f"-- {text}"))
    try:
        for line in _printed(stream.answers(), as_json=as_json):
            say(line)
            sys.stdout.flush()
    except NotTold as refused:
        stop(_reasons(refused.answer), Exit.FINDINGS)
    except NotReached as error:
        stop(f"{error}; is a hub running there?", Exit.CANNOT_REACH)


def _printed(answers: Iterator[Answer], *, as_json: bool) -> Iterator[str]:
    from hub.cli.watched import Lines

    lines = Lines()
    for answer in answers:
        if as_json:
            yield json.dumps(answer, ensure_ascii=False)
        else:
            yield from lines.of(answer)


def _text(document: str) -> str:
    """The document itself, or what its file holds."""
    if "{" in document:
        return document
    try:
        return sys.stdin.read() if document == "-" else Path(document).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        stop(f"--document: expected a subscription or a file with one: {error}", Exit.USAGE)
