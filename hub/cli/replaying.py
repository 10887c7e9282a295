"""Replaying dead letters: the running hub is asked, or one is composed here without a server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from hub.cli.options import running_hub
from hub.cli.output import Exit, run, stop

if TYPE_CHECKING:
    from hub.config.settings import Settings

_LIFETIME = timedelta(minutes=5)

REPLAY = """
mutation Replay($ids: [ID!]!, $reason: String!, $key: String!) {
  replayDeadLetters(ids: $ids, reason: $reason, idempotencyKey: $key) {
    deadLetters { id state }
    userErrors { field code message }
  }
}
"""


def replayed(
    settings: Settings, ids: Sequence[str], *, reason: str, token: str | None
) -> dict[str, str]:
    """Why letters were not taken, by their ids; the rest was. Ends the command where no hub can
    be asked."""
    from hub.cli.dlq import portions

    if not ids:
        return {}
    ready = running_hub(settings)
    refused: dict[str, str] = {}
    if ready is not None and _is_alive(ready.get("pid")):
        for some in portions(ids):
            refused |= _asked(settings, f"{ready['url']}/graphql", some, reason=reason, token=token)
        return refused
    return run(_replayed_here(settings, portions(ids), reason))


def _is_alive(pid: Any) -> bool:
    """Whether the process that wrote the ready file still runs; a killed one leaves its file."""
    try:
        os.kill(int(pid), 0)
    except (TypeError, ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _asked(
    settings: Settings, url: str, ids: Sequence[str], *, reason: str, token: str | None
) -> dict[str, str]:
    from hub.cli.access import operator_name
    from hub.cli.query import own_token, post

    variables = {"ids": list(ids), "reason": reason, "key": uuid4().hex}
    mine = token or own_token(settings, "operator", subject=operator_name())
    answer = post(url, {"query": REPLAY, "variables": variables}, mine)
    if answer.get("errors"):
        stop(f"the hub refused: {answer['errors'][0]['message']}", Exit.FINDINGS)
    told = answer["data"]["replayDeadLetters"]["userErrors"]
    return {ids[int(each["field"].partition(".")[2])]: each["message"] for each in told}


async def _replayed_here(
    settings: Settings, portions: Sequence[Sequence[str]], reason: str
) -> dict[str, str]:
    """By a hub of this process alone, which serves nobody."""
    from hub.app import open_hub
    from hub.cli.access import operator_name, token_rules
    from hub.config.systems import load_systems
    from hub.observe.correlation import correlated
    from hub.store.reference_acts import Act
    from resolvers.dead_letters import DeadLetterContext

    if settings.systems is None:
        stop("no hub runs here: give --systems FILE, so that messages can be read", Exit.USAGE)
    systems = load_systems(settings.systems, environ=os.environ)
    hub = await open_hub(settings, systems, token_rules(settings))
    try:
        with correlated() as correlation:
            context = hub.open_context(_operator(operator_name()), correlation)
            if not isinstance(context, DeadLetterContext):
                stop("this hub takes in no events", Exit.FINDINGS)
            act = Act(operator_name(), reason)
            acted = [await context.dead_letters.replay(some, act=act) for some in portions]
    finally:
        await hub.close()
    return {each.id: each.message for one in acted for each in one.refused}


def _operator(name: str) -> Any:
    from hub.security.principal import Principal, Role

    ends = datetime.now(UTC) + _LIFETIME
    return Principal(name, frozenset({Role.OPERATOR}), frozenset(), None, None, ends)
