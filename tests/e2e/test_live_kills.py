"""The hub and its nats-server are killed in turn: every subscriber sees every event all the same.

A part of it in the suite; with `OPSHUB_PROVE_LIVE=1` 10,000 changes, 200 subscribers, 10 kills.
`OPSHUB_PROVE_SEED` repeats a run.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.live_checker import Verdict, check
from tests.e2e.live_proof import Proof, Scale, subscribers
from tests.e2e.live_run import SEED, running_proof
from tests.e2e.live_stage import log_counts
from tests.e2e.live_wishes import Wish, broad_wishes, wishes
from tests.support.stores import BACKENDS
from tests.support.subscribers import Crowd

IS_FULL = "OPSHUB_PROVE_LIVE" in os.environ
SCALE = (
    Scale(changes=10_000, subscribers=200, kills=10, orders=200, rate=90, patience_s=600)
    if IS_FULL
    else Scale(changes=300, subscribers=26, kills=2, orders=24, rate=60, patience_s=60)
)
CALM = Scale(changes=500, subscribers=52, kills=0, orders=48, rate=120, patience_s=60)
SETTLE_S = 60.0 if IS_FULL else 20.0


async def prove(proof: Proof) -> None:
    """Run it and judge it."""
    wished = wishes(SCALE.subscribers, SCALE.orders)
    forgotten = broad_wishes()
    crowd = Crowd(subscribers(proof.hubs, wished), proof.random)
    forgetful = Crowd(subscribers(proof.hubs, forgotten), proof.random)
    for each in forgetful.subscribers:
        each.is_forgetful = True
    async with crowd, forgetful:
        await crowd.all_subscribed(SETTLE_S)
        await forgetful.all_subscribed(SETTLE_S)
        await proof.run(crowd, forgetful)
        verdicts = await proof.verdicts(crowd, wished, within_s=SETTLE_S)
    report(proof, crowd, verdicts)
    assert [fault for each in crowd.subscribers for fault in each.faults] == []
    assert [f"{each.name}: {fault}" for each in verdicts for fault in each.faults] == []
    assert await proof.reader.dead_letters() == []
    assert proof.telling.refused == []
    assert [log_counts(hub.log).get("ERROR", 0) for hub in proof.hubs] == [0]
    await assert_it_would_show(proof, crowd, forgetful, (wished, forgotten))


async def assert_it_would_show(
    proof: Proof, crowd: Crowd, forgetful: Crowd, wished: tuple[list[Wish], list[Wish]]
) -> None:
    """The checker is red where a subscriber forgets its cursor, and where an event is lost."""
    log = await proof.reader.all()
    forgotten = [
        check(one.name, wish.wanted, items=one.items, log=log)
        for one, wish in zip(forgetful.subscribers, wished[1], strict=True)
    ]
    print("forgetful:", [(each.name, each.faults) for each in forgotten])
    assert any(each.faults for each in forgotten)
    for one, wish in zip(crowd.subscribers, wished[0], strict=True):
        events = [n for n, each in enumerate(one.items) if each.kind == "event"]
        if events:
            lost = [each for n, each in enumerate(one.items) if n != events[-1]]
            assert check(one.name, wish.wanted, items=lost, log=log).faults, one.name


def report(proof: Proof, crowd: Crowd, verdicts: list[Verdict]) -> None:
    """What was done and seen, for whoever reads the output."""
    print(f"\nseed {SEED}: {proof.changes} changes {dict(proof.steps)}, {proof.telling.told} told, "
          f"{proof.telling.retries} tried again; seconds {proof.took_s}; "
          f"hub up in {proof.hubs[0].started_in_s}")  # fmt: skip
    total = Verdict("all")
    for each in verdicts:
        for name in ("wanted", "seen", "repeated", "conflated", "in_gaps", "uncounted"):
            setattr(total, name, getattr(total, name) + getattr(each, name))
    breaks, codes, beats = Counter[str](), Counter[str](), Counter[str]()
    for one in crowd.subscribers:
        breaks.update(one.breaks)
        codes.update(one.codes)
        beats.update(one.states)
    print(total, "breaks", dict(breaks), "codes", dict(codes), "beats", dict(beats))


@pytest.fixture(params=BACKENDS if IS_FULL else BACKENDS[:1])
def database(request: pytest.FixtureRequest) -> str | None:
    """The URL of the hub's store; None is SQLite in its data directory."""
    if request.param == "sqlite":
        return None
    dsn: str = request.getfixturevalue("fresh_database")
    return dsn


@pytest.mark.prove
@pytest.mark.timeout(1_800 if IS_FULL else 120)
async def test_nothing_is_lost_and_nothing_goes_back(database: str | None, tmp_path: Path) -> None:
    async with running_proof(tmp_path, SCALE, store_url=database) as proof:
        await prove(proof)


@pytest.mark.prove
@pytest.mark.skipif(not IS_FULL, reason="the checker of the suite is tried on what it saw itself")
@pytest.mark.timeout(180)
async def test_a_hub_that_loses_events_is_found_out(tmp_path: Path) -> None:
    """Every 50th event is told to nobody: whoever was to hear of one, and of no later one of its
    record that brings all of them, has missed it."""
    wished = [*broad_wishes(), *wishes(CALM.subscribers, CALM.orders)]
    program = (sys.executable, str(Path(__file__).with_name("live_bad_hub.py")))
    async with running_proof(tmp_path, CALM, program=program) as proof:
        crowd = Crowd(subscribers(proof.hubs, wished), proof.random)
        async with crowd, Crowd([], proof.random) as nobody:
            await crowd.all_subscribed(SETTLE_S)
            await proof.run(crowd, nobody)
            verdicts = await proof.verdicts(crowd, wished, within_s=5)
    found_out = [each for each in verdicts if each.faults]
    print(f"\n{len(found_out)} of {len(verdicts)} subscribers tell of it")
    assert found_out
