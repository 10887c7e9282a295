"""Hub processes and a nats-server that a test kills with SIGKILL and starts where they were."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx2

from hub.cli.access import issuer
from hub.config.settings import Settings
from hub.security.principal import Role
from hub.security.tokens import Grant
from tests.e2e.hub_process import OPSHUB, POLL_S, READY_TIMEOUT_S, environment
from tests.support import children
from tests.support.nats import nats_binary

LOG_LINES = 60  # of a process that failed
TOKEN_LIFETIME = timedelta(hours=2)
NATS_UP_WITHIN_S = 15.0
KEY = "a key of the tests, long enough to sign tokens with"


@dataclass(eq=False)
class HubProcess:
    """`opshub up` over a systems file, always on the same port and data directory."""

    folder: Path
    systems: Path
    env: Mapping[str, str]
    program: tuple[str, ...] = (OPSHUB,)
    port: int = field(default_factory=lambda: free_port())
    started_in_s: list[float] = field(default_factory=list)
    _process: Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def log(self) -> Path:
        return self.folder / "hub.log"

    async def start(self) -> None:
        """Return once it serves; an AssertionError with its log where it does not."""
        began = time.monotonic()
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        command = [*_with_environment(self.env), *self.program, "up",
                   "--systems", str(self.systems), "--port", str(self.port),
                   "--data-dir", str(self.folder / "data"), "--ready-file", str(ready)]  # fmt: skip
        self._process = children.start(command, log=self.log)
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() - began > READY_TIMEOUT_S:
                raise AssertionError(f"the hub did not come up:\n{self.tail()}")
            await asyncio.sleep(POLL_S)
        self.started_in_s.append(time.monotonic() - began)

    async def kill(self) -> None:
        """SIGKILL: nothing is flushed, nobody is told."""
        await _end(self._process, signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        return await _end(self._process, signal.SIGTERM)

    async def pause(self, for_s: float) -> None:
        """Stand still, as a machine does that is moved: SIGSTOP, then SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(for_s)
        self._process.send_signal(signal.SIGCONT)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def tail(self) -> str:
        return children.log_tail(self.log, lines=LOG_LINES)

    def token(self, subject: str, role: Role, *customers: str) -> str:
        """A token this hub accepts; customers as system:number."""
        settings = Settings(token_key_file=Path(self.env["OPSHUB_TOKEN_KEY_FILE"]))
        grant = Grant(subject=subject, roles=[role], customers=customers, lifetime=TOKEN_LIFETIME)
        return issuer(settings)(grant, datetime.now(UTC))

    async def ask(self, document: str, token: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        async with httpx2.AsyncClient() as client:
            response = await client.post(
                f"{self.url}/graphql", json={"query": document, "variables": variables},
                headers={"Authorization": f"Bearer {token}"}, timeout=15,
            )  # fmt: skip
        assert response.status_code == 200, response.text
        answer = response.json()
        assert "errors" not in answer, answer
        told: dict[str, Any] = answer["data"]
        return told

    async def measured(self, token: str) -> dict[str, float]:
        """The samples of /metrics by name and labels, as they are written there."""
        async with httpx2.AsyncClient() as client:
            response = await client.get(
                f"{self.url}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=15
            )
        assert response.status_code == 200, response.text
        lines = [line for line in response.text.splitlines() if line and line[0] != "#"]
        return {name: float(value) for name, _, value in (each.rpartition(" ") for each in lines)}


@dataclass(eq=False)
class NatsProcess:
    """A nats-server whose JetStream store outlives it, always on the same port."""

    folder: Path
    port: int = field(default_factory=lambda: free_port())
    _process: Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Return once it takes connections."""
        command = [str(nats_binary()), "--addr", "127.0.0.1", "--port", str(self.port),
                   "--jetstream", "--store_dir", str(self.folder / "store")]  # fmt: skip
        self._process = children.start(command, log=self.folder / "nats.log")
        deadline = time.monotonic() + NATS_UP_WITHIN_S
        while not _is_listening(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = children.log_tail(self.folder / "nats.log")
                raise AssertionError(f"nats-server did not come up:\n{tail}")
            await asyncio.sleep(POLL_S)

    async def kill(self) -> None:
        await _end(self._process, signal.SIGKILL)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def stop(self) -> None:
        await _end(self._process, signal.SIGTERM)


async def _end(process: Popen[bytes] | None, with_signal: signal.Signals) -> int:
    assert process is not None
    if process.poll() is None:
        process.send_signal(with_signal)
    return await asyncio.to_thread(process.wait, 20)


def _with_environment(env: Mapping[str, str]) -> list[str]:
    """The words of `env` that make a command's environment: ours without any setting of the hub."""
    unset = [word for name in set(os.environ) - set(environment()) for word in ("-u", name)]
    return ["env", *unset, *(f"{name}={value}" for name, value in env.items())]


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def key_file(folder: Path) -> Path:
    """A signing key that several hubs share."""
    path = folder / "signing.key"
    path.write_text(KEY)
    path.chmod(0o600)
    return path


def log_counts(log: Path) -> dict[str, int]:
    """How many lines of each level a hub wrote; logs are JSON, one object a line."""
    counts: dict[str, int] = {}
    for line in log.read_text(errors="replace").splitlines():
        try:
            level = str(json.loads(line).get("level"))
        except (ValueError, AttributeError):
            level = "none"
        counts[level] = counts.get(level, 0) + 1
    return counts
