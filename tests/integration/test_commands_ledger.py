"""The ledger on real databases: one row for a key, with all that belongs to it or with nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.commands.words import (
    IDEMPOTENCY_IN_PROGRESS,
    IDEMPOTENCY_KEY_MISMATCH,
    Command,
    CommandQuery,
    CommandStatus,
    UserError,
    Wish,
)
from hub.events.event import COMMAND, TIMELINE
from hub.model.case import ActorType
from hub.model.errors import InputInvalid, NotFound
from hub.model.timeline import TimelineCategory, TimelineEntry
from hub.store.audit import verify_chains
from hub.store.engine import Store
from tests.support.commanded import ORDER, Doing, Path, now, wish
from tests.support.stores import rows_of

CLIENTS = 30


@pytest.fixture
def path(store: Store) -> Path:
    return Path(store, Doing())


async def counts(store: Store) -> dict[str, int]:
    tables = ("command", "audit_entry", "timeline_entry", "event_log")
    return {name: (await rows_of(store, f"SELECT count(*) FROM {name}"))[0][0] for name in tables}


async def test_a_wish_is_kept_with_all_that_belongs_to_it(path: Path) -> None:
    receipt = await path.ledger.accept(wish(note="goodwill"))
    assert receipt.status is CommandStatus.ACCEPTED
    assert (receipt.replayed, receipt.user_errors, receipt.result) == (False, (), {})
    assert await counts(path.store) == {
        "command": 1, "audit_entry": 1, "timeline_entry": 1, "event_log": 2,
    }  # fmt: skip
    command = await path.ledger.one(receipt.id)
    assert command is not None
    assert command.receipt == receipt
    assert (command.subject, command.order, command.note) == (ORDER, ORDER, "goodwill")
    assert (command.version, command.attempts, command.system) == (1, 0, "erp")
    assert [(each.noun, each.version) for each in path.told] == [(COMMAND, 1), (TIMELINE, 1)]
    entry = path.told[1].entry
    assert entry is not None
    assert (entry.type, entry.category) == ("command.accepted", TimelineCategory.COMMAND)
    assert await verify_chains(path.store) == []


async def test_the_same_key_answers_as_before_and_says_that_it_runs(path: Path) -> None:
    first = await path.ledger.accept(wish())
    again = await path.ledger.accept(wish())
    assert replace(again, replayed=False, user_errors=()) == first
    assert again.replayed
    (running,) = again.user_errors
    assert (running.code, running.retryable) == (IDEMPOTENCY_IN_PROGRESS, True)
    assert running.evidence == {"commandId": first.id}
    assert await path.ledger.earlier(wish()) == again
    assert await path.ledger.earlier(wish("k2")) is None
    assert (await counts(path.store))["command"] == 1


async def test_the_key_with_other_input_is_refused(path: Path) -> None:
    first = await path.ledger.accept(wish())
    other = await path.ledger.accept(wish(payload={"amount": "99.00"}))
    assert (other.id, other.replayed) == (first.id, False)
    assert [each.code for each in other.user_errors] == [IDEMPOTENCY_KEY_MISMATCH]
    assert (await counts(path.store))["command"] == 1


async def test_a_key_is_the_actors_and_the_mutations(path: Path) -> None:
    wishes = [wish(), wish(actor="agent-2"), wish(mutation="holdOrder"), wish("k2")]
    assert len({(await path.ledger.accept(each)).id for each in wishes}) == 4


async def test_of_many_at_once_one_is_kept(path: Path) -> None:
    other = Path(path.store, Doing(), holder="two")
    ledgers = [path.ledger, other.ledger]
    receipts = await asyncio.gather(*(ledgers[n % 2].accept(wish()) for n in range(CLIENTS)))
    assert len({each.id for each in receipts}) == 1
    assert sum(not each.replayed for each in receipts) == 1
    assert (await counts(path.store))["audit_entry"] == 1


async def test_one_key_for_two_things_at_once_has_one_winner(path: Path) -> None:
    wishes = [
        wish(payload={"n": n}, aggregate=f"order/erp/{n}", order=None) for n in range(CLIENTS)
    ]
    receipts = await asyncio.gather(*(path.ledger.accept(each) for each in wishes))
    refused = [
        each
        for each in receipts
        if [e.code for e in each.user_errors] == [IDEMPOTENCY_KEY_MISMATCH]
    ]
    assert len(refused) == CLIENTS - 1
    assert (await counts(path.store))["command"] == 1


async def test_a_refusal_is_kept_and_answers_for_its_key(path: Path) -> None:
    shipped = UserError(code="ALREADY_SHIPPED", message="it left the house", field="lines")
    first = await path.ledger.refuse(wish(), [shipped])
    assert (first.status, first.user_errors) == (CommandStatus.REJECTED, (shipped,))
    assert await path.ledger.accept(wish()) == replace(first, replayed=True)
    assert await path.ledger.refuse(wish(), [shipped]) == replace(first, replayed=True)
    assert await path.claims.systems_due() == []
    with pytest.raises(ValueError, match="what stays refused"):
        await path.ledger.refuse(wish("k2"), [replace(shipped, retryable=True)])


async def test_a_check_sees_what_reads_may_not_show_yet(path: Path) -> None:
    def one_at_most(known: Sequence[Command]) -> list[UserError]:
        seen.append(len(known))
        return [] if not known else [UserError(code="AMOUNT_EXCEEDS_CREDITABLE", message="spent")]

    seen: list[int] = []
    wishes = [wish(f"k{n}") for n in range(10)]
    receipts = await asyncio.gather(
        *(path.ledger.accept(each, check=one_at_most) for each in wishes)
    )
    assert sorted(seen) == list(range(10))
    assert sum(each.status is CommandStatus.ACCEPTED for each in receipts) == 1
    assert sum(each.status is CommandStatus.REJECTED for each in receipts) == 9


def noted(key: str = "n1") -> Wish:
    entry = TimelineEntry(
        natural_key=f"hub:note:agent-1:{key}", order=ORDER, category=TimelineCategory.NOTE,
        type="note.added", title="Note", message="called back", system="hub",
        occurred_at=now(), observed_at=now(), actor_type=ActorType.AGENT, actor="agent-1",
    )  # fmt: skip
    return wish(
        key, mutation="addTimelineNote", payload={"text": "x"}, command=None, entries=(entry,)
    )


async def test_what_the_hub_does_itself_is_done_with_the_acceptance(path: Path) -> None:
    receipt = await path.ledger.accept(noted())
    assert receipt.status is CommandStatus.APPLIED
    assert await path.ledger.accept(noted()) == replace(receipt, replayed=True)
    found = await rows_of(path.store, "SELECT type, correlation_id FROM timeline_entry")
    assert found == [("note.added", "corr-4711")]
    assert await path.claims.systems_due() == []


async def test_lists_are_the_newest_first_and_bounded(path: Path) -> None:
    ids = [(await path.ledger.accept(wish(f"k{n}"))).id for n in range(5)]
    await path.ledger.accept(wish("other", actor="agent-2", order=None))
    mine = CommandQuery(actor="agent-1", limit=2)
    page = await path.ledger.page(mine)
    assert ([each.id for each in page.commands], page.has_more) == ([ids[4], ids[3]], True)
    page = await path.ledger.page(replace(mine, before=ids[3], limit=3))
    assert ([each.id for each in page.commands], page.has_more) == ([ids[2], ids[1], ids[0]], False)
    wanted = frozenset({CommandStatus.ACCEPTED})
    assert len((await path.ledger.page(CommandQuery(statuses=wanted))).commands) == 6
    assert len((await path.ledger.page(CommandQuery(order=ORDER, system="erp"))).commands) == 5
    assert (await path.ledger.page(CommandQuery(waits_for_person=True))).commands == ()
    with pytest.raises(InputInvalid, match="limit"):
        await path.ledger.page(CommandQuery(limit=0))


async def test_what_is_no_key_and_no_id_is_refused(path: Path) -> None:
    for key in ("", "x" * 129):
        with pytest.raises(InputInvalid, match="idempotencyKey"):
            await path.ledger.accept(wish(key))
    with pytest.raises(NotFound):
        await path.ledger.wait_for_end("none", 0.0)
    with pytest.raises(NotFound):
        await path.ledger.retry("none", actor="op", reason="x")


async def test_waiting_ends_when_its_time_is_up(path: Path) -> None:
    receipt = await path.ledger.accept(wish())
    before = now()
    assert await path.ledger.wait_for_end(receipt.id, 0.2) == receipt
    assert timedelta(seconds=0.2) <= now() - before < timedelta(seconds=2)
