"""The dispatcher on real databases: every outcome, in order, once; whoever dies or is late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from hub.commands.decisions import done
from hub.commands.dispatching import IN_FLIGHT_PER_SYSTEM_MAX
from hub.commands.steps import Step
from hub.commands.words import Command, CommandStatus, Receipt
from hub.events.event import COMMAND
from hub.model.errors import InputInvalid
from hub.store.audit import verify_chains
from hub.store.engine import Store
from tests.support.commanded import Doing, Path, until, wish
from tests.support.stores import rows_of, run_sql

SHORT_LEASE_S = 0.5


@asynccontextmanager
async def running(*paths: Path) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(path.dispatcher.follow()) for path in paths]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def ended(path: Path, id_: str, *, within_s: float = 15.0) -> Command:
    async def is_ended() -> bool:
        command = await path.ledger.one(id_)
        return command is not None and command.status.is_final

    await until(is_ended, within_s=within_s)
    command = await path.ledger.one(id_)
    assert command is not None
    return command


async def carried(path: Path, **changed: Any) -> Command:
    """Accept one wish and wait for its end."""
    receipt = await path.ledger.accept(wish(**changed))
    async with running(path):
        return await ended(path, receipt.id)


def statuses(path: Path, id_: str) -> list[str | None]:
    """As they were told, in order; the versions must grow by one."""
    events = [each for each in path.told if each.noun == COMMAND and each.ref.key == id_]
    assert [each.version for each in events] == list(range(1, len(events) + 1))
    befores = [each.changes[0].before for each in events]
    afters = [each.changes[0].after for each in events]
    assert befores == [None, *afters[:-1]]
    return afters


async def test_a_command_is_applied_and_everybody_is_told(store: Store) -> None:
    path = Path(store, Doing())
    command = await carried(path)
    assert command.status is CommandStatus.APPLIED
    assert command.receipt.result == {"number": "CM-1"}
    assert path.doing.effects == {command.id: 1}
    assert statuses(path, command.id) == ["ACCEPTED", "DISPATCHED", "APPLIED"]
    entries = await rows_of(store, "SELECT type FROM timeline_entry ORDER BY sequence")
    assert entries == [("command.accepted",), ("command.applied",)]
    audited = await rows_of(store, "SELECT action, actor FROM audit_entry ORDER BY position")
    assert audited == [("command.issueCredit", "agent-1"), ("command.ended", "hub")]
    assert await verify_chains(store) == []
    replay = await path.ledger.accept(wish())
    assert replay == replace(command.receipt, replayed=True)


async def test_waiting_ends_with_the_command(store: Store) -> None:
    path = Path(store, Doing())
    receipt = await path.ledger.accept(wish())
    async with running(path), asyncio.timeout(3):
        waited = await path.ledger.wait_for_end(receipt.id, 5.0)
    assert waited.status is CommandStatus.APPLIED


@pytest.mark.parametrize(
    ("words", "told", "effects", "calls"),
    [
        (["refuse"], ["ACCEPTED", "DISPATCHED", "REJECTED"], 0, 1),
        (["down", "down"], ["ACCEPTED", "DISPATCHED", "APPLIED"], 1, 3),
        (["lost"], ["ACCEPTED", "DISPATCHED", "OUTCOME_UNKNOWN", "APPLIED"], 1, 1),
        (["late"], ["ACCEPTED", "DISPATCHED", "OUTCOME_UNKNOWN", "APPLIED"], 1, 1),
        (["never"], ["ACCEPTED", "DISPATCHED", "OUTCOME_UNKNOWN", "APPLIED"], 1, 2),
        (["never", "never"], ["ACCEPTED", "DISPATCHED", "OUTCOME_UNKNOWN", "APPLIED"], 1, 3),
        (["never", "down"], ["ACCEPTED", "DISPATCHED", "OUTCOME_UNKNOWN", "APPLIED"], 1, 3),
        (["never", "refuse"], ["ACCEPTED", "DISPATCHED", "OUTCOME_UNKNOWN", "REJECTED"], 0, 2),
        (["lost", "find-fails"], ["ACCEPTED", "DISPATCHED", "OUTCOME_UNKNOWN", "APPLIED"], 1, 1),
    ],
)
async def test_every_outcome_is_told_as_it_is(
    store: Store, words: list[str], told: list[str], effects: int, calls: int
) -> None:
    path = Path(store, Doing(words=list(words)))
    command = await carried(path)
    assert statuses(path, command.id) == told
    assert path.doing.effects.total() == effects
    assert path.doing.calls == [command.id] * calls


async def test_a_refusal_is_data(store: Store) -> None:
    (error,) = (await carried(Path(store, Doing(words=["refuse"])))).receipt.user_errors
    assert (error.code, error.system) == ("SOURCE_REJECTED", "erp")
    assert error.message == "the period is closed"


async def test_an_undeclared_command_fails_and_may_be_tried_once_it_is(store: Store) -> None:
    path = Path(store, Doing())
    command = await carried(path, command="erp.gone")
    assert command.status is CommandStatus.FAILED
    assert [each.code for each in command.receipt.user_errors] == ["NOT_SUPPORTED"]
    await run_sql(store, "UPDATE command SET command = 'erp.credit'")
    again = await path.ledger.retry(command.id, actor="op", reason="declared now")
    assert (again.status, again.ended_at) == (CommandStatus.ACCEPTED, None)
    async with running(path):
        assert (await ended(path, command.id)).status is CommandStatus.APPLIED
    with pytest.raises(InputInvalid, match="APPLIED"):
        await path.ledger.retry(command.id, actor="op", reason="once more")
    actions = await rows_of(store, "SELECT action, actor FROM audit_entry ORDER BY position")
    assert ("command.retry", "op") in actions


async def waiting_for_person(path: Path) -> Receipt:
    receipt = await path.ledger.accept(wish())

    async def waits() -> bool:
        command = await path.ledger.one(receipt.id)
        return command is not None and command.waits_for_person

    async with running(path):
        await until(waits)
    return receipt


@pytest.mark.parametrize("doing", [Doing(settles_s=None), Doing(is_reference_unique=False)])
async def test_what_may_be_done_twice_waits_for_a_person(store: Store, doing: Doing) -> None:
    doing = replace(doing, words=["never"], effects=doing.effects.copy(), order=[], calls=[])
    path = Path(store, doing)
    receipt = await waiting_for_person(path)
    later = await path.ledger.accept(wish("k2"))
    command = await path.ledger.one(receipt.id)
    assert command is not None
    assert command.status is CommandStatus.OUTCOME_UNKNOWN
    assert [each.code for each in command.receipt.user_errors] == ["OUTCOME_UNKNOWN"]
    assert doing.calls == [receipt.id]  # the next of the aggregate waits
    await path.ledger.retry(receipt.id, actor="op", reason="the ERP has none")
    async with running(path):
        assert (await ended(path, receipt.id)).status is CommandStatus.APPLIED
        assert (await ended(path, later.id)).status is CommandStatus.APPLIED
    assert doing.order == [receipt.id, later.id]


@pytest.mark.parametrize(("is_done", "status"), [(True, "APPLIED"), (False, "FAILED")])
async def test_a_person_may_say_what_became_of_it(
    store: Store, *, is_done: bool, status: str
) -> None:
    path = Path(store, Doing(settles_s=None, words=["never"]))
    receipt = await waiting_for_person(path)
    later = await path.ledger.accept(wish("k2"))
    said = await path.ledger.conclude(receipt.id, is_done=is_done, actor="op", reason="looked")
    assert (said.status.value, said.waits_for_person) == (status, False)
    assert said.ended_at is not None
    assert statuses(path, receipt.id)[-2:] == ["OUTCOME_UNKNOWN", status]
    with pytest.raises(InputInvalid, match=status):
        await path.ledger.conclude(receipt.id, is_done=is_done, actor="op", reason="looked")
    async with running(path):
        assert (await ended(path, later.id)).status is CommandStatus.APPLIED
    audited = "SELECT actor FROM audit_entry WHERE action = 'command.ended' ORDER BY position"
    assert await rows_of(store, audited) == [("op",), ("hub",)]
    assert path.doing.effects == {later.id: 1}


async def test_what_a_person_wants_sent_again_is_looked_up_first(store: Store) -> None:
    path = Path(store, Doing(is_reference_unique=False, words=["never"]))
    receipt = await waiting_for_person(path)
    path.doing._do(receipt.id)  # it came to be after all
    await path.ledger.retry(receipt.id, actor="op", reason="the ERP has none")
    async with running(path):
        assert (await ended(path, receipt.id)).status is CommandStatus.APPLIED
    assert path.doing.effects == {receipt.id: 1}


async def test_one_aggregate_goes_in_order_and_others_go_beside_it(store: Store) -> None:
    doing = Doing(pause_s=0.01)
    paths = [Path(store, doing, holder=name) for name in ("one", "two")]
    wishes = [
        wish(f"k{n}", aggregate=f"order/erp/{n % 8}", order=None, mutation="m") for n in range(24)
    ]
    ids = [(await paths[0].ledger.accept(each)).id for each in wishes]
    async with running(*paths):
        commands = [await ended(paths[0], each) for each in ids]
    assert {each.status for each in commands} == {CommandStatus.APPLIED}
    assert doing.effects == dict.fromkeys(ids, 1)
    for n in range(8):
        mine = [each.id for each in commands if each.aggregate == f"order/erp/{n}"]
        assert [each for each in doing.order if each in mine] == mine
    assert 1 < doing.at_once_max <= 2 * IN_FLIGHT_PER_SYSTEM_MAX


async def test_who_dies_while_sending_is_followed_by_a_look_up(store: Store) -> None:
    """Done at the system, never recorded: found, not sent again."""
    path = Path(store, Doing(words=["hang"]), lease_s=SHORT_LEASE_S)
    receipt = await path.ledger.accept(wish())
    (task,) = await path.claims.claim("erp", 1)
    dying = asyncio.create_task(path.carrier.carry_out(task))
    await until(path.doing.has_effects)
    dying.cancel()
    with suppress(asyncio.CancelledError):
        await dying
    seen = await path.ledger.one(receipt.id)
    assert seen is not None and seen.status is CommandStatus.DISPATCHED
    await run_sql(store, "UPDATE command_aggregate SET until = due_at")  # its time is up
    other = Path(store, path.doing, holder="two")
    async with running(other):
        assert (await ended(other, receipt.id)).status is CommandStatus.APPLIED
    assert (path.doing.effects, path.doing.calls) == ({receipt.id: 1}, [receipt.id])


async def test_who_comes_late_writes_nothing(store: Store) -> None:
    first = Path(store, Doing(), lease_s=SHORT_LEASE_S)
    other = Path(store, Doing(), holder="two")
    receipt = await first.ledger.accept(wish())
    (task,) = await first.claims.claim("erp", 1)
    assert await other.claims.claim("erp", 1) == []
    await asyncio.sleep(SHORT_LEASE_S + 0.1)
    (taken,) = await other.claims.claim("erp", 1)
    assert (taken.id, taken.fence) == (task.id, task.fence + 1)
    assert not await first.claims.begin(task, busy_s=1.0, settles_in_s=1.0)
    assert not await first.claims.settle(task, done({"number": "ghost"}))
    assert await other.claims.begin(taken, busy_s=1.0, settles_in_s=1.0)
    assert await other.claims.settle(taken, done({"number": "1"}))
    assert not await other.claims.settle(taken, done({"number": "2"}))  # written once
    command = await first.ledger.one(receipt.id)
    assert command is not None and command.receipt.result == {"number": "1"}
    assert taken.step is Step.SEND


async def test_a_retry_fences_off_who_was_stopped(store: Store) -> None:
    path = Path(store, Doing(), lease_s=SHORT_LEASE_S)
    receipt = await path.ledger.accept(wish())
    (task,) = await path.claims.claim("erp", 1)
    with pytest.raises(InputInvalid, match="nobody is sending"):
        await path.ledger.retry(receipt.id, actor="op", reason="now")
    await asyncio.sleep(SHORT_LEASE_S + 0.1)
    await path.ledger.retry(receipt.id, actor="op", reason="now")
    assert not await path.claims.begin(task, busy_s=1.0, settles_in_s=1.0)
