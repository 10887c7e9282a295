"""Webhooks shuffled, repeated and poisoned, over a database that is away now and then.

Every record ends in its right state, and the dead letters are the poison. `OPSHUB_PROVE_EVENTS`
says how many changes (240 unless told; the proof is 10,000).
"""

import os
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.events.dead_letter_rows import LetterQuery, LetterState
from hub.events.dead_letters import DeadLetters
from hub.events.inbound import Inbound
from hub.events.intake import Intake, Message
from hub.events.spool import Spool
from hub.events.told import Told, Via
from hub.model.errors import EventInvalid, StoreUnavailable, UnmappedValue
from hub.store.engine import Store
from hub.store.leases import Leases
from hub.store.reference_acts import Act
from tests.integration.test_taking_shuffled import wrongs_of
from tests.support.stores import Watch, rows_of
from tests.support.taking import Intake as Composed
from tests.support.taking import Systems
from tests.support.told_histories import histories, told_of

CHANGES = int(os.environ.get("OPSHUB_PROVE_EVENTS", "240"))
SEED = int(os.environ.get("OPSHUB_PROVE_SEED", "20261122"))
POISON = 0.01
AWAY = 0.15  # of all passes are cut off between taking in and forgetting


class Numbered:
    """A payload is the number of what is told; anything else is poison, until it is cured."""

    def __init__(self, told: Sequence[Told]) -> None:
        self._told: Mapping[bytes, Told] = {b"%d" % n: each for n, each in enumerate(told)}
        self.cured: dict[bytes, Told] = {}

    def knows(self, system: str) -> bool:
        return system in ("erp", "wms", "crm")

    def decode(self, message: Message) -> Sequence[Told]:
        told = self.cured.get(message.payload) or self._told.get(message.payload)
        if told is not None:
            return [told]
        if message.payload.endswith(b"7"):
            raise UnmappedValue(message.system, "status", "77", ("10", "40"))
        raise EventInvalid(message.system, "no JSON")


class Flickering(Inbound):
    """Rows that now and then cannot be settled after they were taken in."""

    def __init__(self, store: Store, watch: Watch, chance: random.Random) -> None:
        super().__init__(store, now=watch.now)
        self._chance = chance
        self.cut_off = 0

    async def settle(self, done: Sequence[int], again: Mapping[int, float]) -> None:
        if self._chance.random() < AWAY:
            self.cut_off += 1
            raise StoreUnavailable("away")
        await super().settle(done, again)


@pytest.mark.prove
@pytest.mark.timeout(60 + CHANGES // 10)
async def test_shuffled_and_poisoned_webhooks_end_right(store: Store) -> None:
    print(f"seed {SEED}, {CHANGES} changes")
    chance, watch = random.Random(SEED), Watch()
    made = histories(CHANGES, chance)
    told = told_of(made, chance)
    payloads = [b"%d" % number for number in range(len(told))]
    poison = {b"poison %d" % number for number in range(max(3, int(len(told) * POISON)))}
    payloads += poison
    chance.shuffle(payloads)
    composed = Composed(store, systems=Systems(orders=made.orders, shipments=made.shipments))
    letters, numbered = DeadLetters(store, now=watch.now), Numbered(told)
    intake = Intake(numbered, composed.taking, dead_letters=letters, now=watch.now)
    letters.replay_by({"WEBHOOK": intake.replay})
    inbound = Flickering(store, watch, chance)
    spool = Spool(inbound, intake, leases=Leases(store, holder="one"))
    for start in range(0, len(payloads), 150):
        for payload in payloads[start : start + 150]:
            await inbound.keep(_message(payload, watch))
        with suppress(StoreUnavailable):
            await spool.take_due()
        watch.at += timedelta(seconds=1)
    for _ in range(2_000):
        with suppress(StoreUnavailable):
            if await spool.take_due() == 0 and await inbound.waiting() == 0:
                break
        watch.at += timedelta(seconds=60)
    assert await rows_of(store, "SELECT count(*) FROM inbound") == [(0,)]
    assert inbound.cut_off > 0
    page = await letters.page(LetterQuery(first=100_000))
    assert {each.payload for each in page.letters} == poison
    assert len(page.letters) == len(poison)
    assert await wrongs_of(composed, made) == []
    events = len(composed.events)
    cured = page.letters[0]
    numbered.cured = {cured.payload: replace(told[0], event_id="cured")}
    for _ in range(3):
        await letters.replay([cured.id], act=Act("ann", "mapping corrected"))
    assert len(composed.events) == events  # what it told was known: the replay changes nothing
    ended = await letters.page(LetterQuery(first=2, state=LetterState.REPLAYED))
    assert [each.id for each in ended.letters] == [cured.id]


def _message(payload: bytes, watch: Watch) -> Message:
    return Message(
        system="erp", via=Via.WEBHOOK, payload=payload, is_trusted=True, received_at=watch.at
    )
