"""A company, a hub over it and those who follow its orders, for stories of what breaks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx2

from hub.model.ids import encode_id
from hub.model.values import Ref
from hub.security.principal import Role
from tests.e2e.hub_process import OPSHUB, descendants
from tests.e2e.live_stage import HubProcess, key_file
from tests.e2e.live_telling import Saying
from tests.e2e.live_world import SECRET_VARIABLE, Change, World, systems_text
from tests.support.rest_system import running_rest
from tests.support.subscribers import Crowd, Item, Subscriber, document_of

SECRET = "the CRM and the hub know it, nobody else"
ORDERS = 24
LOOK_S = 0.02


@dataclass
class Stage:
    """A company whose orders change, and one hub over it."""

    world: World
    hub: HubProcess
    http: httpx2.AsyncClient
    agent: str
    told: int = 0
    crowds: list[Crowd] = field(default_factory=list)

    def step(self, number: int) -> Change:
        """The order changes at its system; nobody was told yet."""
        return self.world.touch("order", "orders", f"O{number}", status="CONFIRMED")

    def saying(self, change: Change) -> Saying:
        """What its system says of it: that it changed, not how."""
        self.told += 1
        return Saying(change, f"m{self.told}", is_hint=True, copy=0)

    async def post(self, change: Change) -> None:
        """A webhook, which must be accepted."""
        saying = self.saying(change)
        response = await self.http.post(
            f"{self.hub.url}/in/{change.system}", content=saying.payload()
        )
        assert response.status_code == 202, response.text

    def follower(self, name: str = "reader") -> Subscriber:
        """Of all orders, over a socket; it comes back with its cursor."""
        token = self.hub.token(name, Role.AGENT)
        ids = [order_id(n) for n in range(ORDERS)]
        document = document_of("orderStatusChanged", {"orderIds": "[ID!]"})
        return Subscriber(name, self.hub.socket_url, token, document, {"orderIds": ids})

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[Subscriber]:
        """A follower that has its snapshot; at the end it was told nothing odd."""
        one = self.follower()
        async with Crowd([one], Random(1)) as crowd:
            await crowd.all_subscribed(10)
            yield one
        assert one.faults == []

    async def readiness(self) -> dict[str, Any]:
        """What `/readyz?verbose` says of messages."""
        token = self.hub.token("operator", Role.OPERATOR)
        headers = {"Authorization": f"Bearer {token}"}
        told = await self.http.get(f"{self.hub.url}/readyz?verbose", headers=headers)
        assert told.status_code == 200, told.text
        [part] = [each for each in told.json()["parts"] if each["name"] == "messages"]
        return dict(part)

    def ready(self) -> dict[str, Any]:
        """What the hub wrote to its ready file."""
        return dict(json.loads((self.hub.folder / "ready.json").read_text()))

    def below(self) -> list[int]:
        """The processes the hub has started."""
        assert self.hub._process is not None
        return descendants(self.hub._process.pid)

    def nats_server(self) -> int | None:
        """The process of the embedded nats-server."""
        for each in self.below():
            if _command_of(each)[:1] and _command_of(each)[0].endswith("nats-server"):
                return each
        return None

    def started_in_s(self) -> float:
        """How long the last start took, less what the hub waited for others to leave a processor:
        on a busy machine that is most of it."""
        assert self.hub._process is not None
        schedule = Path(f"/proc/{self.hub._process.pid}/schedstat")
        waited_ns = int(schedule.read_text().split()[1]) if schedule.exists() else 0
        return self.hub.started_in_s[-1] - waited_ns / 1e9

    def has_another_nats_server(self, than: int) -> bool:
        return self.nats_server() not in (None, than)

    def said(self, words: str) -> int:
        """How many lines of the hub's log have the words."""
        return sum(words in line for line in self.hub.log.read_text().splitlines())


@asynccontextmanager
async def staged(folder: Path, *, files_max: int | None = None, **env: str) -> AsyncIterator[Stage]:
    """The hub is not started yet, and stopped at the end where it runs."""
    world = World(random=Random(7))
    world.fill(ORDERS)
    program: tuple[str, ...] = (OPSHUB,)
    if files_max is not None:
        program = ("sh", "-c", f'ulimit -n {files_max}; exec "$@"', "sh", OPSHUB)
    async with running_rest(world), httpx2.AsyncClient(timeout=10) as http:
        systems = folder / "systems.yaml"
        systems.write_text(systems_text(world.url, polled=False))
        settings = {
            SECRET_VARIABLE: SECRET,
            "OPSHUB_HEARTBEAT_S": "1",
            "OPSHUB_TOKEN_KEY_FILE": str(key_file(folder)),
        } | env
        hub = HubProcess(folder, systems, settings, program)
        stage = Stage(world, hub, http, agent=hub.token("agent", Role.AGENT))
        try:
            yield stage
        finally:
            if hub.is_running():
                await hub.stop()


def order_id(number: int) -> str:
    return encode_id(Ref("order", "erp", f"O{number}"))


async def until(
    holds: Callable[[], Any], within_s: float, *, what: str | Callable[[], object]
) -> float:
    """Wait for it; how long that took. An AssertionError says what did not come."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within_s:
            missing = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {within_s:g} s: {missing}")
        await asyncio.sleep(LOOK_S)
    return time.monotonic() - began


def events(one: Subscriber) -> list[Item]:
    return [each for each in one.items if each.kind == "event"]


def orders_heard(one: Subscriber) -> set[int]:
    """The numbers of the orders it was told of."""
    return {int(each.ref[2].removeprefix("O")) for each in events(one)}


async def hears(one: Subscriber, orders: set[int], within_s: float) -> float:
    """Wait until it was told of each of them."""
    return await until(
        lambda: orders <= orders_heard(one), within_s, what=lambda: orders - orders_heard(one)
    )


def kill(process: int) -> None:
    """As by `kill -9`."""
    os.kill(process, signal.SIGKILL)


def _command_of(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/cmdline").read_text().split("\0")
    except OSError:
        return []
