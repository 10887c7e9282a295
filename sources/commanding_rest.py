"""Commands over HTTP: one request with a JSON body, and what each ending says of the effect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx2

from hub.config.command_specs import BodyRequest, CommandSpec
from hub.config.specs import SystemSpec
from hub.events.commanding import (
    Applied,
    NotFound,
    NotSent,
    Outcome,
    Refused,
    Sought,
    Unknown,
    Values,
)
from hub.model.errors import (
    OpsHubError,
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
from sources.commanding_values import ValueMissing, body_of, extractor, said, texts_of
from sources.port import ANSWER_BYTES_MAX
from sources.rest_client import (
    CONNECT_TIMEOUT_S,
    NOTHING,
    HttpSystem,
    _basic,
    _headers,
    retry_after_s,
)
from sources.rest_templates import NoSuchPath, Template, compile_template

# Raised before the first byte was sent, so surely without effect.
_NEVER_SENT = (
    httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.InvalidURL,
    httpx2.UnsupportedProtocol, httpx2.LocalProtocolError,
)  # fmt: skip


class RestCommand:
    """One command that is sent by HTTP. `system` is the connection it goes over."""

    def __init__(self, system: SystemSpec, command: CommandSpec) -> None:
        self._name, self._spec = system.name, command
        self._method, self._request = _request(command)
        self._path = compile_template(self._request.path)
        self._extract = extractor(command.result)
        self._finding = HttpSystem(system)
        find = None if command.find is None else command.find.get
        self._find: Template | None = None if find is None else compile_template(find)
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(system.limits.timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx2.Limits(max_connections=system.limits.in_flight),
            follow_redirects=False,
            trust_env=False,
            headers={"accept": "application/json", "user-agent": "opshub", **_headers(system)},
            auth=_basic(system),
        )

    async def close(self) -> None:
        await self._client.aclose()
        await self._finding.close()

    async def send(self, values: Values) -> Outcome:
        """One request; never raises but for a defect or its cancellation."""
        try:
            target = self._path.render(texts_of(self._path.single | self._path.csv, values))
            body = json.dumps(body_of(self._request.body, values), ensure_ascii=False).encode()
        except ValueMissing as error:
            return NotSent(SourceMisconfigured(self._name, f"the command has no value {error}"))
        except NoSuchPath:
            return NotSent(SourceMisconfigured(self._name, "a value can be no part of a path"))
        with http_call_span(
            self._name, self._method, template=self._path.text,
            host=self._finding.url("/").host, operation=self._spec.name,
        ) as current:  # fmt: skip
            try:
                status, headers, answer = await self._asked(target, body)
            except _NEVER_SENT:
                return NotSent(SourceUnavailable(self._name, "it cannot be reached"))
            except httpx2.TimeoutException:
                return Unknown(SourceTimeout(self._name, "it did not answer in time"))
            except httpx2.HTTPError:
                return Unknown(SourceUnavailable(self._name, "the connection broke"))
            current.set_attribute("http.response.status_code", status)
        return self._outcome(status, headers, answer)

    async def find(self, values: Values) -> Sought:
        """The first record that has the reference; a 404 and an empty list are none."""
        if self._find is None or self._spec.find is None:
            return SourceMisconfigured(self._name, "the command declares no find over rest")
        try:
            target = self._find.render(texts_of(self._find.single | self._find.csv, values))
            answer = await self._finding.get(
                self._finding.url(target), template=self._find.text, operation="find"
            )
        except ValueMissing as error:
            return SourceMisconfigured(self._name, f"the command has no value {error}")
        except SourceError as error:
            return error
        return self._sought(answer)

    def _sought(self, answer: Any) -> Sought:
        assert self._spec.find is not None  # `find` has looked
        if answer is NOTHING:
            return NotFound()
        each = self._spec.find.each
        rows = answer if each is None else extractor({"rows": each})(answer)["rows"]
        if isinstance(rows, Mapping):
            rows = [rows] if rows else []
        if rows is None:
            rows = []
        if not isinstance(rows, list):
            return SourceInvalid(self._name, "the answer to find is no record and no list")
        return Applied(self._extract(rows[0])) if rows else NotFound()

    async def _asked(self, target: str, body: bytes) -> tuple[int, httpx2.Headers, Any]:
        """The status, headers and parsed answer; None where the answer is no JSON."""
        sent = inject_headers() | {"content-type": "application/json"}
        if correlation := correlation_id.get():
            sent[CORRELATION_HEADER] = correlation
        url = self._finding.url(target)
        async with self._client.stream(self._method, url, content=body, headers=sent) as answer:
            status = answer.status_code
            return status, answer.headers, _parsed(await _body(answer))

    def _outcome(self, status: int, headers: httpx2.Headers, answer: Any) -> Outcome:
        if 200 <= status < 300:
            return Applied(self._extract(answer))
        refused = self._spec.refused_when
        if refused is not None and status in refused.status:
            return Refused(said(answer, refused.message) or f"refused (HTTP {status})")
        if status == 429:
            wait_s = retry_after_s(headers.get("retry-after"), datetime.now(UTC))
            return NotSent(SourceBusy(self._name, "it asked for a pause", retry_after_s=wait_s))
        if status == 408 or status >= 500:
            return Unknown(SourceUnavailable(self._name, f"it failed (HTTP {status})"))
        return NotSent(self._not_taken(status))

    def _not_taken(self, status: int) -> OpsHubError:
        if status in (401, 403):
            return SourceMisconfigured(self._name, f"it refused the credentials (HTTP {status})")
        if 300 <= status < 400:
            return SourceMisconfigured(self._name, "it redirects, which is not followed")
        return SourceMisconfigured(
            self._name, f"it does not accept the request (HTTP {status}); check the template"
        )


def _request(command: CommandSpec) -> tuple[str, BodyRequest]:
    for method in ("post", "put", "patch"):
        request: BodyRequest | None = getattr(command, method)
        if request is not None:
            return method.upper(), request
    raise AssertionError("the checks of the file let only commands with a sender through")


async def _body(answer: httpx2.Response) -> bytes:
    """The body, as much as may be read: what was done is done, whatever else it says."""
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            return b""
    return bytes(body)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
