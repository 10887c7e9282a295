"""The hub's own nats-server: started again where it was, told of partners, alone in its store."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from hub.events.connection import Nats, NatsAccess
from hub.events.embedded import EmbeddedNats, start_embedded
from hub.events.partners import inbox_prefix
from hub.model.errors import ConfigInvalid
from hub.observe.tasks import in_background
from tests.support.relayed import ended, until

CONNECT_S = 2.0


@asynccontextmanager
async def running(folder: Path, *partners: str) -> AsyncIterator[EmbeddedNats]:
    """A server that is kept running, its streams made by the hub."""
    embedded = await start_embedded(folder, partners)
    hub = Nats(NatsAccess(embedded.url))
    works = [in_background(embedded.follow()), in_background(hub.follow())]
    try:
        await until(lambda: hub.is_connected)
        yield embedded
    finally:
        for each in works:
            await ended(each)
        await embedded.stop()


@asynccontextmanager
async def connected(url: str, system: str) -> AsyncIterator[Client]:
    """A partner's client; the errors of nats-py where it is not let in."""
    client = Client()
    try:
        await client.connect(
            url,
            inbox_prefix=inbox_prefix(system),
            connect_timeout=CONNECT_S,  # type: ignore[arg-type]  # a float serves
            allow_reconnect=False, max_reconnect_attempts=1, error_cb=_expected,
        )  # fmt: skip
        yield client
    finally:
        await client.close()


async def _expected(_: Exception) -> None:
    """The server's death is no news."""


async def tell(client: Client, system: str) -> int:
    """The message's number in the stream, once it is stored."""
    return (await client.jetstream(timeout=2).publish(f"in.{system}.x", b"{}")).seq


def server_of(embedded: EmbeddedNats) -> int:
    """The server's own process, which the ports file names; it is written anew at each start."""
    [ports] = embedded.folder.glob("*.ports")
    return int(ports.stem.rpartition("_")[2])


async def test_it_is_started_again_with_its_port_its_users_and_its_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "hub.events.embedded")
    async with running(tmp_path, "crm") as embedded:
        urls = (embedded.url, dict(embedded.partner_urls))
        async with connected(urls[1]["crm"], "crm") as crm:
            assert await tell(crm, "crm") == 1
        for _ in range(2):
            killed = server_of(embedded)
            os.kill(killed, signal.SIGKILL)
            await until(partial(_is_another, embedded, killed), within_s=2)
        assert (embedded.url, dict(embedded.partner_urls)) == urls
        async with connected(urls[1]["crm"], "crm") as crm:
            assert await tell(crm, "crm") == 2
    told = [each.message for each in caplog.records if "embedded" in each.name]
    assert told == ["nats-server ended with code 137; it is started again"]


def _is_another(embedded: EmbeddedNats, old: int) -> bool:
    return any(embedded.folder.glob("*.ports")) and server_of(embedded) != old


async def test_new_partners_are_let_in_and_the_others_keep_their_connections(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        embedded = await stack.enter_async_context(running(tmp_path, "crm", "old"))
        crm, old = [
            await stack.enter_async_context(connected(embedded.partner_urls[name], name))
            for name in ("crm", "old")
        ]
        left = embedded.partner_urls["old"]
        assert await embedded.admit(["crm", "wms-north"]) is True
        assert await embedded.admit(["wms-north", "crm"]) is False
        with pytest.raises(ConfigInvalid, match="cannot tell by NATS"):
            await embedded.admit(["crm", "in.>"])
        assert sorted(embedded.partner_urls) == ["crm", "wms-north"]
        url = embedded.partner_urls["wms-north"]
        new = await stack.enter_async_context(connected(url, "wms-north"))
        assert (await tell(crm, "crm"), await tell(new, "wms-north")) == (1, 2)
        await until(lambda: old.is_closed)
        with pytest.raises(NatsError):
            await stack.enter_async_context(connected(left, "old"))
        os.kill(server_of(embedded), signal.SIGKILL)
        await until(lambda: crm.is_closed and new.is_closed)
        await until(lambda: any(embedded.folder.glob("*.ports")))
        async with connected(url, "wms-north") as again:
            assert await tell(again, "wms-north") == 3


async def test_a_second_server_waits_until_the_first_has_left_the_store(tmp_path: Path) -> None:
    first = await start_embedded(tmp_path)
    waiting = asyncio.create_task(start_embedded(tmp_path))
    await asyncio.sleep(0.7)
    assert not waiting.done()
    await first.stop()
    second = await waiting
    assert second.port > 0
    await second.stop()


async def test_a_killed_warden_takes_the_server_along(tmp_path: Path) -> None:
    embedded = await start_embedded(tmp_path)
    server = server_of(embedded)
    assert embedded.process is not None
    embedded.process.kill()
    await embedded.process.wait()
    await until(lambda: not Path(f"/proc/{server}").exists(), within_s=5)
