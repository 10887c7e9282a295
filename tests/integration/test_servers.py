"""The servers the tests lean on really start, serve and end."""

import importlib.util
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import asyncpg
import nats
import pytest

from tests.support import postgres

OUTLIVE_TIMEOUT_S = 10.0


async def test_fresh_database_is_empty_and_writable(fresh_database: str) -> None:
    connection = await asyncpg.connect(fresh_database)
    try:
        await connection.execute("CREATE TABLE ordhdr (orno text PRIMARY KEY)")
        await connection.execute("INSERT INTO ordhdr VALUES ('4711')")
        assert await connection.fetchval("SELECT count(*) FROM ordhdr") == 1
    finally:
        await connection.close()


async def test_fresh_database_of_the_next_test_has_no_tables(fresh_database: str) -> None:
    connection = await asyncpg.connect(fresh_database)
    try:
        query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert await connection.fetchval(query) == 0
    finally:
        await connection.close()


async def test_nats_keeps_a_stream(nats_url: str) -> None:
    client = await nats.connect(nats_url)
    try:
        stream = client.jetstream()
        await stream.add_stream(name="PROOF", subjects=["proof.>"])
        receipt = await stream.publish("proof.one", b"1")
        assert (receipt.stream, receipt.seq) == ("PROOF", 1)
    finally:
        await client.close()


@pytest.mark.skipif(
    importlib.util.find_spec("pgserver") is None,
    reason="the pgserver wheel is not installed: it exists up to Python 3.12",
)
async def test_the_wheel_carries_a_postgresql_that_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "find_binaries", postgres.wheel_binaries)
    monkeypatch.delenv("OPSHUB_TEST_POSTGRES_DSN", raising=False)
    with postgres.running_postgres() as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            version = await connection.fetchval("SHOW server_version")
        finally:
            await connection.close()
    assert version.startswith("16.")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals children of a dead parent")
def test_servers_end_with_a_killed_test_run(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import pathlib, sys, time
        from tests.support import nats
        process = nats.start_nats(pathlib.Path(sys.argv[1]))
        nats.wait_for_url(process, pathlib.Path(sys.argv[1]))
        print(process.pid, flush=True)
        time.sleep(60)
        """
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent, parent.stdout:
        server = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert _ends(server)


def _ends(pid: int) -> bool:
    deadline = time.monotonic() + OUTLIVE_TIMEOUT_S
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not _is_running(pid)


def _is_running(pid: int) -> bool:
    """Whether the process runs; one that nobody has reaped yet (state Z) does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
