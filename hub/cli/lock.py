"""One hub per data directory: a lock that the kernel gives back when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.model.errors import ConfigInvalid


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data directory; ConfigInvalid names the process that holds it already."""
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
        yield
    finally:
        os.close(descriptor)
