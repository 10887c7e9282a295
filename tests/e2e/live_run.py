"""One run of the live proof: a world, a nats-server and hubs over it, all real processes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from tests.e2e.hub_process import OPSHUB
from tests.e2e.live_proof import Proof, Scale
from tests.e2e.live_stage import HubProcess, NatsProcess, key_file
from tests.e2e.live_store import LogReader, rows_of
from tests.e2e.live_telling import Telling
from tests.e2e.live_world import SECRET_VARIABLE, World, systems_text
from tests.support.rest_system import running_rest

SEED = int(os.environ.get("OPSHUB_PROVE_SEED", "20261121"))
SECRET = "the CRM and the hub know it, nobody else"
LEASES = frozenset({"deliveries", "events", "inbound", "poll:erp"})
LEASED_WITHIN_S = 15.0
_LEASES = "SELECT name, holder FROM lease WHERE until > now()"


@asynccontextmanager
async def running_proof(
    folder: Path, scale: Scale, *, store_url: str | None = None, hubs: int = 1,
    program: tuple[str, ...] = (OPSHUB,),
) -> AsyncIterator[Proof]:  # fmt: skip
    """Everything up; the first hub holds all leases. Without a URL the store is SQLite."""
    random_ = Random(SEED)
    world = World(random=random_)
    world.fill(scale.orders)
    nats = NatsProcess(folder)
    async with running_rest(world):
        systems = folder / "systems.yaml"
        systems.write_text(systems_text(world.url))
        url = store_url or f"sqlite:///{folder}/hub.sqlite"
        env = {
            SECRET_VARIABLE: SECRET,
            "OPSHUB_NATS_URL": nats.url,
            "OPSHUB_STORE_URL": url,
            "OPSHUB_TOKEN_KEY_FILE": str(key_file(folder)),
        }
        started = [HubProcess(_made(folder / f"hub-{n}"), systems, env, program)
                   for n in range(hubs)]  # fmt: skip
        await nats.start()
        try:
            await _start(started, url)
            urls = [hub.url for hub in started]
            async with Telling(nats.url, urls, SECRET, random_) as telling:
                yield Proof(scale, world, started, nats, telling, LogReader(url), random_)
        finally:
            processes: list[HubProcess | NatsProcess] = [*started, nats]
            for process in processes:
                if process.is_running():
                    await process.stop()


async def _start(hubs: Sequence[HubProcess], store_url: str) -> None:
    """One after the other; the second not before the first one holds every lease."""
    for n, hub in enumerate(hubs):
        await hub.start()
        if n == 0 and len(hubs) > 1:
            deadline = time.monotonic() + LEASED_WITHIN_S
            while set(held := await holders(store_url)) != LEASES:
                assert time.monotonic() < deadline, held
                await asyncio.sleep(0.1)


async def holders(store_url: str) -> dict[str, str]:
    """Who holds each lease now, by its name; PostgreSQL only."""
    return {name: holder for name, holder in await rows_of(store_url, _LEASES)}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
