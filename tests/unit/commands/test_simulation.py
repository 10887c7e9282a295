"""Ledger and dispatcher under every fault at every await, by seeds; a known defect turns it red.

`OPSHUB_PROVE_SEEDS` says how many seeds (300 unless told; `make prove` runs 10,000),
`OPSHUB_TEST_SEED` which is the first.
"""

import gc
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hub.observe.correlation import correlation_id
from tests.unit.commands.simulated import FATES, NEVER_REFUSED, Faults, World, breaches

SEEDS = int(os.environ.get("OPSHUB_PROVE_SEEDS", "300"))
FIRST_SEED = int(os.environ.get("OPSHUB_TEST_SEED", "1"))
STEPS_OF_ONE_MAX = 1_000  # awaits of a process until a command has ended, with all its repetitions

DEFECT_SEEDS = 60

KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"is_unique": False},
    {"stops_on_wire": True, "fates": NEVER_REFUSED},
)
"""The worlds the seeds take turns in."""

TROUBLE = Faults(dies=0.02, stops=0.01, away=0.03)

OFTEN_STOPPED = Faults(dies=0.02, stops=0.05, away=0.03)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What dies in the middle leaves its correlation id behind: it ends with its test."""
    logging.disable(logging.CRITICAL)
    before = correlation_id.get()
    yield
    gc.collect()
    correlation_id.set(before)
    logging.disable(logging.NOTSET)


def ran(seed: int, faults: Faults = TROUBLE, **changed: Any) -> World:
    world = World(seed, replace(faults), **changed)
    world.run()
    return world


@pytest.mark.prove
@pytest.mark.timeout(60 + SEEDS // 20)
def test_nothing_is_lost_and_nothing_done_twice() -> None:
    print(f"seeds {FIRST_SEED} to {FIRST_SEED + SEEDS - 1}")
    lives = 0
    for seed in range(FIRST_SEED, FIRST_SEED + SEEDS):
        world = ran(seed, **KINDS[seed % len(KINDS)])
        lives += world.lives
        assert breaches(world) == [], f"seed {seed}"
    assert lives > 5 * SEEDS  # else this was no trouble


@pytest.mark.parametrize("fate", sorted(set(FATES)))
@pytest.mark.parametrize("is_unique", [True, False])
def test_a_process_may_die_at_every_single_await(fate: str, *, is_unique: bool) -> None:
    """One command, and a dispatcher that dies at its first await, its second, and so on."""
    for step in range(STEPS_OF_ONE_MAX):
        faults = Faults(dies_at=step)
        world = World(step, faults, commands=1, processes=1, is_unique=is_unique, fates=(fate,))
        world.run(trouble_s=8.0)
        assert breaches(world) == [], f"{fate} at await {step}"
        if world.died_idle or world.lives == 1:
            break
    else:
        pytest.fail("the command never came to its end before the process did")
    assert step > 5


@pytest.mark.parametrize("defect", ["is_bad", "is_forgetful"])
def test_a_known_defect_is_found(defect: str) -> None:
    """References are not kept unique though promised, or not passed on: effects come twice."""
    kind = KINDS[2] | {defect: True}
    found = [seed for seed in range(1, DEFECT_SEEDS) if breaches(ran(seed, OFTEN_STOPPED, **kind))]
    print(f"{defect}: red with seeds {found}")
    assert found
