"""The connection to NATS (nats-py 2.16): tried for ever, never in the way of a request or a start.

Each connect is a new client, so nothing of a lost one is left over: nats-py's own reconnecting
gives up where a server closes with an authentication error.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from hub.events.nkeys import read_credentials, read_seed
from hub.events.streams import reconcile
from hub.model.errors import ConfigInvalid, NatsUnavailable
from hub.observe import metrics

CONNECT_TIMEOUT_S = 2.0  # of one server
SESSION_TIMEOUT_S = 10.0  # all servers tried, streams reconciled
RETRY_MIN_S, RETRY_MAX_S = 0.25, 0.5
PING_EVERY_S = 10
PINGS_UNANSWERED_MAX = 2
PUBLISH_TIMEOUT_S = 2.0
CLOSE_TIMEOUT_S = 2.0
PENDING_MAX_BYTES = 8 * 1024**2  # written and not yet taken by the socket
HEARD_MAX_MESSAGES = 10_000  # of one subscription, waiting to be taken
HEARD_MAX_BYTES = 64 * 1024**2

Heard = Callable[[Msg], Awaitable[None]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NatsAccess:
    """Where NATS is and who we are there. Several URLs of one cluster have commas between.

    User and password, or a token, stand in the URL; else a credentials file or an nkey seed file.
    """

    url: str = field(repr=False)
    credentials: Path | None = None
    nkey: Path | None = None
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None

    @property
    def urls(self) -> list[str]:
        return [each.strip() for each in self.url.split(",") if each.strip()]

    @property
    def has_identity(self) -> bool:
        """Whether it says who we are, in any way."""
        named = self.credentials or self.nkey or self.tls_cert
        return named is not None or all("@" in each for each in self.urls)

    def tls(self) -> ssl.SSLContext | None:
        """The TLS of this connection, None where nothing of it is declared."""
        is_asked = any(each.startswith("tls://") for each in self.urls)
        if not is_asked and self.tls_ca is None and self.tls_cert is None:
            return None
        try:
            context = ssl.create_default_context(cafile=self.tls_ca)
            if self.tls_cert is not None:
                context.load_cert_chain(self.tls_cert, self.tls_key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigInvalid(
                "the TLS files of NATS cannot be used: expected PEM in OPSHUB_NATS_TLS_CA, "
                f"OPSHUB_NATS_TLS_CERT and OPSHUB_NATS_TLS_KEY: {type(error).__name__}"
            ) from error
        return context


@dataclass(frozen=True, slots=True)
class _Wish:
    """A subscription that every connect makes again."""

    subject: str
    heard: Heard


class Nats:
    """One process's connection. `on_change` is called whenever it comes or goes."""

    def __init__(self, access: NatsAccess, *, name: str = "opshub") -> None:
        self.on_change: list[Callable[[], None]] = []
        self._access = access
        self._name = name
        self._wishes: list[_Wish] = []
        self._client: Client | None = None
        self._jetstream: JetStreamContext | None = None
        self._lost = asyncio.Event()
        self._told: str | None = None  # the problem that is in the log already

    @property
    def is_connected(self) -> bool:
        """Whether messages go out and come in, and the streams are as the table has them."""
        return self._jetstream is not None and not self._lost.is_set()

    @property
    def problem(self) -> str | None:
        """What kept us from being connected last; None since we were. Names no host and no user."""
        return self._told

    @property
    def jetstream(self) -> JetStreamContext:
        """JetStream of this connection; NatsUnavailable while there is none."""
        if self._jetstream is None or self._lost.is_set():
            raise NatsUnavailable("NATS is away; what is to be told waits in the hub's database")
        return self._jetstream

    @property
    def client(self) -> Client:
        """The connection itself; NatsUnavailable while there is none. Another after each loss."""
        if self._client is None or not self.is_connected:
            raise NatsUnavailable("NATS is away; what was told to it waits there")
        return self._client

    def subscribe(self, subject: str, heard: Heard) -> None:
        """Hear the subject from the next connect on, and from every one after it.

        What is told while we are away is not heard.
        """
        self._wishes.append(_Wish(subject, heard))

    async def follow(self) -> None:
        """Be connected, for ever; never raises but ConfigInvalid for files that cannot be used."""
        signing = _identity(self._access)
        tls = self._access.tls()
        while True:
            try:
                await self._one_session(signing, tls)
            except (nats.errors.Error, OSError, TimeoutError) as error:
                self._tell(error)
            _end_if_cancelled()
            await asyncio.sleep(random.uniform(RETRY_MIN_S, RETRY_MAX_S))

    async def look(self) -> str | None:
        """Connect once, ask JetStream and go: what is wrong, None where nothing is. Changes nothing
        at the server. Never beside `follow`."""
        try:
            async with asyncio.timeout(SESSION_TIMEOUT_S):
                await self._connect(_identity(self._access), self._access.tls())
                assert self._client is not None  # it has just connected
                await self._client.jetstream(timeout=PUBLISH_TIMEOUT_S).account_info()
        except (nats.errors.Error, OSError, TimeoutError) as error:
            return _words(error)
        finally:
            await self._drop()
        return None

    async def close(self) -> None:
        """End the connection; `follow` must have been cancelled before."""
        await self._drop()

    async def publish(
        self, subject: str, payload: bytes, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Publish without JetStream: heard by whoever listens now. NatsUnavailable, within 2 s."""
        client = self._client
        if client is None or not self.is_connected:
            raise NatsUnavailable("NATS is away")
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                await client.publish(subject, payload, headers=dict(headers) if headers else None)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise NatsUnavailable(f"NATS did not take a message: {_words(error)}") from error

    def suspect(self) -> None:
        """The server did not answer as it should: begin with a new connection."""
        self._lost.set()

    async def _one_session(self, signing: Mapping[str, Any], tls: ssl.SSLContext | None) -> None:
        """Connect, stay as long as it lasts, clean up."""
        self._lost.clear()
        try:
            async with asyncio.timeout(SESSION_TIMEOUT_S):
                await self._connect(signing, tls)
                await self._reconcile()
            self._told = None
            _log.info("NATS is connected")
            self._tell_change()
            _end_if_cancelled()
            await self._lost.wait()
            self._tell(nats.errors.ConnectionClosedError())
        finally:
            await self._drop()

    async def _connect(self, signing: Mapping[str, Any], tls: ssl.SSLContext | None) -> None:
        client = Client()
        self._client = client
        if "public_nkey" in signing:
            # The way in without the package nkeys; nats-py offers none in public.
            client._public_nkey = signing["public_nkey"]
        reasons: list[Exception] = []

        async def failed(error: Exception) -> None:
            reasons.append(error)
            metrics.count_nats_error()
            if isinstance(error, nats.errors.SlowConsumerError):
                self._tell_change()  # something was not heard: whoever listens looks again

        async def lost() -> None:
            self._lost.set()

        try:
            await client.connect(
                self._access.urls,
                name=self._name,
                error_cb=failed,
                disconnected_cb=lost,
                closed_cb=lost,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=RETRY_MIN_S,  # type: ignore[arg-type]  # a float serves
                connect_timeout=CONNECT_TIMEOUT_S,  # type: ignore[arg-type]
                ping_interval=PING_EVERY_S,
                max_outstanding_pings=PINGS_UNANSWERED_MAX,
                pending_size=PENDING_MAX_BYTES,
                flush_timeout=PUBLISH_TIMEOUT_S,
                tls=tls,
                **{name: each for name, each in signing.items() if name != "public_nkey"},
            )
        except nats.errors.NoServersError as error:
            raise (reasons[-1] if reasons else error) from None
        for wish in self._wishes:
            await client.subscribe(
                wish.subject,
                cb=wish.heard,
                pending_msgs_limit=HEARD_MAX_MESSAGES,
                pending_bytes_limit=HEARD_MAX_BYTES,
            )

    async def _reconcile(self) -> None:
        assert self._client is not None  # it has just connected
        jetstream = self._client.jetstream(timeout=PUBLISH_TIMEOUT_S)
        for line in await reconcile(jetstream):
            _log.info("NATS: %s", line)
        self._jetstream = jetstream

    async def _drop(self) -> None:
        client, self._client = self._client, None
        was_connected, self._jetstream = self._jetstream is not None, None
        if client is not None:
            with suppress(nats.errors.Error, OSError, TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await client.close()
        if was_connected:
            self._tell_change()

    def _tell_change(self) -> None:
        metrics.show_nats(self.is_connected)
        for listener in self.on_change:
            listener()

    def _tell(self, error: Exception) -> None:
        """Once for each problem, until it was connected or the problem is another."""
        said = _words(error)
        if said != self._told:
            _log.warning("NATS: %s; tried again until it is there", said)
        self._told = said


def _identity(access: NatsAccess) -> Mapping[str, Any]:
    """What nats-py is given to answer the server's challenge with, beside what the URL holds."""
    if access.credentials is not None:
        jwt, key = read_credentials(access.credentials, named="OPSHUB_NATS_CREDENTIALS")
        return {"user_jwt_cb": lambda: bytearray(jwt.encode()), "signature_cb": key.sign}
    if access.nkey is not None:
        key = read_seed(access.nkey, named="OPSHUB_NATS_NKEY")
        return {"signature_cb": key.sign, "public_nkey": key.public}
    return {}


def _end_if_cancelled() -> None:
    """nats-py may take a cancellation for its own, in `close` and in the `wait_for` of Python 3.11,
    and goes on; the task remembers it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _words(error: Exception) -> str:
    """What is wrong, without a host, a user or a password."""
    said = str(error).lower()
    if isinstance(error, nats.errors.AuthorizationError) or "authorization" in said:
        return (
            "the server refuses our authentication; expected a user it knows in "
            "OPSHUB_NATS_URL, OPSHUB_NATS_CREDENTIALS or OPSHUB_NATS_NKEY"
        )
    if isinstance(error, ssl.SSLError) or "tls" in said or "secure" in said:
        return "no TLS with the server; see OPSHUB_NATS_TLS_CA, _CERT and _KEY"
    if isinstance(error, nats.errors.ConnectionClosedError | nats.errors.StaleConnectionError):
        return "the connection was lost"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if "jetstream" in said or "no responders" in said or "unavailable" in said:
        return "the server answers, but its JetStream does not; enable it for our account"
    return f"not connected ({type(error).__name__})"
