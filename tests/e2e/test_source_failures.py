"""A system that fails costs its own section and nothing else, whichever way it fails."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hub.demo.supervisor import SYSTEMS_FILE
from tests.e2e.faulty import HTML, LEAVE_ME_ALONE, TRUNCATED, FaultyHub, faulty_hub, running_demo

pytestmark = pytest.mark.timeout(120)  # the first test starts the hub and six systems

CASES_FRESH_FOR_S = 1.0
CRM_TIMEOUT_S = 2.0
DEADLINE_S = 5.0  # of an agent's request
RECOVERS_WITHIN_S = 12.0  # two probes of an open breaker, and the time of an answer

DESK = """query ($n: String!) { order(number: $n) {
  number status customer { name } lines { sku } shipments { number provenance { system } }
  cases { number provenance { staleness fromCache } }
  sections { name system state staleness code } } }"""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyHub]:
    folder = tmp_path_factory.mktemp("faulty")
    with running_demo(folder) as demo, faulty_hub(folder, demo, _soon_stale(folder)) as hub:
        yield hub


def _soon_stale(folder: Path) -> Path:
    """The demo's systems file with cases that are fresh for a second only."""
    shutil.copytree(SYSTEMS_FILE.parent / "import", folder / "import")
    text = SYSTEMS_FILE.read_text()
    assert text.count("\n      case:\n") == 1
    fresh = f"\n      case:\n        fresh_for: {CASES_FRESH_FOR_S:g}s\n"
    copy = folder / "systems.yaml"
    copy.write_text(text.replace("\n      case:\n", fresh))
    return copy


def _codes(answer: dict[str, Any]) -> list[tuple[str, str | None]]:
    found = [error["extensions"] for error in answer.get("errors", [])]
    return sorted((each["code"], each.get("system")) for each in found)


def _section(answer: dict[str, Any], name: str, system: str) -> dict[str, Any]:
    rows = answer["data"]["order"]["sections"]
    (row,) = [row for row in rows if (row["name"], row["system"]) == (name, system)]
    return dict(row)


def _check_only_cases_failed(answer: dict[str, Any], code: str) -> None:
    """The cases are null with one error that names the CRM; everything else is there."""
    assert _codes(answer) == [(code, "crm")]
    order = answer["data"]["order"]
    assert order["cases"] is None
    assert order["lines"] and order["shipments"] and order["customer"]["name"]
    failed = [row for row in order["sections"] if row["state"] != "AVAILABLE"]
    assert failed == [
        {"name": "cases", "system": "crm", "state": "FAILED", "staleness": "UNAVAILABLE",
         "code": code}
    ]  # fmt: skip


def _check_whole(answer: dict[str, Any]) -> None:
    assert _codes(answer) == []
    assert {row["state"] for row in answer["data"]["order"]["sections"]} == {"AVAILABLE"}


def test_a_slow_system_costs_only_its_own_section(faulty: FaultyHub) -> None:
    faulty.doors["crm"].fault("/cases", delay_s=CRM_TIMEOUT_S + 1, times=1)
    started = time.monotonic()
    answer = faulty.ask(DESK, n=faulty.demo.orders["with_case"])
    assert CRM_TIMEOUT_S <= time.monotonic() - started < DEADLINE_S
    _check_only_cases_failed(answer, "SOURCE_TIMEOUT")
    _check_whole(faulty.ask(DESK, n=faulty.demo.orders["with_case"]))


@pytest.mark.parametrize("status", [500, 503])
def test_a_system_that_answers_with_an_error(faulty: FaultyHub, status: int) -> None:
    order = next(faulty.orders)
    faulty.doors["crm"].fault("/cases", status=status, times=1)
    _check_only_cases_failed(faulty.ask(DESK, n=order), "SOURCE_UNAVAILABLE")
    _check_whole(faulty.ask(DESK, n=order))


@pytest.mark.parametrize(
    ("canned", "code"), [(HTML, "SOURCE_INVALID"), (TRUNCATED, "SOURCE_UNAVAILABLE")]
)
def test_an_answer_that_is_none(faulty: FaultyHub, canned: bytes, code: str) -> None:
    order = next(faulty.orders)
    faulty.doors["crm"].canned = canned
    answer = faulty.ask(DESK, n=order)
    faulty.doors["crm"].heal()
    _check_only_cases_failed(answer, code)
    _check_whole(faulty.ask(DESK, n=order))


def test_a_refused_connection(faulty: FaultyHub) -> None:
    order = next(faulty.orders)
    faulty.doors["crm"].shut()
    answer = faulty.ask(DESK, n=order)
    faulty.doors["crm"].open()
    _check_only_cases_failed(answer, "SOURCE_UNAVAILABLE")
    _check_whole(faulty.ask(DESK, n=order))


