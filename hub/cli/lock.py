"""One hub per data directory: a lock that the kernel gives back when its holder dies."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.model.errors import ConfigInvalid

_HOST_MAX = 60  # characters


@contextmanager
def only_one(data_dir: Path) -> Iterator[str]:
    """Hold the data directory; ConfigInvalid names the process that holds it already.

    Yields the name of this seat. Whoever sat on it before is dead, or the lock were not ours. A
    copy of the directory is another seat, since the name is that of the lock's own file.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data_dir / "hub.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 32).decode() or "unknown"
            raise ConfigInvalid(
                f"a hub already runs on {data_dir} (process {holder}); "
                "stop it, or choose another --data-dir"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield _seat(descriptor)
    finally:
        os.close(descriptor)


def _seat(descriptor: int) -> str:
    """The same for every life on this file of this machine, and for no other."""
    file = os.fstat(descriptor)
    return f"{socket.gethostname()[:_HOST_MAX]}:{file.st_dev:x}:{file.st_ino:x}"
