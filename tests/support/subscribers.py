"""Subscribers over graphql-transport-ws that come back with the cursor of their last item.

Each writes down all it is told, in order, for a checker to read afterwards.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, NamedTuple

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

SUBPROTOCOL = Subprotocol("graphql-transport-ws")
ACKNOWLEDGED_WITHIN_S = 10.0
COME_AGAIN_S = (0.05, 0.4)  # spread, so that not all come at once
MESSAGE_BYTES_MAX = 4_000_000

Kind = Literal["snapshot", "event", "gap", "beat"]


class Item(NamedTuple):
    """One item as it was told. `session` counts the sockets of its subscriber, from 1.

    `ref` is the record it is about (noun, system, key), `left_out` its conflatedCount, `first` and
    `last` the bounds of a gap, `status` that of its node where it has one.
    """

    session: int
    kind: Kind
    cursor: str
    sequence: int = 0
    event_id: str = ""
    ref: tuple[str, str, str] = ("", "", "")
    version: int = 0
    left_out: int = 0
    first: int = 0
    last: int = 0
    status: str | None = None


class Ended(Exception):
    """The hub ended the operation and left the socket open."""


@dataclass(eq=False)
class Subscriber:
    """One subscription of one token. A forgetful one comes back without its cursor.

    `faults` are answers that no healthy hub gives; `codes` are errors that ended its operation.
    """

    name: str
    url: str
    token: str
    document: str
    variables: Mapping[str, Any]
    is_forgetful: bool = False
    items: list[Item] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    breaks: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    cursor: str | None = None
    session: int = 0
    is_subscribed: bool = False
    _socket: ClientConnection | None = None
    _away_s: float = 0.0

    async def follow(self, random_: Random) -> None:
        """Subscribe for ever; cancel it to stop."""
        while True:
            try:
                await self._follow_once()
            except ConnectionClosed as closed:
                code = "none" if closed.rcvd is None else str(closed.rcvd.code)
                self.breaks[f"closed {code}"] += 1
            except (OSError, InvalidHandshake, TimeoutError, EOFError, Ended) as error:
                self.breaks[type(error).__name__] += 1
            finally:
                self.is_subscribed, self._socket = False, None
            away_s, self._away_s = self._away_s, 0.0
            await asyncio.sleep(away_s + random_.uniform(*COME_AGAIN_S))

    def drop(self, *, away_s: float = 0.0) -> None:
        """Lose the connection as a cable does, and stay away for a while."""
        self._away_s = away_s
        if self._socket is not None:
            self._socket.transport.abort()

    async def _follow_once(self) -> None:
        opening = connect(
            self.url, subprotocols=[SUBPROTOCOL], proxy=None, compression=None,
            ping_interval=None, open_timeout=ACKNOWLEDGED_WITHIN_S, close_timeout=1,
            max_size=MESSAGE_BYTES_MAX,
        )  # fmt: skip
        async with opening as socket:
            self._socket = socket
            await self._begin(socket)
            async for text in socket:
                await self._take(socket, orjson.loads(text))

    async def _begin(self, socket: ClientConnection) -> None:
        await say(socket, type="connection_init", payload={"authorization": f"Bearer {self.token}"})
        async with asyncio.timeout(ACKNOWLEDGED_WITHIN_S):
            word = orjson.loads(await socket.recv())
        if word != {"type": "connection_ack"}:
            self.faults.append(f"expected connection_ack, received {word}")
        after = None if self.is_forgetful else self.cursor
        self.session += 1
        payload = {"query": self.document, "variables": {**self.variables, "after": after}}
        await say(socket, id="1", type="subscribe", payload=payload)
        self.is_subscribed = True

    async def _take(self, socket: ClientConnection, word: dict[str, Any]) -> None:
        match word["type"]:
            case "ping":
                await say(socket, type="pong")
            case "next":
                self._note(word["payload"])
            case "error":
                for error in word["payload"]:
                    self.codes[error["extensions"]["code"]] += 1
                raise Ended
            case "complete":
                raise Ended
            case other:
                self.faults.append(f"a word of no protocol: {other}")

    def _note(self, payload: dict[str, Any]) -> None:
        if payload.get("errors") or not payload.get("data"):
            self.faults.append(f"an item with errors: {payload}"[:500])
        for told in (payload.get("data") or {}).values():
            item = item_of(told, self.session)
            if item.kind == "beat":
                self.states[told["state"]] += 1
            self.items.append(item)
            self.cursor = item.cursor


def item_of(told: Mapping[str, Any], session: int) -> Item:
    """An item of any feed, by its type."""
    name, cursor = told["__typename"], told["cursor"]
    if name == "Heartbeat":
        return Item(session, "beat", cursor)
    if name == "StreamGap":
        return Item(session, "gap", cursor, first=told["from"], last=told["to"])
    if name.endswith("Snapshot"):
        return Item(session, "snapshot", cursor, told["sequence"])
    source, node = told["source"], told.get("node") or {}
    return Item(
        session=session,
        kind="event",
        cursor=cursor,
        sequence=told["sequence"],
        event_id=told["eventId"],
        ref=(source["entityType"], source["system"], source["externalId"]),
        version=told["entityVersion"],
        left_out=told.get("conflatedCount", 0),
        status=node.get("status"),
    )


def document_of(feed: str, arguments: Mapping[str, str]) -> str:
    """A subscription of a feed with arguments by name and type; what every checker needs of it."""
    declared = "".join(f", ${name}: {type_}" for name, type_ in arguments.items())
    given = "".join(f", {name}: ${name}" for name in arguments)
    snapshot, event, rest = _PARTS[feed]
    return f"""
    subscription ($after: String{declared}) {{
      {feed}(after: $after{given}) {{
        __typename
        ... on {snapshot} {{ cursor sequence }}
        ... on {event} {{
          eventId cursor sequence entityVersion source {{ entityType system externalId }} {rest}
        }}
        ... on StreamGap {{ cursor from to reason }}
        ... on Heartbeat {{ cursor state }}
      }}
    }}"""


_PARTS = {
    "orderTimeline": ("OrderTimelineSnapshot", "OrderTimelineEvent", "node { id }"),
    "orderStatusChanged": (
        "OrderStatusSnapshot", "OrderStatusEvent", "conflatedCount node { status }",
    ),
    "returnStatusChanged": (
        "ReturnStatusSnapshot", "ReturnStatusEvent", "conflatedCount node { status }",
    ),
    "shipmentMilestones": (
        "ShipmentMilestonesSnapshot", "ShipmentMilestoneEvent", "node { status }",
    ),
    "caseUpdated": ("CaseSnapshot", "CaseEvent", "conflatedCount node { status }"),
}  # fmt: skip
"""By feed its snapshot, its event, and what is asked of the event beside what all have."""


async def say(socket: ClientConnection, **word: Any) -> None:
    """One word of the protocol."""
    await socket.send(orjson.dumps(word).decode())


class Crowd:
    """Subscribers that run side by side until the block ends."""

    def __init__(self, subscribers: list[Subscriber], random_: Random) -> None:
        self.subscribers = subscribers
        self._random = random_
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Crowd:
        for each in self.subscribers:
            self._tasks.append(asyncio.create_task(each.follow(self._random), name=each.name))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def all_subscribed(self, within_s: float) -> None:
        """Wait until each has its snapshot; a TimeoutError where one has none."""
        async with asyncio.timeout(within_s):
            while not all(each.items for each in self.subscribers):
                self.raise_failed()
                await asyncio.sleep(0.05)

    def raise_failed(self) -> None:
        """Raise what ended one of them."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def shake(self, every_s: float, *, away_s: float = 0.0) -> None:
        """Now and then one of them loses its connection; for ever."""
        while True:
            await asyncio.sleep(self._random.uniform(0.5, 1.5) * every_s)
            with suppress(IndexError):
                self._random.choice(self.subscribers).drop(away_s=away_s)
