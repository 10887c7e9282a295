"""A real PostgreSQL for the tests.

`OPSHUB_TEST_POSTGRES_DSN` names a server that is already there (its user may create databases).
Without it the tests start one of their own: from the system's binaries, else from those in the
`pgserver` wheel. It listens on a random port of the loopback interface and ends with the tests.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.support import children
from tests.support.children import Account

START_TIMEOUT_S = 30.0
INIT_TIMEOUT_S = 60.0
POLL_INTERVAL_S = 0.02
READY_LINE = 7  # of postmaster.pid, counted from 0; it says "ready" once connections are taken
SYSTEM_BINARIES = Path("/usr/lib/postgresql")

# The data is thrown away, so nothing is flushed to the disk.
UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@contextmanager
def running_postgres() -> Iterator[str]:
    """The DSN of a server's maintenance database; the server stops afterwards if it is ours."""
    given = os.environ.get("OPSHUB_TEST_POSTGRES_DSN")
    if given:
        yield given
        return
    with (
        tempfile.TemporaryDirectory(prefix="opshub-pg-") as scratch,
        own_server(Path(scratch)) as dsn,
    ):
        yield dsn


@contextmanager
def own_server(scratch: Path) -> Iterator[str]:
    """A new cluster in the directory given, which the server's account comes to own."""
    account = children.server_account()
    if account.uid is not None and account.gid is not None:
        os.chown(scratch, account.uid, account.gid)
    binaries = _binaries_for(account, scratch)
    password = secrets.token_hex(16)
    _create_cluster(binaries, scratch, password, account)
    port = _free_port()
    process = _start_server(binaries, scratch, port, account)
    try:
        _wait_until_ready(process, scratch)
        yield f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
    finally:
        children.stop(process, with_signal=signal.SIGINT)  # fast shutdown


@asynccontextmanager
async def new_database(server_dsn: str) -> AsyncIterator[str]:
    """The DSN of an empty database on the server, dropped afterwards with all its connections."""
    name = f"opshub_test_{secrets.token_hex(6)}"
    await _run(server_dsn, f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(server_dsn)._replace(path=f"/{name}"))
    finally:
        await _run(server_dsn, f"DROP DATABASE {name} WITH (FORCE)")


def find_binaries() -> Path:
    """The directory of initdb and postgres: on PATH, Debian's newest, else the wheel's."""
    on_path = shutil.which("initdb")
    if on_path is not None and shutil.which("postgres") is not None:
        return Path(on_path).resolve().parent
    packaged = sorted(SYSTEM_BINARIES.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if packaged:
        return packaged[-1].parent
    return wheel_binaries()


def wheel_binaries() -> Path:
    """The binaries inside the `pgserver` wheel, found without importing it."""
    wheel = importlib.util.find_spec("pgserver")
    if wheel is None or wheel.origin is None:
        raise children.ChildFailed(
            "no PostgreSQL: set OPSHUB_TEST_POSTGRES_DSN, install PostgreSQL, or the extra 'dev'"
        )
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _binaries_for(account: Account, scratch: Path) -> Path:
    """Binaries the account can reach: a copy when a parent directory is closed to it."""
    binaries = find_binaries()
    if account == children.OURS or all(_is_open(parent) for parent in binaries.parents):
        return binaries
    copied = shutil.copytree(binaries.parent, scratch / "postgresql", symlinks=True)
    return Path(copied) / "bin"


def _is_open(directory: Path) -> bool:
    return directory.stat().st_mode & 0o005 == 0o005


def _create_cluster(binaries: Path, scratch: Path, password: str, account: Account) -> None:
    secret = scratch / "password"
    secret.write_text(password)
    options = ["--no-sync", "--encoding=UTF8", "--locale=C", "--username=postgres"]
    access = ["--auth=scram-sha-256", f"--pwfile={secret}"]
    created = subprocess.run(
        [str(binaries / "initdb"), *options, *access, f"--pgdata={scratch / 'data'}"],
        cwd=scratch,
        capture_output=True,
        text=True,
        timeout=INIT_TIMEOUT_S,
        check=False,
        user=account.uid,
        group=account.gid,
    )
    if created.returncode != 0:
        raise children.ChildFailed(f"initdb ended with {created.returncode}: {created.stderr}")


def _start_server(
    binaries: Path, scratch: Path, port: int, account: Account
) -> subprocess.Popen[bytes]:
    settings = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=")
    options = [word for setting in (*settings, *UNSAFE_BUT_FAST) for word in ("-c", setting)]
    return children.start(
        [str(binaries / "postgres"), "-D", str(scratch / "data"), *options],
        log=scratch / "postgres.log",
        account=account,
    )


def _wait_until_ready(process: subprocess.Popen[bytes], scratch: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    status = scratch / "data" / "postmaster.pid"
    while time.monotonic() < deadline and process.poll() is None:
        lines = status.read_text().splitlines() if status.exists() else []
        if len(lines) > READY_LINE and lines[READY_LINE].strip() == "ready":
            return
        time.sleep(POLL_INTERVAL_S)
    raise children.ChildFailed(f"postgres: {children.log_tail(scratch / 'postgres.log')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _run(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
