"""What `opshub watch` does at each thing a hub may say; the hub here says what a test writes."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from hub.cli import event_stream
from hub.cli.event_stream import EventStream, NotReached, NotTold, Question

Reply = tuple[int, str]


class Saying(ThreadingHTTPServer):
    """Answers each request with the next reply, and remembers what it was asked with."""

    def __init__(self, *replies: Reply) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.replies = list(replies)
        self.asked: list[dict[str, str | None]] = []
        self.tokens = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def token(self) -> str:
        self.tokens += 1
        return f"token-{self.tokens}"


class _Answering(BaseHTTPRequestHandler):
    server: Saying

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        names = ("authorization", "last-event-id")
        self.server.asked.append({name: self.headers.get(name) for name in names})
        status, body = self.server.replies.pop(0)
        self.send_response(status)
        kind = "text/event-stream" if status == 200 else "application/json"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        pass


def told(number: int) -> str:
    return f'id: c{number}\nevent: next\ndata: {{"data": {{"f": {{"n": {number}}}}}}}\n\n'


def error(code: str, **more: Any) -> dict[str, Any]:
    return {"errors": [{"message": f"because of {code}", "extensions": {"code": code, **more}}]}


def failed(code: str, **more: Any) -> str:
    return f"event: next\ndata: {json.dumps(error(code, **more))}\n\nevent: complete\ndata:\n\n"


COMPLETE = "event: complete\ndata:\n\n"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "WAIT_S", (0.01, 0.02))


@pytest.fixture
def hubs() -> Iterator[list[Saying]]:
    opened: list[Saying] = []
    yield opened
    for each in opened:
        each.shutdown()
        each.server_close()


class Story:
    """What a watcher heard of a hub that says these replies, and what it said aside."""

    def __init__(self, hub: Saying, *, is_token_ours: bool = True) -> None:
        self.hub = hub
        self.aside: list[str] = []
        self.heard: list[Any] = []
        self.refused: str | None = None
        Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        asked = Question("subscription { f }", {}, lambda: hub.url, hub.token, is_token_ours)
        try:
            for answer in EventStream(asked, self.aside.append).answers():
                self.heard.append(answer["data"]["f"]["n"])
        except (NotTold, NotReached) as reason:
            self.refused = f"{type(reason).__name__}: {reason}"

    @property
    def cursors(self) -> list[str | None]:
        return [each["last-event-id"] for each in self.hub.asked]


def tell(hubs: list[Saying], *replies: Reply, is_token_ours: bool = True) -> Story:
    hubs.append(Saying(*replies))
    return Story(hubs[-1], is_token_ours=is_token_ours)


def test_a_stream_that_breaks_off_goes_on_after_its_last_whole_event(hubs: list[Saying]) -> None:
    cut = told(2)[:-3]
    story = tell(hubs, (200, told(1) + cut), (200, told(2) + COMPLETE))
    assert story.heard == [1, 2]
    assert story.cursors == [None, "c1"]
    assert story.refused is None
    assert story.aside == [
        "lost the hub (the stream broke off): coming back, Ctrl-C ends",
        "the hub is back: resumed after the last that was shown",
    ]


def test_a_slow_reader_goes_on_where_the_hub_says(hubs: list[Saying]) -> None:
    slow = failed("SLOW_CONSUMER", cursor="c7", retryable=False)
    story = tell(hubs, (200, told(1) + slow), (200, told(8) + COMPLETE))
    assert (story.heard, story.cursors) == ([1, 8], [None, "c7"])


@pytest.mark.parametrize("code", ["CURSOR_EXPIRED", "CURSOR_FOREIGN"])
def test_a_cursor_that_is_worth_nothing_is_given_up(hubs: list[Saying], code: str) -> None:
    worthless = failed(code, retryable=False)
    story = tell(hubs, (200, told(1)), (200, worthless), (200, told(1) + COMPLETE))
    assert (story.heard, story.cursors) == ([1, 1], [None, "c1", None])
    assert any(code in line for line in story.aside)


def test_its_own_token_is_made_anew_when_it_ended(hubs: list[Saying]) -> None:
    story = tell(hubs, (200, told(1) + failed("UNAUTHENTICATED")), (200, told(2) + COMPLETE))
    assert story.heard == [1, 2]
    assert [each["authorization"] for each in story.hub.asked] == [
        "Bearer token-1", "Bearer token-2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "is_token_ours"),
    [
        ((200, told(1) + failed("UNAUTHENTICATED")), False),
        ((200, told(1) + failed("FORBIDDEN")), True),
    ],
)
def test_what_asking_again_does_not_help_ends_it(
    hubs: list[Saying], reply: Reply, is_token_ours: bool
) -> None:
    story = tell(hubs, reply, is_token_ours=is_token_ours)
    assert len(story.hub.asked) == 1
    assert story.refused is not None and story.refused.startswith("NotTold: because of ")


def test_a_token_that_never_was_good_is_refused_at_once(hubs: list[Saying]) -> None:
    story = tell(hubs, (401, json.dumps(error("UNAUTHENTICATED"))))
    assert story.refused == "NotTold: because of UNAUTHENTICATED"


def test_a_busy_hub_is_asked_again(hubs: list[Saying]) -> None:
    busy = json.dumps(error("RATE_LIMITED", retryable=True))
    story = tell(hubs, (429, busy), (200, failed("STORE_UNAVAILABLE", retryable=True)),
                 (200, told(1) + COMPLETE))  # fmt: skip
    assert story.heard == [1]
    assert story.refused is None


def test_an_error_beside_an_item_is_given_on(hubs: list[Saying]) -> None:
    both = {"data": {"f": {"n": 1}}, **error("SOURCE_UNAVAILABLE")}
    story = tell(hubs, (200, f"event: next\ndata: {json.dumps(both)}\n\n{COMPLETE}"))
    assert (story.heard, story.refused) == ([1], None)


def test_what_is_no_hub_is_not_reached(hubs: list[Saying]) -> None:
    story = tell(hubs, (404, "<html>"))
    assert story.refused is not None and story.refused.startswith("NotReached: no answer from ")


def test_a_hub_that_stays_away_is_given_up(
    hubs: list[Saying], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "AWAY_MAX_S", 0.0)
    story = tell(hubs, (200, told(1)), (404, "<html>"), (404, "<html>"))
    assert story.heard == [1]
    assert story.refused is not None and "has been away for 0 s" in story.refused
