"""What the words of `deliveries` mean, checked against the canonical model and the systems."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from hub.config.delivery_specs import DeliverySpec, WebhookSpec
from hub.config.findings import Findings
from hub.config.problems import Path, likely_word, one_of
from hub.config.templates import names_in
from hub.model.catalog import NOUNS
from hub.model.record import Field, fields_of

TIMELINE = "timeline"
CHANGES = ("changed", "status_changed", "recorded")
SECRET_BYTES_MIN = 16
SECRET_PREFIX = "whsec_"
"""A secret with this prefix is base64, as webhook libraries write theirs."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_OURS = ("webhook-", "content-", "host", "transfer-encoding")

PARTS: dict[str, tuple[str, ...]] = {
    "money": ("amount", "currency"),
    "quantity": ("value", "uom"),
    "reference": ("key", "system"),
}
"""By kind of field, the parts a template may name."""
AROUND = ("order", "customer", "shipment")
"""What a record belongs to; a template may name it beside `record`."""
EVENT_WORDS = ("event.id", "event.type", "event.time", "change.axis", "change.before",
               "change.after")  # fmt: skip
ENTRY_WORDS = ("entry.type", "entry.title", "entry.message", "entry.occurred_at")


def secret_bytes(secret: str) -> bytes:
    """What signs. ValueError where it is marked as base64 and is none, or is too short."""
    if secret.startswith(SECRET_PREFIX):
        try:
            made = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
        except binascii.Error:
            raise ValueError("base64") from None
    else:
        made = secret.encode()
    if len(made) < SECRET_BYTES_MIN:
        raise ValueError("short")
    return made


def check_delivery(findings: Findings, spec: DeliverySpec) -> None:
    """Every mistake of one delivery."""
    path: Path = ("deliveries", spec.name)
    if not _NAME.fullmatch(spec.name):
        findings.key(path, f"delivery name {spec.name!r}",
                     expected="small letters, digits and -, beginning with a letter")  # fmt: skip
    _check_when(findings, spec, (*path, "when"))
    if (spec.webhook is None) == (spec.command is None):
        findings.key(path, "not exactly one way to tell", expected="webhook or command")
    if spec.webhook is not None:
        _check_webhook(findings, spec.webhook, (*path, "webhook"))
        if spec.values:
            findings.key((*path, "values"), "values of a webhook", expected="a command")
    if spec.command is not None:
        _check_command(findings, spec, path)


def _check_when(findings: Findings, spec: DeliverySpec, path: Path) -> None:
    when = spec.when
    known = (*NOUNS, TIMELINE)
    if when.noun not in known:
        findings.value((*path, "noun"), f"unknown noun {when.noun!r}", expected=one_of(known),
                       likely=likely_word(when.noun, known))  # fmt: skip
        return
    for change in when.change:
        if change not in CHANGES:
            likely = likely_word(change, CHANGES)
            findings.value((*path, "change"), f"unknown change {change!r}",
                           expected=one_of(CHANGES), likely=likely)  # fmt: skip
    statuses = _statuses(when.noun)
    for status in when.to or ():
        if status not in statuses:
            findings.value((*path, "to"), f"unknown status {status!r} of {when.noun}",
                           expected=one_of(statuses) if statuses else "no to: it has no status",
                           likely=likely_word(status, statuses))  # fmt: skip
    for system in when.systems or ():
        findings.known_system((*path, "systems"), system)


def _statuses(noun: str) -> list[str]:
    if noun == TIMELINE:
        return []
    coded = [each for each in fields_of(NOUNS[noun]).values() if each.name.endswith("status")]
    return [code.value for each in coded if each.codes is not None for code in each.codes]


def _check_webhook(findings: Findings, spec: WebhookSpec, path: Path) -> None:
    if not spec.url.get_secret_value().startswith(("https://", "http://")):
        findings.value((*path, "url"), "a url that is not one (its text is not shown)",
                       expected="http://... or https://...")  # fmt: skip
    written = findings.document.written((*path, "secret"))
    for text in written if isinstance(written, list) else [written]:
        if isinstance(text, str) and "${" not in text:
            findings.value((*path, "secret"), "a secret in the file (its text is not shown)",
                           expected='"${NAME}" or "${file:/run/secrets/x}"')  # fmt: skip
    for secret in spec.secret:
        try:
            secret_bytes(secret.get_secret_value())
        except ValueError:
            findings.value((*path, "secret"), "a secret that cannot sign (it is not shown)",
                           expected=f"{SECRET_BYTES_MIN} bytes or more, base64 after "
                           f"{SECRET_PREFIX}")  # fmt: skip
    for name in spec.headers:
        if not _HEADER.fullmatch(name) or name.lower().startswith(_OURS):
            findings.key((*path, "headers", name), f"header {name!r}",
                         expected="a header that is not the hub's own")  # fmt: skip


def _check_command(findings: Findings, spec: DeliverySpec, path: Path) -> None:
    system, _, command = (spec.command or "").partition(".")
    declared = findings.systems.systems.get(system)
    if not findings.known_system((*path, "command"), system):
        return
    known = () if declared is None else tuple(declared.commands)
    if declared is not None and command not in known:
        findings.value((*path, "command"), f"{system} declares no command {command!r}",
                       expected=one_of(known) if known else f"commands of {system}",
                       likely=likely_word(command, known))  # fmt: skip
    if spec.when.noun not in (*NOUNS, TIMELINE):
        return
    words = template_words(spec.when.noun)
    for key, value in spec.values.items():
        for name in names_in(value):
            at: Path = (*path, "values", key)
            if name not in words:
                findings.value(at, f"unknown value {{{name}}}",
                               expected="a canonical field such as {record.number}",
                               likely=likely_word(name, words))  # fmt: skip


def template_words(noun: str) -> frozenset[str]:
    """All names a template over events of a noun may hold."""
    words = set(EVENT_WORDS)
    if noun == TIMELINE:
        words |= set(ENTRY_WORDS)
    else:
        words |= set(_words_of("record", noun))
    for around in AROUND:
        words |= set(_words_of(around, around))
    return frozenset(words)


def _words_of(root: str, noun: str) -> Iterator[str]:
    yield f"{root}.key"
    yield f"{root}.system"
    for field in fields_of(NOUNS[noun]).values():
        yield from (f"{root}.{name}" for name in _parts(field))


def _parts(field: Field) -> tuple[str, ...]:
    if field.kind == "children":
        return ()
    parts = PARTS.get(field.kind)
    return (field.name,) if parts is None else tuple(f"{field.name}.{part}" for part in parts)
