"""The live proof over two hub processes that are killed, or stand still, in turn. Full scale only:
`OPSHUB_PROVE_LIVE=1`; the suite has the kills of one hub, and two hubs of which one is killed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.e2e.live_proof import Proof, Scale, subscribers
from tests.e2e.live_run import running_proof
from tests.e2e.live_wishes import wishes
from tests.support.subscribers import Crowd

pytestmark = [
    pytest.mark.prove,
    pytest.mark.timeout(900),
    pytest.mark.skipif("OPSHUB_PROVE_LIVE" not in os.environ, reason="minutes long; make prove"),
]

SETTLE_S = 60.0
KILLED = Scale(changes=6_000, subscribers=100, kills=9, orders=120, rate=80, patience_s=300)
PAUSED = Scale(changes=4_000, subscribers=80, kills=0, orders=80, rate=60, patience_s=300)
PAUSES = 3
PAUSE_S = 14.0  # longer than a lease: whoever held it finds another in its place
BETWEEN_S = 4.0


async def judged(proof: Proof) -> None:
    """Half of the subscribers on each hub: nobody misses anything, whatever happens to them."""
    wished = wishes(proof.scale.subscribers, proof.scale.orders)
    crowd = Crowd(subscribers(proof.hubs, wished), proof.random)
    async with crowd, Crowd([], proof.random) as nobody:
        await crowd.all_subscribed(SETTLE_S)
        await proof.run(crowd, nobody)
        verdicts = await proof.verdicts(crowd, wished, within_s=SETTLE_S)
    print(f"\nseen {sum(each.seen for each in verdicts)}, seconds {proof.took_s}")
    assert [f"{each.name}: {fault}" for each in verdicts for fault in each.faults] == []
    assert [fault for each in crowd.subscribers for fault in each.faults] == []
    assert await proof.reader.dead_letters() == []


async def test_two_hubs_and_their_messages_are_killed_in_turn(
    fresh_database: str, tmp_path: Path
) -> None:
    async with running_proof(tmp_path, KILLED, store_url=fresh_database, hubs=2) as proof:
        await judged(proof)


async def test_a_hub_that_stands_still_past_its_leases_does_no_harm(
    fresh_database: str, tmp_path: Path
) -> None:
    """It wakes up believing that it still holds them."""
    async with running_proof(tmp_path, PAUSED, store_url=fresh_database, hubs=2) as proof:
        pausing = asyncio.create_task(_pause_in_turn(proof))
        await judged(proof)
        await pausing


async def _pause_in_turn(proof: Proof) -> None:
    for n in range(PAUSES):
        await asyncio.sleep(BETWEEN_S)
        await proof.hubs[n % len(proof.hubs)].pause(PAUSE_S)
