"""Work in the background: its failure is told, its cancellation is not."""

import asyncio
import logging

import pytest

from hub.observe.tasks import in_background, kept_running


async def test_a_failure_is_logged_with_its_stack(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise RuntimeError("a defect")

    task = in_background(fails())
    await asyncio.wait({task})
    await asyncio.sleep(0)
    (told,) = [each for each in caplog.records if each.name == "hub.observe.tasks"]
    assert told.levelno == logging.ERROR
    assert told.getMessage().endswith("fails ended")
    assert told.exc_info is not None


async def test_a_cancelled_task_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    task = in_background(asyncio.sleep(60, result=None))
    task.cancel()
    await asyncio.wait({task})
    await asyncio.sleep(0)
    assert caplog.records == []


async def test_what_must_run_for_ever_begins_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.observe.tasks.PAUSE_S", 0.001)
    begun = asyncio.Event()
    times = 0

    async def follow() -> None:
        nonlocal times
        times += 1
        if times < 3:
            raise RuntimeError("a defect")
        begun.set()
        await asyncio.sleep(60)

    task = in_background(kept_running(follow))
    await asyncio.wait_for(begun.wait(), 5)
    task.cancel()
    await asyncio.wait({task})
    assert times == 3
    assert [each.levelno for each in caplog.records] == [logging.ERROR] * 2
