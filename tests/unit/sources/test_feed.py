"""Messages decoded: what is told, what is refused, and that nothing else ever comes of one."""

import base64
import hashlib
import hmac
import json
import random
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.config.systems import SystemsFile, load_systems
from hub.events.intake import Message
from hub.events.told import Via, micros
from hub.model.errors import EventInvalid, SignatureInvalid, SourceError, UnmappedValue
from hub.model.values import Ref
from sources.feed import Feeds
from sources.messages import BATCH_MAX, UNSIGNED_MAX

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET, OLD_SECRET = "a-secret-of-more-than-16", "the-one-before-it-1234"
FILE = """
version: 1
systems:
  wms:
    role: wms
    kind: rest
    url: http://127.0.0.1:1
    entities:
      shipment:
        by_key: { get: "/s?ids={keys|csv}" }
        key: id
        fields:
          number: id
          status: { path: state, values: { OUT: IN_TRANSIT, DLV: DELIVERED } }
          weight: { path: kg, unit: KGM, optional: true }
          updated_at: { path: at, zone: offset, optional: true }
    events:
      id: eventId
      at: { path: sent, zone: offset }
      kind: type
      signature: { header: X-Sig, secret: ["${NEW}", "${OLD}"], prefix: "sha256=" }
      of:
        shipment.changed: { entity: shipment, record: body }
        shipment.touched: { entity: shipment, key: body.id }
      ignore: [heartbeat]
  erp:
    role: erp
    kind: sql
    url: sqlite:///x.db
    entities:
      order: { from: o, key: id, fields: { number: id } }
    events: { of: { "*": { entity: order, key: id } } }
"""


@pytest.fixture
def file(tmp_path: Path) -> SystemsFile:
    path = tmp_path / "systems.yaml"
    path.write_text(FILE)
    return load_systems(path, environ={"NEW": SECRET, "OLD": OLD_SECRET})


@pytest.fixture
def feeds(file: SystemsFile) -> Feeds:
    return Feeds(lambda: file, now=lambda: NOW)


def message(body: Any, *, system: str = "wms", is_trusted: bool = True) -> Message:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message(
        system=system, via=Via.WEBHOOK, payload=payload, is_trusted=is_trusted, received_at=NOW
    )


CHANGED = {
    "eventId": "e1", "type": "shipment.changed", "sent": "2026-03-01T11:00:00+00:00",
    "body": {"id": "S'; --1", "state": "OUT", "at": "2026-03-01T10:00:00+00:00"},
}  # fmt: skip


def test_a_whole_record_is_told(feeds: Feeds) -> None:
    (told,) = feeds.decode(message(CHANGED))
    assert told.ref == Ref("shipment", "wms", "S'; --1")
    assert told.record is not None and told.record.fetched_at == NOW
    assert told.version == micros(datetime(2026, 3, 1, 10, tzinfo=UTC))
    assert (told.event_id, told.occurred_at) == ("e1", datetime(2026, 3, 1, 11, tzinfo=UTC))


def test_of_what_is_not_signed_only_the_key_is_believed(feeds: Feeds) -> None:
    (told,) = feeds.decode(message(CHANGED, is_trusted=False))
    assert told.ref == Ref("shipment", "wms", "S'; --1")
    assert (told.record, told.version, told.event_id, told.occurred_at) == (None, None, None, None)


def test_a_record_without_any_time_is_read_again(feeds: Feeds) -> None:
    (told,) = feeds.decode(
        message({"type": "shipment.changed", "body": {"id": "1", "state": "OUT"}})
    )
    assert (told.record, told.version) == (None, None)


def test_a_time_in_the_future_orders_nothing(feeds: Feeds) -> None:
    body = CHANGED["body"] | {"at": "2099-01-01T00:00:00Z"}  # type: ignore[operator]
    (told,) = feeds.decode(message(CHANGED | {"body": body}))
    assert (told.record, told.version) == (None, None)


def test_an_envelope_and_a_batch(feeds: Feeds) -> None:
    one = {
        "specversion": "1.0", "id": "c1", "source": "/wms/dock", "type": "shipment.touched",
        "time": "2026-03-01T11:00:00Z", "data": {"body": {"id": 7}},
    }  # fmt: skip
    told = feeds.decode(message([one, one | {"id": "c2"}, {"type": "heartbeat"}]))
    assert [(each.ref.key, each.event_id) for each in told] == [("7", "c1"), ("7", "c2")]


