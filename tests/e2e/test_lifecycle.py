"""Start, stop, start twice, be killed: what a hub and its demo systems leave behind is nothing."""

import hashlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.hub_process import (
    OPSHUB,
    RunningHub,
    descendants,
    end,
    environment,
    is_alive,
    opshub,
    running_hub,
    wait_for_ready,
)

pytestmark = pytest.mark.timeout(120)

GONE_WITHIN_S = 10.0


def _wait_until_gone(processes: list[int]) -> list[int]:
    deadline = time.monotonic() + GONE_WITHIN_S
    while is_alive(processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    return is_alive(processes)


@pytest.mark.parametrize("stopped_by", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_hub_leaves_nothing_and_exits_0(
    tmp_path: Path, stopped_by: signal.Signals
) -> None:
    with running_hub(tmp_path, "--demo", "--pace", "0") as hub:
        below = descendants(hub.process.pid)
        assert len(below) >= 7, "six demo systems and a nats-server"
        assert end(hub.process, stopped_by) == 0
    assert _wait_until_gone(below) == []
    assert "Traceback" not in hub.log.read_text()


def test_a_killed_hub_takes_its_children_along_and_is_taken_over(tmp_path: Path) -> None:
    with running_hub(tmp_path, "--demo", "--pace", "0") as hub:
        below = descendants(hub.process.pid)
        hub.process.kill()
        hub.process.wait(10)
        assert _wait_until_gone(below) == []
    files = _seeded(tmp_path)
    with running_hub(tmp_path, "--demo", "--pace", "0") as again:
        assert again.process.poll() is None
    assert _seeded(tmp_path) == files, "a second start never seeds again"


def _seeded(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder / "data" / "demo").glob("*.sqlite")
    }


def test_a_second_hub_on_the_same_data_says_so(demo_hub: RunningHub) -> None:
    folder = demo_hub.log.parent
    second = opshub("up", "--demo", "--port", "0", "--data-dir", str(folder / "data"), cwd=folder)
    assert second.returncode == 1
    assert f"process {demo_hub.process.pid}" in second.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        failed = opshub(
            "up", "--demo", "--port", str(port), "--data-dir", str(tmp_path / "data"), cwd=tmp_path
        )
    assert failed.returncode == 1
    assert f"port {port}" in failed.stderr


def test_the_demo_systems_run_alone(tmp_path: Path) -> None:
    ready_file, log = tmp_path / "ready.json", tmp_path / "demo.log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [OPSHUB, "demo", "--data-dir", str(tmp_path / "data"), "--pace", "0",
             "--ready-file", str(ready_file)],
            stdout=sink, stderr=subprocess.STDOUT, text=True, env=environment(), cwd=tmp_path,
        )  # fmt: skip
    ready = wait_for_ready(process, ready_file, log)
    below = descendants(process.pid)
    assert ready["pid"] == process.pid
    assert len(ready["demo"]["systems"]) == 6
    assert all(os.path.exists(each["database"]) for each in ready["demo"]["systems"].values())
    assert end(process, signal.SIGINT) == 0
    assert _wait_until_gone(below) == []
