"""One demo system as a process: `python -m hub.demo.serve --system erp-eu --data-dir DIR`.

Prints one JSON line with its name, address and database once it listens. Exit codes: 0 stopped,
2 usage, 3 the port is taken or the data cannot be used.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from hub.demo.database import DataOfAnotherVersion, connect, seed_once
from hub.demo.gate import Gate, NativeError, refusal_handler
from hub.demo.plan.build import build_plan
from hub.demo.roster import SYSTEMS, database_file
from hub.demo.system import ForeignSystem
from hub.demo.webhook import Webhook

EXIT_UNUSABLE = 3
BACKLOG = 256  # connections waiting to be accepted


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    system = SYSTEMS[options.system]
    path = database_file(options.data_dir, system.name)
    try:
        seed_once(path, system, build_plan)
        listener = _listen(options.host, options.port)
    except (DataOfAnotherVersion, OSError) as error:
        sys.stderr.write(f"{system.name}: {error}\n")
        return EXIT_UNUSABLE
    if options.until_stdin_closes:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    _announce(system, listener, path)
    _run(build_app(system, connect(path), pace_s=options.pace, webhook=_webhook()), listener)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hub.demo.serve", description="Run one demo system.")
    parser.add_argument("--system", required=True, choices=sorted(SYSTEMS))
    parser.add_argument("--data-dir", required=True, type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--pace", type=float, default=2.0, help="seconds a change; 0 is still")
    parser.add_argument("--until-stdin-closes", action="store_true")
    return parser.parse_args(arguments)


def _webhook() -> Webhook | None:
    url = os.environ.get("OPSHUB_DEMO_WEBHOOK_URL")
    return Webhook(url, os.environ.get("OPSHUB_DEMO_WEBHOOK_SECRET")) if url else None


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


def _announce(system: ForeignSystem, listener: socket.socket, path: Path) -> None:
    host, port = listener.getsockname()[:2]
    ready = {"system": system.name, "url": f"http://{host}:{port}", "database": str(path)}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    """The parent holds the other end of stdin; however it dies, the kernel closes it."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def _run(app: ASGIApp, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=1
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def build_app(
    system: ForeignSystem,
    connection: sqlite3.Connection,
    *,
    pace_s: float,
    webhook: Webhook | None = None,
) -> ASGIApp:
    """The system's HTTP surface; while it is up, its records change every `pace_s` seconds."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        change = asyncio.create_task(_keep_changing(system, connection, pace_s, webhook))
        yield
        change.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await change
        connection.close()

    refuse = refusal_handler(system.dialect)
    app = Starlette(
        routes=system.routes(connection),
        exception_handlers={NativeError: refuse, HTTPException: refuse},
        lifespan=lifespan,
    )
    return Gate(app, system.dialect)


async def _keep_changing(
    system: ForeignSystem, connection: sqlite3.Connection, pace_s: float, webhook: Webhook | None
) -> None:
    """One small change every `pace_s` seconds; never where it is 0."""
    rng = Random()
    while pace_s > 0:
        await asyncio.sleep(pace_s)
        change = system.tick(connection, rng)
        if change is not None and webhook is not None and system.name == "carrier":
            await webhook.tell(change)


if __name__ == "__main__":
    sys.exit(main())
