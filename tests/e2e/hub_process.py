"""The hub as a user starts it: the command `opshub` in a process of its own, asked over HTTP."""

import json
import os
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from hub.cli.access import issuer
from hub.config.settings import Settings
from hub.security.principal import Role
from hub.security.tokens import Grant

READY_TIMEOUT_S = 50.0
STOP_TIMEOUT_S = 20.0
ASK_TIMEOUT_S = 15.0
POLL_S = 0.05
TOKEN_LIFETIME = timedelta(hours=1)

OPSHUB = str(Path(sysconfig.get_path("scripts")) / "opshub")


@dataclass
class RunningHub:
    """A hub that serves. `ready` is what it wrote to its ready file."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    log: Path
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    @property
    def demo(self) -> dict[str, Any]:
        return dict(self.ready["demo"])

    def token(self, role: str) -> str:
        return str(self.demo["tokens"][role])

    def token_of(self, subject: str, role: Role, *, unit: str = "*") -> str:
        """A token of somebody who has asked nothing yet, and so has a whole budget."""
        settings = Settings(data_dir=self.log.parent / "data")
        grant = Grant(subject=subject, roles=[role], business_units=[unit], lifetime=TOKEN_LIFETIME)
        return issuer(settings)(grant, datetime.now(UTC))

    def post(self, body: Any, *, role: str = "agent", **headers: str) -> httpx2.Response:
        """Send any JSON to `/graphql`."""
        sent = {"Authorization": f"Bearer {self.token(role)}"} | headers
        return httpx2.post(f"{self.url}/graphql", json=body, headers=sent, timeout=ASK_TIMEOUT_S)

    def ask(
        self, document: str, *, role: str = "agent", token: str | None = None, **variables: Any
    ) -> dict[str, Any]:
        """The whole answer to one document; the status must be 200."""
        headers = {"Authorization": f"Bearer {token or self.token(role)}"}
        body = {"query": document, "variables": variables}
        response = httpx2.post(
            f"{self.url}/graphql", json=body, headers=headers, timeout=ASK_TIMEOUT_S
        )
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer


def environment(**extra: str) -> dict[str, str]:
    """The tests' own environment without any setting of the hub."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPSHUB_")}
    return kept | extra


@contextmanager
def running_hub(
    folder: Path, *arguments: str, env: dict[str, str] | None = None
) -> Iterator[RunningHub]:
    """`opshub up` on a free port with its data below the folder; ended by SIGTERM."""
    ready_file, log = folder / "ready.json", folder / "hub.log"
    ready_file.unlink(missing_ok=True)
    command = [OPSHUB, "up", "--port", "0", "--data-dir", str(folder / "data"),
               "--ready-file", str(ready_file), *arguments]  # fmt: skip
    with log.open("a") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
            env=env or environment(), text=True, cwd=folder,
        )  # fmt: skip
    try:
        yield RunningHub(process, wait_for_ready(process, ready_file, log), log)
    finally:
        end(process, signal.SIGTERM)


def wait_for_ready(process: subprocess.Popen[str], ready_file: Path, log: Path) -> dict[str, Any]:
    """What the hub wrote once it served; an AssertionError with its log where it did not."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if ready_file.exists():
            ready: dict[str, Any] = json.loads(ready_file.read_text())
            return ready
        time.sleep(POLL_S)
    raise AssertionError(f"the hub did not come up:\n{log.read_text()[-4000:]}")


def end(process: subprocess.Popen[str], with_signal: signal.Signals) -> int:
    """Send the signal and wait; a process that stays is killed and fails the test."""
    if process.poll() is None:
        process.send_signal(with_signal)
    try:
        return process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_TIMEOUT_S)
        raise


def opshub(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [OPSHUB, *arguments], capture_output=True, text=True, timeout=40, check=False,
        cwd=cwd, env=env or environment(), stdin=subprocess.DEVNULL,
    )  # fmt: skip


def is_alive(process_ids: Sequence[int]) -> list[int]:
    """Those of the processes that still run (zombies do not count)."""
    return [each for each in process_ids if _state(each) not in (None, "Z")]


def descendants(process_id: int) -> list[int]:
    """All processes below one, on Linux."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process_id:
            child = int(stat.parent.name)
            found += [child, *descendants(child)]
    return found


def _state(process_id: int) -> str | None:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None
