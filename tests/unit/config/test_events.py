"""What `events` and `changes` mean, and each mistake in them at its place."""

from pathlib import Path

import pytest

from tests.unit.config.examples import load_text, mistakes_in

HEAD = """\
version: 1
systems:
  wms:
    role: wms
    kind: {kind}
    url: {url}
    entities:
      shipment:
        {ask}
        key: id
        fields:
          number: id
          updated_at: {{ path: at, zone: UTC }}
        changes: {{ {changes} }}
    events: {{ {events} }}
"""
CHANGES = 'get: "/s?since={since}", order_by: [at, id], every: 2s, overlap: 30s'
EVENTS = 'of: { "*": { entity: shipment, record: . } }'


def text(*, kind: str = "rest", changes: str = CHANGES, events: str = EVENTS) -> str:
    is_rest = kind == "rest"
    return HEAD.format(
        kind=kind, changes=changes, events=events, url="http://x" if is_rest else "sqlite:///x",
        ask='by_key: { get: "/s?ids={keys|csv}" }' if is_rest else "from: s",
    )  # fmt: skip


def test_events_and_changes_are_understood(tmp_path: Path) -> None:
    events = (
        "id: e, at: { path: t, zone: offset }, kind: k, ignore: ping, "
        'signature: { header: X-S, secret: ["${ERP_DSN}"], prefix: "sha256=" }, '
        "of: { a: { entity: shipment, key: id } }"
    )
    changes = f"{CHANGES}, each: items, next: links.next, backfill: {{ since: 30d, rate: 200/s }}"
    wms = load_text(tmp_path, text(changes=changes, events=events)).systems["wms"]
    told, polled = wms.events, wms.entities["shipment"].changes
    assert told is not None and told.signature is not None and told.ignore == ("ping",)
    assert (told.of["a"].key, told.signature.encoding) == (("id",), "hex")
    assert polled is not None and polled.backfill is not None and polled.request is not None
    assert (polled.backfill.since_s, polled.backfill.rows_per_s) == (2_592_000.0, 200.0)
    assert polled.request.next == "links.next"


@pytest.mark.parametrize(
    ("kind", "changes", "events", "expected"),
    [
        ("rest", CHANGES, "of: { '*': { entity: shipmnt, key: id } }",
         "'shipmnt'; expected one of shipment; did you mean 'shipment'?"),
        ("rest", CHANGES, "of: { '*': { entity: shipment } }", "neither record nor key"),
        ("rest", CHANGES, "of: { '*': { entity: shipment, key: [a, b] } }", "2 paths for a key"),
        ("rest", CHANGES, "of: { a: { entity: shipment, key: id } }", "rows by kind, but no kind"),
        ("rest", CHANGES, EVENTS + ", signature: { header: X }", "no 'secret'"),
        ("rest", CHANGES, EVENTS + ", signature: { header: X, secret: openopenopenopen }",
         "a secret in the file (its text is not shown)"),
        ("rest", CHANGES, EVENTS + ", signture: 1", "did you mean 'signature'?"),
        ("rest", CHANGES, EVENTS + ", at: { path: t }", "an instant without a zone"),
        ("sql", "order_by: [at, id], every: 2s, overlap: 1s", EVENTS, "the record of a sql system"),
        ("rest", CHANGES.replace("[at, id]", "id"), EVENTS, "'id' is no instant"),
        ("rest", CHANGES.replace("[at, id]", "[att, id]"), EVENTS, "did you mean 'at'?"),
        ("rest", CHANGES.replace("[at, id]", "[at]"), EVENTS, "expected the key after it: id"),
        ("rest", CHANGES.replace("{since}", "{sinc}"), EVENTS, "did you mean 'since'?"),
        ("rest", CHANGES.replace('get: "/s?since={since}", ', ""), EVENTS, "without get"),
        ("rest", CHANGES + ", backfill: { rate: fast }", EVENTS, "rows per time such as 200/s"),
        ("rest", CHANGES + ", backfil: { rate: 1/s }", EVENTS, "did you mean 'backfill'?"),
    ],
)  # fmt: skip
def test_each_mistake_is_told(
    tmp_path: Path, kind: str, changes: str, events: str, expected: str
) -> None:
    (problem,) = mistakes_in(tmp_path, text(kind=kind, changes=changes, events=events))
    assert expected in problem
    assert problem.startswith("systems.yaml:1")  # lines 14 and 15
    assert "openopen" not in problem


def test_a_polled_sql_entity_has_no_request(tmp_path: Path) -> None:
    events = "of: { '*': { entity: shipment, key: id } }"
    (problem,) = mistakes_in(tmp_path, text(kind="sql", events=events))
    assert "'get' of a sql system" in problem
