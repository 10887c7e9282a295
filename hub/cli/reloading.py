"""A changed systems file is applied to the running hub, or refused with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hub.config.systems import SystemsFile, SystemsFileInvalid
from hub.model.errors import OpsHubError

if TYPE_CHECKING:
    from hub.app import Hub

_LOOK_EVERY_S = 2.0

Stamp = tuple[tuple[str, int, int], ...]


async def follow_file(
    hub: Hub, read: Callable[[], SystemsFile], say: Callable[[str], None]
) -> None:
    """Look at the file and what it includes for ever; cancel it to stop."""
    seen = _stamp(hub.connected.systems.files)
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        now = _stamp(hub.connected.systems.files)
        if now != seen:
            say(await _applied(hub, read))
            seen = _stamp(hub.connected.systems.files)


async def _applied(hub: Hub, read: Callable[[], SystemsFile]) -> str:
    """What became of the change, for the person who made it."""
    try:
        problems = await hub.connected.apply(read())
    except (SystemsFileInvalid, OpsHubError) as error:
        return f"systems file: the old one stays: {error}"
    if problems:
        told = "; ".join(str(problem) for problem in problems)
        return f"systems file: the old one stays: {told}"
    return "systems file: the change is applied"


def _stamp(files: Iterable[Path]) -> Stamp:
    """What changes when a file does; one that is gone for a moment is simply another state."""
    found = []
    for file in sorted(files):
        try:
            stat = file.stat()
        except OSError:
            continue
        found.append((str(file), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
