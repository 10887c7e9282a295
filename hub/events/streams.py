"""The streams and consumers of JetStream, as one table, and making the server's like it.

The hub's own: nobody else may alter them. What is altered is put back at every connect; what is
gone is made again, empty. Nothing is lost with a stream of events, whose truth is SQL.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError

from hub.events.subjects import EVENTS, INCOMING

STREAM_IN, STREAM_EVENTS = "OPSHUB_IN", "OPSHUB_EVT"
CONSUMER_IN = "opshub"
KEPT_S = 7 * 86_400.0
INCOMING_MAX_BYTES = 65_536  # of one message
STREAM_MAX_BYTES = 1024**3  # each; the server sets it aside, so a small disk must have it
DUPLICATES_S = 120.0  # within it the server drops a message id it knows
ACK_WAIT_S = 10.0  # then a message that was taken up and not answered goes to another process
ACK_PENDING_MAX = 1_000  # messages under way, all processes together

_MADE_ANEW = frozenset({"storage", "retention"})
"""What a server does not change of a stream: it would have to be made anew."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Consumer:
    stream: str
    config: ConsumerConfig


STREAMS: tuple[StreamConfig, ...] = (
    StreamConfig(
        name=STREAM_IN,
        description="What systems tell the hub; each message ends once, taken or a dead letter.",
        subjects=[INCOMING],
        max_msg_size=INCOMING_MAX_BYTES,
        max_age=KEPT_S,
        max_bytes=STREAM_MAX_BYTES,
        duplicate_window=DUPLICATES_S,
        retention=RetentionPolicy.WORK_QUEUE,  # what has ended is gone
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,  # full: the sender is told, nothing is dropped silently
    ),
    StreamConfig(
        name=STREAM_EVENTS,
        description="What the hub tells: canonical events in the order of Opshub-Position.",
        subjects=[EVENTS],
        max_msg_size=-1,
        max_age=KEPT_S,
        max_bytes=STREAM_MAX_BYTES,
        duplicate_window=DUPLICATES_S,
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
    ),
)

CONSUMERS: tuple[Consumer, ...] = (
    Consumer(
        STREAM_IN,
        ConsumerConfig(
            durable_name=CONSUMER_IN,
            description="All hub processes together: each message goes to one of them.",
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_ack_pending=ACK_PENDING_MAX,
            max_deliver=-1,  # the hub itself decides when a message is given up
        ),
    ),
)


async def reconcile(jetstream: JetStreamContext) -> list[str]:
    """Make the server's streams and consumers as the table has them; what was done, in words.

    Raises the errors of nats-py: without JetStream, or without the right to it, there is nothing
    to go on with.
    """
    done: list[str] = []
    for stream in STREAMS:
        done += await _reconcile_stream(jetstream, stream)
    for consumer in CONSUMERS:
        done += await _reconcile_consumer(jetstream, consumer)
    return done


async def _reconcile_stream(jetstream: JetStreamContext, wanted: StreamConfig) -> list[str]:
    name = str(wanted.name)
    try:
        found = (await jetstream.stream_info(name)).config
    except NotFoundError:
        await jetstream.add_stream(wanted)
        return [f"stream {name} made"]
    differing = _differing(wanted, found)
    if not differing:
        return []
    if differing & _MADE_ANEW:
        await jetstream.delete_stream(name)
        await jetstream.add_stream(wanted)
        return [f"stream {name} made anew: {', '.join(sorted(differing))} was not ours"]
    # What the table does not say (replicas, placement) stays as the operator set it.
    changed = {each: getattr(wanted, each) for each in differing}
    await jetstream.update_stream(found.evolve(**changed))
    return [f"stream {name} put back: {', '.join(sorted(differing))}"]


async def _reconcile_consumer(jetstream: JetStreamContext, wanted: Consumer) -> list[str]:
    name = f"{wanted.stream}/{wanted.config.durable_name}"
    try:
        info = await jetstream.consumer_info(wanted.stream, str(wanted.config.durable_name))
    except NotFoundError:
        await jetstream.add_consumer(wanted.stream, wanted.config)
        return [f"consumer {name} made"]
    if info.config is not None and not _differing(wanted.config, info.config):
        return []
    try:
        await jetstream.add_consumer(wanted.stream, wanted.config)
    except APIError:  # what cannot be altered is made anew: it delivers from the start, as new
        await jetstream.delete_consumer(wanted.stream, str(wanted.config.durable_name))
        await jetstream.add_consumer(wanted.stream, wanted.config)
        return [f"consumer {name} made anew"]
    return [f"consumer {name} put back"]


def _differing(wanted: object, found: object) -> frozenset[str]:
    """The names of what the table sets and the server has otherwise."""
    told = {name: value for name, value in vars(wanted).items() if value not in (None, False)}
    return frozenset(name for name, value in told.items() if getattr(found, name) != value)
