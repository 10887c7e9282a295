"""The hub is killed again and again while credits are asked for: none is lost, none done twice.

A few kills in the suite; `OPSHUB_PROVE_KILLS` and `OPSHUB_PROVE_COMMANDS` set the scale, and
`OPSHUB_PROVE_SEED` repeats a run. Effects are counted in the ERP's own database.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest

from hub.cli.demo import running_demo
from hub.security.principal import Role
from tests.e2e.command_desk import CREDIT, ERP, Desk, quick_systems
from tests.e2e.hub_process import OPSHUB, RunningHub, end, environment, wait_for_ready

SEED = int(os.environ.get("OPSHUB_PROVE_SEED", "20261121"))
KILLS = int(os.environ.get("OPSHUB_PROVE_KILLS", "2"))
COMMANDS = int(os.environ.get("OPSHUB_PROVE_COMMANDS", "24"))
CLIENTS = 8
TRY_AGAIN_S = 0.2
UP_S = (0.3, 1.5)  # how long the hub may live before it is killed
ENDED_S = 30.0 + COMMANDS / 5  # for what is open after the last kill


class Phoenix:
    """A hub that is killed and started again, always at the same address."""

    def __init__(self, folder: Path, systems: Path, variables: dict[str, str], port: int) -> None:
        self._folder = folder
        self._environment = environment(**variables)
        self._arguments = ["--systems", str(systems), "--port", str(port)]
        self.hub = self._start()

    def _start(self) -> RunningHub:
        ready_file, log = self._folder / "ready.json", self._folder / "hub.log"
        ready_file.unlink(missing_ok=True)
        command = [OPSHUB, "up", "--data-dir", str(self._folder / "data"),
                   "--ready-file", str(ready_file), *self._arguments]  # fmt: skip
        with log.open("a") as sink:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
                env=self._environment, text=True, cwd=self._folder,
            )  # fmt: skip
        return RunningHub(process, wait_for_ready(process, ready_file, log), log)

    def kill(self) -> None:
        """kill -9, and start it again."""
        self.hub.process.send_signal(signal.SIGKILL)
        self.hub.process.wait()
        self.hub = self._start()

    def start_again(self, *, without: str) -> None:
        """After it has ended by itself; without the variable that made it."""
        self._environment.pop(without, None)
        self.hub = self._start()

    def end(self) -> None:
        end(self.hub.process, signal.SIGTERM)


@contextmanager
def _phoenix(folder: Path, variables: dict[str, str]) -> Iterator[Phoenix]:
    systems = quick_systems(folder)
    port = 20_000 + os.getpid() % 20_000
    phoenix = Phoenix(folder, systems, variables, port)
    try:
        yield phoenix
    finally:
        phoenix.end()


class Clients:
    """Send each credit until it is acknowledged; `acknowledged` are the ids by key."""

    def __init__(self, desk: Desk, phoenix: Phoenix) -> None:
        self._desk, self._phoenix = desk, phoenix
        self._token = phoenix.hub.token_of("the till", Role.FINANCE)
        self.acknowledged: dict[str, str] = {}
        self.tries = Counter[str]()

    def send(self, key: str, invoice: str, currency: str) -> None:
        variables = {"id": self._desk.invoice_id(invoice), "key": key, "amount": "1.00",
                     "currency": currency}  # fmt: skip
        while key not in self.acknowledged:
            self.tries[key] += 1
            answer = self._asked({"query": CREDIT, "variables": variables})
            if answer is None or answer.get("errors"):
                time.sleep(TRY_AGAIN_S)
                continue
            self.acknowledged[key] = answer["data"]["done"]["command"]["id"]

    def _asked(self, body: Any) -> dict[str, Any] | None:
        """The answer; None where none came: the same is asked again."""
        headers = {"Authorization": f"Bearer {self._token}"}
        url = f"{self._phoenix.hub.url}/graphql"
        try:
            answer = httpx2.post(url, json=body, headers=headers, timeout=10)
            found: dict[str, Any] = answer.json()
        except (httpx2.HTTPError, ValueError):
            return None
        return found


@pytest.mark.timeout(60 + KILLS * 10 + COMMANDS)
async def test_kills_lose_no_credit_and_double_none(tmp_path: Path) -> None:
    print(f"seed {SEED}: {COMMANDS} credits, {KILLS} kills")
    async with running_demo(tmp_path / "erp", pace_s=0, tell=print) as demo:
        erp = next(each for each in demo.systems if each.name == ERP)
        with _phoenix(tmp_path, dict(demo.environment)) as phoenix:
            desk = Desk(phoenix.hub, erp.database, erp.url)
            _run(desk, phoenix, Random(SEED))


def _run(desk: Desk, phoenix: Phoenix, random: Random) -> None:
    clients, invoices = Clients(desk, phoenix), desk.invoices()
    wanted = {f"k{n}": invoices[n % len(invoices)] for n in range(COMMANDS)}
    over = threading.Event()

    def kill() -> None:
        for _ in range(KILLS):
            time.sleep(random.uniform(*UP_S))
            phoenix.kill()
        over.set()

    killer = threading.Thread(target=kill)
    killer.start()
    with ThreadPoolExecutor(CLIENTS) as senders:
        for key, (invoice, currency) in wanted.items():
            senders.submit(clients.send, key, invoice, currency)
            time.sleep(KILLS * sum(UP_S) / 2 / COMMANDS)
    killer.join()
    assert over.is_set()
    assert clients.acknowledged.keys() == wanted.keys()
    desk.hub = phoenix.hub
    _check(desk, clients, {invoice for invoice, _ in wanted.values()})


def _check(desk: Desk, clients: Clients, invoices: set[str]) -> None:
    """Each that was acknowledged is done, once; nothing else is."""
    token = desk.hub.token_of("the till", Role.FINANCE)
    until = time.monotonic() + ENDED_S
    ended = {}
    for key, id_ in clients.acknowledged.items():
        while (status := desk.one(id_, token=token, role="finance")["status"]) != "APPLIED":
            assert time.monotonic() < until, (key, id_, status)
            time.sleep(TRY_AGAIN_S)
        ended[id_] = status
    done = Counter(reference for each in invoices for reference, _ in desk.memos(each))
    print(f"{len(ended)} done, {sum(clients.tries.values())} sends, {sum(done.values())} memos")
    assert done == Counter(clients.acknowledged.values())
    assert len(done) == COMMANDS
