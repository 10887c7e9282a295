"""The NATS of one hub: the one that is named, else an embedded one that ends with the hub."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.cli.output import Tell

if TYPE_CHECKING:
    from hub.config.settings import Settings
    from hub.config.systems import SystemsFile
    from hub.events.connection import NatsAccess
    from hub.events.embedded import EmbeddedNats


@dataclass(frozen=True, slots=True)
class Messages:
    """How the hub reaches NATS; without `access` there is none."""

    access: NatsAccess | None
    embedded: EmbeddedNats | None = None

    @property
    def url(self) -> str | None:
        """With credentials, where the URL holds them; never for logs."""
        return None if self.access is None else self.access.url

    @property
    def partner_urls(self) -> Mapping[str, str]:
        """Of each system that may tell by the embedded server, the URL with its own credentials."""
        return {} if self.embedded is None else self.embedded.partner_urls

    async def admit(self, systems: SystemsFile) -> bool:
        """Let the systems of another file tell, and only those; whether that changed anything.

        ConfigInvalid where one cannot. A server that is not ours is left to whoever runs it.
        """
        return self.embedded is not None and await self.embedded.admit(_partners(systems))


def external_access(settings: Settings) -> NatsAccess | None:
    """The server that is named; None where none is. ConfigInvalid where production, which must say
    who it is, does not."""
    from hub.events.connection import NatsAccess
    from hub.model.errors import ConfigInvalid

    if settings.nats_dsn is None:
        return None
    access = NatsAccess(
        settings.nats_dsn,
        credentials=settings.nats_credentials,
        nkey=settings.nats_nkey,
        tls_ca=settings.nats_tls_ca,
        tls_cert=settings.nats_tls_cert,
        tls_key=settings.nats_tls_key,
    )
    if settings.profile == "production" and not access.has_identity and not settings.nats_anonymous:
        raise ConfigInvalid(
            "production does not start with a NATS where anybody may read and tell: "
            "OPSHUB_NATS_URL names no user, and neither OPSHUB_NATS_CREDENTIALS, OPSHUB_NATS_NKEY "
            "nor OPSHUB_NATS_TLS_CERT is set; set one of them. To try things without, set "
            "OPSHUB_NATS_ANONYMOUS=true"
        )
    return access


async def open_messages(
    access: NatsAccess | None, settings: Settings, systems: SystemsFile, stack: AsyncExitStack,
    *, tell: Tell,
) -> Messages:  # fmt: skip
    """The server that is named, else an embedded one, kept running until the stack is unwound.

    Queries need no messages, so a hub without them starts and says so.
    """
    from hub.events.connection import NatsAccess
    from hub.events.embedded import start_embedded
    from hub.model.errors import ConfigInvalid

    if access is not None:
        return Messages(access)
    try:
        embedded = await start_embedded(settings.data_dir, _partners(systems))
    except ConfigInvalid as error:
        tell(f"problem: no messages: {error}")
        return Messages(None)
    stack.push_async_callback(embedded.stop)
    _keep_running(embedded, stack)
    tell("nats-server: listening on loopback, with JetStream")
    return Messages(NatsAccess(embedded.url), embedded)


def _keep_running(embedded: EmbeddedNats, stack: AsyncExitStack) -> None:
    from hub.observe.tasks import in_background

    following = in_background(embedded.follow())

    async def end() -> None:
        following.cancel()
        await asyncio.wait({following})

    stack.push_async_callback(end)


def _partners(systems: SystemsFile) -> list[str]:
    return [each.name for each in systems.systems.values() if each.events is not None]
