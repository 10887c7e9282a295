"""Telling outside, over a real store and a real receiver: once, in order, masked, signed."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from starlette.responses import JSONResponse, Response

from hub.config.delivery_specs import DeliverySpec
from hub.config.specs import SystemsFile
from hub.events.dead_letters import DeadLetters
from hub.events.delivering import Delivering, Records
from hub.events.delivery_tries import TRIES_MAX, Trying
from hub.events.event import Event, StatusChange
from hub.events.log import EventLog
from hub.events.outgoing import Chosen, delivery_id
from hub.events.webhooks import Webhooks
from hub.model.customer import Customer
from hub.model.errors import OpsHubError
from hub.model.order import HoldReason, Order, OrderLine, OrderStatus
from hub.model.record import Record
from hub.model.values import Money, Ref
from hub.store.engine import Store
from hub.store.leases import Leases
from hub.store.reference_acts import Act
from hub.store.timeline_entries import TimelineEntries
from sources.commanding import Commander
from tests.support.receiver import Got, Receiver, running_receiver
from tests.support.stores import NOON, Watch, rows_of

SECRET = "sixteen-bytes-or-more"
ORDER = Ref("order", "erp", "1")


class Around:
    """Reads records that are just there."""

    def __init__(self) -> None:
        self.records: dict[Ref, Record] = {}

    async def read(self, refs: Sequence[Ref]) -> Sequence[Record | OpsHubError | None]:
        return [self.records.get(ref) for ref in refs]


class World:
    """One hub's worth of telling outside."""

    def __init__(self, store: Store, receiver: Receiver) -> None:
        self.store, self.receiver, self.watch = store, receiver, Watch()
        self.declared: Mapping[str, DeliverySpec] = {"portal": portal(receiver.url)}
        self.letters = DeadLetters(store, now=self.watch.now)
        self.timeline = TimelineEntries(store, now=self.watch.now)
        self.log = EventLog(store, self.watch.now)
        self.webhooks = Webhooks(deadline_s=0.4)
        self.around = Around()
        self.commander = Commander(crm(receiver.url))
        self.chosen = Chosen(store, declared=lambda: self.declared, now=self.watch.now)
        self.applied: list[Event] = []
        self.delivering = self.worker()

    def worker(self, **limits: Any) -> Delivering:
        return Delivering(
            self.store,
            leases=Leases(self.store, holder="one"),
            trying=Trying(
                declared=lambda: self.declared, webhooks=self.webhooks,
                commanding=self.commander, reading=self.around, **limits,
            ),
            records=Records(
                timeline=self.timeline, events=self.log, dead_letters=self.letters,
                applied=self.applied.extend,
            ),
            now=self.watch.now,
        )  # fmt: skip

    async def note(self, *events: Event) -> None:
        async with self.store.write() as connection:
            await self.log.append_in(connection, events)
            await self.chosen.note_in(connection, events)

    async def later(self, **by: float) -> int:
        self.watch.at += timedelta(**by)
        return await self.delivering.tell_due()

    async def states(self) -> list[tuple[Any, ...]]:
        found = await rows_of(self.store, "SELECT state, attempts FROM delivery ORDER BY name")
        return [tuple(row) for row in found]

    async def told(self) -> list[str]:
        (entries,) = await self.timeline.entries_by_order([ORDER])
        return [entry.type for entry in entries]


def portal(url: str, **when: Any) -> DeliverySpec:
    asked = {"noun": "order", "change": "status_changed", "audience": "customer"} | when
    webhook = {"url": f"{url}/hook", "secret": [SECRET, "another-sixteen-bytes"],
               "headers": {"X-Tenant": "7", "Webhook-Id": "mine"}}  # fmt: skip
    return DeliverySpec.model_validate({"name": "portal", "when": asked, "webhook": webhook})


