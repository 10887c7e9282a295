"""Prometheus metrics of one process, in a registry of their own. Labels are bounded sets.

A label is a system, noun, relation, field or code of the configuration, never a key, a number or
a name that a caller chose.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_KEYS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)

_LAGS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0)

UNKNOWN_SYSTEM = "unknown"
"""The label of whoever named themselves what no systems file does."""

REGISTRY = CollectorRegistry(auto_describe=True)

REQUESTS = Counter(
    "opshub_requests",
    "GraphQL operations answered, by type, class of caller and outcome.",
    ("operation_type", "caller", "outcome"),
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "opshub_request_seconds",
    "Time from the whole body read to the whole answer encoded.",
    ("operation_type", "caller"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
SOURCE_CALLS = Counter(
    "opshub_source_calls",
    "Statements and HTTP requests sent to a system; outcome is ok or an error code.",
    ("system", "operation", "outcome"),
    registry=REGISTRY,
)
SOURCE_CALL_SECONDS = Histogram(
    "opshub_source_call_seconds",
    "Time of one call to a system, failed ones included.",
    ("system", "operation"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
BATCH_KEYS = Histogram(
    "opshub_batch_keys",
    "Keys sent in one call to a system.",
    ("system", "relation"),
    buckets=_KEYS,
    registry=REGISTRY,
)
BATCH_REQUESTS = Histogram(
    "opshub_batch_requests",
    "Requests of callers that one call to a system served.",
    ("system", "relation"),
    buckets=_KEYS,
    registry=REGISTRY,
)
CACHE_READS = Counter(
    "opshub_cache_reads",
    "Records asked of the record cache: fresh, stale, expired or absent.",
    ("noun", "outcome"),
    registry=REGISTRY,
)
UNMAPPED = Counter(
    "opshub_unmapped_values",
    "Native codes without a row in the systems file.",
    ("system", "field"),
    registry=REGISTRY,
)
REFUSALS = Counter(
    "opshub_refusals",
    "Requests refused before they ran, by error code.",
    ("code",),
    registry=REGISTRY,
)
UNKNOWN_DOCUMENTS = Counter(
    "opshub_unknown_documents",
    "Requests whose document is in no manifest, by the step their role is at.",
    ("step",),
    registry=REGISTRY,
)
SYSTEM_UP = Gauge(
    "opshub_system_up",
    "1 where the system answered last, 0.5 where it is degraded, 0 where it is down.",
    ("system",),
    registry=REGISTRY,
)
EVENTS = Counter(
    "opshub_events",
    "What systems told, by what became of it: APPLIED, UNCHANGED, DUPLICATE or LATE for each "
    "record told, RETRIED for each time a message waits, DEAD for each dead letter.",
    ("system", "via", "fate"),
    registry=REGISTRY,
)
EVENT_LAG = Histogram(
    "opshub_event_lag_seconds",
    "Time from the receipt of a message to its record being applied.",
    ("system", "via"),
    buckets=_LAGS,
    registry=REGISTRY,
)
DEAD_LETTERS = Gauge(
    "opshub_dead_letters",
    "Dead letters that wait for a person, in the store that all processes share.",
    ("system",),
    registry=REGISTRY,
)
INBOUND_WAITING = Gauge(
    "opshub_inbound_waiting",
    "Messages of webhooks that were acknowledged and are not yet taken in, at the last look.",
    registry=REGISTRY,
)
SLOW_SUBSCRIBERS = Counter(
    "opshub_slow_subscribers",
    "Streams that did not take what they asked for, by what was done: CONFLATED or ENDED.",
    ("outcome",),
    registry=REGISTRY,
)
SUBSCRIPTIONS = Gauge(
    "opshub_subscriptions",
    "Streams that are open, by their field.",
    ("field",),
    registry=REGISTRY,
)
SOCKETS = Gauge(
    "opshub_sockets",
    "Open connections of subscribers, by transport: websocket or sse.",
    ("transport",),
    registry=REGISTRY,
)
SENT = Counter(
    "opshub_sent_messages",
    "Messages sent to subscribers, by transport.",
    ("transport",),
    registry=REGISTRY,
)
SOCKETS_CLOSED = Counter(
    "opshub_sockets_closed",
    "Connections of subscribers that the hub closed, by transport and code.",
    ("transport", "code"),
    registry=REGISTRY,
)
SOCKET_OPERATIONS = Gauge(
    "opshub_socket_operations",
    "Operations that run on connections of subscribers, by transport.",
    ("transport",),
    registry=REGISTRY,
)
NATS_UP = Gauge(
    "opshub_nats_up",
    "1 while messages go out and come in, 0 while NATS is away.",
    registry=REGISTRY,
)
NATS_ERRORS = Counter(
    "opshub_nats_errors",
    "What the connection to NATS reported: refused connects, lost ones, messages not heard.",
    registry=REGISTRY,
)
UNREADABLE_EVENTS = Counter(
    "opshub_events_unreadable",
    "Events that this version could not read, and passed by.",
    registry=REGISTRY,
)
DELIVERIES = Counter(
    "opshub_deliveries",
    "Tries to tell somebody outside, by what became of them: SENT, AGAIN or DEAD.",
    ("delivery", "outcome"),
    registry=REGISTRY,
)
DELIVERIES_WAITING = Gauge(
    "opshub_deliveries_waiting",
    "What waits to be told outside, at the last look of the process that tells it.",
    ("delivery",),
    registry=REGISTRY,
)
EVENTS_UNPUBLISHED = Gauge(
    "opshub_events_unpublished",
    "Events that wait to be told over NATS, at the last look of the process that tells them.",
    registry=REGISTRY,
)

_UP = {"UP": 1.0, "DEGRADED": 0.5, "DOWN": 0.0}


def observe_request(operation_type: str, caller: str, *, outcome: str, seconds: float) -> None:
    """One GraphQL operation ended; `outcome` is ok, partial or an error code."""
    REQUESTS.labels(operation_type, caller, outcome).inc()
    REQUEST_SECONDS.labels(operation_type, caller).observe(seconds)


def observe_source_call(system: str, operation: str, outcome: str, seconds: float) -> None:
    """One call to a system ended; `operation` is by_key, by_field, list or a command's name."""
    SOURCE_CALLS.labels(system, operation, outcome).inc()
    SOURCE_CALL_SECONDS.labels(system, operation).observe(seconds)


