"""Records that were told again as they had been told before: no event, and yet news for caches.

A process may have read, in between, what its system said for a moment. It is told which records to
read again; whoever is away at that moment trusts what it holds no longer than its file says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import orjson
from nats.aio.msg import Msg

from hub.events.connection import Nats
from hub.events.subjects import CONFIRMED
from hub.model.errors import NatsUnavailable
from hub.model.record import Record
from hub.model.values import Ref

REFS_MAX = 10_000  # waiting to be told; more are left to their age
REFS_AT_ONCE = 500  # of one message: 100 KB


class Confirmed:
    """One process's word to the others. `forget` drops what is held of a record."""

    def __init__(
        self, nats: Nats | None, *, holder: str, learn: Callable[[Record], None],
        forget: Callable[[Ref], None],
    ) -> None:  # fmt: skip
        self._nats, self._holder, self._learn, self._forget = nats, holder, learn, forget
        self._waiting: dict[Ref, None] = {}
        self._woken = asyncio.Event()
        if nats is not None:
            nats.subscribe(CONFIRMED, self._heard)

    def tell(self, records: Sequence[Record]) -> None:
        """Hold them here, and have the others read them again."""
        for record in records:
            self._learn(record)
            if self._nats is not None and len(self._waiting) < REFS_MAX:
                self._waiting[record.ref] = None
        self._woken.set()

    async def follow(self) -> None:
        """Tell the others for ever. Cancel it to stop."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._waiting and self._nats is not None:
                refs = list(self._waiting)[:REFS_AT_ONCE]
                for ref in refs:
                    del self._waiting[ref]
                told = orjson.dumps([self._holder, [list(ref) for ref in refs]])
                with suppress(NatsUnavailable):
                    await self._nats.publish(CONFIRMED, told)

    async def _heard(self, message: Msg) -> None:
        holder, refs = orjson.loads(message.data)
        if holder != self._holder:
            for ref in refs:
                self._forget(Ref(*ref))