def crm(url: str, *, find: bool = True, is_unique: bool = True) -> SystemsFile:
    command: dict[str, Any] = {
        "post": {"path": "/messages", "body": {"ref": "{external_reference}", "text": "{text}"}},
        "refused_when": {"status": ["409"]},
    }
    if find:
        command["find"] = {
            "get": "/messages?ref={external_reference}", "settles_within": "30s",
            "reference_unique": is_unique,
        }  # fmt: skip
    entities = {"case": {"by_key": "/cases/{key}", "key": "id", "fields": {"number": "id"}}}
    system = {"role": "crm", "kind": "rest", "url": url, "limits": {"timeout": "400ms"},
              "entities": entities, "commands": {"add_message": command}}  # fmt: skip
    return SystemsFile.model_validate({"version": 1, "systems": {"crm": system}})


def order(status: OrderStatus, number: str = "1") -> Order:
    ref = Ref("order", "erp", number)
    line = OrderLine(
        ref=Ref("order_line", "erp", f"{number}/1"), as_of=NOON, fetched_at=NOON, sku="A",
        unit_price=Money(Decimal("9.90"), "EUR"), unit_cost=Money(Decimal("4.40"), "EUR"),
    )  # fmt: skip
    return Order(
        ref=ref, as_of=NOON, fetched_at=NOON, number=f"N{number}", status=status,
        hold_reason=HoldReason.CREDIT, sales_person="Ms. Inside", lines=(line,),
        customer=Ref("customer", "erp", "C1"),
    )  # fmt: skip


def event(version: int, status: OrderStatus = OrderStatus.CONFIRMED, number: str = "1") -> Event:
    record = order(status, number)
    return Event(
        id=hashlib.sha256(f"{number}-{version}".encode()).hexdigest()[:32], noun="order",
        change="status_changed", ref=record.ref, version=version, occurred_at=NOON,
        recorded_at=NOON, order=record.ref, customer=record.customer, business_unit="north",
        changes=(StatusChange("status", "OPEN", status.value),), record=record,
        correlation_id="corr-1",
    )  # fmt: skip


@pytest_asyncio.fixture
async def world(store: Store) -> AsyncIterator[World]:
    async with running_receiver(Receiver()) as receiver:
        made = World(store, receiver)
        yield made
        await made.webhooks.close()
        await made.commander.close()


def bodies(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(got.body) for got in receiver.got if got.method == "POST"]


async def test_it_is_signed_masked_and_told_once(world: World) -> None:
    await world.note(event(1))
    await world.note(event(1))  # made again
    assert await world.delivering.tell_due() == 1
    assert await world.delivering.tell_due() == 0
    (got,) = world.receiver.got
    id_ = delivery_id(event(1).id, "portal")
    assert got.headers["webhook-id"] == id_
    assert got.headers["x-tenant"] == "7"
    assert got.headers["content-type"] == "application/cloudevents+json"
    signed = f"{id_}.{int(NOON.timestamp())}.".encode() + got.body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    signatures = got.headers["webhook-signature"].split(" ")
    assert signatures[0] == f"v1,{base64.b64encode(digest).decode()}"
    assert len(signatures) == 2
    told = json.loads(got.body)
    assert (told["specversion"], told["type"]) == ("1.0", "opshub.order.status_changed.v1")
    fields = told["data"]["record"]["fields"]
    assert set(fields) == {"number", "status", "customer", "lines"}
    assert set(fields["lines"][0]["fields"]) == {"sku", "unit_price"}
    for secret in (b"4.40", b"Ms. Inside", b"CREDIT", b"north"):
        assert secret not in got.body
    assert await world.states() == [("SENT", 1)]
    assert await world.told() == ["communication.sent"]
    assert [(each.noun, each.ref, each.business_unit) for each in world.applied] == [
        ("timeline", ORDER, "north")
    ]


