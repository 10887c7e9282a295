"""The subjects of messages. Pure.

No native character ever reaches a subject: a key with `.`, `*`, `>` or a newline would be another
subject, or all of them.
"""

from __future__ import annotations

from base64 import b32decode, b32encode

from hub.events.event import Event

INCOMING = "in.>"
"""What systems tell: `in.<system>.<whatever the system likes>`."""
EVENTS = "hub.evt.>"
"""What the hub tells: `hub.evt.<noun>.<base32 of system and key>.<change>`."""
RELAY_WAKE = "hub.wake.relay"
"""Between processes: rows wait for their position. Nothing in it, and nothing is lost with it."""
SPOOL_WAKE = "hub.wake.spool"
"""Between processes: a webhook was kept. Nothing in it, and nothing is lost with it."""
CONFIRMED = "hub.confirmed"
"""Between processes: records to read again. Nothing is lost with it but some freshness."""

_BETWEEN = "\0"  # in no name of a system


def event_subject(event: Event) -> str:
    return subject_of(event.noun, event.change, system=event.ref.system, key=event.ref.key)


def subject_of(noun: str, change: str, *, system: str, key: str) -> str:
    """`noun` and `change` are canonical words; they stand as they are."""
    return f"hub.evt.{noun}.{key_token(system, key)}.{change}"


def key_token(system: str, key: str) -> str:
    """Letters A to Z and digits 2 to 7 alone."""
    return b32encode(f"{system}{_BETWEEN}{key}".encode()).decode().rstrip("=")


def key_of_token(token: str) -> tuple[str, str]:
    """The system and the key; ValueError where `key_token` did not make it."""
    told = b32decode(token + "=" * (-len(token) % 8)).decode()
    system, between, key = told.partition(_BETWEEN)
    if not between:
        raise ValueError(f"the token {token[:80]!r} names no system and key")
    return system, key


def incoming_filter(system: str) -> str:
    """All the system may publish."""
    return f"in.{system}.>"


def system_of(subject: str) -> str:
    """Who told it: the second token and nothing else. ValueError where it is no `in.` subject."""
    first, _, rest = subject.partition(".")
    system = rest.partition(".")[0]
    if first != "in" or not system:
        raise ValueError(f"the subject {subject[:80]!r} is none of {INCOMING}")
    return system
