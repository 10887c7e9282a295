"""What a demo system's outbox makes of its messages: copies, delays, nonsense, and a bound."""

import sqlite3
from random import Random

import orjson
import pytest

from hub.demo.life import Changed
from hub.demo.telling import HELD_MAX_S, WAITING_MAX, Message, Outbox, Rates, Voice

SEED = 3


def _say(connection: sqlite3.Connection, changed: Changed) -> Message | None:
    if changed.kind == "secret":
        return None
    return Message("thing", {"kind": "thing.changed", "thing": {"n": changed.key}}, "id", "thing")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _outbox(duplicate: float = 0, late: float = 0, poison: float = 0) -> tuple[Outbox, Clock]:
    clock = Clock()
    rates = Rates(duplicate=duplicate, late=late, poison=poison)
    return Outbox(Voice("nats", _say), rates, Random(SEED), clock), clock


def _tell(outbox: Outbox, count: int) -> None:
    connection = sqlite3.connect(":memory:")
    for number in range(count):
        outbox.tell(connection, [Changed("move", "thing", str(number))])
    connection.close()


def _numbers(outbox: Outbox) -> list[int]:
    return [int(orjson.loads(each.payload)["thing"]["n"]) for each in outbox.waiting]


def test_without_disorder_each_is_said_once_in_order() -> None:
    outbox, _ = _outbox()
    _tell(outbox, 20)
    assert _numbers(outbox) == list(range(20))
    assert dict(outbox.said) == {"told": 20}


def test_what_is_nobodys_business_is_not_said() -> None:
    outbox, _ = _outbox()
    connection = sqlite3.connect(":memory:")
    outbox.tell(connection, [Changed("move", "secret", "1")])
    connection.close()
    assert not outbox.waiting


def test_a_copy_follows_with_the_same_id_or_a_new_one() -> None:
    outbox, clock = _outbox(duplicate=1)
    _tell(outbox, 200)
    clock.now = HELD_MAX_S
    outbox.settle()
    assert sorted(_numbers(outbox)) == sorted([*range(200)] * 2)
    ids = {orjson.loads(each.payload)["id"] for each in outbox.waiting}
    assert 200 < len(ids) < 400
    assert outbox.said["duplicate"] == 200


def test_a_late_one_comes_after_a_later_one_and_none_is_lost() -> None:
    outbox, clock = _outbox(late=0.3)
    _tell(outbox, 200)
    clock.now = HELD_MAX_S
    outbox.settle()
    numbers = _numbers(outbox)
    assert sorted(numbers) == list(range(200))
    assert numbers != sorted(numbers)
    assert max(abs(place - number) for place, number in enumerate(numbers)) < 30


def test_old_news_of_a_record_follows_the_new() -> None:
    outbox, _ = _outbox(late=1)
    connection = sqlite3.connect(":memory:")
    same = Changed("move", "thing", "1")
    outbox.tell(connection, [same])
    outbox.rates = Rates(duplicate=0, late=0, poison=0)
    outbox.tell(connection, [same])
    connection.close()
    first, second = (orjson.loads(each.payload)["id"] for each in outbox.waiting)
    assert first != second
    assert len(outbox.waiting) == 2
    assert dict(outbox.said) == {"told": 2, "late": 1}


def test_a_late_one_comes_even_where_nothing_follows() -> None:
    outbox, clock = _outbox(late=1)
    _tell(outbox, 1)
    outbox.settle()
    assert not outbox.waiting
    clock.now = HELD_MAX_S
    outbox.settle()
    assert _numbers(outbox) == [0]


def test_nonsense_comes_beside_the_message_and_is_unreadable() -> None:
    outbox, _ = _outbox(poison=1)
    _tell(outbox, 50)
    assert len(outbox.waiting) == 100
    poison = [each for each in outbox.waiting if not _tells(each.payload)]
    assert len(poison) == outbox.said["poison"] == 50
    assert 5 < sum(_is_json(each.payload) for each in poison) < 45


def _is_json(payload: bytes) -> bool:
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        return False
    return True


def _tells(payload: bytes) -> bool:
    return _is_json(payload) and "thing" in orjson.loads(payload)


def test_it_keeps_the_newest_where_nobody_listens() -> None:
    outbox, _ = _outbox()
    _tell(outbox, WAITING_MAX + 5)
    assert len(outbox.waiting) == WAITING_MAX
    assert _numbers(outbox)[0] == 5
    assert outbox.said["lost"] == 5


def test_rates_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSHUB_DEMO_LATE_RATE", "0.5")
    assert Rates.from_environment() == Rates(duplicate=0.02, late=0.5, poison=0.005)
    monkeypatch.setenv("OPSHUB_DEMO_POISON_RATE", "2")
    with pytest.raises(ValueError, match=r"OPSHUB_DEMO_POISON_RATE is 2\.0; give a share"):
        Rates.from_environment()
