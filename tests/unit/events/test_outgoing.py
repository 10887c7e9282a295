"""What is told outside, to whom: masked by audience, and only what is news."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hub.cli import app
from hub.config.delivery_specs import Audience, DeliverySpec
from hub.config.problems import SystemsFileInvalid
from hub.events.event import RECORDED, STATUS_CHANGED, TIMELINE, Event, StatusChange
from hub.events.outgoing import rows_of
from hub.events.outgoing_check import masked_values, refuse_masked
from hub.events.outgoing_form import record_form, scope_for, told_form
from hub.events.webhooks import RETRY_AFTER_MAX_S, retry_after_s
from hub.model.case import ActorType, Case, CaseStatus, Message, Visibility
from hub.model.catalog import NOUNS
from hub.model.order import Order, OrderStatus
from hub.model.record import Record
from hub.model.returns import Return, RmaStatus
from hub.model.shipment import Milestone, Shipment, ShipmentStatus
from hub.model.timeline import TimelineCategory, TimelineEntry
from hub.model.values import Attribute, AttributeType, Ref
from hub.security.masks import INTERNAL_FIELDS
from tests.support.events import records
from tests.unit.config.examples import ENVIRON, load_text, mistakes_in
from tests.unit.config.test_deliveries import SYSTEMS

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDER = Ref("order", "erp", "1")
AUDIENCES: tuple[Audience, ...] = ("customer", "partner", "internal")
LONG_AGO = AT - timedelta(days=400)


def changed(record: Record, **how: Any) -> Event:
    """An event of the record, told at AT."""
    given: dict[str, Any] = {
        "id": "e1", "noun": record.NOUN, "change": STATUS_CHANGED, "ref": record.ref, "version": 1,
        "occurred_at": AT, "recorded_at": AT, "order": ORDER, "record": record,
    }  # fmt: skip
    return Event(**given | how)


def recorded(**how: Any) -> Event:
    """That an entry was recorded on the order's timeline."""
    about: dict[str, Any] = {
        "natural_key": "k", "order": ORDER, "category": TimelineCategory.CASE, "type": "case.note",
        "title": "A note", "system": "crm", "occurred_at": AT, "observed_at": AT, "sequence": 1,
        "visibility": Visibility.CUSTOMER, "actor_type": ActorType.AGENT, "actor": "Ms. Inside",
    }  # fmt: skip
    return Event(
        id="t1", noun=TIMELINE, change=RECORDED, ref=ORDER, version=1, occurred_at=AT,
        recorded_at=AT, order=ORDER, entry=TimelineEntry(**about | how),
    )  # fmt: skip


def told(event: Event, audience: Audience) -> dict[str, Any] | None:
    return told_form(event, scope_for(audience))


def rows(event: Event, **when: Any) -> int:
    """How many rows a delivery of its noun gets of it."""
    asked = {"noun": event.noun, "change": event.change, "audience": "internal"} | when
    webhook = {"url": "https://portal.test", "secret": "sixteen-bytes-or-more"}
    spec = DeliverySpec.model_validate({"name": "portal", "when": asked, "webhook": webhook})
    return len(rows_of([event], {"portal": spec}, AT))


def forms_in(form: dict[str, Any], noun: str) -> Iterator[tuple[str, set[str]]]:
    """Each record told, with its noun and the fields told of it."""
    yield noun, set(form["fields"])
    for value in form["fields"].values():
        for child in value if isinstance(value, list) else ():
            if isinstance(child, dict):
                yield from forms_in(child, child["ref"]["noun"])


@pytest.mark.parametrize("noun", [*sorted(INTERNAL_FIELDS), "message"])
@given(data=st.data())
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_internal_field_leaves_the_house(noun: str, data: st.DataObject) -> None:
    record = data.draw(records(NOUNS[noun]))
    for scope in (scope_for("customer"), scope_for("partner")):
        for of, fields in forms_in(record_form(record, scope), noun):
            assert not fields & INTERNAL_FIELDS.get(of, frozenset())


