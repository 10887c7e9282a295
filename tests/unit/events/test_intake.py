"""Every message ends exactly once: taken, or as a dead letter; and none holds the others."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.events.dead_letter_rows import DeadLetter, LetterState
from hub.events.dead_letters import Parking
from hub.events.intake import (
    DELAY_MAX_S,
    DELAY_MIN_S,
    KEPT_FOR,
    TOLD_MAX,
    TRIES_MAX,
    Again,
    Done,
    Intake,
    Message,
    delay_s,
)
from hub.events.told import Fate, Told, Via
from hub.model.errors import (
    EventInvalid,
    Internal,
    OpsHubError,
    RecordUnknown,
    SourceBusy,
    SourceInvalid,
    SourceMisconfigured,
    SourceTimeout,
    SourceUnavailable,
    StoreUnavailable,
    UnmappedValue,
)
from hub.model.values import Ref
from hub.observe import metrics

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Clock:
    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


@dataclass
class World:
    """A decoding, a ledger and a drawer that fail as they are told to, and keep what they got.

    A payload is the keys it tells of, by commas. `failing` is what a key meets, once per take, the
    last for ever; `applied` is how often each key was taken.
    """

    clock: Clock = field(default_factory=Clock)
    failing: dict[str, list[OpsHubError | None]] = field(default_factory=dict)
    unreadable: dict[bytes, Exception] = field(default_factory=dict)
    is_store_away: bool = False
    applied: Counter[str] = field(default_factory=Counter)
    parked: list[Parking] = field(default_factory=list)
    takes: list[int] = field(default_factory=list)

    def knows(self, system: str) -> bool:
        return system == "wms"

    def decode(self, message: Message) -> Sequence[Told]:
        if message.payload in self.unreadable:
            raise self.unreadable[message.payload]
        keys = message.payload.decode().split(",") if message.payload else []
        return [Told(ref=Ref("order", "wms", key), via=message.via, event_id=key) for key in keys]

    async def take(self, told: Sequence[Told]) -> list[Fate | OpsHubError]:
        self.takes.append(len(told))
        if self.is_store_away:
            raise StoreUnavailable("away")
        return [self._taken(each.ref.key) for each in told]

    async def park(self, letters: Sequence[Parking]) -> None:
        if self.is_store_away:
            raise StoreUnavailable("away")
        self.parked += letters

    def intake(self) -> Intake:
        return Intake(self, self, dead_letters=self, now=self.clock.now)

    def message(self, payload: bytes | str, **changed: object) -> Message:
        raw = payload.encode() if isinstance(payload, str) else payload
        made = Message(
            system="wms", via=Via.NATS, payload=raw, is_trusted=True, received_at=self.clock.at
        )
        return replace(made, **changed)  # type: ignore[arg-type]

    def _taken(self, key: str) -> Fate | OpsHubError:
        failures = self.failing.get(key, [])
        failure = failures.pop(0) if len(failures) > 1 else (failures[0] if failures else None)
        if failure is not None:
            return failure
        self.applied[key] += 1
        return Fate.APPLIED if self.applied[key] == 1 else Fate.DUPLICATE


@pytest.fixture
def world() -> World:
    return World()


async def test_what_is_taken_is_done(world: World) -> None:
    told = world.message("a,b"), world.message(""), world.message("c")
    assert await world.intake().receive(told) == [Done()] * 3
    assert world.applied == {"a": 1, "b": 1, "c": 1}
    assert (world.takes, world.parked) == ([3], [])


@pytest.mark.parametrize(
    "error",
    [
        EventInvalid("wms", "no JSON"),
        UnmappedValue("wms", "status", "77", ("10", "40")),
        SourceInvalid("wms", "garbage"),
    ],
    ids=lambda error: error.code,
)
@pytest.mark.parametrize("where", ["decode", "take"])
async def test_poison_is_dead_at_once_and_holds_nobody(
    world: World, error: OpsHubError, where: str
) -> None:
    if where == "decode":
        world.unreadable[b"bad"] = error
    else:
        world.failing["bad"] = [error]
    sent = [world.message("a"), world.message("bad", subject="in.wms.x"), world.message("b")]
    assert await world.intake().receive(sent) == [Done()] * 3
    (letter,) = world.parked
    assert (letter.payload, letter.subject, letter.error, letter.tries) == (
        b"bad", "in.wms.x", error, 1
    )  # fmt: skip
    assert world.applied == {"a": 1, "b": 1}


async def test_a_defect_of_the_decoding_ends_after_its_tries(world: World) -> None:
    world.unreadable[b"bad"] = KeyError("x")
    verdicts = await _until_done(world, world.message("bad"))
    assert len(verdicts) == TRIES_MAX
    assert (world.parked[0].error.code, world.parked[0].tries) == (Internal.code, TRIES_MAX)


@pytest.mark.parametrize(
    "error", [SourceMisconfigured("wms", "no table"), Internal("a defect")], ids=lambda e: e.code
)
async def test_other_failures_are_tried_five_times(world: World, error: OpsHubError) -> None:
    world.failing["a"] = [error]
    verdicts = await _until_done(world, world.message("a"))
    assert len(verdicts) == TRIES_MAX
    assert all(
        isinstance(each, Again) and DELAY_MIN_S <= each.delay_s <= DELAY_MAX_S
        for each in verdicts[:-1]
    )
    assert [(each.error, each.tries) for each in world.parked] == [(error, TRIES_MAX)]


@pytest.mark.parametrize(
    "error",
    [
        SourceUnavailable("wms", "refused"),
        SourceTimeout("wms", "slow"),
        SourceBusy("wms", "429"),
        RecordUnknown("wms", "order", "a"),
    ],
    ids=lambda error: error.code,
)
async def test_what_is_away_is_waited_for_ten_minutes(world: World, error: OpsHubError) -> None:
    world.failing["a"] = [error]
    verdicts = await _until_done(world, world.message("a"))
    assert len(verdicts) > TRIES_MAX
    assert timedelta(0) <= world.clock.at - NOON - KEPT_FOR <= timedelta(seconds=DELAY_MAX_S)
    assert [each.error for each in world.parked] == [error]


async def test_what_comes_back_in_time_is_taken(world: World) -> None:
    world.failing["a"] = [SourceUnavailable("wms", "refused")] * 8 + [None]
    assert len(await _until_done(world, world.message("a"))) == 9
    assert (world.applied, world.parked) == ({"a": 1}, [])


async def test_the_hubs_own_database_is_waited_for_without_an_end(world: World) -> None:
    world.is_store_away = True
    message = world.message("a")
    for tries in range(30):
        (verdict,) = await world.intake().receive([replace(message, tries=tries)])
        assert isinstance(verdict, Again)
        world.clock.at += timedelta(minutes=5)
    world.is_store_away = False
    assert await world.intake().receive([replace(message, tries=30)]) == [Done()]
    assert (world.applied, world.parked) == ({"a": 1}, [])


async def test_poison_that_cannot_be_parked_comes_again(world: World) -> None:
    world.unreadable[b"bad"] = EventInvalid("wms", "no JSON")
    world.is_store_away = True
    message = world.message("bad")
    assert isinstance((await world.intake().receive([message]))[0], Again)
    world.is_store_away = False
    assert await world.intake().receive([replace(message, tries=1)]) == [Done()]
    assert len(world.parked) == 1


async def test_a_message_waits_as_long_as_any_part_of_it_may_come(world: World) -> None:
    """What can be taken of it is taken; the letter is written when nothing more is to be hoped."""
    poison = UnmappedValue("wms", "status", "77", ("10",))
    world.failing = {"b": [poison], "c": [SourceTimeout("wms", "slow")] * 2 + [None]}
    assert len(await _until_done(world, world.message("a,b,c"))) == 3
    assert world.applied["a"] == 3  # told again, and a duplicate
    assert world.applied["c"] == 1
    assert [(each.error, each.event_id) for each in world.parked] == [(poison, "a")]


async def test_many_are_taken_in_parts(world: World) -> None:
    sent = [world.message(f"k{number},l{number}") for number in range(120)]
    assert await world.intake().receive(sent) == [Done()] * 120
    assert world.takes == [TOLD_MAX, TOLD_MAX, 40]
    assert set(world.applied.values()) == {1}
    assert len(world.applied) == 240


async def test_a_system_that_asks_for_time_is_given_it_within_bounds(world: World) -> None:
    for asked, least in ((30.0, 30.0), (9_000.0, DELAY_MAX_S)):
        world.failing["a"] = [SourceBusy("wms", "429", retry_after_s=asked)]
        (verdict,) = await world.intake().receive([world.message("a")])
        assert verdict == Again(least)


@pytest.mark.parametrize("tries", [0, 1, 2, 5, 60, 100_000])
def test_delays_grow_and_have_bounds(tries: int) -> None:
    for _ in range(50):
        assert DELAY_MIN_S <= delay_s(tries) <= DELAY_MAX_S
        assert delay_s(tries) <= 2.0 ** (min(tries, 10) + 1)


async def test_labels_are_of_the_file_and_not_of_the_sender(world: World) -> None:
    world.unreadable[b"bad"] = EventInvalid("nobody", "unknown system")
    labels = {"system": "unknown", "via": "NATS", "fate": "DEAD"}
    before = metrics.value_of("opshub_events_total", labels)
    await world.intake().receive([world.message("bad", system="x" * 10)])
    assert metrics.value_of("opshub_events_total", labels) == before + 1


async def test_lag_is_of_what_is_new(world: World) -> None:
    labels = {"system": "wms", "via": "WEBHOOK"}
    name = "opshub_event_lag_seconds"
    before = [metrics.value_of(f"{name}_{part}", labels) for part in ("count", "sum")]
    message = world.message("a", via=Via.WEBHOOK)
    world.clock.at += timedelta(seconds=3)
    await world.intake().receive([message, message])
    await world.intake().replay([_letter(message)])
    after = [metrics.value_of(f"{name}_{part}", labels) for part in ("count", "sum")]
    assert [b - a for a, b in zip(before, after, strict=True)] == pytest.approx([1, 3.0])


async def test_a_replay_says_why_not_and_parks_nothing(world: World) -> None:
    world.failing["b"] = [SourceTimeout("wms", "slow")]
    letters = [_letter(world.message(each)) for each in ("a", "b")]
    taken, error = await world.intake().replay(letters)
    assert taken is None
    assert isinstance(error, SourceTimeout)
    assert (world.applied, world.parked) == ({"a": 1}, [])


@pytest.mark.parametrize("seed", range(200))
async def test_every_message_ends_exactly_once(seed: int) -> None:
    """A queue that delivers at least once, a database and systems that come and go."""
    chance, world = random.Random(seed), World()
    sent = [_some_message(world, chance, number) for number in range(30)]
    queue = [(NOON, message) for message in sent]
    ended: Counter[bytes] = Counter()
    for _ in range(2_000):
        if not queue:
            break
        queue.sort(key=lambda each: each[0])
        world.clock.at = max(world.clock.at, queue[0][0])
        world.is_store_away = chance.random() < 0.1
        count = chance.randint(1, 8)
        due = [each for each in queue[:count] if each[0] <= world.clock.at]
        del queue[: len(due)]
        verdicts = await world.intake().receive([message for _, message in due])
        for (_, message), verdict in zip(due, verdicts, strict=True):
            again = replace(message, tries=message.tries + 1)
            if isinstance(verdict, Done):
                ended[message.payload] += 1
            else:
                queue.append((world.clock.at + timedelta(seconds=verdict.delay_s), again))
    assert not queue, f"seed {seed}"
    assert ended == Counter(each.payload for each in sent), f"seed {seed}"
    dead = Counter(each.payload for each in world.parked)
    assert set(dead.values()) <= {1}, f"seed {seed}"
    for message in sent:
        hopeless = message.payload in dead
        keys = [key for key in message.payload.decode().split(",") if world.applied[key]]
        whole = len(keys) == len(message.payload.decode().split(","))
        assert whole != hopeless, f"seed {seed}: {message.payload!r}"


def _some_message(world: World, chance: random.Random, number: int) -> Message:
    keys = [f"{number}.{part}" for part in range(chance.randint(1, 3))]
    payload = ",".join(keys)
    if chance.random() < 0.1:
        world.unreadable[payload.encode()] = chance.choice(
            [EventInvalid("wms", "no JSON"), UnmappedValue("wms", "f", "x", ()), ValueError("x")]
        )
    passing: list[OpsHubError] = [
        SourceTimeout("wms", "slow"), RecordUnknown("wms", "order", "x"), Internal("defect"),
        SourceBusy("wms", "429", retry_after_s=5.0),
    ]  # fmt: skip
    for key in keys:
        fails: list[OpsHubError | None] = [
            chance.choice(passing) for _ in range(chance.choice([0, 0, 1, 3]))
        ]
        world.failing[key] = [*fails, chance.choice([None, None, None, passing[0]])]
    return world.message(payload)


async def _until_done(world: World, message: Message) -> list[Done | Again]:
    """All its verdicts; the clock goes on as they say."""
    verdicts: list[Done | Again] = []
    while not verdicts or isinstance(verdicts[-1], Again):
        (verdict,) = await world.intake().receive([replace(message, tries=len(verdicts))])
        verdicts.append(verdict)
        if isinstance(verdict, Again):
            world.clock.at += timedelta(seconds=verdict.delay_s)
        assert len(verdicts) < 1_000
    return verdicts


def _letter(message: Message) -> DeadLetter:
    return DeadLetter(
        id="1", system=message.system, via=message.via.value, subject=None, event_id=None,
        code="X", reason="x", payload=message.payload, is_trusted=True, traceparent=None, tries=1,
        received_at=message.received_at, parked_at=NOON, state=LetterState.PARKED, ended_at=None,
        ended_by=None,
    )  # fmt: skip
