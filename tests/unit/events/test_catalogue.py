"""The catalogue names every event the hub can make, and no other."""

from dataclasses import replace
from typing import Any

import pytest

from hub.events.catalogue import CATALOGUE, FACTS, EventType, status_axes, type_of
from hub.events.event import CHANGED, COMMAND, RECORDED, STATUS_CHANGED, TIMELINE
from hub.events.making import BORN_ONCE
from hub.events.subjects import subject_of
from hub.model.catalog import NOUNS
from hub.model.errors import Internal
from hub.model.record import fields_of
from hub.model.timeline_transitions import statuses_of
from hub.model.values import Ref
from tests.integration.test_delivering import event
from tests.support.stores import NOON


def test_facts_are_what_is_made_of_facts() -> None:
    assert FACTS == BORN_ONCE


@pytest.mark.parametrize("noun", NOUNS)
def test_every_change_of_a_noun_has_a_row(noun: str) -> None:
    """What `hub.events.making` can make of a noun: by its statuses, and by its being a fact."""
    codes: dict[str, Any] = {
        name: next(iter(field.codes))
        for name, field in fields_of(NOUNS[noun]).items()
        if field.codes is not None
    }
    record = NOUNS[noun](ref=Ref(noun, "s", "1"), as_of=NOON, fetched_at=NOON, **codes)
    axes = {name for name in statuses_of(record) if not name.startswith("@")}
    possible = {CHANGED} | ({STATUS_CHANGED} if axes else set())
    possible |= {RECORDED} if noun in BORN_ONCE else set()
    assert {change for of, change in CATALOGUE if of == noun} == possible
    assert axes == set(status_axes(noun))


def test_nothing_else_has_a_row() -> None:
    assert {noun for noun, _ in CATALOGUE} == {*NOUNS, TIMELINE, COMMAND}
    assert [change for noun, change in CATALOGUE if noun == TIMELINE] == [RECORDED]
    assert [change for noun, change in CATALOGUE if noun == COMMAND] == [STATUS_CHANGED]


def test_names_and_subjects() -> None:
    row = CATALOGUE["shipment", STATUS_CHANGED]
    assert row == EventType("shipment", STATUS_CHANGED, ("status",))
    assert row.name == "opshub.shipment.status_changed.v1"
    key = subject_of("shipment", STATUS_CHANGED, system="wms", key="1").split(".")[3]
    assert row.address.replace("{key}", key) == subject_of(
        "shipment", STATUS_CHANGED, system="wms", key="1"
    )
    assert type_of(event(1)).name == "opshub.order.status_changed.v1"


def test_an_event_without_a_row_is_a_defect() -> None:
    with pytest.raises(Internal, match=r"order.moved is no event of the catalogue"):
        type_of(replace(event(1), change="moved"))
