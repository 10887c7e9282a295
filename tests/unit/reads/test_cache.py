"""Generations: an invalidation never loses to a slow read, whatever the interleaving."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.model.order import OrderLine
from hub.model.values import Ref, Staleness
from hub.reads.cache import GenerationCache, Generations, Held, staleness_of
from hub.reads.memory import Asked, Memory
from tests.unit.reads.world import NOW, make, ref

# a step begins a read of a key, lands one of the begun ones, or bumps a key
_KEYS = st.sampled_from("ab")
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), _KEYS),
        st.tuples(st.just("land"), st.integers(0, 5)),
        st.tuples(st.just("bump"), _KEYS),
    ),
    max_size=40,
)


@given(steps=_STEPS, bumps_max=st.integers(1, 3))
def test_what_is_served_was_read_after_the_last_bump(
    steps: list[tuple[str, object]], bumps_max: int
) -> None:
    generations = Generations(bumps_max=bumps_max)
    cache: GenerationCache[str, int] = GenerationCache(generations, entries_max=2)
    truth = {"a": 0, "b": 0}  # versions in the source; a bump follows each change
    flying: list[tuple[str, int, int]] = []
    for step, what in steps:
        if step == "begin":
            flying.append((str(what), truth[str(what)], generations.begin()))
        elif step == "land" and flying:
            key, version, begun = flying.pop(int(str(what)) % len(flying))
            cache.keep(key, Held(version, 0.0, NOW, begun))
        elif step == "bump":
            truth[str(what)] += 1
            generations.bump(str(what))
            cache.drop(str(what))
        for key, version in truth.items():
            held = cache.look(key)
            assert held is None or held.value == version


@given(steps=_STEPS)
def test_a_relation_is_as_current_as_each_of_its_records(steps: list[tuple[str, object]]) -> None:
    memory, truth = Memory(), {"a": 0, "b": 0}
    asked = Asked("erp", "order_line", "order", ref("order", "1"))
    flying: list[tuple[tuple[int, int], int]] = []
    for step, what in steps:
        if step == "begin":
            flying.append(((truth["a"], truth["b"]), memory.generations.begin()))
        elif step == "land" and flying:
            versions, begun = flying.pop(int(str(what)) % len(flying))
            lines = tuple(
                make("order_line", key, order=ref("order", "1"), line_number=version)
                for key, version in zip("ab", versions, strict=True)
            )
            memory.keep(asked, lines, begun=begun, read_at=0.0, fetched_at=NOW)
        elif step == "bump":
            truth[str(what)] += 1
            memory.bump(ref("order_line", str(what)))
        held = memory.look(asked)
        if held is not None:
            assert isinstance(held.value, tuple)
            assert [line.line_number for line in held.value if isinstance(line, OrderLine)] == [
                truth["a"],
                truth["b"],
            ]


def test_an_older_read_does_not_replace_a_newer_one() -> None:
    generations = Generations()
    cache: GenerationCache[str, str] = GenerationCache(generations, entries_max=9)
    early, late = generations.begin(), generations.begin()
    assert cache.keep("k", Held("new", 0.0, NOW, late))
    assert not cache.keep("k", Held("old", 0.0, NOW, early))
    held = cache.look("k")
    assert held is not None and held.value == "new"


def test_the_least_recently_used_entry_goes_first() -> None:
    generations = Generations()
    cache: GenerationCache[str, str] = GenerationCache(generations, entries_max=2)
    for key in "ab":
        cache.keep(key, Held(key, 0.0, NOW, generations.begin()))
    cache.look("a")
    cache.keep("c", Held("c", 0.0, NOW, generations.begin()))
    assert [key for key in "abc" if cache.look(key)] == ["a", "c"]
    assert len(cache) == 2


def test_a_bump_outdates_relations_by_the_old_and_the_new_reference() -> None:
    memory = Memory()
    old = Asked("wms", "shipment", "order", ref("order", "1"))
    new = Asked("wms", "shipment", "order", ref("order", "2"))
    other = Asked("wms", "shipment", "order", ref("order", "3"))
    before = make("shipment", "s", system="wms", order=ref("order", "1"))
    after = make("shipment", "s", system="wms", order=ref("order", "2"))
    for asked, told in ((old, (before,)), (new, ()), (other, ())):
        begun = memory.generations.begin()
        memory.keep(asked, told, begun=begun, read_at=0.0, fetched_at=NOW)
    memory.bump(before.ref, record=after)
    assert [memory.look(asked) is None for asked in (old, new, other)] == [True, True, False]
    memory.bump(ref("shipment", "unheard of", system="wms"))
    assert memory.look(other) is None


def test_what_an_event_told_is_held_unless_something_newer_is() -> None:
    memory = Memory()
    asked = Asked("wms", "shipment", "order", ref("order", "1"))
    old, told, newer = (
        make("shipment", "s", system="wms", order=ref("order", "1"), number=number, at=at)
        for number, at in (
            ("old", NOW),
            ("told", NOW + timedelta(seconds=1)),
            ("newer", NOW + timedelta(seconds=2)),
        )
    )
    begun = memory.generations.begin()
    memory.keep(asked, (old,), begun=begun, read_at=0.0, fetched_at=NOW)
    in_flight = memory.generations.begin()
    memory.learn(told, read_at=1.0)
    assert _held(memory, told.ref) is told
    assert memory.look(asked) is None
    memory.keep(old.ref, old, begun=in_flight, read_at=2.0, fetched_at=NOW)
    assert _held(memory, told.ref) is told
    memory.learn(newer, read_at=3.0)
    memory.learn(told, read_at=4.0)
    assert _held(memory, told.ref) is newer


def _held(memory: Memory, asked: Ref) -> Any:
    held = memory.look(asked)
    assert held is not None
    return held.value


def test_a_relation_without_one_of_its_records_is_no_answer() -> None:
    memory = Memory(records_max=1)
    asked = Asked("erp", "order_line", "order", ref("order", "1"))
    lines = tuple(make("order_line", key, order=ref("order", "1")) for key in "ab")
    memory.keep(asked, lines, begun=memory.generations.begin(), read_at=0.0, fetched_at=NOW)
    assert memory.look(asked) is None


def test_staleness_by_age() -> None:
    ages = (0.0, 4.99, 5.0, 60.0, 60.01)
    told = [staleness_of(age, fresh_for_s=5, stale_for_s=60) for age in ages]
    assert [each.value for each in told] == ["FRESH", "FRESH", "STALE", "STALE", "EXPIRED"]
    assert staleness_of(0.0, fresh_for_s=0, stale_for_s=60) is Staleness.STALE


def test_a_record_of_the_future_does_not_stand_in_the_way_of_what_is_told() -> None:
    memory = Memory()
    wrong = replace(make("item", "A", description="wrong"), as_of=NOW + timedelta(days=365))
    right = make("item", "A", description="right")
    memory.learn(wrong, read_at=1.0)
    memory.learn(right, read_at=2.0)
    held = memory.look(right.ref)
    assert held is not None and held.value == right
