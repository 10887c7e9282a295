"""The hub's port, taken before anything else is started, and the file that says it serves."""

from __future__ import annotations

import errno
import json
import os
import socket
from pathlib import Path
from typing import Any

from hub.model.errors import ConfigInvalid


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes any free one. ConfigInvalid where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used: {error}"
        raise ConfigInvalid(f"port {port} on {host} {reason}; choose another --port") from error
    listener.set_inheritable(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a browser on this machine finds the hub."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)
    return f"http://{shown}:{port}"


def write_ready(path: Path, ready: dict[str, Any]) -> None:
    """Write the file at once and for our eyes only: it carries tokens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(ready, file, indent=2)
    os.replace(draft, path)