def test_who_does_not_sign_has_few_records_read_at_once(feeds: Feeds) -> None:
    few, many = ([{"id": key} for key in range(count)] for count in (UNSIGNED_MAX, BATCH_MAX))
    assert len(feeds.decode(message(few, system="erp", is_trusted=False))) == 10
    assert len(feeds.decode(message(many, system="erp"))) == 100
    with pytest.raises(EventInvalid, match="100 messages at once without a signature"):
        feeds.decode(message(many, system="erp", is_trusted=False))
    with pytest.raises(EventInvalid, match=r"11 messages .* expected at most 10, or a sign"):
        feeds.decode(message([*few, {"id": 10}], system="erp", is_trusted=False))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"nonsense", b"[" * 60_000, b'{"a":' * 9_000, b"x" * 65_537, b"\xff\xfe", "text", 1,
        [[]], [None], [{"type": "heartbeat"}] * 101, {"type": "shipment.chnged"}, {"type": None},
        CHANGED | {"body": 1}, CHANGED | {"body": {"id": None}}, CHANGED | {"sent": "yesterday"},
        CHANGED | {"body": {"id": "a\0b", "state": "OUT"}},
        CHANGED | {"body": {"id": "k" * 401, "state": "OUT", "at": "2026-03-01T10:00:00Z"}},
        {"specversion": "1.0", "type": "shipment.touched", "data": 1},
        {"specversion": "1.0", "type": "shipment.touched", "source": "/erp",
         "data": {"body": {"id": "1"}}},
    ],
)  # fmt: skip
def test_what_is_not_as_declared_is_refused(feeds: Feeds, body: Any) -> None:
    with pytest.raises(EventInvalid):
        feeds.decode(message(body))


def test_a_code_without_a_row_and_an_unknown_kind_name_what_is_known(feeds: Feeds) -> None:
    with pytest.raises(UnmappedValue, match="known: OUT, DLV"):
        feeds.decode(message(CHANGED | {"body": {"id": "1", "state": "LOST"}}))
    with pytest.raises(EventInvalid, match=r"expected one of shipment\.changed, shipment\.touched"):
        feeds.decode(message({"type": "nothing"}))


def test_a_system_of_one_row_and_a_system_without_events(feeds: Feeds) -> None:
    (told,) = feeds.decode(message({"id": 4711}, system="erp"))
    assert told.ref == Ref("order", "erp", "4711")
    with pytest.raises(EventInvalid):
        feeds.decode(message({"id": 1}, system="nobody"))
    assert (feeds.knows("erp"), feeds.hears("erp"), feeds.knows("nobody")) == (True, True, False)


def test_a_dead_letter_of_polling_is_read_again(feeds: Feeds) -> None:
    letter = replace(message({"entity": "order", "key": "9"}, system="erp"), via=Via.POLL)
    (told,) = feeds.decode(letter)
    assert (told.ref, told.record) == (Ref("order", "erp", "9"), None)
    with pytest.raises(EventInvalid):
        feeds.decode(replace(letter, payload=b'{"entity": [], "key": 1}'))


def _signed(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_signatures(feeds: Feeds, file: SystemsFile) -> None:
    body = b'{"a": 1}'
    for secret in (SECRET, OLD_SECRET):
        assert feeds.check_signature("wms", body, {"x-sig": _signed(secret, body)}) is True
    assert feeds.check_signature("erp", body, {}) is False
    right = _signed(SECRET, body)
    for wrong in (
        "",
        right[:-1],
        right.removeprefix("sha256="),
        "sha256=zz",
        "\u00e9",
        right + "0",
    ):
        with pytest.raises(SignatureInvalid):
            feeds.check_signature("wms", body, {"x-sig": wrong})
    with pytest.raises(SignatureInvalid):
        feeds.check_signature("wms", body + b" ", {"x-sig": right})
    events = file.systems["wms"].events
    assert events is not None and events.signature is not None
    signature = events.signature.model_copy(update={"encoding": "base64", "prefix": ""})
    spec = file.systems["wms"].model_copy(
        update={"events": events.model_copy(update={"signature": signature})}
    )
    other = file.model_copy(update={"systems": {"wms": spec}})
    digest = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
    assert Feeds(lambda: other).check_signature("wms", body, {"X-Sig": digest}) is True


ODD: list[Any] = [
    None, "", "\0", 0, -1, 1e308, 10**400, True, [], {}, [[]], {"a": {}}, "\ud800", "9" * 500,
    "1e999999999", "2026-13-45T99:99", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
]  # fmt: skip


def test_whatever_comes_only_declared_errors_come_of_it(feeds: Feeds) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for _ in range(3_000):
        body = json.loads(json.dumps(CHANGED))
        for _ in range(dice.randint(1, 3)):
            where = (
                body if dice.random() < 0.4 or not isinstance(body["body"], dict) else body["body"]
            )
            where[dice.choice([*where, "kg", "specversion", "data", "source", "time"])] = deepcopy(
                dice.choice(ODD)
            )
            if "body" not in body:
                break
        payload = json.dumps(body).encode()
        if dice.random() < 0.2:
            at = dice.randrange(len(payload))
            payload = payload[:at] + bytes([dice.randrange(256)]) + payload[at + 1 :]
        try:
            told = feeds.decode(message(payload, is_trusted=dice.random() < 0.8))
        except (EventInvalid, SourceError):
            continue
        assert all(each.ref.system == "wms" for each in told)
