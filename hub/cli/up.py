"""`opshub up`: the hub, with everything it needs on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.demo import PACE_S, Pace, about_demo, running_demo
from hub.cli.output import AsJson, Exit, LoopFactory, Tell, run, show, stop, teller

if TYPE_CHECKING:
    from hub.app import Hub
    from hub.config.settings import Settings
    from hub.config.systems import SystemsFile
    from hub.demo.supervisor import DemoSystems
    from hub.security.tokens import TokenRules


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asked for, beside the settings."""

    with_demo: bool
    pace_s: float
    ready_file: Path | None
    as_json: bool

    @property
    def tell(self) -> Tell:
        """Where the steps are said."""
        return teller(as_json=self.as_json)


@dataclass(frozen=True, slots=True)
class Messages:
    """Where NATS is, and for each system that may tell by it the URL with its own credentials."""

    url: str | None
    partner_urls: Mapping[str, str] = field(default_factory=dict)


def up(
    demo: Annotated[bool, typer.Option("--demo", help="With the six demo systems.")] = False,
    systems: Annotated[Path | None, typer.Option(help="The systems file.")] = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes any free one.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where the hub keeps its data.")] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written as JSON once the hub serves.")
    ] = None,
    pace: Pace = PACE_S,
    as_json: AsJson = False,
) -> None:
    """Run the hub; with --demo also an ERP, WMS, CRM and carrier that keep changing."""
    from hub.cli.options import settings_of

    settings = settings_of(systems=systems, host=host, port=port, data_dir=data_dir)
    if settings.systems is None and not demo:
        stop("no systems: give --systems FILE, OPSHUB_SYSTEMS, or --demo", Exit.USAGE)
    run(_up(settings, Wanted(demo, pace, ready_file, as_json)), loop=_fast_loop())


def _fast_loop() -> LoopFactory | None:
    """uvloop, where there is one: a cached order desk costs 4.4 ms of CPU against 7.5 ms."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _up(settings: Settings, wanted: Wanted) -> None:
    from hub.cli.access import token_rules
    from hub.cli.listener import listen, write_ready
    from hub.cli.lock import only_one
    from hub.cli.reloading import follow_file
    from hub.cli.serving import serve
    from hub.cli.stopping import stop_requested
    from hub.demo.supervisor import tell_where
    from hub.observe.tasks import in_background

    rules = token_rules(settings)  # refuses a production without authentication, first of all
    stopping = stop_requested()
    async with AsyncExitStack() as stack:
        _observe(settings, stack)
        stack.enter_context(only_one(settings.data_dir))
        listener = stack.enter_context(listen(settings.host, settings.port))
        demo = None
        if wanted.with_demo:
            demo = await stack.enter_async_context(
                running_demo(settings.data_dir, pace_s=wanted.pace_s, tell=wanted.tell)
            )
        read = partial(_systems, settings, demo)
        systems = read()
        nats = await _messages(settings, systems, stack, tell=wanted.tell)
        hub = await _hub(settings, systems, rules, stack, nats.url)
        for problem in await hub.start():
            wanted.tell(f"problem: {problem}")
        hub.background.append(in_background(follow_file(hub, read, wanted.tell)))
        ready = _ready(settings, listener, nats.url, demo)
        async with serve(hub, listener) as server:
            for path in filter(None, (settings.data_dir / "ready.json", wanted.ready_file)):
                write_ready(path, ready)
            stack.callback((settings.data_dir / "ready.json").unlink, missing_ok=True)
            if demo is not None:
                tell_where(demo, nats_urls=nats.partner_urls, webhook_url=ready["url"])
            greeting = _greeting(hub, ready, try_it=_first_question(settings, demo))
            show(ready, greeting, as_json=wanted.as_json)
            await server.until(stopping)
        wanted.tell("stopping")


def _observe(settings: Settings, stack: AsyncExitStack) -> None:
    """Logs to standard error, spans to the collector that is named."""
    from hub.observe import tracing
    from hub.observe.logs import setup_logs

    setup_logs(format=settings.log_format, level=settings.log_level)
    tracing.setup(endpoint=settings.trace_endpoint)
    stack.callback(tracing.shutdown)


def _systems(settings: Settings, demo: DemoSystems | None) -> SystemsFile:
    """The systems file, read with the demo's variables where the demo runs."""
    from hub.config.systems import load_systems

    if demo is None:
        assert settings.systems is not None
        return load_systems(settings.systems, environ=os.environ)
    path = settings.systems or demo.systems_file
    return load_systems(path, environ=os.environ | demo.environment)


