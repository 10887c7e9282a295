"""What the words of a systems file mean, checked against the canonical model."""

from __future__ import annotations

import re

from hub.config.command_specs import CommandSpec
from hub.config.connection_specs import AuthSpec
from hub.config.delivery_meaning import check_delivery
from hub.config.documents import Document
from hub.config.entity_meaning import check_entity
from hub.config.event_meaning import check_events
from hub.config.findings import Findings, Place, declared_nouns
from hub.config.problems import Path, likely_word, one_of
from hub.config.reference_meaning import check_cross_reference
from hub.config.specs import SystemsFile, SystemSpec
from hub.config.vocabulary import MONEY_OR_STOCK_COMMANDS, OPEN_KINDS, OTHER_COMMANDS
from hub.model.catalog import NOUNS

_SYSTEM_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_SENDERS = ("post", "put", "patch", "sql")
_KNOWN_COMMANDS = MONEY_OR_STOCK_COMMANDS | OTHER_COMMANDS


def check_meaning(systems: SystemsFile, document: Document, left_out: frozenset[Path]) -> None:
    """Add every mistake of meaning to the document's problems."""
    reported = frozenset(each.path for each in document.problems)
    findings = Findings(systems, document, left_out, declared_nouns(document), reported)
    for system in systems.systems.values():
        _check_system(findings, system)
    for noun, spec in systems.cross_references.items():
        check_cross_reference(findings, noun, spec)
    for delivery in systems.deliveries.values():
        check_delivery(findings, delivery)


def _check_system(findings: Findings, system: SystemSpec) -> None:
    path: Path = ("systems", system.name)
    if not _SYSTEM_NAME.fullmatch(system.name):
        findings.key(path, f"system name {system.name!r}",
                     expected="small letters, digits and -, beginning with a letter")  # fmt: skip
    _check_connection(findings, system, path)
    for noun, entity in system.entities.items():
        at: Path = (*path, "entities", noun)
        if noun in NOUNS:
            check_entity(findings, Place(system, entity, noun, at, around=entity.parent))
        else:
            findings.key(at, f"unknown noun {noun!r}", expected=one_of(NOUNS),
                         likely=likely_word(noun, NOUNS))  # fmt: skip
    for command in system.commands.values():
        _check_command(findings, system, command)
    if system.events is not None:
        check_events(findings, system, system.events)


def _check_connection(findings: Findings, system: SystemSpec, path: Path) -> None:
    if system.kind not in OPEN_KINDS:
        findings.value((*path, "kind"), f"{system.kind!r} cannot be opened by this release",
                       expected=one_of(OPEN_KINDS))  # fmt: skip
    _check_auth(findings, system.auth, (*path, "auth"))
    if system.kind == "sql" and system.auth is not None:
        findings.key((*path, "auth"), "auth of a sql system", expected="credentials in its url")
    _check_url(findings, system.kind, system.url.get_secret_value(), (*path, "url"))


def _check_url(findings: Findings, kind: str, url: str, path: Path) -> None:
    is_right = "://" in url if kind == "sql" else url.startswith(("http://", "https://"))
    if not is_right and not findings.is_left_out((*path[:-1], "kind")):
        form = "dialect://..." if kind == "sql" else "http://... or https://..."
        findings.value(path, "a url that is not one (its text is not shown)", expected=form)


def _check_auth(findings: Findings, auth: AuthSpec | None, path: Path) -> None:
    if auth is None:
        return
    ways = [word for word in ("bearer", "basic", "header") if getattr(auth, word) is not None]
    if len(ways) != 1:
        findings.value(path, " and ".join(ways) or "no way to authenticate",
                       expected="exactly one of bearer, basic, header")  # fmt: skip


def _check_command(findings: Findings, system: SystemSpec, command: CommandSpec) -> None:
    path: Path = ("systems", system.name, "commands", command.name)
    likely = likely_word(command.name, _KNOWN_COMMANDS)
    if command.name not in _KNOWN_COMMANDS and likely is not None:
        findings.key(path, f"unknown command {command.name!r}", expected=one_of(_KNOWN_COMMANDS),
                     likely=likely)  # fmt: skip
    senders = [word for word in _SENDERS if getattr(command, word) is not None]
    if len(senders) != 1:
        findings.key(path, " and ".join(senders) or "nothing that sends it",
                     expected="exactly one of post, put, patch, sql")  # fmt: skip
    _check_over(findings, system, command, path)
    if command.find is None:
        if command.name in MONEY_OR_STOCK_COMMANDS:
            findings.key(path, "a money or stock command without find",
                         expected="find: how its effect is looked up by our reference")  # fmt: skip
    elif (command.find.get is None) == (command.find.sql is None):
        findings.key((*path, "find"), "not exactly one way to look", expected="get or sql")


def _check_over(findings: Findings, system: SystemSpec, command: CommandSpec, path: Path) -> None:
    kind = command.over.kind if command.over is not None else system.kind
    if (kind == "sql") != (command.sql is not None):
        findings.key(path, f"sent over {kind}",
                     expected="sql over sql; post, put or patch over: another kind")  # fmt: skip
    if command.over is not None:
        _check_auth(findings, command.over.auth, (*path, "over", "auth"))
        url = command.over.url.get_secret_value()
        _check_url(findings, kind, url, (*path, "over", "url"))
