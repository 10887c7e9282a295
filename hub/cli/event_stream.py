"""A subscription of a running hub over server-sent events, over as many connections as it takes.

What comes back is given on as it came. Each item's cursor is the `id` of its event, and is sent as
`Last-Event-ID` when the hub is asked again, so nothing between two connections is left out.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from hub.cli.output import Tell

CONNECT_S = 5.0
SILENCE_S = 45.0  # the hub comments every 15 s; three missing mean that nobody is there
WAIT_S = (0.5, 5.0)  # before the first and between later tries to come back
AWAY_MAX_S = 3_600.0  # a hub that is away for longer is given up
ANSWER_BYTES_MAX = 8_000_000  # of one event

Answer = dict[str, Any]

_AGAIN_FROM_THE_STATE = frozenset({"CURSOR_EXPIRED", "CURSOR_FOREIGN"})


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked and where; `url` and `token` are asked anew for each connection."""

    document: str
    variables: Mapping[str, Any]
    url: Callable[[], str]
    token: Callable[[], str]
    is_token_ours: bool

    @property
    def body(self) -> dict[str, Any]:
        return {"query": self.document, "variables": dict(self.variables)}


class NotReached(Exception):
    """No hub answers."""


class NotTold(Exception):
    """The hub refuses; its errors say why."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__("; ".join(each["message"] for each in answer["errors"]))


class _BrokenOff(Exception):
    """The stream ended, and goes on when the hub is asked again."""


class EventStream:
    """Follows one subscription. `tell` hears of each loss of the hub and each return."""

    def __init__(self, question: Question, tell: Tell) -> None:
        self._question = question
        self._tell = tell
        self._cursor: str | None = None
        self._was_open = False
        self._away_since: float | None = None
        self._tries = 0
        self._told_here = 0  # answers over this connection, which has a token of its own

    def answers(self) -> Iterator[Answer]:
        """Every answer in order, until the hub says that there is nothing to come for.

        NotTold where it refuses; NotReached where it never was there, or is away for too long.
        """
        while True:
            try:
                yield from self._connection()
                return
            except _BrokenOff as broken:
                self._come_again(str(broken))

    def _connection(self) -> Iterator[Answer]:
        asked = self._question
        headers = {"Authorization": f"Bearer {asked.token()}", "Accept": "text/event-stream"}
        if self._cursor is not None:
            headers["Last-Event-ID"] = self._cursor
        self._told_here = 0
        url, timeout = f"{asked.url()}/graphql", httpx2.Timeout(CONNECT_S, read=SILENCE_S)
        try:
            with httpx2.stream(
                "POST", url, json=asked.body, headers=headers, timeout=timeout
            ) as response:
                if response.status_code != httpx2.codes.OK:
                    self._judge(_refusal(response))
                self._opened()
                yield from self._events(response)
        except httpx2.InvalidURL as error:
            raise NotReached(f"{url}: {error}") from None
        except (httpx2.HTTPError, json.JSONDecodeError) as error:
            reason = str(error) or type(error).__name__
            if not self._was_open:
                raise NotReached(f"no answer from {url}: {reason}") from None
            raise _BrokenOff(reason) from None

    def _events(self, response: httpx2.Response) -> Iterator[Answer]:
        for event in httpx2.EventSource(response, max_event_size=ANSWER_BYTES_MAX):
            if event.event == "complete":
                return
            if event.event != "next":
                continue
            answer = json.loads(event.data)
            if answer.get("errors") and not any((answer.get("data") or {}).values()):
                self._judge(answer)
            self._cursor = event.id or self._cursor
            self._told_here += 1
            self._tries = 0
            yield answer
        raise _BrokenOff("the stream broke off")

    def _opened(self) -> None:
        if self._away_since is not None:
            self._tell("the hub is back: resumed after the last that was shown"
                       if self._cursor else "the hub is back")  # fmt: skip
        self._was_open, self._away_since = True, None

    def _judge(self, answer: Answer) -> None:
        """Always raises: _BrokenOff where asking again helps, else NotTold."""
        said = answer["errors"][0].get("extensions", {})
        code, is_resuming = said.get("code"), self._cursor is not None
        if code == "SLOW_CONSUMER":
            self._cursor = said.get("cursor") or self._cursor
            raise _BrokenOff(code)
        if code in _AGAIN_FROM_THE_STATE and is_resuming:
            self._cursor = None
            raise _BrokenOff(f"{code}, the cursor is worth nothing there; the state comes again")
        is_expired = code == "UNAUTHENTICATED" and self._question.is_token_ours
        if said.get("retryable") or (is_expired and self._told_here):
            raise _BrokenOff(str(code))
        raise NotTold(answer)

    def _come_again(self, reason: str) -> None:
        """Wait before the next try; what is told is told once for each loss."""
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            self._tell(f"lost the hub ({reason}): coming back, Ctrl-C ends")
        if now - self._away_since > AWAY_MAX_S:
            raise NotReached(f"the hub has been away for {AWAY_MAX_S:g} s: {reason}")
        first, longest = WAIT_S
        time.sleep(min(longest, first * 2**self._tries) * random.uniform(0.5, 1.0))
        self._tries = min(self._tries + 1, 10)


def _refusal(response: httpx2.Response) -> Answer:
    """Why a hub did not open the stream; an HTTPError where it is no hub that answers."""
    response.read()
    answer = response.json()
    if isinstance(answer, dict) and answer.get("errors"):
        return answer
    raise httpx2.RemoteProtocolError(f"{response.status_code}, and not as a hub answers")
