"""`asyncapi.json` is the public contract of events: what the code declares, and what events are."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from jsonschema.protocols import Validator

from hub.config.delivery_specs import Audience
from hub.events.asyncapi import document, document_text
from hub.events.catalogue import CATALOGUE
from hub.events.envelope import encode
from hub.events.event import Event
from hub.events.outgoing_form import scope_for, told_form
from hub.model.order import OrderStatus
from resolvers.events_check import event_changes
from tests.integration.test_delivering import event

FILE = Path(__file__).resolve().parents[2] / "asyncapi.json"


def test_the_published_events_are_what_the_code_declares() -> None:
    assert FILE.read_text() == document_text()


def test_every_type_has_its_channel_operation_and_messages() -> None:
    made = document()
    ids = {f"{row.noun}.{row.change}.v1" for row in CATALOGUE.values()}
    assert set(made["channels"]) == ids | {"webhook"}
    assert set(made["operations"]) == {f"send.{each}" for each in ids} | {"send.webhook"}
    assert set(made["components"]["messages"]) == ids | {f"{each}.outgoing" for each in ids}


def test_every_reference_leads_somewhere() -> None:
    made = document()
    for name in _references(made):
        node: Any = made
        for step in name.removeprefix("#/").split("/"):
            node = node[step]


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [each for value in node.values() for each in _references(value)]
    if isinstance(node, list):
        return [each for value in node for each in _references(value)]
    return []


def _validator(message: str) -> Validator:
    made = document()
    schema = made["components"]["messages"][message]["payload"] | {"components": made["components"]}
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("audience", ["customer", "partner", "internal"])
def test_what_is_told_outside_fits(audience: Audience) -> None:
    told = told_form(event(1), scope_for(audience))
    _validator("order.status_changed.v1.outgoing").validate(json.loads(json.dumps(told)))


def test_what_goes_between_processes_fits() -> None:
    made: Event = event(1, OrderStatus.COMPLETED)
    _validator("order.status_changed.v1").validate(json.loads(encode(made)))


def test_breaking_changes_are_told_and_additions_are_not() -> None:
    old, new = document(), copy.deepcopy(document())
    assert event_changes(old, new) == []
    schemas: Any = new["components"]["schemas"]
    fields = schemas["Outgoing.order.record"]["properties"]["fields"]["properties"]
    fields["colour"] = {"type": "string"}
    fields["status"]["enum"].append("DREAMT")
    assert event_changes(old, new) == []
    del fields["po_number"]
    fields["status"]["enum"].remove("OPEN")
    fields["total"] = {"type": "string"}
    fields["channel"]["x-audience"] = "internal"
    del new["components"]["messages"]["price.changed.v1"]
    del new["channels"]["price.changed.v1"]
    at = "Outgoing.order.record.fields"
    assert sorted(event_changes(old, new)) == sorted([
        "event price.changed.v1 is gone",
        "channel price.changed.v1 is gone",
        f"{at}.po_number is gone",
        f"{at}.status has no code OPEN any more",
        f"{at}.total is of another kind (type, $ref)",
        f"{at}.channel is told inside the house only",
    ])  # fmt: skip
