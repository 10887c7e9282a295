"""What was told again as before: the process that heard it holds it, the others read again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from hub.events.confirmed import Confirmed
from hub.events.connection import Nats, NatsAccess
from hub.model.record import Record
from hub.model.values import Ref
from tests.unit.reads.world import make

SETTLE_S = 10.0


class Process:
    """One process's connection, and what it was told to hold or to forget."""

    def __init__(self, url: str | None, holder: str) -> None:
        self.nats = None if url is None else Nats(NatsAccess(url))
        self.learnt: list[Record] = []
        self.forgotten: list[Ref] = []
        self.confirmed = Confirmed(
            self.nats, holder=holder, learn=self.learnt.append, forget=self.forgotten.append
        )

    async def run(self, stack: AsyncExitStack) -> None:
        works = [self.confirmed.follow, *([] if self.nats is None else [self.nats.follow])]
        for work in works:
            task = asyncio.create_task(work())
            stack.callback(task.cancel)
        if self.nats is not None:
            stack.push_async_callback(self.nats.close)
            await _until(lambda: self.nats is not None and self.nats.is_connected)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SETTLE_S):
        while not holds():  # noqa: ASYNC110 - two processes have no event in common
            await asyncio.sleep(0.01)


async def test_the_others_read_it_again(nats_url: str) -> None:
    async with AsyncExitStack() as stack:
        one, other = Process(nats_url, "one"), Process(nats_url, "other")
        await one.run(stack)
        await other.run(stack)
        records = [make("order", str(number)) for number in range(600)]
        one.confirmed.tell(records)
        await _until(lambda: len(other.forgotten) == len(records))
        assert one.learnt == records
        assert set(other.forgotten) == {record.ref for record in records}
        assert (one.forgotten, other.learnt) == ([], [])


async def test_alone_it_is_held() -> None:
    async with AsyncExitStack() as stack:
        alone = Process(None, "alone")
        await alone.run(stack)
        record = make("order", "1")
        alone.confirmed.tell([record])
        await asyncio.sleep(0)
        assert alone.learnt == [record]