@pytest.mark.parametrize("audience", ["customer", "partner"])
def test_no_internal_axis_leaves_the_house(audience: Audience) -> None:
    axes = tuple(StatusChange(axis, "A", "B") for axis in ("hold_reason", "status"))
    document = told(changed(Order(ref=ORDER, as_of=AT, fetched_at=AT), changes=axes), audience)
    assert document is not None
    assert [each["axis"] for each in document["data"]["changes"]] == ["status"]


def message(visibility: Visibility | None, by: ActorType = ActorType.AGENT) -> Message:
    return Message(
        ref=Ref("message", "crm", f"{visibility}-{by}"), as_of=AT, fetched_at=AT, body="Hello",
        visibility=visibility, author="Ms. Inside", author_type=by,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("visibility", "readers"),
    [
        (Visibility.CUSTOMER, {"customer", "internal"}),
        (Visibility.PARTNER, {"partner", "internal"}),
        (Visibility.INTERNAL, {"internal"}),
        (None, {"internal"}),
    ],
)
def test_messages_and_entries_are_told_to_whom_they_are_for(
    visibility: Visibility | None, readers: set[str]
) -> None:
    alone = changed(message(visibility), change=RECORDED)
    assert {each for each in AUDIENCES if told(alone, each) is not None} == readers
    talk = Case(
        ref=Ref("case", "crm", "1"), as_of=AT, fetched_at=AT, status=CaseStatus.OPEN,
        messages=(message(visibility),),
    )  # fmt: skip
    for audience in AUDIENCES:
        document = told(changed(talk), audience)
        assert document is not None
        assert len(document["data"]["record"]["fields"]["messages"]) == (audience in readers)
    if visibility is not None:
        entry = recorded(visibility=visibility)
        assert {each for each in AUDIENCES if told(entry, each) is not None} == readers


def test_the_names_of_our_people_stay_in_the_house() -> None:
    for audience, is_told in (("customer", False), ("partner", False), ("internal", True)):
        shown = Visibility.PARTNER if audience == "partner" else Visibility.CUSTOMER
        for event in (
            changed(message(shown), change=RECORDED),
            recorded(visibility=shown),
        ):
            assert ("Ms. Inside" in str(told(event, audience))) == is_told  # type: ignore[arg-type]
    from_outside = message(Visibility.CUSTOMER, ActorType.CUSTOMER)
    assert "Ms. Inside" in str(told(changed(from_outside, change=RECORDED), "customer"))


def test_own_fields_of_a_company_are_told_to_the_roles_they_name() -> None:
    seen = {"a": frozenset({"integration"}), "b": frozenset({"customer"}), "c": frozenset[str]()}
    attributes = {
        key: Attribute(key, AttributeType.STRING, "x", "erp", roles) for key, roles in seen.items()
    }
    record = Order(ref=ORDER, as_of=AT, fetched_at=AT, attributes=attributes)
    keys = {each: set(record_form(record, scope_for(each))["attributes"]) for each in AUDIENCES}
    assert keys == {"customer": {"b"}, "partner": {"a"}, "internal": {"c"}}


def test_what_came_late_and_what_the_hub_itself_did_is_not_told() -> None:
    assert rows(recorded()) == 1
    assert rows(recorded(is_late=True)) == 0
    assert rows(recorded(system="hub")) == 0
    assert rows(replace(recorded(), is_replayed=True)) == 0


def shipment(status: ShipmentStatus, **fields: Any) -> Shipment:
    return Shipment(
        ref=Ref("shipment", "wms", "S1"), as_of=AT, fetched_at=AT + timedelta(seconds=1),
        status=status, **fields,
    )  # fmt: skip


def first(record: Record, before: str | None = None) -> Event:
    status = getattr(record, "status").value  # noqa: B009 - not every noun has one
    return changed(record, changes=(StatusChange("status", before, status),))