def test_a_system_that_asks_to_be_left_alone_is_left_alone(faulty: FaultyHub) -> None:
    """`Retry-After: 2`: so long it gets no call at all, then it is asked again."""
    order = next(faulty.orders)
    faulty.doors["crm"].canned = LEAVE_ME_ALONE
    _check_only_cases_failed(faulty.ask(DESK, n=order), "SOURCE_BUSY")
    faulty.doors["crm"].heal()
    faulty.doors["crm"].calls()
    _check_only_cases_failed(faulty.ask(DESK, n=order), "SOURCE_BUSY")
    assert faulty.doors["crm"].calls() == 0
    time.sleep(2.0)
    _check_whole(faulty.ask(DESK, n=order))


def test_one_of_two_warehouses_fails(faulty: FaultyHub) -> None:
    """What the other one said is there, beside one error."""
    order = faulty.demo.orders["two_warehouses"]
    document = """query ($n: String!) { order(number: $n) {
      shipments { status provenance { system } } sections { name system state code } } }"""
    faulty.doors["wms-north"].canned = b"HTTP/1.0 503 -\r\n\r\n"
    answer = faulty.ask(document, n=order)
    faulty.doors["wms-north"].heal()
    assert _codes(answer) == [("SOURCE_UNAVAILABLE", "wms-north")]
    shipments = answer["data"]["order"]["shipments"]
    assert {each["provenance"]["system"] for each in shipments} == {"wms-south"}
    assert _section(answer, "shipments", "wms-north")["state"] == "FAILED"
    assert _section(answer, "shipments", "wms-south")["state"] == "AVAILABLE"


def test_an_older_answer_stands_in_and_says_so(faulty: FaultyHub) -> None:
    order = faulty.demo.orders["with_case"]
    fresh = faulty.ask(DESK, n=order)["data"]["order"]["cases"]
    faulty.doors["crm"].fault("/cases", status=503)
    time.sleep(CASES_FRESH_FOR_S)
    told: list[dict[str, Any]] = []
    _wait_for(lambda: _is_marked(faulty, order, told))  # once a refresh has found out
    faulty.doors["crm"].heal()
    assert all(_codes(answer) == [] for answer in told)
    cases = told[-1]["data"]["order"]["cases"]
    assert [each["number"] for each in cases] == [each["number"] for each in fresh]
    assert {each["provenance"]["staleness"] for each in cases} == {"STALE"}
    assert _section(told[-1], "cases", "crm") == {
        "name": "cases", "system": "crm", "state": "AVAILABLE", "staleness": "STALE",
        "code": "SOURCE_UNAVAILABLE",
    }  # fmt: skip


def _is_marked(faulty: FaultyHub, order: str, told: list[dict[str, Any]]) -> bool:
    told.append(faulty.ask(DESK, n=order))
    return _section(told[-1], "cases", "crm")["code"] is not None


def test_a_killed_system_and_its_return(faulty: FaultyHub) -> None:
    """The scans of the carrier go missing; those the warehouse holds are still there."""
    document = """query ($n: String!) { order(number: $n) {
      shipments { number milestones { code } } } }"""
    order = faulty.demo.orders["in_transit"]
    faulty.demo.kill("carrier")
    answer = faulty.ask(document, n=order)
    assert _codes(answer) == [("SOURCE_UNAVAILABLE", "carrier")]
    assert answer["data"]["order"]["shipments"] != []
    with faulty.demo.started_again("carrier"):
        _wait_for(lambda: _codes(faulty.ask(document, n=order)) == [])


def test_all_systems_down_and_back(faulty: FaultyHub) -> None:
    """Still 200 with coded errors, still ready; and whole again once they are back."""
    order = next(faulty.orders)
    for door in faulty.doors.values():
        door.shut()
    with faulty.locked_erp():
        answer = faulty.ask(DESK, n=order)
        stock = faulty.ask('{ availability(skus: ["BLT-04-492"]) { mode code } }')
        ready = httpx2.get(f"{faulty.hub.url}/readyz", timeout=5)
    assert answer["data"] == {"order": None}
    assert _codes(answer) == [("SOURCE_BUSY", "erp-eu"), ("SOURCE_UNAVAILABLE", "erp-us")]
    unknown = {"mode": "UNKNOWN", "code": "SOURCE_UNAVAILABLE"}
    assert stock["data"] == {"availability": [unknown, unknown]}
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    for door in faulty.doors.values():
        door.open()
    _wait_for(lambda: _codes(faulty.ask(DESK, n=order)) == [])
    _check_whole(faulty.ask(DESK, n=order))


def test_the_log_has_no_traceback(faulty: FaultyHub) -> None:
    log = faulty.hub.log.read_text()
    assert "Traceback" not in log
    assert '"INTERNAL"' not in log
    assert '"status":500' not in log


def _wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + RECOVERS_WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline, f"not so within {RECOVERS_WITHIN_S:g} s"
        time.sleep(0.25)
