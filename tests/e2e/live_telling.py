"""How the company of `live_world` tells: over NATS and by webhooks, each until it is acknowledged.

Some messages come twice under their id, some again under another, some after those that followed.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import httpx2
import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from tests.e2e.live_world import SIGNATURE_HEADER, Change

WORKERS = 8  # messages of one way that wait for their acknowledgement at once
WAITING_MAX = 400  # messages of one way that were not told yet; then the world stands still
ACKNOWLEDGED_WITHIN_S = 3.0
AGAIN_S = 0.1
HELD_BACK_MAX = 6  # messages after which one that is held back comes


@dataclass(frozen=True, slots=True)
class Saying:
    """One message on its way. `copy` tells apart what is sent more than once."""

    change: Change
    event_id: str
    is_hint: bool
    copy: int

    @property
    def subject(self) -> str:
        return f"in.{self.change.system}.{self.change.noun}"

    def payload(self) -> bytes:
        kind = f"{self.change.noun}.{'hint' if self.is_hint else 'changed'}"
        said = {"id": self.event_id, "at": datetime.now(UTC).isoformat(), "kind": kind}
        told = {"key": self.change.key} if self.is_hint else {"body": self.change.row}
        return json.dumps(said | told).encode()


def sayings(changes: Iterator[Change], random_: Random) -> Iterator[list[Saying]]:
    """What is told after each change: usually one message, sometimes none yet, or several."""
    held: list[tuple[int, Saying]] = []
    for number, change in enumerate(changes):
        due = [saying for after, saying in held if after <= number]
        held = [(after, saying) for after, saying in held if after > number]
        if change.noun != "return":  # returns are found by polling alone
            for saying in _said_of(change, number, random_):
                if random_.random() < 0.1:
                    held.append((number + random_.randint(1, HELD_BACK_MAX), saying))
                else:
                    due.append(saying)
        yield due
    yield [saying for _, saying in held]


def _said_of(change: Change, number: int, random_: Random) -> Iterator[Saying]:
    event_id = f"e{number}"
    yield Saying(change, event_id, random_.random() < 0.25, 0)
    again = random_.random()
    if again < 0.08:
        yield Saying(change, event_id, random_.random() < 0.25, 1)
    elif again < 0.14:
        yield Saying(change, f"{event_id}-again", is_hint=False, copy=2)


@dataclass
class Telling:
    """The two ways out. `told` counts what was acknowledged, `published`
    how much of it by NATS."""

    nats_url: str
    hub_urls: list[str]
    secret: str
    random: Random
    told: int = 0
    published: int = 0
    retries: int = 0
    refused: list[str] = field(default_factory=list)
    _by_nats: asyncio.Queue[Saying] = field(default_factory=lambda: asyncio.Queue(WAITING_MAX))
    _by_webhook: asyncio.Queue[Saying] = field(default_factory=lambda: asyncio.Queue(WAITING_MAX))
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> Telling:
        for _ in range(WORKERS):
            self._tasks.append(asyncio.create_task(self._post_all()))
        self._tasks.append(asyncio.create_task(self._publish_all()))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def say(self, saying: Saying) -> None:
        """Tell it in the background. The CRM has webhooks only; the WMS now and then."""
        system = saying.change.system
        is_posted = system == "crm" or (system == "wms" and self.random.random() < 0.15)
        await (self._by_webhook if is_posted else self._by_nats).put(saying)

    async def all_told(self, within_s: float) -> None:
        """Wait until all is acknowledged."""
        async with asyncio.timeout(within_s):
            await asyncio.gather(self._by_nats.join(), self._by_webhook.join())

    async def publish_now(self, saying: Saying) -> None:
        """Tell one by NATS, past all that waits; return once it is acknowledged."""
        async with _connected(self.nats_url) as client:
            await self._publish(client.jetstream(timeout=ACKNOWLEDGED_WITHIN_S), saying)

    async def _publish_all(self) -> None:
        async with _connected(self.nats_url) as client, asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._publish_each(client))

    async def _publish_each(self, client: Client) -> None:
        jetstream = client.jetstream(timeout=ACKNOWLEDGED_WITHIN_S)
        while True:
            await self._publish(jetstream, await self._by_nats.get())
            self._by_nats.task_done()

    async def _publish(self, jetstream: JetStreamContext, saying: Saying) -> None:
        headers = {"Nats-Msg-Id": f"{saying.event_id}/{saying.copy}"}
        while True:
            try:
                await jetstream.publish(saying.subject, saying.payload(), headers=headers)
                break
            except (NatsError, OSError, TimeoutError):
                self.retries += 1
                await asyncio.sleep(AGAIN_S)
        self.told += 1
        self.published += 1

    async def _post_all(self) -> None:
        async with httpx2.AsyncClient(timeout=ACKNOWLEDGED_WITHIN_S) as client:
            while True:
                saying = await self._by_webhook.get()
                while not await self._is_posted(client, saying):
                    self.retries += 1
                    await asyncio.sleep(AGAIN_S)
                self.told += 1
                self._by_webhook.task_done()

    async def _is_posted(self, client: httpx2.AsyncClient, saying: Saying) -> bool:
        body = saying.payload()
        headers = {"Content-Type": "application/json"}
        if saying.change.system == "crm":
            headers[SIGNATURE_HEADER] = f"sha256={signature(self.secret, body)}"
        url = f"{self.random.choice(self.hub_urls)}/in/{saying.change.system}"
        try:
            response = await client.post(url, content=body, headers=headers)
        except httpx2.TransportError:
            return False
        if response.status_code not in (202, 429, 503):
            self.refused.append(f"{response.status_code}: {response.text[:200]}")
        return response.status_code == 202


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Client]:
    """A client that comes back to a server that was away."""
    client = await nats.connect(
        url, max_reconnect_attempts=-1, reconnect_time_wait=AGAIN_S, connect_timeout=1,
        error_cb=_say_nothing,
    )  # fmt: skip
    try:
        yield client
    finally:
        with suppress(NatsError, OSError):
            await client.close()


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of the body, in hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def _say_nothing(_: Exception) -> None:
    """A server that is killed on purpose is no news."""
