"""When a process takes traffic: its own parts decide, not the systems it reads."""

import pytest

from hub.observe.health import Part, SystemSeen, live_body, readiness, ready_body

STORE, SCHEMA = Part("store", True), Part("schema", True)
UP, DOWN = SystemSeen("erp", "UP", None, 0.5), SystemSeen("wms", "DOWN", "SOURCE_UNAVAILABLE")


@pytest.mark.parametrize(
    ("parts", "systems", "is_draining", "status", "http"),
    [
        ((STORE, SCHEMA), (UP,), False, "ready", 200),
        ((STORE, SCHEMA), (), False, "ready", 200),
        ((STORE, SCHEMA), (SystemSeen("erp", "UNKNOWN"),), False, "ready", 200),
        ((STORE, SCHEMA), (UP, DOWN), False, "degraded", 200),
        ((STORE, SCHEMA), (SystemSeen("erp", "DEGRADED"),), False, "degraded", 200),
        ((STORE, SCHEMA), (DOWN, DOWN), False, "degraded", 200),
        ((Part("store", False, "away"), SCHEMA), (UP,), False, "not_ready", 503),
        ((STORE, Part("schema", False)), (DOWN,), False, "not_ready", 503),
        ((STORE, SCHEMA), (UP,), True, "draining", 503),
        ((Part("store", False),), (DOWN,), True, "draining", 503),
    ],
)
def test_readiness(
    parts: tuple[Part, ...],
    systems: tuple[SystemSeen, ...],
    is_draining: bool,
    status: str,
    http: int,
) -> None:
    seen = readiness(parts, systems, is_draining=is_draining)
    assert (seen.status, seen.http_status) == (status, http)
    assert ready_body(seen, verbose=False) == {"status": status}


def test_verbose_lists_parts_and_systems() -> None:
    seen = readiness((STORE, SCHEMA), (UP, DOWN), is_draining=False)
    assert ready_body(seen, verbose=True) == {
        "status": "degraded",
        "parts": [
            {"name": "store", "ok": True, "message": None},
            {"name": "schema", "ok": True, "message": None},
        ],
        "systems": [
            {"name": "erp", "state": "UP", "code": None, "lastOkAgeS": 0.5},
            {"name": "wms", "state": "DOWN", "code": "SOURCE_UNAVAILABLE", "lastOkAgeS": None},
        ],
    }


def test_liveness_asks_nobody() -> None:
    assert live_body() == {"status": "live"}
