"""Demo systems that can be broken one at a time, and a hub that reads them through doors.

A door is an HTTP forwarder in front of one system: it can be shut (connections are refused) or
answer in the system's place. The SQL system is a copy of its file that a writer can lock.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2

from hub.demo.supervisor import CREDENTIALS, SYSTEMS_FILE
from tests.e2e.hub_process import (
    OPSHUB,
    RunningHub,
    descendants,
    end,
    environment,
    opshub,
    running_hub,
    wait_for_ready,
)

FORWARD_TIMEOUT_S = 10.0
HTML = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Please log in</html>"
LEAVE_ME_ALONE = b"HTTP/1.0 429 -\r\nRetry-After: 2\r\n\r\n"
TRUNCATED = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n[{"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    door: Door


class Door:
    """In front of one HTTP system, on a port that stays the same. `canned` answers instead."""

    def __init__(self, target: str = "") -> None:
        self.target = target
        self.canned: bytes | None = None
        self._port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        """Let calls through."""
        self._server = _Server(("127.0.0.1", self._port), _Forward)
        self._server.door = self
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def shut(self) -> None:
        """Refuse every connection from now on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fault(self, path_prefix: str, **what: Any) -> None:
        """Order a fault of the demo system behind it (see its `/__fault`)."""
        order = {"path_prefix": path_prefix} | what
        httpx2.post(f"{self.target}/__fault", json=order, timeout=5).raise_for_status()

    def calls(self) -> int:
        """Calls the system behind it has seen since the last look."""
        told = httpx2.delete(f"{self.target}/__stats", timeout=5).json()
        return int(told["total"])

    def heal(self) -> None:
        """Answer as the system does again."""
        self.canned = None
        httpx2.delete(f"{self.target}/__fault", timeout=5).raise_for_status()


class _Forward(BaseHTTPRequestHandler):
    """HTTP/1.0: a connection a call, so that a shut door leaves none behind."""

    server: _Server

    def do_GET(self) -> None:
        door = self.server.door
        self.close_connection = True
        with suppress(BrokenPipeError, ConnectionResetError):  # the hub has stopped waiting
            self.wfile.write(door.canned if door.canned is not None else self._forwarded(door))

    def _forwarded(self, door: Door) -> bytes:
        """What the system behind says, status and headers included."""
        sent = {name: self.headers[name] for name in self.headers if name.lower() != "host"}
        sent["connection"] = "close"
        told = httpx2.get(door.target + self.path, headers=sent, timeout=FORWARD_TIMEOUT_S)
        lines = [f"HTTP/1.0 {told.status_code} -", f"Content-Length: {len(told.content)}"]
        kept = ("content-type", "retry-after")
        lines += [f"{name}: {told.headers[name]}" for name in kept if name in told.headers]
        return "\r\n".join([*lines, "", ""]).encode() + told.content

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@dataclass
class Demo:
    """`opshub demo`, running."""

    process: subprocess.Popen[str]
    about: dict[str, Any]
    data_dir: Path

    @property
    def orders(self) -> dict[str, str]:
        return dict(self.about["orders"])

    def url(self, system: str) -> str:
        return str(self.about["systems"][system]["url"])

    def database(self, system: str) -> Path:
        return Path(self.about["systems"][system]["database"])

    def kill(self, system: str) -> None:
        """End one system's process at once, as a crash would."""
        wanted = f"--system\0{system}\0".encode()
        for each in descendants(self.process.pid):
            if wanted in Path(f"/proc/{each}/cmdline").read_bytes():
                os.kill(each, signal.SIGKILL)
                return
        raise AssertionError(f"no process serves {system}")

    @contextmanager
    def started_again(self, system: str) -> Iterator[None]:
        """The system back on its own port, until the block ends."""
        port = self.url(system).rpartition(":")[2]
        command = [sys.executable, "-m", "hub.demo.serve", "--system", system, "--port", port,
                   "--data-dir", str(self.data_dir / "demo"), "--pace", "0"]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["system"] == system
            yield
        finally:
            end(process, signal.SIGTERM)
            process.stdout.close()  # type: ignore[union-attr]


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """The six demo systems alone, keeping still."""
    ready_file, log, data_dir = folder / "demo.json", folder / "demo.log", folder / "demo-data"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [OPSHUB, "demo", "--data-dir", str(data_dir), "--pace", "0",
             "--ready-file", str(ready_file)],
            stdout=sink, stderr=subprocess.STDOUT, text=True, env=environment(), cwd=folder,
        )  # fmt: skip
    try:
        yield Demo(process, wait_for_ready(process, ready_file, log)["demo"], data_dir)
    finally:
        end(process, signal.SIGTERM)


