"""Spans of our own over opentelemetry-sdk. Without an exporter a span costs about half a us.

Names and attributes follow the semantic conventions; `hub/observe/spans.py` holds those the hub
uses. A span never carries the value of an argument: a failure is recorded by its code or type
alone, without its text and without a stack.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import Token
from dataclasses import dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from hub.model.errors import ConfigInvalid, OpsHubError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int]

SPANS_QUEUED_MAX = 4_096  # spans; about 8 MB. A collector that hangs costs spans, never memory
SPANS_BATCH_MAX = 512  # spans an export
EXPORT_EVERY_MS = 2_000
EXPORT_TIMEOUT_S = 3.0  # also about the longest a shutdown waits for the collector
ATTRIBUTE_LENGTH_MAX = 256  # characters

_KINDS = {
    "internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER, "consumer": SpanKind.CONSUMER,
}  # fmt: skip
_PROPAGATOR = TraceContextTextMapPropagator()
_PROPAGATED = ("traceparent", "tracestate")


@dataclass(frozen=True, slots=True)
class _Tracing:
    provider: TracerProvider
    tracer: trace.Tracer


_active: _Tracing | None = None


def setup(
    *,
    endpoint: str | None = None,
    service_name: str = "opshub",
    sample_ratio: float = 1.0,
    exporter: SpanExporter | None = None,
) -> None:
    """Start exporting spans to an OTLP/HTTP endpoint, or to the exporter given (tests).

    Without either nothing is recorded and `span` costs next to nothing; an incoming traceparent
    is still handed on. ConfigInvalid where the extra `otlp` is not installed.
    """
    global _active
    shutdown()
    if exporter is None:
        if endpoint is None:
            return
        exporter = _otlp_exporter(endpoint)
    provider = _provider(exporter, service_name, sample_ratio)
    _active = _Tracing(provider, provider.get_tracer("opshub"))


def shutdown() -> None:
    """Send what is queued, for EXPORT_TIMEOUT_S at most, and stop recording. Blocks."""
    global _active
    if _active is not None:
        stopped, _active = _active, None
        stopped.provider.shutdown()


def span(
    name: str, *, kind: Kind = "internal", attributes: Attributes | None = None
) -> AbstractContextManager[Span]:
    """A span around a block. An exception leaves its code or type and passes on."""
    if _active is None:
        return _NOT_RECORDED
    return _Recorded(_active.tracer, name, kind, attributes)


class _Recorded:
    """One span, current while inside. The SDK's own manager would record the exception's text."""

    __slots__ = ("_span", "_token")

    def __init__(
        self, tracer: trace.Tracer, name: str, kind: Kind, attributes: Attributes | None
    ) -> None:
        self._span = tracer.start_span(name, kind=_KINDS[kind], attributes=attributes)
        self._token: Token[Context] | None = None

    def __enter__(self) -> Span:
        self._token = otel_context.attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        stack: TracebackType | None,
    ) -> None:
        if self._token is not None:
            otel_context.detach(self._token)
        if error is not None:
            record_failure(self._span, error)
        self._span.end()


_NOT_RECORDED = nullcontext(INVALID_SPAN)


def record_failure(of: Span, error: BaseException) -> None:
    """Mark a span as failed by `error.type`: our code, else the exception's class."""
    of.set_attribute("error.type", error_type(error))
    of.set_status(Status(StatusCode.ERROR))


def error_type(error: BaseException) -> str:
    return error.code if isinstance(error, OpsHubError) else type(error).__qualname__


def current_trace_id() -> str | None:
    """The trace of this task as 32 hexadecimal digits: ours, or the one that came in."""
    seen = trace.get_current_span().get_span_context()
    return f"{seen.trace_id:032x}" if seen.trace_id else None


def inject_headers() -> dict[str, str]:
    """W3C `traceparent` (and `tracestate`) for an outgoing call; empty outside of a trace."""
    headers: dict[str, str] = {}
    _PROPAGATOR.inject(headers)
    return headers


def extract(headers: Mapping[str, str]) -> AbstractContextManager[None]:
    """Everything inside belongs to the caller's trace, where its headers name a valid one.

    The headers' names are lower case (or the mapping does not care), as ASGI gives them.
    """
    if "traceparent" not in headers:
        return _NO_PARENT
    return _continued({name: headers[name] for name in _PROPAGATED if name in headers})


_NO_PARENT = nullcontext()


@contextmanager
def _continued(carrier: Mapping[str, str]) -> Iterator[None]:
    token = otel_context.attach(_PROPAGATOR.extract(carrier))
    try:
        yield
    finally:
        otel_context.detach(token)


def _provider(exporter: SpanExporter, service_name: str, sample_ratio: float) -> TracerProvider:
    # Imported here: the SDK costs 90 ms, and most command lines trace nothing.
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

    provider = TracerProvider(
        sampler=ParentBasedTraceIdRatio(sample_ratio),
        resource=Resource.create({"service.name": service_name}),
        shutdown_on_exit=False,  # hub/app.py ends it; an exit hook would hang on a dead collector
        span_limits=SpanLimits(max_attribute_length=ATTRIBUTE_LENGTH_MAX),
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=SPANS_QUEUED_MAX,
            max_export_batch_size=SPANS_BATCH_MAX,
            schedule_delay_millis=EXPORT_EVERY_MS,
        )
    )
    return provider


def _otlp_exporter(endpoint: str) -> SpanExporter:
    if find_spec("opentelemetry.exporter") is None:
        raise ConfigInvalid(
            "traces have an endpoint but nothing to send them with: install opshub[otlp]"
        )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    base = endpoint.rstrip("/")
    return OTLPSpanExporter(
        endpoint=base if base.endswith("/v1/traces") else f"{base}/v1/traces",
        timeout=EXPORT_TIMEOUT_S,
    )
