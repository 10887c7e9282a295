"""One signed POST to whoever is told: no redirects, no bodies read or logged, a deadline.

Signed as Standard Webhooks say (https://www.standardwebhooks.com): `webhook-signature` is `v1,` and
the base64 of HMAC-SHA256 over `id.timestamp.body`, one for each secret.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from hub.config.delivery_meaning import secret_bytes
from hub.config.delivery_specs import WebhookSpec
from hub.events.commanding import Applied, NotSent, Outcome, Refused, Unknown
from hub.events.envelope import CONTENT_TYPE
from hub.model.errors import DeliveryFailed
from hub.observe.correlation import HEADER as CORRELATION_HEADER

DEADLINE_S = 5.0
CONNECT_TIMEOUT_S = 2.0
CONNECTIONS_MAX = 32  # open at once over all receivers
GONE = 410
RETRY_AFTER_MAX_S = 3_600.0
"""A receiver may ask for a longer pause; it gets this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What is posted. `id` is the same at every try; `at` the seconds since 1970 of this one."""

    id: str
    at: int
    body: bytes
    correlation_id: str | None = None
    traceparent: str | None = None


class Webhooks:
    """The client of one process."""

    def __init__(self, *, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(deadline_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx2.Limits(max_connections=CONNECTIONS_MAX),
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def post(self, spec: WebhookSpec, posting: Posting) -> Outcome:
        """Applied for a 2xx, Refused for a 410, else not taken; no message names the address."""
        try:
            async with asyncio.timeout(self._deadline_s):
                request = self._client.build_request(
                    "POST", spec.url.get_secret_value(), content=posting.body,
                    headers=headers_of(spec, posting),
                )  # fmt: skip
                answer = await self._client.send(request, stream=True)
                await answer.aclose()  # its body is nothing to us
        except TimeoutError:
            return Unknown(DeliveryFailed(f"no answer within {self._deadline_s:g} s"))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
            return NotSent(DeliveryFailed("it cannot be reached"))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return Unknown(DeliveryFailed(f"the connection failed ({type(error).__name__})"))
        return _outcome(answer.status_code, answer.headers.get("retry-after"))


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds to wait: a number or an HTTP date, at most RETRY_AFTER_MAX_S; None for neither."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_MAX_S)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), RETRY_AFTER_MAX_S)


def _outcome(status: int, retry_after: str | None) -> Outcome:
    if 200 <= status < 300:
        return Applied()
    if status == GONE:
        return Refused("it wants to be told no more (HTTP 410)")
    if 300 <= status < 400:
        return NotSent(DeliveryFailed(f"it redirects, which is not followed (HTTP {status})"))
    after_s = retry_after_s(retry_after, datetime.now(UTC))
    return NotSent(DeliveryFailed(f"it did not take it (HTTP {status})"), after_s)


def headers_of(spec: WebhookSpec, posting: Posting) -> dict[str, str]:
    """The declared headers and our own, which cannot be overridden."""
    secrets = (each.get_secret_value() for each in spec.secret)
    told = {name.lower(): value.get_secret_value() for name, value in spec.headers.items()}
    told |= {
        "content-type": CONTENT_TYPE,
        "user-agent": "opshub",
        "webhook-id": posting.id,
        "webhook-timestamp": str(posting.at),
        "webhook-signature": signatures(secrets, posting),
    }
    if posting.correlation_id is not None:
        told[CORRELATION_HEADER] = posting.correlation_id
    if posting.traceparent is not None:
        told["traceparent"] = posting.traceparent
    return told


def signatures(secrets: Iterable[str], posting: Posting) -> str:
    """One signature for each secret, a blank between them."""
    signed = f"{posting.id}.{posting.at}.".encode() + posting.body
    digests = (hmac.new(secret_bytes(each), signed, hashlib.sha256).digest() for each in secrets)
    return " ".join(f"v1,{base64.b64encode(each).decode()}" for each in digests)
