"""Webhooks of systems: `POST /in/{system}`. A message is stored before it is answered with 202.

Who the sender is says only the signature of its body; an address names no secret. What is not
signed is taken too, where the system declares no signature, and only causes a record to be read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.events.intake import Message
from hub.events.told import Via
from hub.model.errors import (
    BodyInvalid,
    NotFound,
    OpsHubError,
    RateLimited,
    SignatureInvalid,
    StoreUnavailable,
)
from hub.observe import metrics
from hub.observe.correlation import HEADER, correlated
from resolvers.answer import refusal
from resolvers.negotiation import JSON
from sources.breaker import TokenBucket
from sources.messages import PAYLOAD_BYTES_MAX

READ_S = 10.0  # a body that takes longer is not waited for
KEEP_S = 5.0  # storing takes milliseconds; a sender is not held longer
RATE_PER_S = 200  # messages of one system and process; a burst of as many is taken at once

_PRIVATE = {"Cache-Control": "no-store, private"}
Keep = Callable[[Message], Awaitable[None]]


class Hearing(Protocol):
    """The systems file as far as webhooks need it: sources.feed.Feeds."""

    def hears(self, system: str) -> bool: ...

    def check_signature(self, system: str, body: bytes, headers: Mapping[str, str]) -> bool: ...


class Door:
    """Takes webhooks in. `keep` stores a message, `now` is the wall clock, aware."""

    def __init__(self, keep: Keep, feeds: Hearing, *, now: Callable[[], datetime]) -> None:
        self._keep, self._feeds, self._now = keep, feeds, now
        self._rates: dict[str, TokenBucket] = {}

    async def answer(self, request: Request) -> Response:
        """202 once it is stored, else why not, in the form of every refusal."""
        with correlated(request.headers.get(HEADER)) as correlation:
            try:
                await self._take(request)
            except OpsHubError as error:
                return _refused(error, correlation)
        return JSONResponse({"accepted": True}, status_code=202, headers=_PRIVATE)

    async def _take(self, request: Request) -> None:
        system = request.path_params["system"]
        body = await _body(request)
        is_signed = self._feeds.check_signature(system, body, request.headers)
        if not self._feeds.hears(system):
            raise NotFound("webhook of a system", system)
        self._check_rate(system)
        message = Message(
            system=system,
            via=Via.WEBHOOK,
            payload=body,
            is_trusted=is_signed,
            traceparent=request.headers.get("traceparent"),
            received_at=self._now(),
        )
        try:
            async with asyncio.timeout(KEEP_S):
                await self._keep(message)
        except TimeoutError:
            raise StoreUnavailable(
                f"the message was not stored within {KEEP_S:g} s; send it again"
            ) from None

    def _check_rate(self, system: str) -> None:
        rate = self._rates.get(system)
        if rate is None:
            rate = self._rates[system] = TokenBucket(RATE_PER_S, 1.0, clock=time.monotonic)
        wait_s = rate.take()
        if wait_s:
            raise RateLimited(1, remaining=0, retry_after_s=wait_s)


def incoming_routes(keep: Keep, feeds: Hearing, *, now: Callable[[], datetime]) -> list[Route]:
    """The one route; it authenticates by signature, never by a token."""
    return [Route("/in/{system}", Door(keep, feeds, now=now).answer, methods=["POST"])]


async def _body(request: Request) -> bytes:
    """The raw body; 413 as soon as it is too long, 408 where it does not come."""
    body = bytearray()
    try:
        async with asyncio.timeout(READ_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > PAYLOAD_BYTES_MAX:
                    raise BodyInvalid(
                        f"more than {PAYLOAD_BYTES_MAX} bytes were received; send less",
                        status=413,
                    )
    except (TimeoutError, ClientDisconnect):
        raise BodyInvalid(f"the body did not come within {READ_S:g} s", status=408) from None
    return bytes(body)


def _refused(error: OpsHubError, correlation: str) -> Response:
    metrics.count_refusal(error.code)
    answer = refusal(error, correlation, JSON)
    status = answer.status
    if isinstance(error, SignatureInvalid):
        status = 401
    elif isinstance(error, NotFound):
        status = 404
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return JSONResponse(answer.body, status_code=status, headers=headers | _PRIVATE)
