"""What is missing at start is said by name, and stops the hub only where it could not serve."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hub.demo.supervisor import SYSTEMS_FILE
from tests.e2e.faulty import Demo, Door, agent_token, copy_erp, running_demo, variables_of
from tests.e2e.hub_process import RunningHub, environment, opshub, running_hub

pytestmark = pytest.mark.timeout(120)

ONE_TABLE = """\
version: 1
systems:
  erp:
    role: erp
    kind: sql
    url: ${TEST_ERP_DSN}
    entities:
      order:
        from: ordhdr
        key: orno
        fields:
          number: orno
          business_unit: orfa
"""
MISSING_COLUMN = ONE_TABLE + "          po_number: orpoo\n"

TEN_MISTAKES = """\
version: 1
systems:
  erp:
    role: erp
    kind: sql
    url: ${TEST_ERP_DNS}
    limits: { timeout: two seconds }
    entities:
      order:
        from: ordhdr
        key: orno
        fields:
          numbr: orno
          status: { column: orst, values: { 10: OPEN, NO: CANCELED } }
          total: orvl
          placed_at: { column: ordt, zone: Europe/Berln }
          customer: { column: orcu, to: epr.customer }
          po_number: { colum: orpo }
      orderline:
        from: ordlin
        key: lnno
        fields: { line_number: lnno }
    commands:
      create_credit_memo: { sql: "INSERT" }
