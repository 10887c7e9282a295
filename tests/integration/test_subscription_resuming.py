"""Official clients lose a server and come back: what was told meanwhile is told, and once."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from tests.integration.live_server import Ticks, live_server, until
from tests.support.subscription_clients import KINDS, Following, installed_packages

pytestmark = pytest.mark.timeout(120)

DOCUMENT = "subscription ($after: String) { ticks(after: $after) { number eventId cursor } }"
RESTARTS = 2
BACK_WITHIN_S = 20.0


async def test_official_clients_come_back_and_miss_nothing(tmp_path: Path) -> None:
    await asyncio.to_thread(installed_packages)
    clients: list[Following] = []
    port = last = 0
    try:
        for _ in range(RESTARTS + 1):
            async with live_server(port=port) as server:
                port, ticks = server.port, server.ticks
                ticks.last, ticks.tells_cursors = last, True
                clients = clients or [
                    Following(
                        kind, server.url, token=f"agent.{kind}", document=DOCUMENT, folder=tmp_path
                    )
                    for kind in KINDS
                ]
                await until(partial(_all_listen, ticks), BACK_WITHIN_S)
                for _ in range(20):
                    ticks.tick()
                    await asyncio.sleep(0.01)
                await until(partial(_all_have, clients, ticks.last))
                last = ticks.last + 5  # told while nobody can hear
    finally:
        for client in clients:
            client.stop()
    told = list(range(1, last - 5 + 1))
    for client in clients:
        assert [item["number"] for item in client.items] == told, (client.kind, client.lines)
        assert not [line for line in client.lines if "errors" in line], client.kind


def _all_listen(ticks: Ticks) -> bool:
    return len(ticks.open_streams) == len(KINDS)


def _all_have(clients: list[Following], count: int) -> bool:
    return all(len(each.items) >= count for each in clients)
