"""No native character reaches a subject, and who told something is the second token alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.events.subjects import event_subject, incoming_filter, key_of_token, key_token, system_of
from tests.support.events import numbered_event

KEYS = st.text(st.characters(codec="utf-8"), max_size=40)


@given(system=KEYS.filter(lambda name: "\0" not in name), key=KEYS)
def test_a_token_holds_any_key(system: str, key: str) -> None:
    token = key_token(system, key)
    assert re.fullmatch(r"[A-Z2-7]+", token)
    assert key_of_token(token) == (system, key)


@pytest.mark.parametrize("key", ["a.b", "*", ">", "a b", "a\nPUB x 0", "é", ""])
def test_native_characters_stay_out(key: str) -> None:
    subject = event_subject(numbered_event(1, key=key))
    assert re.fullmatch(r"hub\.evt\.shipment\.[A-Z2-7]+\.status_changed", subject)


@pytest.mark.parametrize(
    ("subject", "system"),
    [("in.wms-north.shipment.changed", "wms-north"), ("in.crm.>", "crm"), ("in.erp", "erp")],
)
def test_who_told_it(subject: str, system: str) -> None:
    assert system_of(subject) == system


@pytest.mark.parametrize("subject", ["hub.evt.x.y.z", "in", "in.", "in..x", "", "inn.crm.x"])
def test_what_is_no_incoming_subject(subject: str) -> None:
    with pytest.raises(ValueError, match="none of in"):
        system_of(subject)


def test_what_a_system_may_publish() -> None:
    assert incoming_filter("crm") == "in.crm.>"
    with pytest.raises(ValueError):
        key_of_token("MFRGG")  # "abc": no system and key
