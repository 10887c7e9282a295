"""Log lines: one line each, whatever is logged, with what joins them and without secrets."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.observe.correlation import correlated
from hub.observe.logs import MESSAGE_LENGTH_MAX, Format, setup_logs
from hub.observe.tracing import extract

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
log = logging.getLogger("hub.test")


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def stream(format: Format = "json") -> io.StringIO:
    out = io.StringIO()
    setup_logs(format=format, level="debug", stream=out)
    return out


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_is_json_with_the_ids_of_its_request() -> None:
    out = stream()
    with correlated("c-12345678"), extract({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}):
        log.info("read %s", "order", extra={"system": "erp-eu", "keys": 3, "seconds": 0.5})
    log.warning("outside")
    first, second = lines(out)
    assert first.pop("at").endswith("+00:00")
    assert first == {
        "level": "INFO",
        "logger": "hub.test",
        "message": "read order",
        "correlation_id": "c-12345678",
        "trace_id": TRACE,
        "system": "erp-eu",
        "keys": 3,
        "seconds": 0.5,
    }
    assert "correlation_id" not in second
    assert "trace_id" not in second


def test_an_exception_is_a_field_of_the_same_line() -> None:
    out = stream()
    try:
        raise ValueError("postgresql://hub:geheim@db/ops\nFAKE LINE")
    except ValueError:
        log.exception("failed")
    [line] = lines(out)
    assert line["error"]["type"] == "ValueError"
    assert line["error"]["stack"].startswith("Traceback (most recent call last)")
    assert "FAKE LINE" in line["error"]["stack"]
    assert "geheim" not in out.getvalue()


SECRETS: list[tuple[str, dict[str, Any]]] = [
    ("sent Authorization: Bearer geheim.geheim", {}),
    ("basic Z2VoZWltOmdlaGVpbQ== geheim".replace(" geheim", ""), {}),
    ("connect postgresql+asyncpg://hub:geheim@db:5432/ops", {}),
    ("connect https://:geheim@erp.example/x", {}),
    ("GET /x?api_key=geheim&b=1", {}),
    ("body {'password': 'geheim'}", {}),
    ('body {"secret": "geheim"}', {}),
    ("call", {"token": "geheim"}),
    ("call", {"headers": {"X-Api-Key": "geheim", "Cookie": "geheim"}}),
    ("call", {"password": "geheim", "client_secret": ["geheim"], "store_dsn": "geheim"}),
    ("call", {"urls": ["https://u:geheim@h/"]}),
]


@pytest.mark.parametrize("format", ["json", "text"])
@pytest.mark.parametrize(("message", "extra"), SECRETS)
def test_no_secret_gets_through(format: Format, message: str, extra: dict[str, Any]) -> None:
    out = stream(format)
    log.info(message, extra=extra)
    log.info("%s", message, extra=extra)
    assert "geheim" not in out.getvalue()
    assert "Z2VoZWlt" not in out.getvalue()
    assert out.getvalue().count("[hidden]") >= 2


def test_a_json_web_token_is_hidden() -> None:
    out = stream()
    log.info("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl and a token_id",
             extra={"token_id": "t-1"})  # fmt: skip
    [line] = lines(out)
    assert line["message"] == "got [hidden] and a token_id"
    assert line["token_id"] == "t-1"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(), name=st.sampled_from(["system", "customer", "x"]), value=st.text())
def test_nothing_forges_a_line(text: str, name: str, value: str) -> None:
    for format in ("json", "text"):
        out = stream(format)
        log.info("%s", text, extra={name: value})
        assert len(out.getvalue().splitlines()) == 1


def test_odd_values_are_still_a_line() -> None:
    out = stream()
    log.info("odd", extra={"big": 2**70, "nan": float("nan"), "set": {1}, "half": "\ud800",
                           "none": None, "object": log, "deep": {"a": [{"b": 2}]}})  # fmt: skip
    [line] = lines(out)
    assert line["big"] == str(2**70)
    assert line["nan"] is None
    assert line["set"] == [1]
    assert line["half"] == "\\ud800"
    assert line["none"] is None
    assert line["object"] == "<Logger hub.test (DEBUG)>"
    assert line["deep"] == {"a": [{"b": 2}]}


def test_a_long_text_is_cut_and_says_so() -> None:
    out = stream()
    log.info("x" * 100_000)
    [line] = lines(out)
    assert line["message"] == "x" * MESSAGE_LENGTH_MAX + " … (100000 characters)"


def test_a_terminal_gets_text() -> None:
    out = stream("text")
    with correlated("c-12345678"):
        log.warning("read %s", "a\nb", extra={"system": "erp-eu"})
    text = out.getvalue()
    assert text[8:] == " WARNING hub.test  read a\\x0ab  system=erp-eu  [c-12345678]\n"


def test_setting_up_twice_and_after_uvicorn_leaves_one_handler() -> None:
    logging.getLogger("uvicorn.access").addHandler(logging.NullHandler())
    stream()
    out = stream()
    logging.getLogger("uvicorn.access").warning("once")
    assert [line["message"] for line in lines(out)] == ["once"]
    assert len(logging.getLogger().handlers) == 1
