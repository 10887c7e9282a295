"""One line per log record: JSON, or text for a terminal. No secret and no line break gets through.

Fields of a record's `extra` become fields of the line. The correlation id and the trace id of the
task that logs are added.
"""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson

from hub.observe.correlation import correlation_id
from hub.observe.tracing import current_trace_id, error_type

Format = Literal["json", "text"]

MESSAGE_LENGTH_MAX = 8_192  # characters; a longer text is cut and says so
STACK_LENGTH_MAX = 16_384  # characters, the last ones kept: they name the cause

_CHATTY = ("httpx2", "httpcore2", "nats", "aiosqlite", "alembic")
"""Libraries whose INFO lines carry URLs with their queries, and so keys of records, or (alembic)
16 lines about its own plugins before the first start says anything."""

_HIDDEN = "[hidden]"
_SECRET_NAMES = re.compile(
    r"pass(word|wd)?$|secret|token(?!_id)|authorization|cookie|api[-_]?key|credential|dsn$", re.I
)
# user:password@ of a URL, bearer tokens, JSON web tokens, name=value pairs that name a secret.
_SECRET_TEXTS = (
    (re.compile(r"(://[^\s/:@]*):[^\s/@]*@"), rf"\1:{_HIDDEN}@"),
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.I), rf"\1 {_HIDDEN}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), _HIDDEN),
    (
        re.compile(
            r"\b(password|passwd|secret|api[-_]?key|access_token|token)"
            r"(['\"]?\s*[=:]\s*['\"]?)[^\s'\"&,;]+",
            re.I,
        ),
        rf"\1\2{_HIDDEN}",
    ),
)
_JSON_WHOLE_MAX = 2**63 - 1  # what orjson writes as a number; larger ones are written as text
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message", "asctime", "taskName", "color_message",
}  # fmt: skip


def setup_logs(
    *, format: Format = "json", level: str = "INFO", stream: TextIO | None = None
) -> None:
    """Send every logger of the process to one stream (standard error), in place of what was set.

    uvicorn's own handlers are removed, so its lines have the same shape.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if format == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        own = logging.getLogger(name)
        own.handlers.clear()
        own.propagate = True


class JsonLines(logging.Formatter):
    """`at`, `level`, `logger`, `message`, `correlation_id`, `trace_id`, extras, `error`."""

    def format(self, record: logging.LogRecord) -> str:
        # orjson leaves U+0085, U+2028 and U+2029 as they are, and many readers break lines there.
        line = orjson.dumps(fields_of_record(record)).decode()
        return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


class TextLines(logging.Formatter):
    """`12:00:01 INFO    hub.app  message  name=value …  [correlation id]`, a stack below it."""

    def format(self, record: logging.LogRecord) -> str:
        seen = fields_of_record(record)
        error = seen.pop("error", None)
        line = f"{seen.pop('at')[11:19]} {seen.pop('level'):7} {seen.pop('logger')}  "
        line += one_line(seen.pop("message"))
        correlation = seen.pop("correlation_id", None)
        seen.pop("trace_id", None)
        line += "".join(f"  {name}={one_line(str(value))}" for name, value in seen.items())
        if correlation:
            line += f"  [{correlation}]"
        if error is None:
            return line
        stack = (f"    {one_line(each)}" for each in error["stack"].splitlines())
        return "\n".join((line, *stack))


def fields_of_record(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a line in the order they are printed, secrets hidden, texts cut."""
    seen: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "message": _printable(record.getMessage()),
    }
    if correlation := correlation_id.get():
        seen["correlation_id"] = correlation
    if trace_id := current_trace_id():
        seen["trace_id"] = trace_id
    for name, value in vars(record).items():
        if name not in _OF_EVERY_RECORD and name not in seen:
            seen[name] = _shown(name, value)
    if record.exc_info and record.exc_info[1] is not None:
        seen["error"] = _failure(record.exc_info[1], logging.Formatter().formatException)
    return seen


def without_secrets(text: str) -> str:
    """The text with passwords in URLs, bearer tokens and the like replaced by `[hidden]`."""
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def one_line(text: str) -> str:
    """Control characters and line separators written as escapes, so a value cannot forge a line."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _failure(error: BaseException, render: Any) -> dict[str, str]:
    stack = without_secrets(render((type(error), error, error.__traceback__)))
    stack = stack.encode("utf-8", "backslashreplace").decode()
    return {"type": error_type(error), "stack": stack[-STACK_LENGTH_MAX:]}


def _shown(name: str, value: Any) -> Any:
    if _SECRET_NAMES.search(name):
        return _HIDDEN
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) <= _JSON_WHOLE_MAX:
        return value
    if isinstance(value, dict):
        return {_printable(str(key)): _shown(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown("", each) for each in value]
    return _printable(str(value))


def _printable(text: str) -> str:
    text = without_secrets(text).encode("utf-8", "backslashreplace").decode()  # lone surrogates
    if len(text) <= MESSAGE_LENGTH_MAX:
        return text
    return f"{text[:MESSAGE_LENGTH_MAX]} … ({len(text)} characters)"
