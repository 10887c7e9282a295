"""The webhook spool: what was acknowledged is taken in once, in order, whatever is cut off."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.events import inbound as module
from hub.events.inbound import Inbound
from hub.events.intake import Again, Done, Intake, Message, Verdict
from hub.events.spool import BATCH_MAX, Spool
from hub.events.told import Via
from hub.model.errors import StoreUnavailable
from hub.store.engine import Store
from hub.store.leases import Leases
from tests.support.stores import NOON, Watch, opened_store, rows_of

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Gate:
    """Takes in as it is told to: `again` by payload, once each; keeps what it saw."""

    again: dict[bytes, float] = field(default_factory=dict)
    seen: list[Message] = field(default_factory=list)
    took: asyncio.Event = field(default_factory=asyncio.Event)
    cut_off: bool = False

    async def receive(self, messages: Sequence[Message]) -> list[Verdict]:
        self.seen += messages
        self.took.set()
        if self.cut_off:
            raise asyncio.CancelledError
        delays = [self.again.pop(each.payload, None) for each in messages]
        return [Done() if delay is None else Again(delay) for delay in delays]

    @property
    def payloads(self) -> list[bytes]:
        return [each.payload for each in self.seen]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def inbound(store: Store, watch: Watch) -> Inbound:
    return Inbound(store, now=watch.now)


@pytest.fixture
def spool(inbound: Inbound, gate: Gate, store: Store) -> Spool:
    return spool_of(inbound, gate, store)


def spool_of(inbound: Inbound, gate: Gate, store: Store, *, holder: str = "one") -> Spool:
    leases = Leases(store, holder=holder, lease_s=0.4)
    intake: Intake = gate  # type: ignore[assignment]
    return Spool(inbound, intake, leases=leases, look_every_s=0.02)


def message(number: int, at: datetime = NOON) -> Message:
    return Message(
        system="carrier", via=Via.WEBHOOK, payload=b"%d" % number, is_trusted=True,
        traceparent=TRACE, received_at=at,
    )  # fmt: skip


async def test_a_message_comes_out_as_it_went_in(
    inbound: Inbound, spool: Spool, gate: Gate
) -> None:
    sent = [message(1), replace(message(2), is_trusted=False, payload=bytes(range(256)))]
    for each in sent:
        await inbound.keep(each)
    assert await inbound.waiting() == 2
    assert await spool.take_due() == 2
    assert gate.seen == sent
    assert (await inbound.waiting(), await spool.take_due()) == (0, 0)


async def test_a_trace_too_long_for_its_column_is_cut(
    inbound: Inbound, spool: Spool, gate: Gate
) -> None:
    await inbound.keep(replace(message(1), traceparent="t" * 500))
    await spool.take_due()
    assert [each.traceparent for each in gate.seen] == ["t" * 60]


async def test_many_are_taken_in_order_in_portions(
    inbound: Inbound, spool: Spool, gate: Gate
) -> None:
    for number in range(BATCH_MAX + 7):
        await inbound.keep(message(number))
    assert [await spool.take_due() for _ in range(3)] == [BATCH_MAX, 7, 0]
    assert gate.payloads == [b"%d" % number for number in range(BATCH_MAX + 7)]


async def test_what_must_wait_waits_alone(
    inbound: Inbound, spool: Spool, gate: Gate, watch: Watch
) -> None:
    for number in range(3):
        await inbound.keep(message(number))
    gate.again = {b"1": 30.0}
    assert await spool.take_due() == 3
    assert (await inbound.waiting(), await spool.take_due()) == (1, 0)
    watch.at += timedelta(seconds=30)
    assert await spool.take_due() == 1
    assert [each.tries for each in gate.seen] == [0, 0, 0, 1]
    assert gate.seen[-1] == replace(message(1), tries=1)
    assert await inbound.waiting() == 0


async def test_what_was_cut_off_is_taken_up_again(
    inbound: Inbound, spool: Spool, gate: Gate
) -> None:
    await inbound.keep(message(1))
    gate.cut_off = True
    with pytest.raises(asyncio.CancelledError):
        await spool.take_due()
    gate.cut_off = False
    assert await spool.take_due() == 1
    assert gate.payloads == [b"1", b"1"]


async def test_rows_that_wait_have_a_bound(
    store: Store, watch: Watch, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    inbound = Inbound(store, now=watch.now)
    for number in range(2):
        await inbound.keep(message(number))
    with pytest.raises(StoreUnavailable, match="2 messages wait to be taken in and 2 may"):
        await inbound.keep(message(3))
    assert await rows_of(store, "SELECT count(*) FROM inbound") == [(2,)]
    await spool_of(inbound, gate, store).take_due()
    await inbound.keep(message(3))


async def test_one_system_takes_no_place_of_the_others(
    store: Store, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OF_A_SYSTEM_MAX", 2)
    inbound = Inbound(store, now=watch.now)
    for number in range(2):
        await inbound.keep(message(number))
    with pytest.raises(StoreUnavailable, match=f"2 messages of {message(3).system} wait"):
        await inbound.keep(message(3))
    await inbound.keep(replace(message(3), system="another"))


async def test_what_is_kept_is_taken_at_once(store: Store, gate: Gate) -> None:
    inbound = Inbound(store, now=lambda: datetime.now(UTC))
    leases = Leases(store, holder="one", lease_s=0.4)
    intake: Intake = gate  # type: ignore[assignment]
    spool = Spool(inbound, intake, leases=leases, look_every_s=30.0)  # only a wake is as quick
    async with following(spool):
        await inbound.keep(message(0, datetime.now(UTC)))
        spool.wake()
        await asyncio.wait_for(gate.took.wait(), 5)
        for number in range(1, 4):
            gate.took.clear()
            await inbound.keep(message(number, datetime.now(UTC)))
            spool.wake()
            await asyncio.wait_for(gate.took.wait(), 5)
    assert gate.payloads == [b"0", b"1", b"2", b"3"]


async def test_one_process_spools_and_another_takes_over(url: str) -> None:
    async with opened_store(url) as one, opened_store(url, process="two") as two:
        gates, spools, kept = [], [], 0
        for holder, store in (("one", one), ("two", two)):
            gates.append(Gate())
            mine = Inbound(store, now=lambda: datetime.now(UTC))
            spools.append(spool_of(mine, gates[-1], store, holder=holder))
        inbound = Inbound(one, now=lambda: datetime.now(UTC))
        async with following(spools[1]):
            async with following(spools[0]):
                for kept in range(20):
                    await inbound.keep(message(kept, datetime.now(UTC)))
                await _until_empty(inbound)
                took = [len(gate.seen) for gate in gates]
                assert sorted(took) == [0, 20]
                first = took.index(20)
            if first == 0:
                for kept in range(20, 30):
                    await inbound.keep(message(kept, datetime.now(UTC)))
                await _until_empty(inbound)
        seen = gates[0].payloads + gates[1].payloads
        assert seen == [b"%d" % number for number in range(kept + 1)]


async def test_a_store_that_is_away_is_waited_for(
    store: Store, gate: Gate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    inbound = Inbound(store, now=lambda: datetime.now(UTC))
    await inbound.keep(message(1))
    is_away = True
    due = inbound.due

    async def away(limit: int) -> object:
        if is_away:
            raise StoreUnavailable("away")
        return await due(limit)

    monkeypatch.setattr(inbound, "due", away)
    monkeypatch.setattr("hub.events.spool.AWAY_PAUSE_S", 0.01)
    async with following(spool_of(inbound, gate, store)):
        await asyncio.sleep(0.3)
        assert gate.seen == []
        is_away = False
        await asyncio.wait_for(gate.took.wait(), 5)
        await _until_empty(inbound)
    told = [each for each in caplog.records if "webhooks wait" in each.getMessage()]
    assert len(told) == 1
    assert told[0].exc_info is None


@asynccontextmanager
async def following(spool: Spool) -> AsyncIterator[None]:
    task = asyncio.create_task(spool.follow())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until_empty(inbound: Inbound) -> None:
    for _ in range(500):
        if await inbound.waiting() == 0:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{await inbound.waiting()} rows still wait after 5 s")
