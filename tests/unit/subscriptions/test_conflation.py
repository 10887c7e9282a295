"""Of several events of one record the newest stands for all; the change is the whole way."""

from datetime import UTC, datetime

from hub.events.event import STATUS_CHANGED, Event, StatusChange
from hub.model.errors import OpsHubError
from hub.model.values import Ref
from subscriptions.items import conflated
from subscriptions.outlet import Stream
from subscriptions.telling import Payload
from subscriptions.waiting import EVENTS_WAITING_MAX, EventsWaiting

AT = datetime(2026, 3, 1, tzinfo=UTC)


def _event(number: int, *changes: StatusChange, key: str = "1") -> Event:
    return Event(
        id=str(number), noun="order", change=STATUS_CHANGED, ref=Ref("order", "erp", key),
        version=number, occurred_at=AT, recorded_at=AT, changes=changes, position=number,
    )  # fmt: skip


def test_the_change_is_from_before_the_first_to_after_the_last() -> None:
    first = _event(1, StatusChange("status", "A", "B"), StatusChange("other", None, "x"))
    second = _event(2, StatusChange("status", "B", "C"))
    joined = conflated(first, second)
    assert (joined.id, joined.version, joined.position) == ("2", 2, 2)
    assert joined.changes == (
        StatusChange("status", "A", "C"),
        StatusChange("other", None, "x"),
    )


def test_a_status_feed_keeps_the_newest_of_each_record_in_order() -> None:
    waiting = EventsWaiting(is_lossless=False)
    for event in (_event(1), _event(2, key="2"), _event(3), _event(4)):
        assert waiting.add(event)
    taken = [waiting.take(), waiting.take(), waiting.take()]
    told = [(each.event.position, each.left_out) for each in taken if each]
    assert told == [(2, 0), (4, 2)]


class _Full:
    """A transport without room."""

    def write(self, payload: bytes, cursor: str | None) -> bool:
        return False

    def end(self, error: OpsHubError | None) -> None:
        raise AssertionError(error)


def test_what_was_left_out_before_the_stream_counts_too() -> None:
    waiting = EventsWaiting(is_lossless=False)
    stream = Stream(_Full(), is_lossless=False, on_room=lambda _: None, on_close=lambda _: None)
    for numbers in ((1, 2, 3), (4, 5)):
        for number in numbers:
            waiting.add(_event(number))
        taken = waiting.take()
        assert taken is not None
        stream.keep(Payload(b"{}", "cursor", numbers[-1]), taken.event, taken.left_out)
    kept = stream.next_waiting()
    assert kept is not None
    assert (kept.event, kept.left_out) == (_event(5), 4)


def test_a_lossless_feed_keeps_all_up_to_its_bound() -> None:
    waiting = EventsWaiting(is_lossless=True)
    assert all(waiting.add(_event(n)) for n in range(EVENTS_WAITING_MAX))
    assert not waiting.add(_event(EVENTS_WAITING_MAX))
    first = waiting.take()
    assert first is not None
    assert (first.event.position, first.left_out) == (0, 0)
