"""The availability formula and its modes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.model.errors import SourceUnavailable
from hub.model.inventory import AvailabilityMode, InventoryPosition
from hub.model.values import Quantity, Staleness
from hub.reads.availability_rules import (
    ANSWER_AGE_MAX,
    PHYSICAL,
    PLANNED,
    PROMISE_AGE_MAX,
    Told,
    availability_of,
)
from tests.unit.reads.world import NOW, World, make

ALL = frozenset({*PHYSICAL, *PLANNED})
_Mode = AvailabilityMode


def pieces(count: object) -> Quantity:
    return Quantity(Decimal(str(count)), "EA")


def told(role: str = "wms", *, code: str | None = None, lot: str = "1", **buckets: Any) -> Told:
    counted: dict[str, Any] = {name: value if isinstance(value, Quantity) else pieces(value)
               for name, value in buckets.items()}  # fmt: skip
    position = make("inventory_position", lot, system=role, sku="A", location="L", **counted)
    assert isinstance(position, InventoryPosition)
    return Told(position, role, frozenset(buckets), Staleness.FRESH, code)


_COUNTS = st.decimals(min_value=-50, max_value=1000, places=2)
_TOLD = st.builds(
    lambda role, buckets: told(role, **buckets),
    st.sampled_from(["wms", "erp", "commerce"]),
    st.dictionaries(st.sampled_from(sorted(ALL)), _COUNTS),
)


@given(
    positions=st.lists(_TOLD, min_size=1, max_size=4),
    age_s=st.integers(0, 2000),
)
def test_never_above_on_hand_and_never_below_nothing(positions: list[Told], age_s: int) -> None:
    now = NOW + timedelta(seconds=age_s)
    row = availability_of("A", "L", positions, now=now)
    assert (row.available_to_sell is None) == (row.mode is _Mode.UNKNOWN)
    assert (row.mode is _Mode.NORMAL) == (not row.reasons)
    if row.available_to_sell is not None:
        assert row.on_hand is not None
        assert 0 <= row.available_to_sell.value <= max(row.on_hand.value, Decimal(0))


@given(buckets=st.dictionaries(st.sampled_from(sorted(ALL)), st.integers(0, 100), min_size=1),
       on_hand=st.integers(0, 1000))  # fmt: skip
def test_an_older_figure_never_promises_more(buckets: dict[str, int], on_hand: int) -> None:
    one = told(**dict[str, Any](buckets | {"on_hand": on_hand}))
    fresh = availability_of("A", "L", [one], now=NOW)
    old = availability_of("A", "L", [one], now=NOW + PROMISE_AGE_MAX + timedelta(seconds=1))
    assert fresh.available_to_sell is not None and old.available_to_sell is not None
    assert old.available_to_sell.value <= fresh.available_to_sell.value
    assert (fresh.mode, old.mode) == (_Mode.NORMAL, _Mode.CONSERVATIVE)


def test_the_warehouse_counts_what_lies_there_and_the_erp_what_is_planned() -> None:
    row = availability_of(
        "A", "L",
        [told(on_hand=100, hard_allocated=20, damaged=1, lot="1"), told(on_hand=10, lot="2"),
         told("erp", on_hand=999, soft_reserved=5, safety_stock=10)],
        now=NOW,
    )  # fmt: skip
    assert row.mode is _Mode.NORMAL and row.reasons == ()
    assert row.on_hand == pieces(110)
    assert row.available_to_sell == pieces(74)
    assert row.systems == ("wms", "erp")
    assert (row.soft_reserved, row.quality_hold) == (pieces(5), None)


def test_modes_by_age_failure_and_gaps() -> None:
    one = told(on_hand=100, hard_allocated=20, backorder_demand=5)
    for age, mode, available in (
        (PROMISE_AGE_MAX, _Mode.NORMAL, pieces(80)),
        (ANSWER_AGE_MAX, _Mode.CONSERVATIVE, pieces(65)),
        (ANSWER_AGE_MAX + timedelta(seconds=1), _Mode.UNKNOWN, None),
    ):
        row = availability_of("A", "L", [one], now=NOW + age)
        assert (row.mode, row.available_to_sell) == (mode, available)
    failed = availability_of("A", "L", [told(on_hand=1, code="SOURCE_TIMEOUT")], now=NOW)
    assert (failed.mode, failed.reasons, failed.code) == (
        _Mode.CONSERVATIVE, ("SYSTEM_FAILED",), "SOURCE_TIMEOUT"
    )  # fmt: skip
    mapped = Told(one.position, "wms", ALL, Staleness.FRESH, None)
    row = availability_of("A", "L", [mapped], now=NOW)
    assert row.mode is _Mode.CONSERVATIVE
    assert "SAFETY_STOCK_UNKNOWN" in row.reasons and "safety_stock" in row.unknown_buckets
    assert availability_of("A", "L", [told(damaged=1)], now=NOW).reasons == ("ON_HAND_UNKNOWN",)
    units = [told(on_hand=1), told(on_hand=Quantity(Decimal(1), "CS"), lot="2")]
    assert availability_of("A", "L", units, now=NOW).reasons == ("UNIT_MISMATCH",)


async def test_a_failed_warehouse_is_a_row_of_its_own() -> None:
    world = World()
    world.erp.nouns = dict(world.erp.nouns) | {
        "inventory_position": world.wms.nouns["inventory_position"]
    }
    world.erp.put(
        make("inventory_position", "1", sku="A", location="L2", on_hand=pieces(3)),
        make("inventory_position", "2", sku="A", location="L1", on_hand=pieces(4)),
    )
    world.wms.failure = SourceUnavailable("wms", "refused")
    rows = await world.open().availability(["B", "A"], None)
    assert [(row.sku, row.location, row.systems, row.mode.value, row.code) for row in rows] == [
        ("B", None, ("wms",), "UNKNOWN", "SOURCE_UNAVAILABLE"),
        ("A", "L1", ("erp",), "CONSERVATIVE", None),
        ("A", "L2", ("erp",), "CONSERVATIVE", None),
        ("A", None, ("wms",), "UNKNOWN", "SOURCE_UNAVAILABLE"),
    ]
    only = await world.open().availability(["A"], ["L1"])
    assert [row.location for row in only] == ["L1", None]
