"""The sending side of a connection: at once, in order, bounded, and over when the peer is gone."""

import asyncio
from typing import Any

import pytest

from subscriptions.wire import WAITING_BYTES_MAX, WAITING_MAX, WRITE_MAX_S, Message, Wire


class Peer:
    """A server's `send` whose writes wait while it is not `reading`."""

    def __init__(self) -> None:
        self.reading = asyncio.Event()
        self.reading.set()
        self.is_gone = False
        self.got: list[Any] = []

    async def send(self, message: Message) -> None:
        await self.reading.wait()
        if self.is_gone:
            raise OSError("gone")
        self.got.append(message.get("text", message))


class Hand:
    """A wire, its peer, its clock, and how often it told of room."""

    def __init__(self, **more: Any) -> None:
        self.peer, self.now, self.rooms = Peer(), 0.0, 0
        self.wire = Wire(
            self.peer.send,
            lambda content: {"text": content.decode()},
            on_room=self.room,
            clock=lambda: self.now,
            **more,
        )

    def room(self) -> None:
        self.rooms += 1


async def test_what_need_not_wait_is_sent_before_write_returns() -> None:
    hand = Hand()
    tasks = len(asyncio.all_tasks())
    assert [hand.wire.write(b"%d" % each) for each in range(1000)] == [True] * 1000
    assert hand.peer.got == [str(each) for each in range(1000)]
    assert len(asyncio.all_tasks()) == tasks
    assert hand.wire.written == 1000


async def test_what_waits_is_sent_in_order_and_only_so_much_of_it() -> None:
    hand = Hand()
    hand.peer.reading.clear()
    taken = 0
    while hand.wire.write(b"%d" % taken):
        taken += 1
    assert taken == WAITING_MAX + 1  # one is in the server's hands
    hand.wire.force(b"pong")
    assert (hand.peer.got, hand.rooms) == ([], 0)
    hand.peer.reading.set()
    await asyncio.sleep(0.01)
    assert hand.peer.got == [*(str(each) for each in range(taken)), "pong"]
    assert hand.rooms == 1
    assert hand.wire.write(b"again")
    assert hand.peer.got[-1] == "again"


async def test_the_bytes_that_wait_are_bounded_too() -> None:
    hand = Hand()
    hand.peer.reading.clear()
    big = b"x" * 50_000
    taken = sum(iter(lambda: hand.wire.write(big), False))
    assert taken == WAITING_BYTES_MAX // len(big) + 2
    assert hand.wire.waiting_bytes <= WAITING_BYTES_MAX + len(big)
    hand.wire.close()


async def test_a_write_that_waits_too_long_shows() -> None:
    hand = Hand()
    hand.peer.reading.clear()
    hand.wire.write(b"a")
    hand.now = WRITE_MAX_S - 0.1
    assert not hand.wire.is_stuck(hand.now)
    hand.now = WRITE_MAX_S
    assert hand.wire.is_stuck(hand.now)
    hand.peer.reading.set()
    await asyncio.sleep(0.01)
    assert not hand.wire.is_stuck(hand.now)


@pytest.mark.parametrize("is_flushed", [False, True])
async def test_the_last_message_is_the_last(is_flushed: bool) -> None:
    hand = Hand()
    hand.peer.reading.clear()
    for each in (b"a", b"b", b"c"):
        hand.wire.write(each)
    hand.wire.finish({"text": "bye"}, is_flushed=is_flushed)
    assert hand.wire.write(b"late"), "it is over: nothing need be kept"
    hand.wire.finish({"text": "twice"})
    hand.peer.reading.set()
    await asyncio.sleep(0.01)
    assert hand.peer.got == (["a", "b", "c", "bye"] if is_flushed else ["a", "bye"])


@pytest.mark.parametrize("is_reading", [True, False])
async def test_a_peer_that_is_gone_ends_it(is_reading: bool) -> None:
    hand = Hand()
    if not is_reading:
        hand.peer.reading.clear()
        hand.wire.write(b"a")
    hand.peer.is_gone = True
    hand.wire.write(b"b")
    hand.peer.reading.set()
    await asyncio.sleep(0.01)
    assert hand.wire.is_over
    assert hand.peer.got == []


async def test_who_waits_for_room_goes_on_when_there_is_some_or_all_is_over() -> None:
    for is_over in (False, True):
        hand = Hand()
        hand.peer.reading.clear()
        while hand.wire.write(b"x"):
            pass
        putting = asyncio.create_task(hand.wire.put(b"big"))
        await asyncio.sleep(0.01)
        assert not putting.done()
        if is_over:
            hand.wire.close()
        else:
            hand.peer.reading.set()
        await asyncio.wait_for(putting, 1)
        await asyncio.sleep(0.01)
        assert ("big" in hand.peer.got) is not is_over


async def test_a_shorter_way_is_taken_while_nothing_waits() -> None:
    at_once: list[bytes] = []

    def write(content: bytes) -> bool:
        if len(at_once) < 2:
            at_once.append(content)
            return True
        return False

    hand = Hand(at_once=write)
    for each in (b"a", b"b", b"c"):
        hand.wire.write(each)
    assert (at_once, hand.peer.got) == ([b"a", b"b"], ["c"])
