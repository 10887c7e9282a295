"""States that are reached, left and reached again: told, fetched and backfilled is one entry."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from hub.model.catalog import NOUNS
from hub.model.order import LineStatus, Order, OrderStatus
from hub.model.record import Record, fields_of
from hub.model.timeline import TimelineEntry
from hub.model.timeline_rules import RULES, entries_of
from hub.model.timeline_transitions import (
    TRANSITIONS,
    WATCHED,
    Statuses,
    base_key,
    facts_of,
    statuses_of,
    turn_of,
)
from hub.reads.timeline_merge import merged
from tests.unit.reads.world import NOW, make, ref

KEY = "erp:order:1:order.held"
MERGE_SEEDS = 300


def at(minutes: int) -> datetime:
    return NOW - timedelta(days=1) + timedelta(minutes=minutes)


def order(minutes: int, status: str, **values: Any) -> Order:
    made: Order = make(
        "order", "1", status=OrderStatus(status), placed_at=at(0), updated_at=at(minutes), **values
    )
    return replace(made, as_of=at(minutes))


def types_told(record: Record, before: Record | None, version: int = 7) -> list[str]:
    """Types of what the record tells; with `*` where it counts again if it was told before."""
    statuses: Statuses | None = None if before is None else statuses_of(before)
    facts = facts_of(order(0, "OPEN"), record, before=statuses, version=version)
    assert all(f.again_key in (None, f"{f.entry.natural_key}@{version}") for f in facts)
    return [fact.entry.type + ("*" if fact.again_key else "") for fact in facts]


def test_transitions_name_real_fields_and_states() -> None:
    ranked = {rule.type for rule in RULES}
    for row in TRANSITIONS:
        known = fields_of(NOUNS[row.rule.noun])
        named = {*row.rule.at, row.rule.message, row.rule.quantity, row.rule.money} - {None}
        assert named <= {*known, "as_of"}, row.rule.type
        status = known["status"].codes
        assert status is not None
        assert {*row.rule.states, *row.after} <= {code.value for code in status}, row.rule.type
        assert row.beside in ranked, row.rule.type
        assert row.watched is None or row.watched in WATCHED[row.rule.noun]
    assert len({row.rule.type for row in TRANSITIONS} | ranked) == len(TRANSITIONS) + len(RULES)
    for noun, parts in WATCHED.items():
        assert {name for fields in parts.values() for name in fields} <= set(fields_of(NOUNS[noun]))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, "OPEN", ["order.placed"]),
        (None, "ON_HOLD", ["order.placed", "order.held"]),
        ("OPEN", "ON_HOLD", ["order.placed", "order.held*"]),
        ("ON_HOLD", "ON_HOLD", ["order.placed", "order.held"]),
        ("ON_HOLD", "CONFIRMED", ["order.placed", "order.hold_released*"]),
        ("ON_HOLD", "CANCELLED", ["order.placed"]),
        ("CONFIRMED", "IN_FULFILLMENT", ["order.placed"]),
    ],
)
def test_what_an_order_tells(before: str | None, after: str, expected: list[str]) -> None:
    was = None if before is None else order(1, before)
    assert types_told(order(2, after), was) == expected


def test_what_is_watched_of_an_order_is_a_change_of_it() -> None:
    before = order(1, "CONFIRMED", po_number="P1")
    assert types_told(order(2, "CONFIRMED", po_number="P2"), before) == [
        "order.placed", "order.changed*",
    ]  # fmt: skip
    assert types_told(order(2, "CONFIRMED", po_number="P2"), None) == ["order.placed"]
    assert types_told(order(2, "CONFIRMED", po_number="P1", channel="WEB"), before) == [
        "order.placed"
    ]


@pytest.mark.parametrize(
    ("noun", "before", "after", "expected"),
    [
        ("order_line", "PENDING", "ALLOCATED", ["order_line.allocated*"]),
        ("order_line", None, "PICKED", ["order_line.picked*"]),
        ("order_line", "PICKED", "PICKED", []),
        ("shipment", "PRE_TRANSIT", "IN_TRANSIT", ["shipment.in_transit*"]),
        ("shipment", "IN_TRANSIT", "EXCEPTION", ["shipment.exception*"]),
        ("return", "AUTHORIZED", "IN_TRANSIT", ["return.in_transit*"]),
        ("credit_memo", "PENDING_APPROVAL", "APPROVED", ["credit.approved*"]),
        ("invoice", "POSTED", "DISPUTED", ["invoice.disputed*"]),
        ("case", "NEW", "PENDING_CUSTOMER", ["case.pending_customer*"]),
        ("case", "SOLVED", "OPEN", ["case.reopened*"]),
        ("case", "SOLVED", "CLOSED", ["case.closed*"]),
        ("case", "NEW", "OPEN", []),
    ],
)
def test_what_others_tell(noun: str, before: str | None, after: str, expected: list[str]) -> None:
    codes = fields_of(NOUNS[noun])["status"].codes
    assert codes is not None
    was = None if before is None else make(noun, "x", status=codes(before))
    assert types_told(make(noun, "x", status=codes(after)), was) == expected


def test_a_case_that_changes_hands() -> None:
    ann, bob = (make("case", "k", system="crm", assignee=name) for name in ("Ann", "Bob"))
    assert types_told(bob, ann) == ["case.assigned*"]
    assert types_told(ann, ann) == []
    told = facts_of(order(0, "OPEN"), bob, before=statuses_of(ann), version=1)[0].entry
    assert told.message == "Bob" and "Ann" not in str(statuses_of(ann))


def test_the_state_it_came_from() -> None:
    [_, held] = facts_of(
        order(0, "OPEN"), order(2, "ON_HOLD"), before={"status": "OPEN"}, version=1
    )
    assert (held.entry.change_from, held.entry.change_to) == ("OPEN", "ON_HOLD")


def test_keys_of_one_fact() -> None:
    assert base_key(KEY) == base_key(f"{KEY}@17") == KEY
    assert base_key("crm:case:a@b:case.opened") == "crm:case:a@b:case.opened"
    assert sorted([f"{KEY}@9", f"{KEY}@17", KEY], key=turn_of) == [KEY, f"{KEY}@9", f"{KEY}@17"]


def held(minutes: int, *, key: str = KEY, seen: int = 600, **values: object) -> TimelineEntry:
    [entry] = [
        each for each in entries_of(order(0, "OPEN"), order(minutes, "ON_HOLD"))
        if each.type == "order.held"
    ]  # fmt: skip
    return replace(entry, natural_key=key, observed_at=at(seen), **values)  # type: ignore[arg-type]


def test_a_fetched_state_is_the_last_time_it_was_told() -> None:
    first = held(1, sequence=1, causation_id="e1")
    again = held(9, key=f"{KEY}@9", sequence=2, causation_id="e2")
    fetched = held(30, seen=900, message="CREDIT")  # the order changed since: it says 30
    both = merged([fetched], [again, first])
    assert [(e.natural_key, e.occurred_at, e.message) for e in sorted(both, key=turn)] == [
        (KEY, at(1), None),
        (f"{KEY}@9", at(9), "CREDIT"),
    ]
    assert len(merged([fetched], [])) == 1


def test_what_was_fetched_before_does_not_date_what_was_told_since() -> None:
    again = held(500, key=f"{KEY}@9", seen=501, sequence=2)
    [one] = merged([held(1, seen=20)], [again])
    assert (one.occurred_at, one.observed_at, one.is_clock_suspect) == (at(500), at(501), False)


def turn(entry: TimelineEntry) -> int:
    return turn_of(entry.natural_key)


def test_fetched_told_and_backfilled_is_one_entry_in_any_order() -> None:
    for seed in range(MERGE_SEEDS):
        print(f"seed {seed}")
        _told_backfilled_and_fetched(random.Random(seed))


def _told_backfilled_and_fetched(random_: random.Random) -> None:
    """A life of an order with a line; any of its records is told, backfilled or neither, in any
    order; then it is fetched, before or after. Each fact of the last record is there once."""
    life = _life(random_)
    recorded: dict[str, TimelineEntry] = {}
    told = [one for one in life if random_.random() < 0.7] * 2
    random_.shuffle(told)
    newest: Order | None = None
    for version, record in told:
        is_late = newest is not None and newest.as_of > record.as_of
        _record(recorded, version, record, None if is_late else newest, is_late=is_late)
        newest = newest if is_late else record
    last = life[-1][1]
    fetched = [e for one in (last, *(last.lines or ())) for e in entries_of(last, one)]
    shown = merged(fetched, recorded.values())
    keys = [entry.natural_key for entry in shown]
    assert len(keys) == len(set(keys))
    assert {base_key(key) for key in keys} == {
        base_key(entry.natural_key) for entry in (*fetched, *recorded.values())
    }
    assert len(shown) == len(recorded) + len(
        {e.natural_key for e in fetched} - {base_key(key) for key in recorded}
    )
    for entry in shown:
        if (one := recorded.get(entry.natural_key)) is not None:
            assert (entry.sequence, entry.occurred_at) == (one.sequence, one.occurred_at)


def _life(random_: random.Random) -> list[tuple[int, Order]]:
    life = []
    for turn in range(random_.randint(1, 8)):
        minutes = turn * 5
        line = make(
            "order_line", "1/1", order=ref("order", "1"), updated_at=at(minutes),
            status=random_.choice([LineStatus.ALLOCATED, LineStatus.PICKED, LineStatus.PACKED]),
        )  # fmt: skip
        status = random_.choice(["OPEN", "ON_HOLD", "CONFIRMED"])
        life.append((minutes, order(minutes, status, lines=(line,))))
    return life


def _record(
    recorded: dict[str, TimelineEntry], version: int, record: Order, before: Order | None,
    *, is_late: bool,
) -> None:  # fmt: skip
    """What the store does with the facts of one told record."""
    pairs: list[tuple[Record, Record | None]] = [(record, before)]
    pairs += [
        (one, before.lines[0] if before and before.lines else None) for one in record.lines or ()
    ]
    for one, was in pairs:
        statuses = None if was is None else statuses_of(was)
        for entry, again_key, _ in facts_of(record, one, before=statuses, version=version):
            keys = (entry.natural_key,) if again_key is None else (entry.natural_key, again_key)
            key = next((key for key in keys if key not in recorded), None)
            if key is not None:
                recorded[key] = replace(
                    entry, natural_key=key, sequence=len(recorded) + 1, is_late=is_late
                )
