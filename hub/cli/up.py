"""`opshub up`: the hub, with everything it needs on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.demo import PACE_S, Pace, about_demo, running_demo
from hub.cli.output import AsJson, Exit, LoopFactory, Tell, run, show, stop, teller

if TYPE_CHECKING:
    from hub.app import Hub
    from hub.cli.messaging import Messages
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
class Announcing:
    """Who is told where the hub listens: the ready files, and the demo systems."""

    settings: Settings
    listener: socket.socket
    messages: Messages
    demo: DemoSystems | None
    ready_file: Path | None

    def announce(self) -> dict[str, Any]:
        """Tell them all, again where something changed; what the ready files say."""
        from hub.cli.listener import write_ready
        from hub.demo.supervisor import tell_where

        ready = self._ready()
        for path in filter(None, (self.settings.data_dir / "ready.json", self.ready_file)):
            write_ready(path, ready)
        if self.demo is not None:
            urls = self.messages.partner_urls
            tell_where(self.demo, nats_urls=urls, webhook_url=ready["url"])
        return ready

    async def applied(self, systems: SystemsFile) -> None:
        """Another systems file is in force. ConfigInvalid where a system cannot tell by NATS."""
        if await self.messages.admit(systems):
            self.announce()

    def _ready(self) -> dict[str, Any]:
        from hub.cli.listener import url_of

        ready: dict[str, Any] = {
            "url": url_of(self.listener),
            "pid": os.getpid(),
            "nats_url": self.messages.url,
            "nats_partner_urls": dict(self.messages.partner_urls),
            "store_url": self.settings.store_dsn,
        }
        if self.demo is not None:
            from hub.cli.access import demo_tokens

            about = about_demo(self.demo)
            tokens = demo_tokens(self.settings, about["customers"])
            ready["demo"] = about | {"tokens": tokens}
        return ready


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
    from hub.cli.listener import listen
    from hub.cli.lock import only_one
    from hub.cli.messaging import external_access, open_messages
    from hub.cli.reloading import follow_file
    from hub.cli.serving import serve
    from hub.cli.stopping import stop_requested
    from hub.observe.tasks import in_background

    rules = token_rules(settings)  # refuses a production without authentication, first of all
    access = external_access(settings)
    stopping = stop_requested()
    async with AsyncExitStack() as stack:
        _observe(settings, stack)
        seat = stack.enter_context(only_one(settings.data_dir))
        listener = stack.enter_context(listen(settings.host, settings.port))
        demo = None
        if wanted.with_demo:
            demo = await stack.enter_async_context(
                running_demo(settings.data_dir, pace_s=wanted.pace_s, tell=wanted.tell)
            )
        read = partial(_systems, settings, demo)
        systems = read()
        messages = await open_messages(access, settings, systems, stack, tell=wanted.tell)
        hub = await _hub(settings, systems, rules, stack, messages)
        await _inherit(hub, seat)
        for problem in await hub.start():
            wanted.tell(f"problem: {problem}")
        announcing = Announcing(settings, listener, messages, demo, wanted.ready_file)
        following = follow_file(hub, read, wanted.tell, applied=announcing.applied)
        hub.background.append(in_background(following))
        async with serve(hub, listener) as server:
            ready = announcing.announce()
            stack.callback((settings.data_dir / "ready.json").unlink, missing_ok=True)
            greeting = _greeting(hub, ready, try_it=_first_commands(settings, demo))
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
    from hub.events.outgoing_check import refuse_masked

    path = settings.systems or (None if demo is None else demo.systems_file)
    assert path is not None
    environ = os.environ | ({} if demo is None else demo.environment)
    return refuse_masked(load_systems(path, environ=environ))


async def _hub(
    settings: Settings,
    systems: SystemsFile,
    rules: TokenRules,
    stack: AsyncExitStack,
    messages: Messages,
) -> Hub:
    """The composed hub, its store brought up to date."""
    from hub.app import open_hub

    hub = await open_hub(settings, systems, rules, nats=messages.access)
    stack.push_async_callback(hub.close)
    return hub


async def _inherit(hub: Hub, seat: str) -> None:
    """Go on at once with what an earlier life did alone; the lock of its seat is ours, so it is
    dead. Else the others would wait until its leases end."""
    from hub.model.errors import StoreUnavailable

    with suppress(StoreUnavailable):
        await hub.live.events.leases.inherit(seat)


def _greeting(hub: Hub, ready: dict[str, Any], *, try_it: list[str]) -> str:
    """Where to go, who to be and what to ask first."""
    url = ready["url"]
    lines = [
        f"\nopshub serves {len(hub.connected.sources)} systems at {url}",
        f"  first screen  {url}/",
        f"  GraphQL       {url}/graphql",
    ]
    if not try_it:
        return "\n".join(lines)
    lines += [f"  token {role:20} {token}" for role, token in ready["demo"]["tokens"].items()]
    return "\n".join([*lines, "\ntry, in another terminal:", *(f"  {each}" for each in try_it)])


def _first_commands(settings: Settings, demo: DemoSystems | None) -> list[str]:
    """Asks for an order of the demo, and watches those that move, from a shell in this folder."""
    if demo is None:
        return []
    number = demo.interesting.orders["delivered"]
    document = (
        f'{{ order(number: "{number}") {{ number status '
        "customer { name } shipments { carrier status } sections { name system state } } }"
    )
    where = []
    if settings.data_dir != type(settings).model_fields["data_dir"].default:
        where = ["--data-dir", str(settings.data_dir)]
    commands = (["query", *where, document], ["watch", *where])
    return [shlex.join([_this_program(), *each]) for each in commands]


def _this_program() -> str:
    """The path this command was started by, since another shell may not have it on its PATH."""
    program = Path(sys.argv[0])
    folder = Path.cwd()
    return str(program.relative_to(folder) if program.is_relative_to(folder) else program)