@dataclass
class FaultyHub:
    """A hub whose systems stand behind doors; `erp` is the file of the SQL system.

    `orders` gives numbers of delivered orders, each once, so that no answer is remembered.
    """

    hub: RunningHub
    demo: Demo
    doors: dict[str, Door]
    erp: Path
    token: str
    orders: Iterator[str]

    def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The whole answer as an agent; the status must be 200."""
        return self.hub.ask(document, token=self.token, **variables)

    @contextmanager
    def locked_erp(self) -> Iterator[None]:
        """A writer holds the SQL system for itself, so that no read gets through."""
        with sqlite3.connect(self.erp, isolation_level=None) as writer:
            writer.execute("BEGIN EXCLUSIVE")
            try:
                yield
            finally:
                writer.execute("ROLLBACK")
        writer.close()


def copy_erp(source: Path, target: Path) -> None:
    """A copy in rollback-journal mode, which a writer can lock against readers."""
    with sqlite3.connect(source) as original, sqlite3.connect(target) as copy:
        original.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    original.close()
    copy.close()


def _delivered(erp: Path, demo: Demo) -> list[str]:
    """Completed European orders whose number is theirs alone and which no story names."""
    told = {*demo.orders.values(), *(str(number) for number in range(100101, 100141))}
    with sqlite3.connect(erp) as database:
        rows = database.execute("SELECT orno FROM ordhdr WHERE orst = 90 ORDER BY orno").fetchall()
    database.close()
    return [str(number) for (number,) in rows if str(number) not in told]


def variables_of(doors: dict[str, Door], erp: Path) -> dict[str, str]:
    """What the demo's systems file asks for, with the doors as addresses."""
    named = {f"OPSHUB_DEMO_{name.upper().replace('-', '_')}_URL": door.url
             for name, door in doors.items()}  # fmt: skip
    nowhere = {"OPSHUB_DEMO_ERP_EU_URL": "http://127.0.0.1:9"}  # its commands only
    return {**CREDENTIALS, **named, **nowhere, "OPSHUB_DEMO_ERP_EU_DSN": f"sqlite:///{erp}"}


def agent_token(folder: Path) -> str:
    """A token that the hub with this data directory accepts."""
    data_dir = str(folder / "data")
    issued = opshub("token", "issue", "--role", "agent", "--data-dir", data_dir, cwd=folder)
    assert issued.returncode == 0, issued.stderr
    return issued.stdout.strip()


@contextmanager
def faulty_hub(folder: Path, demo: Demo, systems_file: Path = SYSTEMS_FILE) -> Iterator[FaultyHub]:
    """A hub over the demo systems, each HTTP one behind a door."""
    erp = folder / "erp-eu.sqlite"
    copy_erp(demo.database("erp-eu"), erp)
    names = [name for name, each in demo.about["systems"].items() if each["kind"] == "rest"]
    doors = {name: Door(demo.url(name)) for name in names}
    try:
        env = environment(**variables_of(doors, erp))
        with running_hub(folder, "--systems", str(systems_file), env=env) as hub:
            yield FaultyHub(hub, demo, doors, erp, agent_token(folder), iter(_delivered(erp, demo)))
    finally:
        for door in doors.values():
            door.shut()
