"""Work in the background whose failure is never silent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

PAUSE_S = 2.0

log = logging.getLogger(__name__)


def in_background(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run it beside everything else; a defect that ends it is logged, with its stack."""
    task = asyncio.create_task(work, name=getattr(work, "__qualname__", None))
    task.add_done_callback(_tell_failure)
    return task


async def kept_running(follow: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it for ever: a defect that ends it is logged, and it begins again after a pause."""
    while True:
        try:
            await follow()
        except Exception:
            log.exception("%s ended; it begins again in %g s", follow.__qualname__, PAUSE_S)
        await asyncio.sleep(PAUSE_S)


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s ended", task.get_name(), exc_info=error)
