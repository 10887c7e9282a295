"""Looks into the store of a hub from outside: its event log, and what it has not done yet."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import nats
import orjson

from tests.e2e.live_checker import Logged, logged
from tests.e2e.live_world import World

_LOG = "SELECT id, position, event_id, envelope FROM event_log WHERE id > {after} ORDER BY id"
_UNNUMBERED = "SELECT count(*) FROM event_log WHERE position IS NULL"
_INBOUND = "SELECT count(*) FROM inbound"
_PARKED = "SELECT system, code, reason FROM dead_letter"
_COLLECTIONS = {"order": "orders", "return": "returns", "shipment": "shipments", "case": "cases"}
CONSUMER = ("OPSHUB_IN", "opshub")


async def rows_of(store_url: str, statement: str) -> Sequence[Sequence[Any]]:
    """What a statement finds in the store of a hub that may be running."""
    if store_url.startswith("sqlite:///"):
        path = store_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(statement).fetchall()
    connected = await asyncpg.connect(store_url)
    try:
        return [tuple(row) for row in await connected.fetch(statement)]
    finally:
        await connected.close()


@dataclass
class LogReader:
    """The newest record of each reference in the log, read on as it grows."""

    store_url: str
    newest: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    _last_id: int = 0

    async def read_on(self) -> None:
        for id_, _, _, envelope in await rows_of(self.store_url, _LOG.format(after=self._last_id)):
            told = orjson.loads(envelope)["data"]
            if "record" in told:
                noun, _, key = told["ref"]
                self.newest[noun, key] = told["record"]["fields"]
            self._last_id = id_

    async def all(self) -> list[Logged]:
        """The whole log, numbered."""
        rows = await rows_of(self.store_url, _LOG.format(after=0))
        return logged((position, event_id, envelope) for _, position, event_id, envelope in rows)

    def behind(self, world: World) -> list[str]:
        """What the world says now and the log does not."""
        return [
            f"{noun} {key}: the log has {said}, the system {is_so}"
            for noun, key, is_so in _truths(world)
            if (said := _said(noun, self.newest.get((noun, key)))) != is_so
        ]

    async def waiting(self, nats_url: str) -> dict[str, int]:
        """What has come in, or was applied, and is not yet told, by where it waits."""
        [[unnumbered]] = await rows_of(self.store_url, _UNNUMBERED)
        [[inbound]] = await rows_of(self.store_url, _INBOUND)
        client = await nats.connect(nats_url, connect_timeout=2, allow_reconnect=False)
        try:
            info = await client.jetstream(timeout=5).consumer_info(*CONSUMER)
        finally:
            await client.close()
        pending = (info.num_pending or 0) + (info.num_ack_pending or 0)
        return {"unnumbered": unnumbered, "inbound": inbound, "messages": pending}

    async def dead_letters(self) -> Sequence[Sequence[Any]]:
        return await rows_of(self.store_url, _PARKED)


def _truths(world: World) -> Iterable[tuple[str, str, tuple[Any, ...]]]:
    for noun, keys in world.changed.items():
        for key in keys:
            yield noun, key, _so(noun, world, key)


def _so(noun: str, world: World, key: str) -> tuple[Any, ...]:
    if noun == "milestone":
        return (world.tables["scans"][key]["code"],)
    row = world.tables[_COLLECTIONS[noun]][key]
    if noun == "case":
        return row["status"], row["owner"], len(row["messages"])
    return (row["status"],)


def _said(noun: str, fields: Mapping[str, Any] | None) -> tuple[Any, ...] | None:
    if fields is None:
        return None
    if noun == "milestone":
        return (fields["code"],)
    if noun == "case":
        return fields["status"], fields["assignee"], len(fields.get("messages", ()))
    return (fields["status"],)