async def test_history_and_what_nobody_chose_is_not_told(world: World) -> None:
    world.declared = {"portal": portal(world.receiver.url, to="COMPLETED", systems="erp")}
    await world.note(replace(event(1), is_replayed=True), event(2))
    await world.note(replace(event(3, OrderStatus.COMPLETED), is_replayed=True))
    assert await world.states() == []
    await world.note(event(4, OrderStatus.COMPLETED))
    assert await world.states() == [("PENDING", 0)]


async def test_the_house_reads_all_of_it(world: World) -> None:
    world.declared = {"portal": portal(world.receiver.url, audience="internal")}
    await world.note(event(1))
    await world.delivering.tell_due()
    fields = bodies(world.receiver)[0]["data"]["record"]["fields"]
    assert fields["sales_person"] == "Ms. Inside"
    assert fields["lines"][0]["fields"]["unit_cost"] == {"amount": "4.40", "currency": "EUR"}


async def test_a_failing_receiver_is_told_again_later_under_the_same_id(world: World) -> None:
    world.receiver.answers = [500, 302, 429]
    await world.note(event(1))
    for _ in range(4):
        assert await world.later(minutes=2) == 1
    assert await world.later(minutes=2) == 0
    assert {got.headers["webhook-id"] for got in world.receiver.got} == {
        delivery_id(event(1).id, "portal")
    }
    assert len({got.body for got in world.receiver.got}) == 1
    assert [got.target for got in world.receiver.got] == ["/hook"] * 4
    assert await world.states() == [("SENT", 4)]
    assert await world.told() == ["communication.failed"] * 3 + ["communication.sent"]


async def test_one_order_keeps_its_order_and_holds_no_other(world: World) -> None:
    world.receiver.answers = [500]
    await world.note(event(1), event(2), event(3, number="2"))
    await world.delivering.tell_due()
    await world.later(minutes=1)
    await world.later(minutes=1)
    told = [(each["data"]["ref"]["key"], each["data"]["version"])
            for each in bodies(world.receiver)]  # fmt: skip
    assert [version for key, version in told if key == "1"] == [1, 1, 2]
    assert [version for key, version in told if key == "2"] == [3] * (len(told) - 3)
    assert set(await world.states()) <= {("SENT", 1), ("SENT", 2)}


async def test_gone_is_dead_and_a_person_sends_it_again(world: World) -> None:
    world.receiver.answers = [410]
    await world.note(event(1))
    await world.delivering.tell_due()
    assert await world.states() == [("DEAD", 1)]
    (id_,) = [row[0] for row in await rows_of(world.store, "SELECT id FROM dead_letter")]
    act = Act(actor="ops", reason="again")
    await world.letters.replay([id_], act=act)
    await world.delivering.tell_due()
    assert await world.states() == [("SENT", 2)]
    assert await world.told() == ["communication.failed", "communication.sent"]


async def test_one_that_never_takes_it_is_put_by(world: World) -> None:
    world.receiver.answers = [500] * 50
    await world.note(event(1))
    for _ in range(TRIES_MAX + 3):
        await world.later(hours=2)
    assert await world.states() == [("DEAD", TRIES_MAX)]
    assert len(world.receiver.got) == TRIES_MAX
    (row,) = await rows_of(world.store, "SELECT system, via, code FROM dead_letter")
    assert tuple(row) == ("portal", "DELIVERY", "DELIVERY_FAILED")


async def test_one_that_hangs_is_not_waited_for(world: World) -> None:
    world.receiver.hang_s = 3.0
    await world.note(event(1))
    async with asyncio.timeout(2.0):
        await world.delivering.tell_due()
    assert await world.states() == [("PENDING", 1)]


async def test_cut_off_between_sending_and_recording(world: World) -> None:
    """A webhook comes again with its id; nothing else tells it from the first."""
    await world.note(event(1))
    (row,) = await world.delivering._rows.due("portal", 10)
    await world.delivering._tries.tell(row)  # and the process is gone
    await world.worker().tell_due()
    assert len({got.headers["webhook-id"] for got in world.receiver.got}) == 1
    assert len(world.receiver.got) == 2
    assert await world.told() == ["communication.sent"]


