"""Taking messages in from NATS: `in.<system>.>`, by one durable consumer that all processes share.

A message is acknowledged once it has ended, taken or as a dead letter; until then NATS keeps it.
The system is the subject's second token and nothing else: the broker let nobody else publish there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC
from typing import Protocol

from nats import errors as nats_errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from hub.events.connection import Nats
from hub.events.intake import Again, Message, Verdict
from hub.events.pull import Pull
from hub.events.streams import ACK_WAIT_S, CONSUMER_IN, STREAM_IN
from hub.events.subjects import system_of
from hub.events.told import Via
from hub.model.errors import NatsUnavailable

IN_PROGRESS_EVERY_S = ACK_WAIT_S / 3
AWAY_PAUSE_S = 0.5
TRACEPARENT_MAX = 60  # characters

_log = logging.getLogger(__name__)


class Receives(Protocol):
    """What takes messages in: hub.events.intake.Intake."""

    async def receive(self, messages: Sequence[Message]) -> list[Verdict]: ...


class Incoming:
    """One process's share of what systems tell over NATS."""

    def __init__(self, nats: Nats, intake: Receives) -> None:
        self._nats = nats
        self._intake = intake
        self._taken_up: Sequence[Msg] = ()

    async def follow(self) -> None:
        """Take in for ever, while NATS is there. Cancel it to stop: what was not answered comes
        again, here or elsewhere."""
        while True:
            client: Client | None = None
            try:
                client = self._nats.client
                await self._take_from(client)
            except NatsUnavailable:
                await asyncio.sleep(AWAY_PAUSE_S)
            except (nats_errors.Error, OSError, TimeoutError) as error:
                # The stream or the consumer is gone or altered: a new connection puts it back.
                _log.info("taking in from NATS begins anew: %s", type(error).__name__)
                if client is not None and not client.is_closed:
                    self._nats.suspect()
                await asyncio.sleep(AWAY_PAUSE_S)

    async def _take_from(self, client: Client) -> None:
        """As long as this connection lasts, and then what it brought last."""
        async with Pull(client, stream=STREAM_IN, consumer=CONSUMER_IN) as pull:
            self._nats.on_change.append(pull.look)
            beating = asyncio.create_task(self._keep(pull), name="messages under way")
            try:
                while True:
                    await self._take(await pull.next())
            finally:
                beating.cancel()
                self._nats.on_change.remove(pull.look)

    async def _take(self, messages: Sequence[Msg]) -> None:
        """Each is answered exactly once; an answer that is lost makes it come again."""
        self._taken_up = messages
        try:
            verdicts = await self._intake.receive([_message(each) for each in messages])
        finally:
            self._taken_up = ()
        with suppress(nats_errors.ConnectionClosedError):
            for message, verdict in zip(messages, verdicts, strict=True):
                if isinstance(verdict, Again):
                    await message.nak(delay=verdict.delay_s)
                else:
                    await message.ack()

    async def _keep(self, pull: Pull) -> None:
        """Say now and then that messages are under way, so that no other process takes them up."""
        while True:
            await asyncio.sleep(IN_PROGRESS_EVERY_S)
            for message in (*self._taken_up, *pull.waiting):
                with suppress(nats_errors.Error):  # then the connection ends, and they come again
                    await message.in_progress()


def _message(told: Msg) -> Message:
    traceparent = (told.headers or {}).get("traceparent")
    seen = told.metadata
    return Message(
        system=system_of(told.subject),
        via=Via.NATS,
        payload=told.data,
        subject=told.subject,
        is_trusted=True,
        traceparent=traceparent[:TRACEPARENT_MAX] if traceparent else None,
        received_at=seen.timestamp.astimezone(UTC),
        tries=seen.num_delivered - 1,
    )