async def _messages(
    settings: Settings, systems: SystemsFile, stack: AsyncExitStack, *, tell: Tell
) -> Messages:
    """The NATS to use: the one that is named, else an embedded one that ends with the hub.

    Queries need no messages, so a hub without them starts and says so.
    """
    from hub.events.embedded import start_embedded
    from hub.model.errors import ConfigInvalid

    if settings.nats_dsn is not None:
        return Messages(settings.nats_dsn)
    partners = [each.name for each in systems.systems.values() if each.events is not None]
    try:
        embedded = await start_embedded(settings.data_dir, partners)
    except ConfigInvalid as error:
        tell(f"problem: no messages: {error}")
        return Messages(None)
    stack.push_async_callback(embedded.stop)
    tell("nats-server: listening on loopback, with JetStream")
    return Messages(embedded.url, embedded.partner_urls)


async def _hub(
    settings: Settings,
    systems: SystemsFile,
    rules: TokenRules,
    stack: AsyncExitStack,
    nats_url: str | None,
) -> Hub:
    """The composed hub, its store brought up to date."""
    from hub.app import open_hub
    from hub.events.connection import NatsAccess

    nats = (
        None
        if nats_url is None
        else NatsAccess(
            nats_url,
            credentials=settings.nats_credentials,
            nkey=settings.nats_nkey,
            tls_ca=settings.nats_tls_ca,
            tls_cert=settings.nats_tls_cert,
            tls_key=settings.nats_tls_key,
        )
    )
    hub = await open_hub(settings, systems, rules, nats=nats)
    stack.push_async_callback(hub.close)
    return hub


def _ready(
    settings: Settings, listener: socket.socket, nats_url: str | None, demo: DemoSystems | None
) -> dict[str, Any]:
    """What the ready file says."""
    from hub.cli.listener import url_of

    ready: dict[str, Any] = {
        "url": url_of(listener),
        "pid": os.getpid(),
        "nats_url": nats_url,
        "store_url": settings.store_dsn,
    }
    if demo is not None:
        from hub.cli.access import demo_tokens

        about = about_demo(demo)
        ready["demo"] = about | {"tokens": demo_tokens(settings, about["customers"])}
    return ready


def _greeting(hub: Hub, ready: dict[str, Any], *, try_it: str | None) -> str:
    """Where to go, who to be and what to ask first."""
    url = ready["url"]
    lines = [
        f"\nopshub serves {len(hub.connected.sources)} systems at {url}",
        f"  first screen  {url}/",
        f"  GraphQL       {url}/graphql",
    ]
    if try_it is None:
        return "\n".join(lines)
    lines += [f"  token {role:20} {token}" for role, token in ready["demo"]["tokens"].items()]
    return "\n".join([*lines, "\ntry, in another terminal:", f"  {try_it}"])


def _first_question(settings: Settings, demo: DemoSystems | None) -> str | None:
    """A command about an order of the demo, as it works from another shell in this folder."""
    if demo is None:
        return None
    number = demo.interesting.orders["delivered"]
    document = (
        f'{{ order(number: "{number}") {{ number status '
        "customer { name } shipments { carrier status } sections { name system state } } }"
    )
    words = [_this_program(), "query"]
    if settings.data_dir != type(settings).model_fields["data_dir"].default:
        words += ["--data-dir", str(settings.data_dir)]
    return shlex.join([*words, document])


def _this_program() -> str:
    """The path this command was started by, since another shell may not have it on its PATH."""
    program = Path(sys.argv[0])
    folder = Path.cwd()
    return str(program.relative_to(folder) if program.is_relative_to(folder) else program)
