"""Processes that die at each listed point, or are stopped beyond their time: every command is
applied once, by the effects in the system's own database."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from hub.observe.crash_points import CRASH_POINTS, STATUS, VARIABLE
from hub.store.audit import verify_chains
from hub.store.engine import Store
from tests.support.command_process import LEASE_S, effects, new_erp
from tests.support.commanded import until
from tests.support.stores import rows_of

PATIENCE_S = 40.0
IN_RELAY = "published"  # the relay's, which needs a NATS server


@pytest.fixture
def erp(tmp_path: Path) -> Path:
    file = tmp_path / "erp.sqlite"
    new_erp(file)
    return file


async def started(
    url: str, erp: Path, holder: str, *, count: int = 2, delay_s: float = 0.0, crash_at: str = ""
) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.command_process",
        url, str(erp), holder, str(count), str(delay_s),
        stderr=PIPE, env={**os.environ, VARIABLE: crash_at},
    )  # fmt: skip


async def ended(process: Process) -> int | None:
    async with asyncio.timeout(PATIENCE_S):
        _, said = await process.communicate()
    assert b"Traceback" not in said, said.decode()
    return process.returncode


async def assert_applied_once(store: Store, erp: Path, count: int) -> None:
    rows = await rows_of(store, "SELECT id, status FROM command")
    assert [status for _, status in rows] == ["APPLIED"] * count
    assert sorted(effects(erp)) == sorted(id_ for id_, _ in rows)
    wished = "SELECT count(*) FROM audit_entry WHERE action = 'command.issueCredit'"
    assert await rows_of(store, wished) == [(count,)]
    assert await verify_chains(store) == []


@pytest.mark.prove
@pytest.mark.parametrize("point", [each for each in CRASH_POINTS if each != IN_RELAY])
async def test_a_process_dies_at_a_listed_point(
    store: Store, url: str, erp: Path, point: str
) -> None:
    assert await ended(await started(url, erp, "dying", crash_at=point)) == STATUS
    assert await ended(await started(url, erp, "next")) == 0
    await assert_applied_once(store, erp, 2)


async def test_a_process_is_stopped_beyond_its_time(store: Store, url: str, erp: Path) -> None:
    """The other takes over and finishes; the one that wakes up sends late, to no effect."""
    stopped = await started(url, erp, "stopped", count=1, delay_s=1.0)

    async def is_sending() -> bool:
        return await rows_of(store, "SELECT status FROM command") == [("DISPATCHED",)]

    try:
        await until(is_sending, within_s=PATIENCE_S)
        stopped.send_signal(signal.SIGSTOP)
        await asyncio.sleep(LEASE_S)
        assert await ended(await started(url, erp, "other", count=1)) == 0
    finally:
        stopped.send_signal(signal.SIGCONT)
    assert await ended(stopped) == 0
    await assert_applied_once(store, erp, 1)
