"""The webhook spool: takes in what `inbound` keeps, in the order it came; one process at a time."""

from __future__ import annotations

import asyncio
import logging

from nats.aio.msg import Msg

from hub.events.connection import Nats
from hub.events.inbound import Inbound
from hub.events.intake import Again, Intake
from hub.events.subjects import SPOOL_WAKE
from hub.model.errors import NatsUnavailable, StoreUnavailable
from hub.observe import metrics
from hub.store.leases import Leases, while_leased

LEASE = "inbound"
BATCH_MAX = 100  # messages taken up at once
LOOK_EVERY_S = 0.5  # for what other processes kept, and for what is due again
AWAY_PAUSE_S = 1.0

_log = logging.getLogger(__name__)


class Spool:
    """The spool of one process; it works while this process holds the lease."""

    def __init__(
        self,
        inbound: Inbound,
        intake: Intake,
        *,
        leases: Leases,
        nats: Nats | None = None,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._inbound = inbound
        self._intake = intake
        self._leases = leases
        self._look_every_s = look_every_s
        self._nats = nats
        self._is_leading = False
        self._woken = asyncio.Event()
        self._to_pass_on = asyncio.Event()
        if nats is not None:
            nats.subscribe(SPOOL_WAKE, self._heard_wake)

    def wake(self) -> None:
        """Something was kept: look now, here or in the process that takes in."""
        (self._woken if self._is_leading else self._to_pass_on).set()

    async def follow(self) -> None:
        """Take in for ever, whenever the lease is ours. Cancel it to stop."""
        async with asyncio.TaskGroup() as both:
            both.create_task(while_leased(self._leases, LEASE, self._lead))
            if self._nats is not None:
                both.create_task(self._pass_on(self._nats))

    async def take_due(self) -> int:
        """One pass over what is due; how many rows it took up. Raises StoreUnavailable.

        Cut off anywhere it loses nothing: what was taken in and not yet forgotten is a duplicate.
        """
        kept = await self._inbound.due(BATCH_MAX)
        if not kept:
            return 0
        verdicts = await self._intake.receive([each.message for each in kept])
        ended: list[int] = []
        again: dict[int, float] = {}
        for row, verdict in zip(kept, verdicts, strict=True):
            if isinstance(verdict, Again):
                again[row.id] = verdict.delay_s
            else:
                ended.append(row.id)
        await self._inbound.settle(ended, again)
        return len(kept)

    async def _lead(self) -> None:
        self._is_leading = True
        try:
            await self._work()
        finally:
            self._is_leading = False

    async def _pass_on(self, nats: Nats) -> None:
        """Wake the process that leads, where that is another; without NATS it looks by itself."""
        while True:
            await self._to_pass_on.wait()
            self._to_pass_on.clear()
            try:
                await nats.publish(SPOOL_WAKE, b"")
            except NatsUnavailable:
                await asyncio.sleep(self._look_every_s)

    async def _heard_wake(self, _message: Msg) -> None:
        self._woken.set()

    async def _work(self) -> None:
        is_away = False
        while True:
            self._woken.clear()
            try:
                if await self.take_due() == BATCH_MAX:
                    continue  # more may be due
                metrics.show_inbound_waiting(await self._inbound.waiting())
                is_away = False
            except StoreUnavailable as error:
                if not is_away:
                    _log.warning("webhooks wait for the database: %s", error)
                is_away = True
                await asyncio.sleep(AWAY_PAUSE_S)
            await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._look_every_s):
                await self._woken.wait()
        except TimeoutError:
            return
