"""Dead letters in the store: parked once, paged, replayed and dropped with an audit entry each."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import pytest

from hub.events import dead_letters as module
from hub.events.dead_letter_acts import IDS_MAX
from hub.events.dead_letter_rows import REASON_MAX, DeadLetter, LetterQuery, LetterState
from hub.events.dead_letters import DELIVERY, ENDED_KEPT_FOR, DeadLetters, Parking
from hub.model.errors import EventInvalid, InputInvalid, OpsHubError, StoreUnavailable
from hub.observe import metrics
from hub.store.audit import verify_chains
from hub.store.engine import Store
from hub.store.reference_acts import Act
from tests.support.stores import NOON, Watch, opened_store, rows_of

ANN = Act("ann", "mapping corrected")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Again:
    """Takes letters up as it is told to, and keeps which."""

    errors: dict[str, OpsHubError] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    async def replay(self, letters: Sequence[DeadLetter]) -> list[OpsHubError | None]:
        self.seen += [each.id for each in letters]
        return [self.errors.get(each.id) for each in letters]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def again() -> Again:
    return Again()


@pytest.fixture
def letters(store: Store, watch: Watch, again: Again) -> DeadLetters:
    opened = DeadLetters(store, now=watch.now)
    opened.replay_by({"NATS": again.replay, "WEBHOOK": again.replay})
    return opened


def parking(number: int = 0, **changed: Any) -> Parking:
    given: dict[str, Any] = {
        "system": "wms", "via": "NATS", "payload": b"message %d" % number, "subject": "in.wms.x",
        "is_trusted": True, "traceparent": TRACE, "received_at": NOON - timedelta(minutes=1),
        "tries": 1, "event_id": "e1", "error": EventInvalid("wms", "no JSON"),
    }  # fmt: skip
    return Parking(**given | changed)


async def parked(letters: DeadLetters, watch: Watch, count: int, **changed: Any) -> list[str]:
    """That many, a second apart, the oldest first."""
    some = []
    for number in range(count):
        watch.at += timedelta(seconds=1)
        some.append(parking(number, received_at=watch.at, **changed))
        await letters.park(some[-1:])
    return [each.id for each in some]


async def states(letters: DeadLetters) -> dict[str, LetterState]:
    page = await letters.page(LetterQuery(first=1_000))
    return {each.id: each.state for each in page.letters}


async def test_a_letter_keeps_all_of_its_message(letters: DeadLetters) -> None:
    letter = parking()
    await letters.park([letter])
    assert await letters.one(letter.id) == DeadLetter(
        id=letter.id, system="wms", via="NATS", subject="in.wms.x", event_id="e1",
        code="EVENT_INVALID", reason="wms: no JSON", payload=b"message 0", is_trusted=True,
        traceparent=TRACE, tries=1, received_at=NOON - timedelta(minutes=1), parked_at=NOON,
        state=LetterState.PARKED, ended_at=None, ended_by=None,
    )  # fmt: skip
    assert await letters.one("none") is None


async def test_the_same_message_is_one_letter(letters: DeadLetters, watch: Watch) -> None:
    await letters.park([parking(), parking(tries=5), parking()])
    watch.at += timedelta(hours=1)
    worse = parking(tries=3, error=StoreUnavailable("x"), received_at=watch.at)
    await letters.park([worse])
    (letter,) = (await letters.page(LetterQuery(first=10))).letters
    assert (letter.tries, letter.code, letter.parked_at) == (3, "STORE_UNAVAILABLE", NOON)


@pytest.mark.parametrize(
    "changed",
    [{"system": "erp"}, {"via": "WEBHOOK"}, {"subject": "in.wms.y"}, {"payload": b"other"}],
    ids=str,
)
async def test_another_message_is_another_letter(
    letters: DeadLetters, changed: dict[str, Any]
) -> None:
    await letters.park([parking(), parking(**changed)])
    assert len(await states(letters)) == 2


async def test_poison_may_be_anything(letters: DeadLetters) -> None:
    """Too long for its columns, no text at all, and what a database takes for the end of one."""
    foul = parking(
        system="s" * 500, subject="in.\0." + "x" * 900, payload=bytes(range(256)) * 256,
        traceparent="t" * 99, event_id="\ud800" * 900, error=EventInvalid("w\0", "\udfff" * 9_000),
    )  # fmt: skip
    await letters.park([foul])
    letter = await letters.one(foul.id)
    assert letter is not None
    assert (letter.payload, letter.system, letter.event_id) == (
        foul.payload, "s" * 80, "?" * 400
    )  # fmt: skip
    assert letter.subject == "in.�." + "x" * 495
    assert len(letter.reason) == REASON_MAX


async def test_processes_park_the_same_at_once(url: str, watch: Watch) -> None:
    async with opened_store(url) as one, opened_store(url, process="two") as two:
        some = [parking(number) for number in range(20)]
        await asyncio.gather(
            *(
                DeadLetters(store, now=watch.now).park(batch)
                for store in (one, two)
                for batch in (some, some[::-1], some)
            )
        )
        assert await rows_of(one, "SELECT count(*) FROM dead_letter") == [(20,)]


@pytest.mark.parametrize("is_oldest_first", [True, False])
async def test_pages_are_whole_and_in_order(
    letters: DeadLetters, watch: Watch, is_oldest_first: bool
) -> None:
    await letters.park([parking(number) for number in range(100, 104)])  # of one instant
    ids = await parked(letters, watch, 7)
    seen: list[str] = []
    after, pages = None, 0
    while True:
        query = LetterQuery(first=3, after=after, is_oldest_first=is_oldest_first)
        page = await letters.page(query)
        seen += [each.id for each in page.letters]
        assert page.has_previous == (pages > 0)
        after, pages = page.letters[-1].cursor, pages + 1
        if not page.has_next:
            break
    ordered = seen if is_oldest_first else seen[::-1]
    assert ordered[4:] == ids
    assert ordered[:4] == sorted(parking(number).id for number in range(100, 104))
    assert pages == 4


async def test_pages_of_a_system_and_a_state(letters: DeadLetters, watch: Watch) -> None:
    mine = await parked(letters, watch, 2)
    theirs = await parked(letters, watch, 3, system="erp")
    await letters.drop(mine[:1], act=ANN)

    async def found(**of: Any) -> set[str]:
        return {each.id for each in (await letters.page(LetterQuery(first=9, **of))).letters}

    assert await found(system="erp") == set(theirs)
    assert await found(state=LetterState.DROPPED) == {mine[0]}
    assert await found(system="wms", state=LetterState.PARKED) == {mine[1]}
    assert await found(system="crm") == set()


@pytest.mark.parametrize("cursor", ["", "x", "W10", "WyIyMDI2LTAzLTAxIiwxXQ", "x" * 500])
async def test_a_cursor_of_something_else_is_refused(letters: DeadLetters, cursor: str) -> None:
    with pytest.raises(InputInvalid):
        await letters.page(LetterQuery(first=1, after=cursor))


async def test_a_replay_ends_what_is_taken_and_says_why_of_the_rest(
    letters: DeadLetters, watch: Watch, again: Again, store: Store
) -> None:
    ids = await parked(letters, watch, 3)
    again.errors = {ids[1]: EventInvalid("wms", "still no JSON")}
    watch.at += timedelta(hours=1)
    acted = await letters.replay([ids[2], ids[1], ids[0], "none", ids[0]], act=ANN)
    assert again.seen == ids  # the oldest first, each once
    assert [each.id for each in acted.letters] == [ids[2], ids[1], ids[0]]
    assert [(each.id, each.code) for each in acted.refused] == [
        (ids[1], "EVENT_INVALID"), ("none", "NOT_FOUND"),
    ]  # fmt: skip
    first, second = await letters.one(ids[0]), await letters.one(ids[1])
    assert first is not None and second is not None
    assert (first.state, first.ended_at, first.ended_by, first.tries) == (
        LetterState.REPLAYED, watch.at, "ann", 2,
    )  # fmt: skip
    assert (second.state, second.ended_at, second.reason, second.tries) == (
        LetterState.PARKED, None, "wms: still no JSON", 2,
    )  # fmt: skip
    (entry,) = await _audited(store)
    assert entry["action"] == "dead_letter.replay"
    assert (entry["actor"], entry["reason"]) == ("ann", "mapping corrected")
    assert entry["before"] == {"letters": dict.fromkeys(sorted(ids), "PARKED")}
    assert entry["after"]["letters"] == {
        ids[0]: "REPLAYED", ids[1]: "PARKED", ids[2]: "REPLAYED"
    }  # fmt: skip
    assert await verify_chains(store) == []


async def test_what_was_replayed_is_not_taken_again(
    letters: DeadLetters, watch: Watch, again: Again
) -> None:
    ids = await parked(letters, watch, 1)
    for _ in range(2):
        acted = await letters.replay(ids, act=ANN)
        assert [each.state for each in acted.letters] == [LetterState.REPLAYED]
        assert acted.refused == ()
    assert again.seen == ids
    assert [each.code for each in (await letters.drop(ids, act=ANN)).refused] == ["INPUT_INVALID"]
    await letters.park([parking(received_at=watch.at)])  # it came again and failed again
    assert await states(letters) == {ids[0]: LetterState.PARKED}


async def test_what_was_dropped_stays_dropped(
    letters: DeadLetters, watch: Watch, again: Again
) -> None:
    ids = await parked(letters, watch, 1)
    for _ in range(2):
        acted = await letters.drop(ids, act=ANN)
        assert [each.state for each in acted.letters] == [LetterState.DROPPED]
        assert acted.refused == ()
    await letters.park([parking(received_at=watch.at)])
    acted = await letters.replay(ids, act=ANN)
    assert ([each.code for each in acted.refused], again.seen) == (["INPUT_INVALID"], [])
    assert await states(letters) == {ids[0]: LetterState.DROPPED}


async def test_letters_of_deliveries_have_a_replay_of_their_own(
    letters: DeadLetters, watch: Watch, again: Again
) -> None:
    (mine,) = await parked(letters, watch, 1)
    (out,) = await parked(letters, watch, 1, via=DELIVERY, system="portal", subject=None)
    acted = await letters.replay([mine, out], act=ANN)
    assert [(each.id, each.code) for each in acted.refused] == [(out, "NOT_SERVED")]
    outside = Again()
    letters.replay_by({DELIVERY: outside.replay})
    assert (await letters.replay([out], act=ANN)).refused == ()
    assert (again.seen, outside.seen) == ([mine], [out])


@pytest.mark.parametrize("action", ["replay", "drop"])
async def test_the_same_key_has_one_effect(
    letters: DeadLetters, watch: Watch, again: Again, store: Store, action: str
) -> None:
    ids = await parked(letters, watch, 3)
    again.errors = {ids[0]: EventInvalid("wms", "still no JSON")}
    act = Act("ann", "corrected", "key-1")
    do = getattr(letters, action)
    asked = [*ids[:2], "none"]
    first = await do(asked, act=act)
    assert await do(asked, act=act) == first
    assert len(again.seen) == (2 if action == "replay" else 0)
    assert len(await _audited(store)) == 1
    with pytest.raises(InputInvalid):
        await do(ids, act=act)
    await do(ids, act=Act("ben", "other", "key-1"))  # the keys of another are theirs
    assert len(await _audited(store)) == 2


async def test_two_with_one_key_at_once_have_one_effect(url: str, watch: Watch) -> None:
    async with opened_store(url) as one, opened_store(url, process="two") as two:
        both = [DeadLetters(store, now=watch.now) for store in (one, two)]
        ids = await parked(both[0], watch, 2)
        act = Act("ann", "corrected", "key-1")
        answers = await asyncio.gather(*(both[i % 2].drop(ids, act=act) for i in range(10)))
        assert all(each == answers[0] for each in answers)
        assert len(await _audited(one)) == 1
        assert await verify_chains(one) == []


async def test_two_who_replay_at_once_end_it_once(
    letters: DeadLetters, watch: Watch, store: Store
) -> None:
    ids = await parked(letters, watch, 5)
    acted = await asyncio.gather(*(letters.replay(ids, act=ANN) for _ in range(4)))
    assert {each.state for one in acted for each in one.letters} == {LetterState.REPLAYED}
    rows = await rows_of(store, "SELECT tries FROM dead_letter")
    assert rows == [(2,)] * 5


@pytest.mark.parametrize("count", [0, IDS_MAX + 1])
@pytest.mark.parametrize("action", ["replay", "drop"])
async def test_an_act_has_a_bound(letters: DeadLetters, count: int, action: str) -> None:
    with pytest.raises(InputInvalid):
        await getattr(letters, action)([str(each) for each in range(count)], act=ANN)


async def test_letters_that_wait_have_a_bound(
    letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    await letters.park([parking(1), parking(2)])
    with pytest.raises(StoreUnavailable, match="2 dead letters wait and 2 may"):
        await letters.park([parking(3)])
    assert len(await states(letters)) == 2


async def test_who_is_not_known_takes_no_place_of_those_who_are(
    letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "UNTRUSTED_MAX", 2)
    await letters.park([parking(n, is_trusted=False) for n in range(3)] + [parking(3)])
    await letters.park([parking(4, is_trusted=False), parking(5)])
    page = await letters.page(LetterQuery(first=10))
    assert sorted(each.payload for each in page.letters) == [
        b"message 0", b"message 1", b"message 3", b"message 5",
    ]  # fmt: skip


async def test_what_ended_is_forgotten_after_its_time(letters: DeadLetters, watch: Watch) -> None:
    ids = await parked(letters, watch, 3)
    await letters.drop(ids[:1], act=ANN)
    await letters.replay(ids[1:2], act=ANN)
    watch.at += ENDED_KEPT_FOR
    assert await letters.prune() == 0
    watch.at += timedelta(seconds=1)
    assert await letters.prune() == 2
    assert await states(letters) == {ids[2]: LetterState.PARKED}


async def test_how_many_wait_is_measured_by_system(letters: DeadLetters, watch: Watch) -> None:
    ids = await parked(letters, watch, 3)
    await parked(letters, watch, 2, system="made-up")
    await parked(letters, watch, 1, via=DELIVERY, system="portal")
    await letters.drop(ids[:1], act=ANN)
    following = asyncio.create_task(letters.follow(lambda name: name == "wms", every_s=0.01))
    try:
        await _until_measured("wms", 2)
        assert (_measured("unknown"), _measured("portal"), _measured("made-up")) == (2, 1, 0)
        await letters.drop(ids[1:], act=ANN)
        await _until_measured("wms", 0)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _until_measured(system: str, count: int) -> None:
    for _ in range(500):
        if _measured(system) == count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{system}: {_measured(system)}; expected {count} within 5 s")


def _measured(system: str) -> float:
    return metrics.value_of("opshub_dead_letters", {"system": system})


async def _audited(store: Store) -> list[dict[str, Any]]:
    rows = await rows_of(
        store,
        "SELECT e.action, e.actor, e.reason, v.before, v.after FROM audit_entry e "
        "JOIN audit_values v ON v.chain = e.chain AND v.position = e.position",
    )
    return [
        dict(row._mapping) | {"before": orjson.loads(row.before), "after": orjson.loads(row.after)}
        for row in rows
    ]