DELIVERED = ShipmentStatus.DELIVERED
HISTORY = (
    (first(shipment(DELIVERED, delivered_at=AT)), True),
    (first(shipment(DELIVERED, delivered_at=LONG_AGO)), False),
    # it was known, so that the hub only hears late of it
    (first(shipment(DELIVERED, delivered_at=LONG_AGO), before="IN_TRANSIT"), True),
    # no moment of its own: the last change counts
    (first(shipment(ShipmentStatus.IN_TRANSIT, created_at=LONG_AGO)), True),
    (first(replace(shipment(ShipmentStatus.IN_TRANSIT), as_of=LONG_AGO)), False),
    (
        first(Return(ref=Ref("return", "erp", "R1"), as_of=AT, fetched_at=AT,
                     status=RmaStatus.AUTHORIZED, authorized_at=LONG_AGO)),
        False,
    ),
    (
        first(Order(ref=ORDER, as_of=AT, fetched_at=AT, status=OrderStatus.OPEN, placed_at=AT)),
        True,
    ),
    (
        changed(Milestone(ref=Ref("milestone", "c", "1"), as_of=AT, fetched_at=AT,
                          occurred_at=LONG_AGO), change=RECORDED),
        False,
    ),
    (changed(replace(message(None), sent_at=LONG_AGO), change=RECORDED), False),
    (changed(message(None), change=RECORDED), True),
    (changed(shipment(DELIVERED, delivered_at=LONG_AGO), change="changed"), True),
    (recorded(occurred_at=LONG_AGO), False),
)  # fmt: skip


@pytest.mark.parametrize(("event", "is_news"), HISTORY)
def test_an_old_fact_told_for_the_first_time_is_no_news(event: Event, is_news: bool) -> None:
    assert rows(event) == is_news
    assert rows(event, younger_than="365d") == is_news  # LONG_AGO is longer


def test_a_delivery_says_how_old_its_news_may_be() -> None:
    event = recorded(occurred_at=AT - timedelta(hours=25))
    assert [rows(event), rows(event, younger_than="26h"), rows(event, younger_than="1h")] == [
        0, 1, 0,
    ]  # fmt: skip


def test_a_masked_value_is_a_mistake_at_its_place(tmp_path: Path) -> None:
    text = SYSTEMS + (
        "  tell-crm:\n"
        "    when: { noun: order, change: changed, audience: WHO }\n"
        "    command: crm.add_case_message\n"
        '    values: { text: "{order.number}: {record.hold_reason}",'
        ' who: "{customer.name} {customer.credit_limit.amount}" }\n'
    )
    assert mistakes_in(tmp_path, text.replace("WHO", "customer")) == []  # the form is right
    assert masked_values(load_text(tmp_path, text.replace("WHO", "internal"))) == []
    for audience in ("customer", "partner"):
        file = load_text(tmp_path, text.replace("WHO", audience))
        with pytest.raises(SystemsFileInvalid) as refused:
            refuse_masked(file)
        assert str(refused.value).replace(f"{tmp_path}/", "").splitlines() == [
            "the systems file has 2 problems",
            *(
                f"systems.yaml:13:{column}: deliveries.tell-crm.values.{key}: {{{name}}} is "
                f"internal and the audience is {audience}; "
                "expected a field the audience may read, or audience: internal"
                for column, key, name in (
                    (21, "text", "record.hold_reason"),
                    (66, "who", "customer.credit_limit.amount"),
                )
            ),
        ]


def test_such_a_file_is_told_of_by_the_check_and_not_started_with(tmp_path: Path) -> None:
    file = tmp_path / "systems.yaml"
    load_text(tmp_path, SYSTEMS + (
        "  tell-crm:\n"
        "    when: { noun: order, change: changed, audience: customer }\n"
        "    command: crm.add_case_message\n"
        '    values: { text: "{record.sales_person}" }\n'
    ))  # fmt: skip
    told = "{record.sales_person} is internal and the audience is customer"
    done = CliRunner().invoke(app, ["config", "check", str(file)], env=ENVIRON)
    assert (done.exit_code, told in done.stdout) == (1, True)
    done = CliRunner().invoke(
        app, ["up", "--systems", str(file), "--data-dir", str(tmp_path / "data"), "--port", "0"],
        env=ENVIRON,
    )  # fmt: skip
    assert (done.exit_code, told in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0), ("0", 0.0), (" 7 ", 7.0), ("99999", RETRY_AFTER_MAX_S),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90.0), ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Mon, 01 Mar 2027 12:00:00 GMT", RETRY_AFTER_MAX_S),
        ("soon", None), ("-5", None), ("1.5", None), ("", None), (None, None), ("٣", None),
    ],
)  # fmt: skip
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, AT) == seconds
