"""The door of every demo system: counts calls, plays ordered faults, asks for credentials."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.demo.system import Dialect

Respond = Callable[[Request], Awaitable[Response]]
Knob = Callable[[Any], Any]
"""Takes the body of a call to a test knob, JSON, and gives its answer; may raise NativeError."""
FAULTS_MAX = 100
"""Faults standing at once; the oldest are forgotten."""


class NativeError(Exception):
    """A request the foreign system refuses, with the status and the words it uses."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass
class Fault:
    """What to do to calls whose path begins with `path_prefix`; `times` None is for ever.

    `when` "after" lets the call take effect first and then loses its answer.
    """

    path_prefix: str
    delay_s: float = 0.0
    status: int | None = None
    times: int | None = None
    when: str = "before"


class Gate:
    """ASGI middleware in front of one system's routes."""

    def __init__(
        self, app: ASGIApp, dialect: Dialect, knobs: Mapping[tuple[str, str], Knob]
    ) -> None:
        self._app = app
        self._dialect = dialect
        self._knobs = knobs
        self._calls: Counter[str] = Counter()
        self._faults: list[Fault] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith("/__"):
            response = await self._knob(Request(scope, receive))
            await response(scope, receive, send)
            return
        await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._calls[f"{scope['method']} {scope['path']}"] += 1
        fault = self._take_fault(scope["path"])
        if fault is not None:
            await asyncio.sleep(fault.delay_s)
        if fault is not None and fault.status is not None and fault.when == "before":
            await self._refuse(fault.status, "ordered fault")(scope, receive, send)
            return
        credential = Headers(scope=scope).get(self._dialect.credential_header, "")
        if not self._dialect.is_welcome(credential):
            await self._refuse(401, "credentials are missing or wrong")(scope, receive, send)
            return
        if fault is not None and fault.status is not None:
            await self._app(scope, receive, _nowhere)
            await self._refuse(fault.status, "ordered fault")(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _take_fault(self, path: str) -> Fault | None:
        for fault in self._faults:
            if path.startswith(fault.path_prefix):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None

    def _refuse(self, status: int, text: str) -> Response:
        headers = {"retry-after": "1"} if status == 429 else {}
        return json_response(self._dialect.error(status, text), status=status, headers=headers)

    async def _knob(self, request: Request) -> Response:
        """The test knobs, which no real system has: /__stats, /__fault and those of its life."""
        path, method = request.url.path, request.method
        if path == "/__stats":
            counted = {"total": self._calls.total(), "calls": dict(self._calls)}
            if method == "DELETE":
                self._calls.clear()
            return json_response(counted)
        if path == "/__fault":
            if method == "POST":
                self._faults.append(Fault(**orjson.loads(await request.body())))
                del self._faults[:-FAULTS_MAX]
            elif method == "DELETE":
                self._faults.clear()
            return json_response({"faults": [vars(each) for each in self._faults]})
        knob = self._knobs.get((method, path))
        if knob is None:
            return self._refuse(404, "no such path")
        return self._turn(knob, await request.body())

    def _turn(self, knob: Knob, body: bytes) -> Response:
        try:
            return json_response(knob(orjson.loads(body) if body else {}))
        except NativeError as error:
            return self._refuse(error.status, error.text)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            return self._refuse(422, f"the body is not what this knob takes: {error!r}")


async def _nowhere(message: Any) -> None:
    """Swallow an answer that is to be lost."""


def json_response(
    body: Any, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(
        orjson.dumps(body),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )


def refusal_handler(dialect: Dialect) -> Callable[[Request, Exception], Response]:
    """Turns a NativeError, or a path nobody serves, into the system's own error shape."""

    def refuse(request: Request, error: Exception) -> Response:
        if isinstance(error, NativeError):
            status, text = error.status, error.text
        elif isinstance(error, HTTPException):
            status, text = error.status_code, error.detail
        else:
            raise error
        return json_response(dialect.error(status, text), status=status)

    return refuse
