"""How messages do, in words for whoever looks after the hub."""

from __future__ import annotations

import asyncio

from hub.events.connection import Nats
from hub.events.log import EventLog
from hub.model.errors import StoreUnavailable
from hub.observe.health import Part

LOOK_S = 2.0  # a readiness that waits longer for a count is of no use


async def messages_part(nats: Nats | None, log: EventLog) -> Part:
    """NATS, its JetStream and what waits to be told; the hub is ready without all of them."""
    waiting = await _waiting(log)
    if nats is None:
        missing = "there is no NATS: pushes come late"
    elif not nats.is_connected:
        why = f" ({nats.problem})" if nats.problem else ""
        missing = f"NATS is away{why}: pushes come late"
    else:
        said = f"NATS is connected, its JetStream answers; {waiting}"
        return Part("messages", is_ok=True, message=said, is_needed=False)
    return Part("messages", is_ok=False, message=f"{missing}; {waiting}", is_needed=False)


async def _waiting(log: EventLog) -> str:
    try:
        async with asyncio.timeout(LOOK_S):
            return words_of_waiting(await log.waiting())
    except (StoreUnavailable, TimeoutError):
        return "how many events wait cannot be told"


def words_of_waiting(count: int) -> str:
    """How many events NATS was not told of yet."""
    return f"{count} {'event waits' if count == 1 else 'events wait'} to be told over NATS"
