"""Spans over real HTTP to a collector: one that takes them, one that is away, one that hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from hub.observe import tracing

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Collector:
    """Takes OTLP over HTTP and keeps what it got; `hangs` reads and never answers."""

    def __init__(self, *, hangs: bool) -> None:
        self.hangs = hangs
        self.paths: list[str] = []
        self.spans: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.paths.append(head.split(" ")[1])
        lengths = [line for line in head.lower().split("\r\n") if "content-length" in line]
        body = await reader.readexactly(int(lengths[0].split(":")[1]))
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.spans += [span.name for scope in resource.scope_spans for span in scope.spans]
        if self.hangs:
            await reader.read()
        else:
            writer.write(ANSWER)
        writer.close()


@asynccontextmanager
async def running(collector: Collector) -> AsyncIterator[str]:
    server = await asyncio.start_server(collector.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def traced(endpoint: str) -> float:
    """Three spans, sent by a shutdown; the seconds that took."""
    tracing.setup(endpoint=endpoint)
    for name in ("one", "two", "three"):
        with tracing.span(name):
            pass
    started = monotonic()
    await asyncio.to_thread(tracing.shutdown)
    return monotonic() - started


async def test_spans_reach_the_collector() -> None:
    collector = Collector(hangs=False)
    async with running(collector) as url:
        await traced(f"{url}/")
        await traced(f"{url}/v1/traces")
    assert collector.paths == ["/v1/traces"] * 2
    assert collector.spans == ["one", "two", "three"] * 2


async def test_a_collector_that_is_away_or_hangs_holds_nobody_up() -> None:
    collector = Collector(hangs=True)
    async with running(collector) as url:
        assert await traced(url) < tracing.EXPORT_TIMEOUT_S + 2
    assert await traced("http://127.0.0.1:1") < tracing.EXPORT_TIMEOUT_S + 2
