"""A demo system in motion: its changes at their pace, its messages, and the knobs for both."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Mapping
from random import Random
from typing import Any

from hub.demo.database import Row, fetch_one
from hub.demo.gate import Knob, NativeError
from hub.demo.life import Changed, Life, Living, NotNow
from hub.demo.post import Post
from hub.demo.senders import Sender, Where, sender_for
from hub.demo.system import ForeignSystem
from hub.demo.telling import Outbox, Rates

_log = logging.getLogger(__name__)

IDLE_S = 0.2
"""How often a system that is still looks whether it was set in motion."""
SEND_POLL_S = 0.01
"""How often an empty outbox is looked into; late messages are let go here too."""


class Going:
    """One system's life while its process runs."""

    def __init__(
        self, system: ForeignSystem, connection: sqlite3.Connection, *, post: Post, pace_s: float,
        where: Where,
    ) -> None:  # fmt: skip
        self._system = system
        self.connection = connection
        self._living = Living(system.life, connection, dice=Random(), post=post)
        self._pace_s = pace_s
        self._outbox: Outbox | None = None
        self._sender: Sender | None = None
        self._ticks = 0
        self._errors = 0
        if system.voice is not None:
            self._outbox = Outbox(system.voice, Rates.from_environment(), Random())
            self._sender = sender_for(system.voice, where)

    @contextlib.asynccontextmanager
    async def moving(self) -> AsyncIterator[None]:
        """While this is open the records change and others hear of it."""
        tasks = [asyncio.create_task(self._change()), asyncio.create_task(self._send())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._sender is not None:
                await self._sender.close()

    def knobs(self) -> Mapping[tuple[str, str], Knob]:
        """`/__act`, `/__pace` and `/__told`, which no real system has."""
        return {
            ("GET", "/__act"): lambda body: {"moves": self._living.names},
            ("POST", "/__act"): self._act,
            ("GET", "/__pace"): lambda body: self._pace(),
            ("POST", "/__pace"): self._set_pace,
            ("GET", "/__told"): lambda body: self._told(),
        }

    async def _change(self) -> None:
        """One small change every `pace` seconds; none while it is 0."""
        while True:
            await asyncio.sleep(self._pace_s or IDLE_S)
            if self._pace_s > 0:
                self._tick()

    def _tick(self) -> None:
        try:
            self.tell(self._living.tick())
        except Exception:
            # a demo that stands still explains nothing: the log says why, the next tick goes on
            _log.exception("%s: a change failed", self._system.name)
            self._errors += 1
        self._ticks += 1

    def _pace(self) -> Row:
        return {"pace": self._pace_s, "ticks": self._ticks, "errors": self._errors}

    async def _send(self) -> None:
        """What waits is sent in order, the next one once the sender is done with the last."""
        outbox, sender = self._outbox, self._sender
        while outbox is not None and sender is not None:
            outbox.settle()
            if not outbox.waiting:
                await asyncio.sleep(SEND_POLL_S)
                continue
            first = outbox.waiting[0]
            is_done = await sender.send(first)
            # while it was being sent, a full outbox may have lost it
            if is_done and outbox.waiting and outbox.waiting[0] is first:
                outbox.waiting.popleft()

    def tell(self, changes: list[Changed]) -> None:
        """Say what was changed, where the system tells at all."""
        if self._outbox is not None:
            self._outbox.tell(self.connection, changes)

    def _act(self, body: Any) -> Any:
        """`{"move": name, "key": key}`; without a key any record that fits makes the move."""
        try:
            changes = self._living.act(str(body.get("move")), body.get("key"))
        except NotNow as error:
            raise NativeError(409, str(error)) from error
        self.tell(changes)
        return {"changed": [self._seen(each) for each in changes]}

    def _seen(self, changed: Changed) -> Row:
        return {
            "move": changed.move, "kind": changed.kind, "key": changed.key,
            "row": row_of(self._system.life, self.connection, changed),
        }  # fmt: skip

    def _set_pace(self, body: Any) -> Any:
        pace = float(body["pace"])
        if pace < 0:
            raise NativeError(422, f"the pace is seconds between two changes, not {pace}")
        self._pace_s = pace
        return self._pace()

    def _told(self) -> Any:
        if self._outbox is None:
            return {"waiting": 0}
        return {"waiting": len(self._outbox.waiting), **self._outbox.said}


def row_of(life: Life, connection: sqlite3.Connection, changed: Changed) -> Row | None:
    """The changed record as its table holds it now."""
    kind = next(each.kind for each in life.moves if each.kind.name == changed.kind)
    tests = " || '/' || ".join(kind.key)
    return fetch_one(connection, f"SELECT * FROM {kind.table} WHERE {tests} = ?", changed.key)
