"""A partner of a real server may tell what is its own, and nothing else in the world."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import nats
import nats.errors
import pytest
import pytest_asyncio
from nats.aio.client import Client

from hub.events.connection import Nats, NatsAccess
from hub.events.embedded import EmbeddedNats, start_embedded
from hub.events.partners import example_text, inbox_prefix, variable_of
from hub.events.streams import INCOMING_MAX_BYTES, STREAM_IN
from hub.model.errors import ConfigInvalid
from hub.observe.tasks import in_background
from tests.support.nats import nats_binary
from tests.support.relayed import ended, until


@dataclass
class Partner:
    """A partner's own client, and what the server refused it."""

    client: Client
    refused: list[str]

    async def refusal(self) -> str:
        """What the server refused; TimeoutError where it refuses nothing."""
        await until(lambda: self.refused, within_s=5)
        return self.refused[0]


async def partner_at(url: str, system: str) -> Partner:
    refused: list[str] = []

    async def failed(error: Exception) -> None:
        refused.append(str(error).lower())

    client = await nats.connect(url, inbox_prefix=inbox_prefix(system), error_cb=failed)
    return Partner(client, refused)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedNats]:
    """An embedded server with two partners, its streams made by the hub."""
    started = await start_embedded(tmp_path_factory.mktemp("nats"), ("wms-north", "crm"))
    hub = Nats(NatsAccess(started.url))
    following = in_background(hub.follow())
    try:
        await until(lambda: hub.is_connected)
        yield started
    finally:
        await ended(following)
        await started.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def partner(server: EmbeddedNats) -> AsyncIterator[Partner]:
    told = await partner_at(server.partner_urls["wms-north"], "wms-north")
    try:
        yield told
    finally:
        await told.client.close()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_is_its_own_is_stored_and_confirmed(
    server: EmbeddedNats, partner: Partner
) -> None:
    answer = await partner.client.request("in.wms-north.shipment.changed", b"{}", timeout=2)
    assert f'"stream":"{STREAM_IN}"'.encode() in answer.data.replace(b" ", b"")
    hub = await nats.connect(server.url)
    try:
        stored = await hub.jetstream().get_last_msg(STREAM_IN, "in.wms-north.shipment.changed")
        assert (stored.data, partner.refused) == (b"{}", [])
        before = await messages_in(hub)
        await partner.client.publish("in.wms-north.more", b"2", headers={"traceparent": "00-1"})
        await partner.client.flush()
        async with asyncio.timeout(5):  # without asking for an answer it is stored too
            while await messages_in(hub) == before:  # noqa: ASYNC110 (of another process)
                await asyncio.sleep(0.02)
        stored = await hub.jetstream().get_last_msg(STREAM_IN, "in.wms-north.more")
        assert stored.data == b"2"
        assert stored.headers is not None
        assert stored.headers["traceparent"] == "00-1"
    finally:
        await hub.close()


async def messages_in(hub: Client) -> int:
    return (await hub.jetstream().stream_info(STREAM_IN)).state.messages


@pytest.mark.parametrize(
    "subject",
    [
        "in.crm.case.changed",
        "in.wms-north",
        "hub.evt.shipment.MFRGG.changed",
        "hub.wake.relay",
        "$JS.API.STREAM.INFO.OPSHUB_IN",
        "$JS.API.STREAM.DELETE.OPSHUB_IN",
        "$JS.API.CONSUMER.MSG.NEXT.OPSHUB_IN.opshub",
        "$JS.ACK.OPSHUB_IN.opshub.1.1.1.1.0",
        "$SYS.REQ.USER.INFO",
        "_INBOX.abc",
        "_INBOX_crm.abc",
        "anything",
    ],
)
async def test_publishing_elsewhere_is_refused(partner: Partner, subject: str) -> None:
    await partner.client.publish(subject, b"x", reply=f"{inbox_prefix('wms-north')}.answer")
    assert "permissions violation for publish" in await partner.refusal()


@pytest.mark.parametrize(
    "subject",
    [
        ">",
        "hub.evt.>",
        "in.>",
        "in.wms-north.>",
        "_INBOX.>",
        "_INBOX_crm.>",
        "$JS.>",
        "$SYS.>",
        "*",
    ],
)
async def test_hearing_anything_but_its_answers_is_refused(partner: Partner, subject: str) -> None:
    await partner.client.subscribe(subject)
    assert "permissions violation for subscription" in await partner.refusal()


async def test_what_is_too_long_ends_the_connection(server: EmbeddedNats) -> None:
    """The limit of the account: the server hangs up, and stores nothing."""
    hub = await nats.connect(server.url)
    told = Client()
    await told.connect(server.partner_urls["wms-north"], allow_reconnect=False)
    try:
        before = await messages_in(hub)
        await told.publish("in.wms-north.x", b"x" * (INCOMING_MAX_BYTES + 1))
        await until(lambda: told.is_closed, within_s=5)
        assert await messages_in(hub) == before
    finally:
        await told.close()
        await hub.close()


async def test_nobody_gets_in_without_a_password(server: EmbeddedNats) -> None:
    open_url = "nats://" + server.url.rpartition("@")[2]
    for url in (open_url, open_url.replace("nats://", "nats://crm:wrong@")):
        stranger = Client()
        with pytest.raises(nats.errors.Error, match="Authorization Violation"):
            await stranger.connect(url, allow_reconnect=False)
        await stranger.close()


async def test_the_configuration_for_a_server_of_ones_own_is_valid(tmp_path: Path) -> None:
    config = tmp_path / "nats.conf"
    config.write_text(
        f"port: -1\njetstream {{ store_dir: '{tmp_path}' }}\n" + example_text(["crm"])
    )
    environment = dict(os.environ) | {"OPSHUB_NATS_PASSWORD": "aaa", variable_of("crm"): "bbb"}
    tried = await asyncio.create_subprocess_exec(
        str(nats_binary()), "-t", "-c", str(config), env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(tried.communicate(), 10)
    assert tried.returncode == 0, said.decode()


@pytest.mark.parametrize("system", ["a.b", "*", "a b", ">", "", 'a"b', "a\nb"])
async def test_a_name_that_is_no_token_is_refused(system: str) -> None:
    with pytest.raises(ConfigInvalid, match="cannot tell by NATS"):
        example_text([system])


def test_the_page_shows_what_was_tried() -> None:
    root = Path(__file__).resolve().parents[2]
    page = (root / "docs" / "nats.md").read_text()
    shown = page.split("<!-- accounts -->\n```\n")[1].split("```\n<!-- /accounts -->")[0]
    assert shown == example_text(["crm"])
    assert (root / "deploy" / "nats.conf").read_text().endswith(example_text([]))
