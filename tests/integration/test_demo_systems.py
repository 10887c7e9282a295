"""The demo systems as running processes: what a caller sees of them, and how they end."""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from hub.demo import supervisor
from hub.demo.supervisor import DemoSystem, DemoSystems, DemoUnavailable

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASIC = "Basic " + b64encode(b"hub:demo-wms-south").decode()
CREDENTIALS: Mapping[str, dict[str, str]] = {
    "erp-eu": {"authorization": "Bearer demo-erp-eu"},
    "erp-us": {"authorization": "Bearer demo-erp-us"},
    "wms-north": {"x-api-key": "demo-wms-north"},
    "wms-south": {"authorization": BASIC},
    "crm": {"authorization": "Bearer demo-crm"},
    "carrier": {"authorization": "Bearer demo-carrier"},
}
READS = {
    "erp-us": "/orders",
    "wms-north": "/shipments",
    "wms-south": "/shipments",
    "crm": "/cases",
    "carrier": "/trackings",
}
GONE_WITHIN_S = 5.0


def _quiet(line: str) -> None:
    """Progress nobody reads."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoSystems]:
    running = await supervisor.start(tmp_path_factory.mktemp("demo"), pace_s=0, progress=_quiet)
    yield running
    await supervisor.stop(running)


def _system(demo: DemoSystems, name: str) -> DemoSystem:
    return next(each for each in demo.systems if each.name == name)


def _ask(demo: DemoSystems, name: str, path: str, **headers: str) -> httpx2.Response:
    return httpx2.get(_system(demo, name).url + path, headers=headers or CREDENTIALS[name])


def _tell(demo: DemoSystems, name: str, path: str, body: Any) -> httpx2.Response:
    return httpx2.post(_system(demo, name).url + path, json=body, headers=CREDENTIALS[name])


def _count(demo: DemoSystems, name: str, sql: str) -> int:
    with sqlite3.connect(_system(demo, name).database) as connection:
        (count,) = connection.execute(sql).fetchone()
    connection.close()
    return int(count)


async def test_each_system_has_its_own_process_and_its_own_share(demo: DemoSystems) -> None:
    assert [each.name for each in demo.systems] == list(CREDENTIALS)
    assert len({process.pid for process in demo.processes}) == 6
    assert len({each.database for each in demo.systems}) == 6
    assert _count(demo, "erp-eu", "SELECT count(*) FROM ordhdr") == 1200
    assert _count(demo, "erp-us", "SELECT count(*) FROM orders") == 800
    assert _count(demo, "wms-south", "SELECT count(*) FROM shp WHERE co = '01'") > 50
    assert _count(demo, "wms-south", "SELECT count(*) FROM shp WHERE st = 77") == 1
    assert _count(demo, "erp-eu", "SELECT count(*) FROM invhdr WHERE ivam < 0") > 30


async def test_the_ambiguous_number_is_an_order_in_both_erps(demo: DemoSystems) -> None:
    number = demo.interesting.orders["ambiguous"]
    found = _ask(demo, "erp-us", f"/orders?numbers={number}").json()["results"]
    assert [each["orderNumber"] for each in found] == [number]
    assert _count(demo, "erp-eu", f"SELECT count(*) FROM ordhdr WHERE orno = '{number}'") == 1


@pytest.mark.parametrize("name", sorted(READS))
async def test_nobody_reads_without_credentials(demo: DemoSystems, name: str) -> None:
    refused = _ask(demo, name, READS[name], authorization="Bearer wrong")
    assert refused.status_code == 401
    assert "credentials" in refused.text


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("erp-us", {"errors": [{"code": 400, "message": "unknown query parameter: nope"}]}),
        ("wms-north", {"fault": {"http": 400, "reason": "unknown query parameter: nope"}}),
        ("wms-south", {"err": 400, "msg": "unknown query parameter: nope"}),
        ("crm", {"error": "unknown query parameter: nope", "status": 400}),
        (
            "carrier",
            {
                "title": "Request refused",
                "status": 400,
                "detail": "unknown query parameter: nope",
            },
        ),
    ],
)
async def test_each_system_refuses_in_its_own_words(
    demo: DemoSystems, name: str, shape: Any
) -> None:
    refused = _ask(demo, name, f"{READS[name]}?nope=1")
    assert (refused.status_code, refused.json()) == (400, shape)
    assert _ask(demo, name, "/nowhere").status_code == 404


def _pages(demo: DemoSystems, name: str) -> Iterator[list[Any]]:
    """All pages of a listing, followed the way the system wants it."""
    path: str | None = READS[name]
    number = 1
    while path is not None:
        body = _ask(demo, name, path).json()
        if name == "erp-us":
            yield body["results"]
            number += 1
            path = f"{READS[name]}?page={number}" if body["more"] else None
        elif name == "wms-south":
            yield body["data"]
            path = f"{READS[name]}?cursor={body['cursor']}" if body["cursor"] else None
        elif name == "crm":
            yield body["records"]
            path = body["nextPage"]
        else:
            yield body["items"] if name == "wms-north" else body["content"]
            path = body["links"]["next"] if name == "wms-north" else body["next"]


@pytest.mark.parametrize(
    ("name", "key", "table", "size"),
    [
        ("erp-us", "id", "orders", 500),
        ("wms-north", "id", "shipments", 250),
        ("wms-south", "shp_no", "shp", 250),
        ("crm", "caseNo", "cases", 200),
        ("carrier", "id", "trackings", 2000),
    ],
)
async def test_pages_hold_every_record_once(
    demo: DemoSystems, name: str, key: str, table: str, size: int
) -> None:
    pages = list(_pages(demo, name))
    keys = [record[key] for page in pages for record in page]
    assert max(len(page) for page in pages) == size
    assert len(keys) == len(set(keys)) == _count(demo, name, f"SELECT count(*) FROM {table}")


async def test_calls_are_counted_and_faults_are_played(demo: DemoSystems) -> None:
    url = _system(demo, "crm").url
    httpx2.delete(f"{url}/__stats")
    fault = {"path_prefix": "/cases", "status": 503, "times": 1, "delay_s": 0.05}
    httpx2.post(f"{url}/__fault", json=fault)
    answers = [_ask(demo, "crm", "/cases?ids=60001").status_code for _ in range(2)]
    assert answers == [503, 200]
    stats = httpx2.get(f"{url}/__stats").json()
    assert stats == {"total": 2, "calls": {"GET /cases": 2}}


@pytest.mark.parametrize("name", ["erp-eu", "erp-us"])
async def test_a_credit_memo_is_made_once_for_a_reference(demo: DemoSystems, name: str) -> None:
    number = demo.interesting.orders["delivered"] if name == "erp-eu" else "100141"
    currency = _currency(demo, name, number)
    body = {"reference": "R-1", "order": number, "amount": "1.25", "currency": currency}
    before = _memos(demo, name)
    first, again = (_tell(demo, name, "/credit-memos", body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = _tell(demo, name, "/credit-memos", {**body, "amount": "2.00"})
    assert other.status_code == 409
    assert _ask(demo, name, "/credit-memos?reference=R-1").status_code == 200
    much = _tell(demo, name, "/credit-memos", {**body, "reference": "R-2", "amount": "9999999"})
    wrong = _tell(demo, name, "/credit-memos", {**body, "reference": "R-3", "currency": "JPY"})
    assert (much.status_code, wrong.status_code) == (422, 422)
    assert _memos(demo, name) == before + 1


def _currency(demo: DemoSystems, name: str, order: str) -> str:
    table, key, column = ("ordhdr", "orno", "orcr")
    if name == "erp-us":
        table, key, column = ("orders", "id", "currency")
    with sqlite3.connect(_system(demo, name).database) as connection:
        sql = f"SELECT {column} FROM {table} WHERE {key} = ?"
        (currency,) = connection.execute(sql, (order,)).fetchone()
    connection.close()
    return str(currency)


def _memos(demo: DemoSystems, name: str) -> int:
    table = "invhdr WHERE ivty = 'C'" if name == "erp-eu" else "credit_memos"
    return _count(demo, name, f"SELECT count(*) FROM {table}")


async def test_a_lost_answer_leaves_its_effect(demo: DemoSystems) -> None:
    url = _system(demo, "erp-eu").url
    fault = {"path_prefix": "/credit-memos", "status": 504, "times": 1, "when": "after"}
    httpx2.post(f"{url}/__fault", json=fault)
    number = demo.interesting.orders["two_warehouses"]
    body = {
        "reference": "R-LOST",
        "order": number,
        "amount": "3.00",
        "currency": _currency(demo, "erp-eu", number),
    }
    assert _tell(demo, "erp-eu", "/credit-memos", body).status_code == 504
    found = _ask(demo, "erp-eu", "/credit-memos?reference=R-LOST")
    assert found.json()["amount"] == "3.00"
    assert _tell(demo, "erp-eu", "/credit-memos", body).json() == found.json()


async def test_an_order_is_held_once_and_released_once(demo: DemoSystems) -> None:
    number = demo.interesting.orders["open"]
    steps = ["hold", "hold", "release", "release"]
    answers = [_tell(demo, "erp-eu", f"/orders/{number}/{step}", {}) for step in steps]
    assert [answer.status_code for answer in answers] == [200, 409, 200, 409]
    assert answers[1].json()["error"]["text"] == f"order {number} is in status 40, not held"


async def test_a_second_start_on_the_same_data_is_refused(demo: DemoSystems) -> None:
    data_dir = demo.systems[0].database.parent
    with pytest.raises(DemoUnavailable, match=f"already run on .* \\(process {os.getpid()}\\)"):
        await supervisor.start(data_dir, pace_s=0, progress=_quiet)


async def test_an_address_that_is_set_already_is_kept(
    demo: DemoSystems, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSHUB_DEMO_CRM_URL", "http://127.0.0.1:9")
    environment = supervisor.environment_of(demo.systems)
    assert environment["OPSHUB_DEMO_CRM_URL"] == "http://127.0.0.1:9"
    assert environment["OPSHUB_DEMO_ERP_US_URL"] == _system(demo, "erp-us").url


async def test_a_later_start_finds_the_same_data_and_changes_nothing(tmp_path: Path) -> None:
    first: list[str] = []
    second: list[str] = []
    running = await supervisor.start(tmp_path, pace_s=0, progress=first.append)
    await supervisor.stop(running)
    with sqlite3.connect(tmp_path / "crm.sqlite") as connection:
        connection.execute("DELETE FROM messages")
    connection.close()
    running = await supervisor.start(tmp_path, pace_s=0, progress=second.append)
    await supervisor.stop(running)
    assert [line for line in first if "seeded" in line] == [
        f"{name}: seeded {name}.sqlite" for name in CREDENTIALS
    ]
    assert [line for line in second if "seeded" in line] == []
    assert all(process.returncode is not None for process in running.processes)
    with sqlite3.connect(tmp_path / "crm.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (0,)
    connection.close()


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = _serve_on(port, tmp_path)
    assert ended.returncode == 3
    assert f"crm: cannot listen on 127.0.0.1:{port}" in ended.stderr


def _serve_on(port: int, data_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "hub.demo.serve", "--system", "crm"),
            *("--data-dir", str(data_dir), "--port", str(port)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


PARENT = """
import asyncio, json, sys
from pathlib import Path
from queue import Queue
from hub.demo import supervisor