"""
TEN_PLACES = (6, 7, 13, 14, 15, 16, 17, 18, 19, 24)  # their lines
DEAD_COLLECTOR_ANSWERS = 20
ANSWERS_WITHIN_S = 3.0  # each; the exporter's own timeout is 10 s
RECOVERS_WITHIN_S = 12.0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("systems")) as running:
        yield running


def _write(folder: Path, text: str) -> str:
    file = folder / "systems.yaml"
    file.write_text(text)
    return str(file)


def _errors(answer: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in answer.get("errors", [])]


def _with_erp(demo: Demo, **more: str) -> dict[str, str]:
    return environment(TEST_ERP_DSN=f"sqlite:///{demo.database('erp-eu')}", **more)


def test_systems_that_come_after_the_hub(demo: Demo, tmp_path: Path) -> None:
    """None of the six is there at start: the hub says so, serves, and works once they come."""
    doors = {name: Door(demo.url(name)) for name in demo.about["systems"] if name != "erp-eu"}
    for door in doors.values():
        door.shut()
    erp = tmp_path / "not-yet.sqlite"
    env = environment(**variables_of(doors, erp))
    document = "query ($n: String!) { order(number: $n) { number shipments { number } } }"
    with running_hub(tmp_path, "--systems", str(SYSTEMS_FILE), env=env) as hub:
        assert "problem: erp-eu" in hub.log.read_text()
        token = agent_token(tmp_path)
        number = demo.orders["delivered"]
        before = hub.ask(document, token=token, n=number)
        assert before["data"] == {"order": None}
        assert set(_errors(before)) == {"SOURCE_UNAVAILABLE"}
        assert _ready(hub) == (200, "degraded")
        copy_erp(demo.database("erp-eu"), erp)
        for door in doors.values():
            door.open()
        after = _asked_until_whole(hub, document, token, number)
        assert after["data"]["order"]["number"] == number
        assert after["data"]["order"]["shipments"] != []
    for door in doors.values():
        door.shut()
    assert "Traceback" not in hub.log.read_text()


def _asked_until_whole(hub: RunningHub, document: str, token: str, number: str) -> dict[str, Any]:
    deadline = time.monotonic() + RECOVERS_WITHIN_S
    while True:
        answer = hub.ask(document, token=token, n=number)
        if not _errors(answer):
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.25)


def _ready(hub: RunningHub) -> tuple[int, str]:
    told = httpx2.get(f"{hub.url}/readyz", timeout=5)
    return told.status_code, told.json()["status"]


def test_a_column_that_does_not_exist_is_named_at_start(demo: Demo, tmp_path: Path) -> None:
    """The hub serves; only what would read that table fails, and says why."""
    file = _write(tmp_path, MISSING_COLUMN)
    with running_hub(tmp_path, "--systems", file, env=_with_erp(demo)) as hub:
        (said,) = [line for line in hub.log.read_text().splitlines() if "problem:" in line]
        answer = hub.ask('{ order(number: "100002") { number } }', token=agent_token(tmp_path))
    assert said.startswith(
        f"problem: erp: {file}:14:22: systems.erp.entities.order.fields.po_number: "
        "there is no column 'orpoo'; expected one of "
    )
    assert said.endswith("; did you mean 'orpo'?")
    assert _errors(answer) == ["SOURCE_MISCONFIGURED"]


def test_a_column_that_does_not_exist_is_named_by_config_check(demo: Demo, tmp_path: Path) -> None:
    file = _write(tmp_path, MISSING_COLUMN)
    offline = opshub("config", "check", file, cwd=tmp_path, env=_with_erp(demo))
    assert (offline.returncode, offline.stdout) == (0, f"{file}: ok\n")
    checked = opshub("config", "check", file, "--connect", cwd=tmp_path, env=_with_erp(demo))
    assert checked.returncode == 1
    first, last = checked.stdout.splitlines()
    assert first.startswith(
        f"{file}:14:22: systems.erp.entities.order.fields.po_number: there is no column 'orpoo'"
    )
    assert first.endswith("did you mean 'orpo'?")
    assert last == f"{file}: 1 problem"


def test_a_file_with_ten_mistakes_refuses_to_start_and_lists_them(tmp_path: Path) -> None:
    file = _write(tmp_path, TEN_MISTAKES)
    refused = opshub(
        "up", "--systems", file, "--port", "0", "--data-dir", str(tmp_path / "data"),
        cwd=tmp_path, env=environment(TEST_ERP_DSN="sqlite:///erp.sqlite"),
    )  # fmt: skip
    assert refused.returncode == 1
    told = [line for line in refused.stderr.splitlines() if line.startswith(f"{file}:")]
    assert tuple(int(line.split(":")[1]) for line in told) == TEN_PLACES
    assert "the systems file has 10 problems" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_no_systems_file_is_a_usage_error(tmp_path: Path) -> None:
    refused = opshub("up", "--port", "0", cwd=tmp_path)
    assert refused.returncode == 2
    assert "--systems FILE" in refused.stderr
    assert list(tmp_path.iterdir()) == [], "nothing was made"


def test_a_systems_file_that_is_not_there(tmp_path: Path) -> None:
    refused = opshub("up", "--systems", "nowhere.yaml", "--port", "0", cwd=tmp_path)
    assert refused.returncode == 1
    assert "nowhere.yaml" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_a_nats_server_the_hub_starts_and_says_so(demo: Demo, tmp_path: Path) -> None:
    """Neither the wheel nor PATH holds one: the scripts directory is hidden from the process."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sysconfig\n"
        "real = sysconfig.get_path\n"
        f"sysconfig.get_path = lambda name, *a, **k: {str(hidden)!r} if name == 'scripts'"
        " else real(name, *a, **k)\n"
    )
    paths = os.pathsep.join(filter(None, [str(hidden), os.environ.get("PYTHONPATH")]))
    env = _with_erp(demo, PATH=str(hidden), PYTHONPATH=paths)
    file = _write(tmp_path, ONE_TABLE)
    with running_hub(tmp_path, "--systems", file, env=env) as hub:
        assert hub.ready["nats_url"] is None
        assert "problem: no messages: no nats-server found" in hub.log.read_text()
        answer = hub.ask('{ order(number: "100002") { number } }', token=agent_token(tmp_path))
    assert answer["data"] == {"order": {"number": "100002"}}
    assert _errors(answer) == []


def test_a_dead_trace_collector_delays_no_answer(demo: Demo, tmp_path: Path) -> None:
    """It accepts connections and never answers, which costs an exporter its whole timeout."""
    file = _write(tmp_path, ONE_TABLE)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces"
        env = _with_erp(demo, OPSHUB_TRACE_ENDPOINT=endpoint)
        with running_hub(tmp_path, "--systems", file, env=env) as hub:
            token = agent_token(tmp_path)
            for number in range(100001, 100001 + DEAD_COLLECTOR_ANSWERS):
                started = time.monotonic()
                answer = hub.ask(f'{{ order(number: "{number}") {{ number }} }}', token=token)
                assert time.monotonic() - started < ANSWERS_WITHIN_S
                assert answer["data"] == {"order": {"number": str(number)}}
            assert _ready(hub) == (200, "ready")
    assert "Traceback" not in hub.log.read_text()
