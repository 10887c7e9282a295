"""A whole history told again tells nobody outside: over the same store, or taken in as history."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hub.config.delivery_specs import DeliverySpec
from hub.events.dead_letters import DeadLetters
from hub.events.delivering import Delivering, Records
from hub.events.delivery_tries import Trying
from hub.events.log import EventLog
from hub.events.outgoing import Chosen
from hub.events.told import Fate, Told, Via
from hub.events.webhooks import Webhooks
from hub.store.engine import Store
from hub.store.leases import Leases
from sources.commanding import Commander
from tests.integration.test_delivering import crm
from tests.support.receiver import Receiver, running_receiver
from tests.support.stores import rows_of
from tests.support.taking import Intake, Systems
from tests.support.told_histories import BATCH, Histories, histories, told_of

CHANGES = 120
NEWS: dict[str, dict[str, Any]] = {
    "orders": {"noun": "order", "change": "status_changed"},
    "parcels": {"noun": "shipment", "change": ["changed", "status_changed"]},
    "scans": {"noun": "milestone", "change": "recorded"},
    "cases": {"noun": "case", "change": "status_changed"},
    "messages": {"noun": "message", "change": "recorded"},
    "entries": {"noun": "timeline", "change": "recorded"},
}


def declared(url: str) -> dict[str, DeliverySpec]:
    """All news of all nouns, however old."""
    webhook = {"url": f"{url}/hook", "secret": "sixteen-bytes-or-more"}
    more = {"audience": "internal", "younger_than": "365d"}
    return {
        name: DeliverySpec.model_validate({"name": name, "when": when | more, "webhook": webhook})
        for name, when in NEWS.items()
    }


class Process:
    """One process's worth of taking in and telling outside, with nothing in memory."""

    def __init__(self, store: Store, made: Histories, url: str) -> None:
        self.store, self.specs = store, declared(url)
        self.intake = Intake(store, Systems(orders=made.orders, shipments=made.shipments))
        self.intake.systems.records |= made.final()
        self.chosen = Chosen(store, declared=lambda: self.specs, now=self.intake.now)
        self.intake.taking.outgoing = self.chosen

    async def take(self, told: Sequence[Told]) -> None:
        for start in range(0, len(told), BATCH):
            taken = await self.intake.taking.take(told[start : start + BATCH])
            assert all(isinstance(one, Fate) for one in taken)

    async def tell(self, url: str) -> None:
        """Until nothing is due."""
        webhooks, commander = Webhooks(), Commander(crm(url))
        telling = Delivering(
            self.store,
            leases=Leases(self.store, holder="one"),
            trying=Trying(
                declared=lambda: self.specs, webhooks=webhooks, commanding=commander,
                reading=self.intake.systems,
            ),
            records=Records(
                timeline=self.intake.timeline, events=EventLog(self.store, self.intake.now),
                dead_letters=DeadLetters(self.store, now=self.intake.now),
                applied=lambda _: None,
            ),
            now=self.intake.now,
        )  # fmt: skip
        try:
            self.intake.at += timedelta(seconds=1)
            while await telling.tell_due():
                pass
        finally:
            await webhooks.close()
            await commander.close()


async def rows(store: Store) -> dict[str, str]:
    found = await rows_of(store, "SELECT id, state FROM delivery")
    return {id_: state for id_, state in found}


async def test_the_same_history_again_tells_nobody(store: Store) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    made = histories(CHANGES, dice)
    told = told_of(made, dice)
    async with running_receiver(Receiver()) as receiver:
        first = Process(store, made, receiver.url)
        await first.take(told)
        await first.tell(receiver.url)
        before, heard = await rows(store), len(receiver.got)
        assert set(before.values()) == {"SENT"}
        assert heard == len({got.headers["webhook-id"] for got in receiver.got}) == len(before)
        assert heard > CHANGES

        again = Process(store, made, receiver.url)
        dice.shuffle(told)
        await again.take(told)
        renamed = [replace(one, event_id=f"new-{n}") for n, one in enumerate(told)]
        await again.take(renamed)
        await again.take([
            replace(one, via=Via.POLL, event_id=None) for one in told if one.record is not None
        ])  # fmt: skip
        log = EventLog(store, again.intake.now)
        await log.assign(1_000_000)
        async with store.write() as connection:
            logged = await log.after(0, limit=1_000_000)
            assert len(logged) > CHANGES
            await again.chosen.note_in(connection, logged)
        await again.tell(receiver.url)
        assert await rows(store) == before
        assert len(receiver.got) == heard


async def test_a_backfill_tells_nobody(store: Store) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    made = histories(CHANGES, dice)
    async with running_receiver(Receiver()) as receiver:
        process = Process(store, made, receiver.url)
        history = [
            replace(one, via=Via.BACKFILL, event_id=None, is_replayed=True)
            for one in told_of(made, dice)
        ]
        await process.take(history)
        entries = await rows_of(store, "SELECT count(*) FROM timeline_entry")
        assert entries[0][0] > CHANGES
        await process.tell(receiver.url)
        assert (await rows(store), receiver.got) == ({}, [])
