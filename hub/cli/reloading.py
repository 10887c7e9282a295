"""A changed systems file is applied to the running hub, or refused with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hub.config.systems import SystemsFile, SystemsFileInvalid
from hub.model.errors import ConfigInvalid, OpsHubError

if TYPE_CHECKING:
    from hub.app import Hub

_LOOK_EVERY_S = 2.0

Stamp = tuple[tuple[str, int, int], ...]
Applied = Callable[["SystemsFile"], Awaitable[None]]


async def follow_file(
    hub: Hub,
    read: Callable[[], SystemsFile],
    say: Callable[[str], None],
    *,
    applied: Applied,
) -> None:
    """Look at the file and what it includes for ever; cancel it to stop.

    `applied` is called with each file that came into force; its ConfigInvalid is said.
    """
    seen = _stamp(hub.connected.systems.files)
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        now = _stamp(hub.connected.systems.files)
        if now != seen:
            say(await _applied(hub, read, applied))
            seen = _stamp(hub.connected.systems.files)


async def _applied(hub: Hub, read: Callable[[], SystemsFile], applied: Applied) -> str:
    """What became of the change, for the person who made it."""
    try:
        systems = read()
        problems = await hub.connected.apply(systems)
    except (SystemsFileInvalid, OpsHubError) as error:
        return f"systems file: the old one stays: {error}"
    if problems:
        told = "; ".join(str(problem) for problem in problems)
        return f"systems file: the old one stays: {told}"
    try:
        await applied(systems)
    except ConfigInvalid as error:
        return f"systems file: the change is applied, but not to NATS: {error}"
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
