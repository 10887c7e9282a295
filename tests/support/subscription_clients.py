"""Official clients of subscriptions, each in a process of its own; see subscription_client.mjs."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

PACKAGES = ("graphql-ws@6.4.2", "graphql-sse@2.6.1", "@apollo/client@4.3.8", "rxjs@7.8.2",
            "ws@8.23.0", "graphql@16.15.0")  # fmt: skip
NPM_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 10.0
SCRIPT = Path(__file__).with_name("subscription_client.mjs")
KINDS = ("graphql-ws", "graphql-sse", "graphql-sse-id", "apollo")


def installed_packages() -> Path:
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
    """One client that follows `document`; its lines are read from a file in the folder."""

    def __init__(self, kind: str, url: str, *, token: str, document: str, folder: Path) -> None:
        self.kind = kind
        self._out = folder / f"{kind}.jsonl"
        self._errors = folder / f"{kind}.err"
        packages = installed_packages()
        with self._out.open("w") as out, self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                ["node", str(SCRIPT), kind, str(packages), url],
                stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                env={"PATH": os.environ["PATH"], "HUB_TOKEN": token, "DOCUMENT": document},
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

    def wait_for_events(self, count: int, *, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while len({each["eventId"] for each in self.events}) < count:
            assert self.process.poll() is None, self._errors.read_text()
            assert time.monotonic() < deadline, (self.kind, self.lines[-5:])
            time.sleep(0.05)

    def stop(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_TIMEOUT_S)
