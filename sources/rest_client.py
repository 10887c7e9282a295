"""One HTTP system: bounded connections, capped answers, and every failure in our own words.

HTTP/1.1 with JSON (httpx2). Redirects are not followed, proxies of the environment not used.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx2

from hub.config.specs import SystemSpec
from hub.model.errors import (
    SourceBusy,
    SourceError,
    SourceInvalid,
    SourceMisconfigured,
    SourceTimeout,
    SourceUnavailable,
)
from hub.observe.correlation import HEADER as CORRELATION_HEADER
from hub.observe.correlation import correlation_id
from hub.observe.spans import http_call_span
from hub.observe.tracing import inject_headers
from sources.port import ANSWER_BYTES_MAX

CONNECT_TIMEOUT_S = 1.0
RETRY_AFTER_MAX_S = 60.0
RETRY_AFTER_DEFAULT_S = 1.0  # where a 429 says nothing that can be read

NOTHING: Any = object()
"""What a 404 answers: there is no such thing."""

# Status, what it means. A class of statuses stands as its first digit.
_STATUSES: Mapping[int, tuple[type[SourceError], str]] = {
    401: (SourceMisconfigured, "it refused the hub's credentials"),
    403: (SourceMisconfigured, "the hub's account may not read this"),
    408: (SourceTimeout, "it gave up waiting"),
    504: (SourceTimeout, "something behind it did not answer"),
    3: (SourceMisconfigured, "it redirects, and redirects are not followed; correct the url"),
    4: (SourceMisconfigured, "it does not accept the request; check the template"),
    5: (SourceUnavailable, "it failed"),
}
# Raised by the client, first match first.
_FAILURES: tuple[tuple[type[Exception], type[SourceError], str], ...] = (
    (httpx2.ConnectTimeout, SourceUnavailable, "it cannot be reached"),
    (httpx2.PoolTimeout, SourceBusy, "all connections are in use"),
    (httpx2.TimeoutException, SourceTimeout, "it did not answer in time"),
    (httpx2.ConnectError, SourceUnavailable, "it cannot be reached"),
    (httpx2.DecodingError, SourceInvalid, "its answer is not in the encoding it claims"),
    (httpx2.RemoteProtocolError, SourceUnavailable, "it broke the connection off"),
    (httpx2.NetworkError, SourceUnavailable, "the connection broke"),
    (httpx2.InvalidURL, SourceMisconfigured, "the url is not valid"),
    (httpx2.HTTPError, SourceUnavailable, "the request failed"),
)


class HttpSystem:
    """Asks one system for JSON. At most `limits.in_flight` requests run at once."""

    def __init__(self, spec: SystemSpec) -> None:
        self.name = spec.name
        self._base = httpx2.URL(spec.url.get_secret_value().rstrip("/"))
        self._places = asyncio.Semaphore(spec.limits.in_flight)
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(spec.limits.timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx2.Limits(
                max_connections=spec.limits.in_flight,
                max_keepalive_connections=spec.limits.in_flight,
            ),
            follow_redirects=False,
            trust_env=False,
            headers={"accept": "application/json", "user-agent": "opshub", **_headers(spec)},
            auth=_basic(spec),
        )

    async def close(self) -> None:
        await self._client.aclose()

    def url(self, target: str) -> httpx2.URL:
        """The address of a rendered template; the system's own path stays in front."""
        return httpx2.URL(f"{self._base}{target}")

    def linked(self, link: str, from_: httpx2.URL) -> httpx2.URL:
        """Where a link in an answer leads; SourceInvalid where that is another origin."""
        try:
            url = from_.join(link)
        except (httpx2.InvalidURL, ValueError) as error:
            raise SourceInvalid(self.name, "the link to its next page is no URL") from error
        if (url.scheme, url.host, url.port) != (from_.scheme, from_.host, from_.port):
            raise SourceInvalid(self.name, "the link to its next page leads to another origin")
        return url

    async def get(self, url: httpx2.URL, *, template: str, operation: str) -> Any:
        """The JSON at an address, NOTHING for a 404; a SourceError for all else."""
        host = self._base.host
        with http_call_span(
            self.name, "GET", template=template, host=host, operation=operation
        ) as current:
            async with self._places:
                status, headers, body = await self._ask(url)
            current.set_attribute("http.response.status_code", status)
            if status == 404:
                return NOTHING
            if not 200 <= status < 300:
                self._refused(status, headers)
            return self._parsed(body, headers)

    async def _ask(self, url: httpx2.URL) -> tuple[int, httpx2.Headers, bytes]:
        sent = inject_headers()
        if correlation := correlation_id.get():
            sent[CORRELATION_HEADER] = correlation
        try:
            async with self._client.stream("GET", url, headers=sent) as answer:
                return answer.status_code, answer.headers, await self._body(answer)
        except Exception as error:
            raise self._translated(error) from error

    async def _body(self, answer: httpx2.Response) -> bytes:
        """The decoded body; a small gzip that unpacks to gigabytes stops at the same limit."""
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > ANSWER_BYTES_MAX:
                raise SourceInvalid(
                    self.name, f"its answer is larger than {ANSWER_BYTES_MAX:,} bytes"
                )
        return bytes(body)

    def _translated(self, error: Exception) -> SourceError:
        if isinstance(error, SourceError):
            return error
        for kind, ours, text in _FAILURES:
            if isinstance(error, kind):
                return ours(self.name, text)
        raise error

    def _refused(self, status: int, headers: httpx2.Headers) -> NoReturn:
        if status == 429:
            wait_s = retry_after_s(headers.get("retry-after"), datetime.now(UTC))
            raise SourceBusy(self.name, "it asked to be left alone (429)", retry_after_s=wait_s)
        kind, text = _STATUSES.get(status) or _STATUSES.get(status // 100, _STATUSES[5])
        raise kind(self.name, f"{text} (HTTP {status})")

    def _parsed(self, body: bytes, headers: httpx2.Headers) -> Any:
        try:
            parsed = json.loads(body, parse_float=Decimal, parse_constant=_not_a_number)
            if b"\\ud" in body.lower():
                _check_text(parsed)
            return parsed
        except (ValueError, RecursionError) as error:
            came = headers.get("content-type", "").partition(";")[0][:40] or "no content type"
            raise SourceInvalid(
                self.name, f"its answer is not JSON ({came}, {len(body)} bytes); expected JSON"
            ) from error


def _check_text(parsed: Any) -> None:
    """ValueError for half a surrogate pair: no answer of ours could carry it."""
    json.dumps(parsed, ensure_ascii=False, default=str).encode()


def _not_a_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _headers(spec: SystemSpec) -> dict[str, str]:
    if spec.auth is None:
        return {}
    if spec.auth.bearer is not None:
        return {"authorization": f"Bearer {spec.auth.bearer.get_secret_value()}"}
    return {name: value.get_secret_value() for name, value in (spec.auth.header or {}).items()}


def _basic(spec: SystemSpec) -> httpx2.BasicAuth | None:
    basic = None if spec.auth is None else spec.auth.basic
    if basic is None:
        return None
    return httpx2.BasicAuth(basic.user, basic.password.get_secret_value())


def retry_after_s(header: str | None, now: datetime) -> float:
    """Seconds to stay away: a number or an HTTP date, at most 60; 1 where it is neither."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_MAX_S)
    try:
        until = parsedate_to_datetime(text)
        until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError):
        return RETRY_AFTER_DEFAULT_S
    return min(max((until - now).total_seconds(), 0.0), RETRY_AFTER_MAX_S)
