"""Taking messages in from NATS: `in.<system>.>`, by one durable consumer that all processes share.

A message is acknowledged once it has ended, taken or as a dead letter; until then NATS keeps it.
The system is the subject's second token and nothing else: the broker let nobody else publish there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC
from typing import Protocol

from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from hub.events.connection import Nats
from hub.events.intake import Again, Message, Verdict
from hub.events.streams import ACK_WAIT_S, CONSUMER_IN, STREAM_IN
from hub.events.subjects import system_of
from hub.events.told import Via
from hub.model.errors import NatsUnavailable

FETCH_MAX = 100  # messages taken up at once
FETCH_WAIT_S = 5.0
HEARTBEAT_S = 1.0  # of a fetch without messages: without it the server or the consumer is gone
IN_PROGRESS_EVERY_S = ACK_WAIT_S / 3  # so that no other process takes up what we work on
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

    async def follow(self) -> None:
        """Take in for ever, while NATS is there. Cancel it to stop: what was not answered comes
        again, here or elsewhere."""
        while True:
            try:
                await self._take_from(self._nats.jetstream)
            except NatsUnavailable:
                await asyncio.sleep(AWAY_PAUSE_S)
            except (nats_errors.Error, OSError, TimeoutError) as error:
                # The stream or the consumer is gone or altered: a new connection puts it back.
                _log.info("taking in from NATS begins anew: %s", type(error).__name__)
                if self._nats.is_connected:
                    self._nats.suspect()
                await asyncio.sleep(AWAY_PAUSE_S)

    async def _take_from(self, jetstream: JetStreamContext) -> None:
        """As long as this connection lasts."""
        pulled = await jetstream.pull_subscribe_bind(durable=CONSUMER_IN, stream=STREAM_IN)
        while self._nats.jetstream is jetstream:
            try:
                messages = await pulled.fetch(FETCH_MAX, FETCH_WAIT_S, HEARTBEAT_S)
            except nats_errors.TimeoutError:
                continue
            await self._take(messages)

    async def _take(self, messages: Sequence[Msg]) -> None:
        """Each is answered exactly once; an answer that is lost makes it come again."""
        beating = asyncio.create_task(_keep(messages), name="messages under way")
        try:
            verdicts = await self._intake.receive([_message(each) for each in messages])
        finally:
            beating.cancel()
        for message, verdict in zip(messages, verdicts, strict=True):
            if isinstance(verdict, Again):
                await message.nak(delay=verdict.delay_s)
            else:
                await message.ack()


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


async def _keep(messages: Sequence[Msg]) -> None:
    """Say now and then that they are under way."""
    while True:
        await asyncio.sleep(IN_PROGRESS_EVERY_S)
        for message in messages:
            await message.in_progress()
