"""`POST /in/{system}` over a real store: kept before 202, and refused in one form."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from hub.config.systems import load_systems
from hub.events.inbound import Inbound
from hub.events.intake import Message
from hub.model.errors import StoreUnavailable
from hub.store.engine import Store
from hub.web import incoming
from hub.web.incoming import incoming_routes
from sources.feed import Feeds

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET = "a-secret-of-more-than-16"
FILE = """
version: 1
systems:
  wms:
    role: wms
    kind: rest
    url: http://127.0.0.1:1
    entities:
      shipment: { by_key: { get: "/s?ids={keys|csv}" }, key: id, fields: { number: id } }
    events:
      signature: { header: X-Sig, secret: "${S}" }
      of: { "*": { entity: shipment, key: id } }
  crm:
    role: crm
    kind: rest
    url: http://127.0.0.1:1
    entities:
      case: { by_key: { get: "/c?ids={keys|csv}" }, key: id, fields: { number: id } }
    events: { of: { "*": { entity: case, key: id } } }
  quiet:
    role: erp
    kind: sql
    url: sqlite:///x.db
    entities:
      order: { from: o, key: id, fields: { number: id } }
"""


class Senders:
    """A client of the routes, and what was kept."""

    def __init__(self, store: Store, folder: Path) -> None:
        path = folder / "systems.yaml"
        path.write_text(FILE)
        file = load_systems(path, environ={"S": SECRET})
        self.inbound = Inbound(store, now=lambda: NOW)
        self.failure: Exception | None = None
        routes = incoming_routes(self.keep, Feeds(lambda: file), now=lambda: NOW)
        transport = httpx2.ASGITransport(app=Starlette(routes=routes))
        self.client = httpx2.AsyncClient(transport=transport, base_url="http://hub")

    async def keep(self, message: Message) -> None:
        if self.failure is not None:
            raise self.failure
        await self.inbound.keep(message)

    async def post(self, system: str, body: bytes, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(f"/in/{system}", content=body, headers=named)

    async def kept(self) -> list[tuple[str, bytes, bool]]:
        due = await self.inbound.due(100)
        return [(k.message.system, k.message.payload, k.message.is_trusted) for k in due]


@pytest_asyncio.fixture
async def senders(store: Store, tmp_path: Path) -> AsyncIterator[Senders]:
    made = Senders(store, tmp_path)
    yield made
    await made.client.aclose()


def signed(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


async def test_signed_and_unsigned_are_kept_before_they_are_answered(senders: Senders) -> None:
    body = b'{"id": 1}'
    answers = [
        await senders.post("wms", body, x_sig=signed(body)),
        await senders.post("crm", body),
        await senders.post("crm", b"poison"),
    ]
    assert [(each.status_code, each.json()) for each in answers] == [(202, {"accepted": True})] * 3
    assert await senders.kept() == [
        ("wms", body, True), ("crm", body, False), ("crm", b"poison", False),
    ]  # fmt: skip


async def test_refusals_have_one_form_and_keep_nothing(senders: Senders) -> None:
    body = b'{"id": 1}'
    answers = {
        "wrong": await senders.post("wms", body, x_sig=signed(b"other")),
        "unsigned": await senders.post("wms", body),
        "unknown": await senders.post("nobody", body),
        "quiet": await senders.post("quiet", body),
        "large": await senders.post("crm", b"x" * 65_537),
        "largest": await senders.post("crm", b"x" * 65_536),
    }
    seen = {
        name: (each.status_code, *(e["extensions"]["code"] for e in each.json().get("errors", [])))
        for name, each in answers.items()
    }
    assert seen == {
        "wrong": (401, "SIGNATURE_INVALID"), "unsigned": (401, "SIGNATURE_INVALID"),
        "unknown": (404, "NOT_FOUND"), "quiet": (404, "NOT_FOUND"),
        "large": (413, "BODY_INVALID"), "largest": (202,),
    }  # fmt: skip
    assert len(await senders.kept()) == 1
    assert not any(SECRET in each.text for each in answers.values())


async def test_a_store_that_is_away_and_a_flood_say_when_to_come_again(
    senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    senders.failure = StoreUnavailable("away")
    answer = await senders.post("crm", b"{}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    senders.failure = None
    monkeypatch.setattr(incoming, "RATE_PER_S", 2)
    answers = [await senders.post("wms", b"{}", x_sig=signed(b"{}")) for _ in range(4)]
    assert [each.status_code for each in answers] == [202, 202, 429, 429]
    assert answers[3].headers["retry-after"] == "1"
