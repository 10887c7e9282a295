"""Starts the six demo systems as processes, says where they are, and ends them."""

import asyncio
import contextlib
import fcntl
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from hub.demo.database import DataOfAnotherVersion, seed_once
from hub.demo.interesting import Interesting, find_interesting, remembered
from hub.demo.plan import Plan, build_plan
from hub.demo.roster import SYSTEMS, database_file

SYSTEMS_FILE = Path(__file__).with_name("systems.yaml")
START_DEADLINE_S = 20.0
STOP_DEADLINE_S = 3.0
LOCK_FILE = "demo.lock"

CREDENTIALS: Mapping[str, str] = {
    "OPSHUB_DEMO_ERP_EU_TOKEN": "demo-erp-eu",
    "OPSHUB_DEMO_ERP_US_TOKEN": "demo-erp-us",
    "OPSHUB_DEMO_WMS_NORTH_KEY": "demo-wms-north",
    "OPSHUB_DEMO_WMS_SOUTH_USER": "hub",
    "OPSHUB_DEMO_WMS_SOUTH_PASSWORD": "demo-wms-south",
    "OPSHUB_DEMO_CRM_TOKEN": "demo-crm",
    "OPSHUB_DEMO_CARRIER_TOKEN": "demo-carrier",
    "OPSHUB_DEMO_WEBHOOK_SECRET": "demo-webhooks-on-this-machine",
    "OPSHUB_DEMO_PORTAL_SECRET": "demo-portal-on-this-machine",
}
"""They open nothing but invented data on this machine."""

Progress = Callable[[str], None]


class DemoUnavailable(Exception):
    """The demo systems cannot be started; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class DemoSystem:
    """A running demo system: its HTTP address and the file its records are in."""

    name: str
    kind: Literal["sql", "rest"]
    url: str
    database: Path


@dataclass(frozen=True, slots=True)
class DemoSystems:
    """The running six. `environment` holds every variable that the systems file asks for."""

    systems: tuple[DemoSystem, ...]
    environment: Mapping[str, str]
    interesting: Interesting
    systems_file: Path
    processes: tuple[Process, ...] = field(repr=False)
    lock: IO[str] = field(repr=False)


async def start(
    data_dir: Path,
    *,
    pace_s: float,
    progress: Progress,
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
) -> DemoSystems:
    """Seed what is missing, start all six, and return once each listens.

    `webhook_url` is the base below which each system posts to `/in/<system>`; `tell_where` gives
    it, and the addresses of NATS, to systems that run already.
    They end when `stop` is called or when this process does, whichever way. Raises DemoUnavailable.
    """
    data_dir, lock = _claim(data_dir)
    processes: list[Process] = []
    try:
        interesting = await asyncio.to_thread(_seed, data_dir, progress)
        environment = _child_environment(webhook_url, webhook_secret)
        for name in SYSTEMS:
            processes.append(await _spawn(name, data_dir, pace_s, environment))
        async with asyncio.timeout(START_DEADLINE_S):
            systems = tuple([await _ready(each, progress) for each in processes])
    except BaseException as error:
        await _end(processes)
        lock.close()
        if isinstance(error, TimeoutError):
            raise DemoUnavailable(f"not all are up after {START_DEADLINE_S:g} s") from error
        raise
    return DemoSystems(
        systems=systems,
        environment=environment_of(systems) | _secret(environment),
        interesting=interesting,
        systems_file=SYSTEMS_FILE,
        processes=tuple(processes),
        lock=lock,
    )


def tell_where(running: DemoSystems, *, nats_urls: Mapping[str, str], webhook_url: str) -> None:
    """Pass on where the hub listens: NATS with credentials by system, and its base URL for all."""
    for system, process in zip(running.systems, running.processes, strict=True):
        told = {"webhook_url": webhook_url}
        if system.name in nats_urls:
            told["nats_url"] = nats_urls[system.name]
        if process.stdin is not None and not process.stdin.is_closing():
            process.stdin.write(json.dumps(told).encode() + b"\n")


async def stop(running: DemoSystems) -> None:
    """End all six and free the data directory; returns when they are gone."""
    await _end(running.processes)
    running.lock.close()


def environment_of(systems: tuple[DemoSystem, ...]) -> dict[str, str]:
    """Addresses and credentials under the names the systems file uses.

    An address that is set already stays as it is: somebody stands in between.
    """
    environment = dict(CREDENTIALS)
    for system in systems:
        stem = f"OPSHUB_DEMO_{system.name.upper().replace('-', '_')}"
        environment[f"{stem}_URL"] = system.url
        if system.kind == "sql":
            environment[f"{stem}_DSN"] = f"sqlite:///{system.database}"
    return {name: os.environ.get(name, value) for name, value in environment.items()}


def _claim(directory: Path) -> tuple[Path, IO[str]]:
    """The directory's absolute path and a lock on it.

    The kernel frees the lock with its holder, so that a dead one is no obstacle.
    """
    data_dir = directory.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / LOCK_FILE
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise DemoUnavailable(
            f"demo systems already run on {data_dir} (process {holder});"
            " stop them or choose another data directory"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return data_dir, lock


def _seed(data_dir: Path, progress: Progress) -> Interesting:
    plans: list[Plan] = []

    def plan() -> Plan:
        if not plans:
            plans.append(build_plan())
        return plans[0]

    try:
        for name, system in SYSTEMS.items():
            path = database_file(data_dir, name)
            if seed_once(path, system, plan):
                progress(f"{name}: seeded {path.name}")
        return remembered(data_dir, lambda: find_interesting(plan()))
    except (DataOfAnotherVersion, OSError) as error:
        raise DemoUnavailable(str(error)) from error


def _secret(environment: Mapping[str, str]) -> dict[str, str]:
    name = "OPSHUB_DEMO_WEBHOOK_SECRET"
    return {name: environment[name]}


def _child_environment(webhook_url: str | None, webhook_secret: str | None) -> dict[str, str]:
    """Ours, with the credentials that systems which tell need themselves."""
    environment = {**CREDENTIALS, **os.environ}
    if webhook_url is not None:
        environment["OPSHUB_DEMO_WEBHOOK_URL"] = webhook_url
    if webhook_secret is not None:
        environment["OPSHUB_DEMO_WEBHOOK_SECRET"] = webhook_secret
    return environment


async def _spawn(
    name: str, data_dir: Path, pace_s: float, environment: Mapping[str, str]
) -> Process:
    """A child in a session of its own: Ctrl-C reaches this process, and this one ends it."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hub.demo.serve", "--system", name, "--data-dir", str(data_dir)),
        *("--pace", str(pace_s), "--until-stdin-closes"),
        stdin=PIPE,
        stdout=PIPE,
        env=environment,
        start_new_session=True,
    )


async def _ready(process: Process, progress: Progress) -> DemoSystem:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise DemoUnavailable(f"a demo system ended with exit code {await process.wait()}")
    said = json.loads(line)
    system = SYSTEMS[said["system"]]
    progress(f"{system.name}: listening on {said['url']}")
    return DemoSystem(system.name, system.kind, said["url"], Path(said["database"]))


async def _end(processes: tuple[Process, ...] | list[Process]) -> None:
    """Close every child's stdin, at which it exits; kill what is left after the deadline."""
    for process in processes:
        if process.stdin is not None:
            process.stdin.close()
    for process in processes:
        try:
            async with asyncio.timeout(STOP_DEADLINE_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