def by_command(text: str = "{order.number} is {change.after} {customer.name}") -> DeliverySpec:
    when = {"noun": "order", "change": ["status_changed"], "audience": "customer"}
    return DeliverySpec.model_validate(
        {"name": "tell-crm", "when": when, "command": "crm.add_message", "values": {"text": text}}
    )


def remembering(world: World, *, lose: int = 0) -> list[str]:
    """A CRM that keeps messages by reference; the first `lose` answers are lost."""
    kept: list[str] = []
    left = [lose]

    def answer(got: Got) -> Response:
        if got.method == "GET":
            ref = got.target.partition("=")[2]
            return JSONResponse([{"ref": ref}] if ref in kept else [])
        kept.append(json.loads(got.body)["ref"])
        if left[0] > 0:
            left[0] -= 1
            return Response(status_code=502)
        return JSONResponse({"ok": True})

    world.receiver.answer = answer
    return kept


async def test_a_command_is_looked_up_before_it_is_sent_again(world: World) -> None:
    world.declared = {"tell-crm": by_command("{order.number} is {change.after}")}
    kept = remembering(world, lose=1)
    await world.note(event(1))
    await world.delivering.tell_due()
    assert await world.later(seconds=20) == 0  # its effect may still show
    assert await world.later(seconds=20) == 1
    assert kept == [delivery_id(event(1).id, "tell-crm")]
    assert await world.states() == [("SENT", 2)]
    assert bodies(world.receiver)[0]["text"] == "N1 is CONFIRMED"


async def test_a_command_cut_off_before_it_was_recorded_happens_once(world: World) -> None:
    world.declared = {"tell-crm": by_command("{order.key}")}
    kept = remembering(world)
    await world.note(event(1))
    (row,) = await world.delivering._rows.due("tell-crm", 10)
    await world.delivering._tries.tell(row)  # and the process is gone
    assert await world.worker().tell_due() == 0
    world.watch.at += timedelta(minutes=1)
    assert await world.worker().tell_due() == 1
    assert kept == [delivery_id(event(1).id, "tell-crm")]
    assert await world.states() == [("SENT", 1)]


@pytest.mark.parametrize("is_unique", [True, False])
async def test_what_cannot_be_known_waits_for_a_person(world: World, is_unique: bool) -> None:
    world.declared = {"tell-crm": by_command("{order.key}")}
    await world.commander.close()
    world.commander = Commander(crm(world.receiver.url, find=not is_unique, is_unique=is_unique))
    world.delivering = world.worker()
    kept = remembering(world, lose=1)
    await world.note(event(1))
    await world.delivering.tell_due()
    kept_before, kept[:] = list(kept), []
    await world.later(minutes=2)
    assert await world.states() == [("DEAD", 2)]
    assert len(kept_before) == 1 and kept == []


async def test_records_around_are_read_and_masked(world: World) -> None:
    ref = Ref("customer", "erp", "C1")
    world.around.records[ref] = Customer(
        ref=ref, as_of=NOON, fetched_at=NOON, name="Meier", segment="B-ware"
    )
    world.declared = {
        "tell-crm": by_command("{customer.name} {customer.segment}|{order.tax.amount}")
    }
    remembering(world)
    await world.note(event(1))
    await world.delivering.tell_due()
    assert bodies(world.receiver)[0]["text"] == "Meier |"


async def test_it_follows_for_ever_under_its_lease(world: World) -> None:
    await world.note(event(1))
    following = asyncio.create_task(world.delivering.follow())
    async with asyncio.timeout(10):
        while await world.states() != [("SENT", 1)]:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.05)
        world.watch.at += timedelta(seconds=1)
        await world.note(event(2))
        world.delivering.wake()
        while await world.states() != [("SENT", 1)] * 2:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