def observe_batch(system: str, relation: str, keys: int, requests: int) -> None:
    """One call took `keys` keys on behalf of `requests` requests."""
    BATCH_KEYS.labels(system, relation).observe(keys)
    BATCH_REQUESTS.labels(system, relation).observe(requests)


def count_cache_read(noun: str, outcome: str, count: int = 1) -> None:
    CACHE_READS.labels(noun, outcome).inc(count)


def count_unmapped(system: str, field: str) -> None:
    UNMAPPED.labels(system, field).inc()


def count_refusal(code: str) -> None:
    REFUSALS.labels(code).inc()


def count_unknown_document(step: str) -> None:
    UNKNOWN_DOCUMENTS.labels(step).inc()


def show_system(system: str, state: str) -> None:
    """The state of a system as its guard sees it; UNKNOWN shows nothing."""
    if state in _UP:
        SYSTEM_UP.labels(system).set(_UP[state])


def count_event(system: str, via: str, fate: str) -> None:
    """One thing a system told met its fate; see EVENTS."""
    EVENTS.labels(system, via, fate).inc()


def observe_event_lag(system: str, via: str, seconds: float) -> None:
    """One record was applied so long after its message was received."""
    EVENT_LAG.labels(system, via).observe(seconds)


def show_dead_letters(waiting: Mapping[str, int]) -> None:
    """How many wait, by system; systems that are left out have none."""
    DEAD_LETTERS.clear()
    for system, count in waiting.items():
        DEAD_LETTERS.labels(system).set(count)


def show_inbound_waiting(count: int) -> None:
    INBOUND_WAITING.set(count)


def count_slow_subscriber(outcome: str) -> None:
    """A stream was CONFLATED or ENDED because it does not take what it asked for."""
    SLOW_SUBSCRIBERS.labels(outcome).inc()


def show_subscriptions(field: str, count: int) -> None:
    SUBSCRIPTIONS.labels(field).set(count)


def count_socket(transport: str, change: int) -> None:
    """A connection of a subscriber was opened (1) or has ended (-1)."""
    SOCKETS.labels(transport).inc(change)


def count_socket_operation(transport: str, change: int) -> None:
    """An operation began (1) or ended (-1) on a connection of a subscriber."""
    SOCKET_OPERATIONS.labels(transport).inc(change)


def count_sent(transport: str, count: int) -> None:
    SENT.labels(transport).inc(count)


def count_closed(transport: str, code: str) -> None:
    """The hub closed a connection; DROPPED where the peer did not read, else the code it sent."""
    SOCKETS_CLOSED.labels(transport, code).inc()


def show_nats(is_connected: bool) -> None:
    NATS_UP.set(1.0 if is_connected else 0.0)


def count_nats_error() -> None:
    NATS_ERRORS.inc()


def count_unreadable_event() -> None:
    UNREADABLE_EVENTS.inc()


def show_events_unpublished(count: int) -> None:
    EVENTS_UNPUBLISHED.set(count)


def count_delivery(delivery: str, outcome: str) -> None:
    """One try ended: SENT, AGAIN (it is tried once more) or DEAD."""
    DELIVERIES.labels(delivery, outcome).inc()


def show_deliveries_waiting(waiting: Mapping[str, int]) -> None:
    """How many rows of each delivery wait; of one that is not named none does."""
    DELIVERIES_WAITING.clear()
    for name, count in waiting.items():
        DELIVERIES_WAITING.labels(name).set(count)


def value_of(name: str, labels: dict[str, str]) -> float:
    """A sample as it stands, 0 where nothing was counted yet; counters end in `_total`."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def render() -> bytes:
    """The whole registry in Prometheus' text format, for `/metrics`."""
    return generate_latest(REGISTRY)
