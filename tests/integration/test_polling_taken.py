"""Polling into a real hub: one process at a time, over outages, cut off, and what is deleted."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from hub.events.dead_letter_rows import LetterQuery, LetterState
from hub.events.feed_cursors import FeedCursors
from hub.model.errors import SourceUnavailable
from hub.model.values import Ref, Staleness
from hub.reads.asking import Asking
from hub.reads.lanes import Answer
from hub.security.principal import CallerClass
from hub.store.leases import Leases, while_leased
from hub.store.reference_acts import Act
from sources import polling
from sources.polled import polled_of
from sources.port import ChangeCursor
from tests.support import polled_hub as world
from tests.support.polled_hub import ALL, NOW, Polled, Seen, drop, events_of, polled_hub, put

LEASE_S = 0.8
OLD, NEW = "20260301100000", "20260301120001"


def orders(first: int, count: int, ts: str, *, st: str = "10") -> list[world.Row]:
    return [(f"o{number:04}", st, ts) for number in range(first, first + count)]


def keys(first: int, count: int) -> set[str]:
    return {key for key, _, _ in orders(first, count, "")}


@asynccontextmanager
async def polls(polled: Polled, system: str = "erp") -> AsyncIterator[asyncio.Task[None]]:
    """The system is polled as a hub does it, under a lease; in the end it is cut off."""
    leases = Leases(polled.hub.store, holder=polled.name, lease_s=LEASE_S)
    work = asyncio.create_task(while_leased(leases, f"poll:{system}", polled.poller(system).follow))
    try:
        yield work
    finally:
        work.cancel()
        await asyncio.wait({work})


async def test_one_polls_at_a_time_and_the_next_goes_on_at_its_cursor(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(self: Leases, name: str) -> None:
        """A process that is killed gives nothing back."""

    seen = Seen()
    put(tmp_path, orders(0, 40, OLD))
    async with (
        polled_hub(tmp_path, url, backfill=ALL, seen=seen) as one,
        polled_hub(tmp_path, url, name="two", backfill=ALL, seen=seen) as two,
        polls(one) as first,
    ):
        await one.until_known(keys(0, 40))
        async with polls(two):
            put(tmp_path, orders(40, 10, NEW))
            await one.until_known(keys(0, 50))
            await asyncio.sleep(LEASE_S)  # the first renews; the second would have begun
            assert {name for name, _ in seen.asked} == {"one"}
            with monkeypatch.context() as patched:
                patched.setattr(Leases, "release", dies)
                first.cancel()
                await asyncio.wait({first})
            saved = await FeedCursors(one.hub.store, now=one.now).load("erp", "order")
            asked = len(seen.asked)
            put(tmp_path, orders(45, 15, "20260301120005", st="20"))
            await two.until_known(keys(0, 60))
            assert saved is not None and saved.mode == "FOLLOW"
            assert seen.asked[asked] == ("two", polled_of(saved).news)
    assert {name for name, _ in seen.asked[asked:]} == {"two"}
    assert seen.most == 1


async def test_what_the_next_one_begins_with_was_told_once(url: str, tmp_path: Path) -> None:
    put(tmp_path, orders(0, 30, NEW))
    async with polled_hub(tmp_path, url) as one:
        for name in ("one", "two", "three"):
            one.name = name
            async with polls(one):
                await one.until_known(keys(0, 30))
                await asyncio.sleep(0.3)
        found = await events_of(one.hub)
    assert len(found) == len(set(found))
    assert len(found) == 60  # each order, and that it was placed


async def test_a_system_that_is_away_keeps_no_other_waiting_and_catches_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "BACKOFF_MIN_S", 0.1)
    put(tmp_path, orders(0, 5, NEW))
    async with polled_hub(tmp_path, f"sqlite:///{tmp_path}/hub.sqlite") as one:
        guarded = one.hub.connected.by_name["wms"]
        real, asked = guarded.changes, 0

        async def away(noun: str, after: ChangeCursor | None, limit: int) -> SourceUnavailable:
            nonlocal asked
            asked += 1
            return SourceUnavailable("wms", "nobody answers")

        monkeypatch.setattr(guarded, "changes", away)
        async with polls(one, "erp"), polls(one, "wms"):
            await one.until_known(keys(0, 5))
            put(tmp_path, [(f"s{n}", f"o{n:04}", NEW) for n in range(5)], table="shp")
            put(tmp_path, orders(5, 5, "20260301120002"))
            await one.until_known(keys(0, 10))
            await asyncio.sleep(1.5)
            assert 2 <= asked <= 6  # 0.1-0.2, 0.2-0.4, 0.4-0.8 s between
            assert await one.known("shipment") == set()
            monkeypatch.setattr(guarded, "changes", real)
            await one.until_known({f"s{n}" for n in range(5)}, noun="shipment")


async def test_a_record_that_cannot_be_placed_is_put_by_after_a_time_and_replayed(
    url: str, tmp_path: Path
) -> None:
    put(tmp_path, [("s1", "nobody", NEW), ("s2", "o0001", NEW)], table="shp")
    put(tmp_path, orders(1, 1, NEW))
    async with polled_hub(tmp_path, url) as one:
        [shipments] = one.poller("wms").entities
        await shipments.look()
        assert await one.known("shipment") == {"s2"}
        assert await FeedCursors(one.hub.store, now=one.now).load("wms", "shipment") is None
        for minutes, letters in ((9, 0), (11, 1)):
            one.at = NOW + timedelta(minutes=minutes)
            for waiter in shipments._taking._waiting.values():
                waiter.due = 0.0
            await shipments.look()
            page = await one.hub.letters.page(LetterQuery(first=10))
            assert len(page.letters) == letters
        [letter] = page.letters
        assert (letter.system, letter.via, letter.code) == ("wms", "POLL", "RECORD_UNKNOWN")
        saved = await FeedCursors(one.hub.store, now=one.now).load("wms", "shipment")
        assert saved is not None and polled_of(saved).news.seen == NOW + timedelta(seconds=1)
        await shipments.look()
        assert len((await one.hub.letters.page(LetterQuery(first=10))).letters) == 1
        put(tmp_path, [("s1", "o0001", NEW)], table="shp")
        acted = await one.hub.letters.replay([letter.id], act=Act("ann", "the order is there"))
        assert [each.state for each in acted.letters] == [LetterState.REPLAYED], acted
        assert await one.known("shipment") == {"s1", "s2"}


@pytest.mark.parametrize("seed", range(3))
async def test_an_interrupted_backfill_is_one_backfill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """The company goes on meanwhile: what was read is changed, and what was not read yet."""
    monkeypatch.setattr(polling, "PAGE_ROWS", 10)
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = await _backfilled(tmp_path / "whole", None)
    parts = await _backfilled(tmp_path / "parts", random.Random(seed))
    assert parts[0] == whole[0]  # what is believed
    assert parts[1] == whole[1]  # the events, by their ids
    assert len(whole[0]) == 80
    assert (whole[2], parts[2] > 3) == (0, True)


async def _backfilled(
    folder: Path, chance: random.Random | None
) -> tuple[dict[str, tuple[int, str]], set[str], int]:
    """States and events behind a backfill, cut off so often where there is `chance`."""
    put(folder, [(f"o{n:04}", "10", f"202602{n // 4 + 1:02}100000") for n in range(80)])
    async with polled_hub(folder, f"sqlite:///{folder}/hub.sqlite", backfill=ALL) as one:
        told: set[str] = set()
        done: set[int] = set()

        def moved(some: object) -> None:
            """Behind each 20th order the company changes one that was read and one that was not."""
            told.update(each.ref.key for each in some)  # type: ignore[attr-defined]
            for part in range(1, 4):
                if len(told) >= part * 20 and part not in done:
                    done.add(part)
                    at = f"2026030112000{part}"
                    put(folder, [(f"o{part:04}", "20", at), (f"o{79 - part:04}", "90", at)])

        one.before_taking = moved
        cuts, [orders_] = 0, one.poller("erp").entities
        while not await _cut_off(orders_, chance, within_s=0.02 if cuts < 4 else 0.1):
            cuts, [orders_] = cuts + 1, one.poller("erp").entities
        assert done == {1, 2, 3}
        return await world.states_of(one.hub, "order"), set(await events_of(one.hub)), cuts


async def _cut_off(
    poller: polling.EntityPoller, chance: random.Random | None, *, within_s: float
) -> bool:
    """Whether it came to its end this time; it is cut off within so many seconds."""

    async def all_of_it() -> None:
        await poller.look()
        while await poller.read_history():
            await poller.look()
        await poller.look()

    work = asyncio.create_task(all_of_it())
    if chance is not None:
        await asyncio.wait({work}, timeout=chance.uniform(0.001, within_s))
        work.cancel()
    await asyncio.wait({work})
    if work.cancelled():
        return False
    work.result()
    return True


async def test_a_deleted_row_is_not_seen_by_polling_but_does_not_stay_fresh(
    tmp_path: Path,
) -> None:
    put(tmp_path, orders(0, 2, NEW))
    async with polled_hub(tmp_path, f"sqlite:///{tmp_path}/hub.sqlite") as one:
        [poller] = one.poller("erp").entities
        await poller.look()
        assert await one.known() == keys(0, 2)
        assert (await _asked(one, "o0000")).value is not None
        drop(tmp_path, "o0000")
        await poller.look()
        assert await one.known() == keys(0, 2)  # nobody tells of it
        assert (await _asked(one, "o0000")).staleness is Staleness.FRESH  # not read again yet
        await asyncio.sleep(0.6)  # `fresh_for` is 500 ms
        assert (await _asked(one, "o0000")).staleness is Staleness.STALE  # and read behind that
        async with asyncio.timeout(5):
            while (await _asked(one, "o0000")).value is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert (await _asked(one, "o0001")).value is not None


async def _asked(polled: Polled, key: str) -> Answer:
    """What a request is told of an order now."""
    reads = polled.hub.connected.reads
    asking = Asking(reads.lanes, memory=reads.memory, clock=reads.clock, caller=CallerClass.AGENT)
    [answer] = await asking.answers([Ref("order", "erp", key)])
    return answer


async def test_a_letter_of_a_deleted_record_stays_a_letter(tmp_path: Path) -> None:
    put(tmp_path, [("o0000", "10", "yesterday")])
    async with polled_hub(tmp_path, f"sqlite:///{tmp_path}/hub.sqlite") as one:
        [poller] = one.poller("erp").entities
        await poller.look()
        [letter] = (await one.hub.letters.page(LetterQuery(first=10))).letters
        assert letter.code == "SOURCE_INVALID"
        drop(tmp_path, "o0000")
        acted = await one.hub.letters.replay([letter.id], act=Act("ann", "again"))
        assert [each.state for each in acted.letters] == [LetterState.PARKED]
        [again] = (await one.hub.letters.page(LetterQuery(first=10))).letters
        assert again.code == "RECORD_UNKNOWN"
