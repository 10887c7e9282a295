"""Official clients subscribe, lose the hub, come back and miss nothing."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.security.principal import Role
from tests.e2e.hub_process import RunningHub, end, running_hub

pytestmark = pytest.mark.timeout(240)

PACKAGES = ("graphql-ws@6.4.2", "graphql-sse@2.6.1", "@apollo/client@4.3.8", "rxjs@7.8.2",
            "ws@8.23.0", "graphql@16.15.0")  # fmt: skip
NPM_TIMEOUT_S = 90.0
ITEMS_TIMEOUT_S = 60.0
SCRIPT = Path(__file__).with_name("subscription_client.mjs")
KINDS = ("graphql-ws", "graphql-sse", "graphql-sse-id", "apollo")
BEFORE, AFTER = 3, 3  # items of each client before the hub is killed, and after it is back

DOCUMENT = """subscription ($after: String) {
  orderStatusChanged(filter: {}, after: $after) {
    __typename
    ... on OrderStatusEvent { eventId cursor sequence }
    ... on OrderStatusSnapshot { cursor sequence }
    ... on Heartbeat { cursor }
    ... on StreamGap { cursor }
  }
}"""


@pytest.fixture(scope="module")
def packages() -> Path:
    """A folder with the npm packages, kept between runs; skips where they cannot be had."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    folder = Path(tempfile.gettempdir()) / f"opshub-npm-{os.getuid()}" / "subscriptions-1"
    if not (folder / "installed").exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}")
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
        try:
            subprocess.run(
                command, cwd=folder, check=True, capture_output=True, timeout=NPM_TIMEOUT_S
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"npm cannot install {PACKAGES[0]}: {type(error).__name__}")
        (folder / "installed").touch()
    return folder


class Following:
    """One client that follows the orders; its lines are read from a file."""

    def __init__(self, kind: str, packages: Path, hub: RunningHub, folder: Path) -> None:
        self.kind = kind
        self._out = folder / f"{kind}.jsonl"
        self._errors = folder / f"{kind}.err"
        token = hub.token_of(f"desk-{kind}", Role.AGENT)
        with self._out.open("w") as out, self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                ["node", str(SCRIPT), kind, str(packages), f"{hub.url}/graphql"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                env={"PATH": os.environ["PATH"], "HUB_TOKEN": token, "DOCUMENT": DOCUMENT},
            )  # fmt: skip

    @property
    def lines(self) -> list[dict[str, Any]]:
        whole = self._out.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    @property
    def items(self) -> list[dict[str, Any]]:
        return [line["item"] for line in self.lines if "item" in line]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [item for item in self.items if "eventId" in item]

    def wait_for_events(self, count: int) -> None:
        deadline = time.monotonic() + ITEMS_TIMEOUT_S
        while len({each["eventId"] for each in self.events}) < count:
            assert self.process.poll() is None, self._errors.read_text()
            assert time.monotonic() < deadline, (self.kind, self.lines[-5:])
            time.sleep(0.05)


@contextmanager
def following(kind: str, packages: Path, hub: RunningHub, folder: Path) -> Iterator[Following]:
    client = Following(kind, packages, hub, folder)
    try:
        yield client
    finally:
        end(client.process, signal.SIGTERM)


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
    return port


def status_changes(folder: Path, after: int, up_to: int) -> dict[str, int]:
    """What the hub's own log says happened between two positions: event ids and positions."""
    with closing(sqlite3.connect(folder / "data" / "opshub.sqlite3")) as store:
        rows = store.execute(
            "SELECT event_id, position FROM event_log WHERE noun = 'order' "
            "AND change = 'status_changed' AND position > ? AND position <= ?",
            (after, up_to),
        )
        return dict(rows.fetchall())


@pytest.mark.parametrize("stopped_by", [signal.SIGKILL, signal.SIGTERM])
def test_official_clients_lose_the_hub_and_miss_nothing(
    packages: Path, tmp_path: Path, stopped_by: signal.Signals
) -> None:
    arguments = ("--demo", "--pace", "0.2", "--port", str(free_port()))
    with running_hub(tmp_path, *arguments) as hub:
        clients = [Following(kind, packages, hub, tmp_path) for kind in KINDS]
        try:
            for client in clients:
                client.wait_for_events(BEFORE)
            end(hub.process, stopped_by)
            seen = {client.kind: len(client.events) for client in clients}
            with running_hub(tmp_path, *arguments):
                for client in clients:
                    client.wait_for_events(seen[client.kind] + AFTER)
        finally:
            for client in clients:
                end(client.process, signal.SIGTERM)
    for client in clients:
        check(client, tmp_path)


def check(client: Following, folder: Path) -> None:
    """Every change between its snapshot and its last item came, in order, each once."""
    assert not [line for line in client.lines if "errors" in line], client.kind
    assert "StreamGap" not in {item["__typename"] for item in client.items}, client.kind
    first, *_ = client.items
    assert first["__typename"] == "OrderStatusSnapshot", (client.kind, first)
    sequences = {each["eventId"]: int(each["sequence"]) for each in client.events}
    truth = status_changes(folder, int(first["sequence"]), max(sequences.values()))
    assert sequences == truth, client.kind
    assert list(sequences.values()) == sorted(sequences.values()), client.kind
