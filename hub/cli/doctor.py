"""`opshub doctor`: what is missing on this machine, one line a finding."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import DataDir, running_hub, settings_of
from hub.cli.output import AsJson, Exit, run, show

if TYPE_CHECKING:
    from hub.config.settings import Settings
    from hub.config.specs import SystemsFile
    from hub.events.connection import NatsAccess

_PYTHON_MIN = (3, 11)
_CORE = ("strawberry-graphql", "starlette", "uvicorn", "sqlalchemy", "nats-py", "opentelemetry-sdk")
_EXTRAS = {"asyncpg": "postgres", "opentelemetry-exporter-otlp-proto-http": "otlp"}


@dataclass(frozen=True, slots=True)
class Finding:
    """`level` is ok, note (works without it) or problem."""

    level: str
    subject: str
    text: str


def doctor(
    systems: Annotated[Path | None, typer.Option(help="The systems file to look at.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Look at Python, packages, data directory, port, store, NATS and the connected systems."""

    settings = settings_of(systems=systems, data_dir=data_dir)
    findings = [finding for look in LOOKS for finding in look(settings)]
    text = "\n".join(f"{each.level:8} {each.subject:18} {each.text}" for each in findings)
    show({"findings": [asdict(each) for each in findings]}, text, as_json=as_json)
    if any(each.level == "problem" for each in findings):
        raise typer.Exit(int(Exit.FINDINGS))


def _python(_: Settings) -> list[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _PYTHON_MIN:
        return [Finding("problem", "python", f"{found}; expected 3.11 or later")]
    return [Finding("ok", "python", found)]


def _packages(_: Settings) -> list[Finding]:
    core = [_package(name, "problem", "install opshub again") for name in _CORE]
    extras = [
        _package(name, "note", f"install opshub[{x}] to use it") for name, x in _EXTRAS.items()
    ]
    return core + extras


def _package(name: str, level_if_absent: str, advice: str) -> Finding:
    try:
        return Finding("ok", name, version(name))
    except PackageNotFoundError:
        return Finding(level_if_absent, name, f"not installed; {advice}")


def _data_dir(settings: Settings) -> list[Finding]:
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return [Finding("ok", "data directory", str(folder))]
    except OSError as error:
        return [Finding("problem", "data directory", f"{folder}: {error.strerror}")]


def _port(settings: Settings) -> list[Finding]:
    from hub.cli.listener import listen
    from hub.model.errors import ConfigInvalid

    ready = running_hub(settings)
    if ready is not None:
        return [Finding("ok", "hub", f"runs at {ready['url']} (process {ready['pid']})")]
    try:
        with listen(settings.host, settings.port) as free:
            return [Finding("ok", "port", f"{_number(free)} is free")]
    except ConfigInvalid as error:
        return [Finding("problem", "port", str(error))]


def _number(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _messages(settings: Settings) -> list[Finding]:
    """The NATS that is named; else the embedded one, of the hub that runs or as it would."""
    from hub.cli.messaging import external_access
    from hub.events.connection import NatsAccess
    from hub.events.embedded import nats_binary
    from hub.model.errors import ConfigInvalid

    ready = running_hub(settings)
    try:
        access = external_access(settings)
        if access is not None:
            return [_nats(access, "the server of OPSHUB_NATS_URL")]
        if ready is not None and ready["nats_url"] is not None:
            return [_nats(NatsAccess(ready["nats_url"]), "the embedded server")]
        nats_binary()
    except ConfigInvalid as error:
        return [Finding("problem", "nats", str(error))]
    return [Finding("ok", "nats", "the embedded server is installed")]


def _nats(access: NatsAccess, which: str) -> Finding:
    from hub.events.connection import Nats

    async def look() -> str | None:
        return await Nats(access, name="opshub doctor").look()

    problem = asyncio.run(look())
    if problem is None:
        return Finding("ok", "nats", f"{which} is connected, its JetStream answers")
    return Finding("problem", "nats", f"{which}: {problem}")


def _store(settings: Settings) -> list[Finding]:
    from hub.events.condition import words_of_waiting
    from hub.model.errors import OpsHubError

    try:
        waiting = asyncio.run(_events_waiting(settings.store_dsn))
    except OpsHubError as error:
        return [Finding("note", "store", f"{error} (opshub up does it at start)")]
    level = "note" if waiting else "ok"
    return [
        Finding("ok", "store", "is there and up to date"),
        Finding(level, "events", words_of_waiting(waiting)),
    ]


async def _events_waiting(dsn: str) -> int:
    from hub.connected import WallClock
    from hub.events.log import EventLog
    from hub.store.migrate import open_store

    store = await open_store(dsn)
    try:
        return await EventLog(store, WallClock().now).waiting()
    finally:
        await store.close()


def _systems(settings: Settings) -> list[Finding]:
    from hub.config.systems import SystemsFileInvalid, load_systems

    if settings.systems is None:
        return [Finding("note", "systems file", "none named; give --systems, or use --demo")]
    try:
        file = load_systems(settings.systems, environ=os.environ)
    except SystemsFileInvalid as error:
        return [Finding("problem", "systems file", str(each)) for each in error.problems]
    ok = Finding("ok", "systems file", str(settings.systems))
    return [ok, *run(_connected(file))]


async def _connected(systems: SystemsFile) -> Sequence[Finding]:
    """One finding per system: whether it answers now."""
    from sources.registry import open_sources

    findings = []
    for source in open_sources(systems):
        errors = await source.start()
        await source.close()
        findings += [Finding("problem", source.name, str(error)) for error in errors]
        if not errors:
            findings.append(Finding("ok", source.name, "answers"))
    return findings


LOOKS: tuple[Callable[[Settings], Sequence[Finding]], ...] = (
    _python, _packages, _data_dir, _port, _messages, _store, _systems,
)  # fmt: skip
