"""The ways out of a demo system: NATS, tried until it is taken, and webhooks, tried once."""

import asyncio
import contextlib
import hashlib
import hmac
import os
from dataclasses import dataclass
from http.client import HTTPException
from typing import Protocol
from urllib.request import ProxyHandler, Request, build_opener

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError

from hub.demo.telling import Sending, Voice

WEBHOOK_TIMEOUT_S = 2.0
NATS_TIMEOUT_S = 2.0
NATS_RETRY_S = 1.0

_DIRECT = build_opener(ProxyHandler({}))


@dataclass
class Where:
    """The addresses to tell, which may come while the system runs; None: nobody listens yet.

    `webhook_url` is the base, below which each system has `/in/<system>`; `nats_url` carries the
    credentials.
    """

    system: str
    nats_url: str | None = None
    webhook_url: str | None = None
    secret: str | None = None

    @classmethod
    def from_environment(cls, system: str) -> "Where":
        stem = system.upper().replace("-", "_")
        return cls(
            system=system,
            nats_url=os.environ.get(f"OPSHUB_DEMO_NATS_URL_{stem}"),
            webhook_url=os.environ.get("OPSHUB_DEMO_WEBHOOK_URL"),
            secret=os.environ.get("OPSHUB_DEMO_WEBHOOK_SECRET"),
        )

    def learn(self, told: dict[str, str]) -> None:
        """Take the addresses of a line from the process that started this one."""
        self.nats_url = told.get("nats_url", self.nats_url)
        self.webhook_url = told.get("webhook_url", self.webhook_url)


class Sender(Protocol):
    async def send(self, sending: Sending) -> bool:
        """True once it is done with, False if it is to be tried again."""
        ...

    async def close(self) -> None: ...


def sender_for(voice: Voice, where: Where) -> Sender:
    if voice.way == "nats":
        return NatsSender(where)
    return WebhookSender(where, voice.signature_header)


class WebhookSender:
    """One attempt each; nobody learns whether it arrived, nor whether there was an address."""

    def __init__(self, where: Where, signature_header: str | None) -> None:
        self._where = where
        self._header = signature_header

    async def send(self, sending: Sending) -> bool:
        base = self._where.webhook_url
        if base is not None:
            with contextlib.suppress(OSError, HTTPException):
                await asyncio.to_thread(self._post, base, sending.payload)
        return True

    async def close(self) -> None:
        """Nothing is kept open."""

    def _post(self, base: str, body: bytes) -> None:
        url = f"{base.rstrip('/')}/in/{self._where.system}"
        headers = {"Content-Type": "application/json"}
        if self._header is not None and self._where.secret:
            digest = hmac.new(self._where.secret.encode(), body, hashlib.sha256).hexdigest()
            headers[self._header] = f"sha256={digest}"
        with _DIRECT.open(Request(url, data=body, headers=headers), timeout=WEBHOOK_TIMEOUT_S):
            pass


class NatsSender:
    """Publishes to `in.<system>.<kind>` and is content only when a stream has taken it."""

    def __init__(self, where: Where) -> None:
        self._where = where
        self._client: Client | None = None
        self._url: str | None = None

    async def send(self, sending: Sending) -> bool:
        try:
            client = await self._connected()
            if client is not None:
                subject = f"in.{self._where.system}.{sending.about}"
                stream = client.jetstream(timeout=NATS_TIMEOUT_S)
                await stream.publish(subject, sending.payload)
                return True
        except (NatsError, OSError, TimeoutError):
            pass  # away, refused or without a stream: it is tried again for ever
        await asyncio.sleep(NATS_RETRY_S)
        return False

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            with contextlib.suppress(NatsError, OSError, TimeoutError):
                await client.close()

    async def _connected(self) -> Client | None:
        """The client for the address of now; None while there is no address."""
        url = self._where.nats_url
        if url != self._url or (self._client is not None and self._client.is_closed):
            await self.close()
            self._url = url
        if self._client is None and url is not None:
            self._client = await nats.connect(
                url,
                name=f"demo-{self._where.system}",
                inbox_prefix=f"_INBOX_{self._where.system}",  # all that a partner may hear
                connect_timeout=NATS_TIMEOUT_S,
                reconnect_time_wait=NATS_RETRY_S,
                max_reconnect_attempts=-1,
                error_cb=_quiet,
            )
        return self._client


async def _quiet(error: Exception) -> None:
    """An outage is expected; the next attempt says whether it is over."""
