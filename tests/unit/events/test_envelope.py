"""What is encoded is decoded equal, for every noun; the envelope is a CloudEvents 1.0 document."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.events.envelope import decode, encode, traceparent_of
from hub.events.event import TIMELINE
from hub.model.catalog import NOUNS
from hub.model.errors import UnmappedValue
from hub.model.shipment import Shipment
from tests.support.events import events, numbered_event
from tests.support.stores import NOON


@pytest.mark.parametrize("noun", [*NOUNS, TIMELINE])
@given(choice=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_an_event_comes_back_equal(noun: str, choice: st.DataObject) -> None:
    event = choice.draw(events(noun))
    assert decode(encode(event), event.position) == event


def test_gaps_of_a_record_come_back() -> None:
    gap = UnmappedValue("wms-north", "status", "91", ("10", "40"))
    event = numbered_event(1)
    assert isinstance(event.record, Shipment)
    record = decode(encode(replace(event, record=replace(event.record, gaps=(gap,)))), 1).record
    assert record is not None
    assert [(g.system, g.field, g.received, g.known) for g in record.gaps] == [
        ("wms-north", "status", "91", ("10", "40"))
    ]


def test_the_envelope_is_a_cloud_event() -> None:
    envelope = orjson.loads(encode(numbered_event(7, key="a/b>c d")))
    content = envelope.pop("data")
    assert envelope == {
        "specversion": "1.0",
        "id": "event-7",
        "source": "/systems/wms-north",
        "type": "opshub.shipment.status_changed.v1",
        "subject": "shipment/a%2Fb%3Ec%20d",
        "time": "2026-03-01T12:00:00.007000+00:00",
        "datacontenttype": "application/json",
        "traceparent": "00-00000000000000000000000000000008-0000000000000008-01",
    }
    assert content["ref"] == ["shipment", "wms-north", "a/b>c d"]
    assert content["recordedAt"] == NOON.isoformat()
    assert all(name.isalnum() and name == name.lower() for name in envelope)


def test_the_trace_is_read_without_the_rest() -> None:
    event = numbered_event(1)
    assert traceparent_of(encode(event)) == event.traceparent
    assert traceparent_of(encode(replace(event, traceparent=None))) is None
