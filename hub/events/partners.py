"""Who may do what at the NATS server: the hub's account, and one for each system that tells there.

A partner publishes `in.<system>.>` and nothing else, hears only answers under its own inbox, and
never sees the hub's account: what it publishes is a request to the hub's, answered by JetStream.
https://docs.nats.io/running-a-nats-service/configuration/securing_nats/accounts, read for 2.15.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.events.streams import INCOMING_MAX_BYTES
from hub.events.subjects import incoming_filter
from hub.model.errors import ConfigInvalid

HUB_USER, HUB_ACCOUNT = "opshub", "OPSHUB"
CONNECTIONS_MAX = 16  # of one partner
SUBSCRIPTIONS_MAX = 64  # of one partner

_SYSTEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


@dataclass(frozen=True, slots=True)
class Passwords:
    """Of the hub's user and of each partner's; a text as it stands in the server's configuration:
    a password, its bcrypt, or a variable such as `$OPSHUB_PASSWORD`."""

    hub: str
    partners: Mapping[str, str]


def inbox_prefix(system: str) -> str:
    """What the partner's client must be told to take answers under."""
    return f"_INBOX_{_checked(system)}"


def accounts_text(systems: Sequence[str], passwords: Passwords) -> str:
    """The `accounts` of nats-server's configuration."""
    exports = "".join(
        f"      {{ service: {_quoted(incoming_filter(_checked(system)))}, "
        f"accounts: [{_account(system)}] }}\n"
        for system in systems
    )
    hub = (
        f"  {HUB_ACCOUNT}: {{\n"
        "    jetstream: enabled\n"
        f"    users: [ {{ user: {HUB_USER}, password: {_spelled(passwords.hub)} }} ]\n"
        f"    exports: [\n{exports}    ]\n"
        "  }\n"
    )
    partners = "".join(_partner(system, passwords.partners[system]) for system in systems)
    return f"accounts {{\n{hub}{partners}}}\n"


def example_text(systems: Sequence[str]) -> str:
    """The same for a server of one's own: passwords come from its environment."""
    named = {system: f"${variable_of(system)}" for system in systems}
    return accounts_text(systems, Passwords("$OPSHUB_NATS_PASSWORD", named))


def variable_of(system: str) -> str:
    """The environment variable that `example_text` reads the partner's password from."""
    return f"PARTNER_{_checked(system).upper().replace('-', '_')}_PASSWORD"


def _partner(system: str, password: str) -> str:
    may_tell, may_hear = incoming_filter(system), f"{inbox_prefix(system)}.>"
    return f"""\
  {_account(system)}: {{
    limits: {{ max_payload: {INCOMING_MAX_BYTES}, max_connections: {CONNECTIONS_MAX}, \
max_subscriptions: {SUBSCRIPTIONS_MAX} }}
    users: [ {{
      user: {_quoted(system)}, password: {_spelled(password)}
      permissions: {{
        publish: {{ allow: [{_quoted(may_tell)}] }}
        subscribe: {{ allow: [{_quoted(may_hear)}] }}
      }}
    }} ]
    imports: [ {{ service: {{ account: {HUB_ACCOUNT}, subject: {_quoted(may_tell)} }} }} ]
  }}
"""


def _account(system: str) -> str:
    return _quoted(f"PARTNER-{_checked(system)}")


def _checked(system: str) -> str:
    """The name; ConfigInvalid where it would be more than one token of a subject."""
    if not _SYSTEM.fullmatch(system):
        raise ConfigInvalid(
            f"system {system[:80]!r} cannot tell by NATS: expected letters, digits, - and _ "
            "in its name"
        )
    return system


def _spelled(password: str) -> str:
    """A variable stands bare, everything else in quotes."""
    is_variable = re.fullmatch(r"\$[A-Z][A-Z0-9_]*", password)
    return password if is_variable else _quoted(password)


def _quoted(text: str) -> str:
    return json.dumps(text)