async def main():
    running = await supervisor.start(Path(sys.argv[1]), pace_s=0, progress=lambda line: None)
    print(json.dumps([each.url for each in running.systems]), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def _start_parent(data_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, str(data_dir)], stdout=subprocess.PIPE, text=True
    )


async def test_they_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """And the dead parent's lock is no obstacle to the next start."""
    parent = _start_parent(tmp_path)
    assert parent.stdout is not None
    urls = json.loads(parent.stdout.readline())
    assert all(_listens(url) for url in urls)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + GONE_WITHIN_S
    while any(_listens(url) for url in urls):
        assert time.monotonic() < deadline, "a demo system outlived its parent"
        await asyncio.sleep(0.05)
    running = await supervisor.start(tmp_path, pace_s=0, progress=_quiet)
    await supervisor.stop(running)


def _listens(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


async def test_a_living_carrier_tells_a_signed_webhook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSHUB_DEMO_POISON_RATE", "0")
    with _listener() as (url, heard):
        running = await supervisor.start(
            tmp_path,
            pace_s=0.1,
            progress=_quiet,
            webhook_url=url,
            webhook_secret="quiet",
        )
        body, signature = await asyncio.to_thread(heard.get, timeout=GONE_WITHIN_S)
        await supervisor.stop(running)
    digest = hmac.new(b"quiet", body, hashlib.sha256).hexdigest()
    assert signature == f"sha256={digest}"
    said = json.loads(body)
    assert set(said) == {"messageId", "event", "sentAt", "scan"}
    assert said["event"] == "parcel.scanned"


@contextmanager
def _listener() -> Iterator[tuple[str, Queue[tuple[bytes, str | None]]]]:
    """A server that remembers what it is told, with the signature."""
    heard: Queue[tuple[bytes, str | None]] = Queue()

    class Remember(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/in/carrier":
                heard.put((body, self.headers.get("x-carrier-signature")))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Remember)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
