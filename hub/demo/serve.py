"""One demo system as a process: `python -m hub.demo.serve --system erp-eu --data-dir DIR`.

Prints one JSON line with its name, address and database once it listens. Exit codes: 0 stopped,
2 usage, 3 the port is taken or the data cannot be used.
"""

import argparse
import contextlib
import json
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from hub.demo.database import DataOfAnotherVersion, connect, seed_once
from hub.demo.gate import Gate, NativeError, refusal_handler
from hub.demo.going import Going
from hub.demo.plan.build import build_plan
from hub.demo.post import Post
from hub.demo.roster import SYSTEMS, database_file
from hub.demo.senders import Where
from hub.demo.system import ForeignSystem

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
    where = Where.from_environment(system.name)
    if options.until_stdin_closes:
        threading.Thread(target=_heed_parent, args=(where,), daemon=True).start()
    _announce(system, listener, path)
    post = Post(options.data_dir)
    going = Going(system, connect(path), post=post, pace_s=options.pace, where=where)
    _run(build_app(system, going), listener)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hub.demo.serve", description="Run one demo system.")
    parser.add_argument("--system", required=True, choices=sorted(SYSTEMS))
    parser.add_argument("--data-dir", required=True, type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--pace", type=_pace, default=2.0, help="seconds a change; 0 is still")
    parser.add_argument("--until-stdin-closes", action="store_true")
    return parser.parse_args(arguments)


def _pace(text: str) -> float:
    pace = float(text)
    if pace < 0:
        raise ValueError(text)
    return pace


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


def _heed_parent(where: Where) -> None:
    """Each line of stdin is a JSON object of addresses; at its end this process ends.

    The parent holds the other end; however it dies, the kernel closes it.
    """
    with open(0, "rb", closefd=False) as lines:
        for line in lines:
            where.learn(json.loads(line))
    os._exit(0)


def _run(app: ASGIApp, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=1
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def build_app(system: ForeignSystem, going: Going) -> ASGIApp:
    """The system's HTTP surface; while it is up, its records change by themselves."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with going.moving():
            yield
        going.connection.close()

    refuse = refusal_handler(system.dialect)
    app = Starlette(
        routes=system.routes(going.connection),
        exception_handlers={NativeError: refuse, HTTPException: refuse},
        lifespan=lifespan,
    )
    app.state.tell = going.tell
    return Gate(app, system.dialect, going.knobs())


if __name__ == "__main__":
    sys.exit(main())
