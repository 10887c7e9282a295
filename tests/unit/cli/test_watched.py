"""The lines of `opshub watch`."""

from typing import Any

from hub.cli.watched import Lines


def lines(*items: dict[str, Any]) -> list[str]:
    reader = Lines()
    return [line for item in items for line in reader.of({"data": {"field": item}})]


def entry(title: str, **more: Any) -> dict[str, Any]:
    plain = {"id": title, "occurredAt": "2026-03-01T09:30:00+01:00", "system": "wms-north",
             "severity": "INFO", "title": title, "isLate": False, "change": None}  # fmt: skip
    return plain | more


def event(id_: str, **more: Any) -> dict[str, Any]:
    return {"__typename": "OrderTimelineEvent", "eventId": id_, "node": entry("Picked", **more)}


def test_an_entry_says_when_who_what_and_from_what_to_what() -> None:
    change = {"from": "RELEASED", "to": "PICKED"}
    assert lines(event("1", change=change, severity="WARNING", isLate=True)) == [
        "2026-03-01 08:30:00Z wms-north  WARNING Picked   RELEASED -> PICKED (late)"
    ]
    assert lines(event("1", change={"from": None, "to": "PICKED"})) == [
        "2026-03-01 08:30:00Z wms-north  Picked   -> PICKED"
    ]


def test_the_state_stands_first_the_newest_last() -> None:
    nodes = [entry("Picked"), entry("Placed")]
    snapshot = {"__typename": "OrderTimelineSnapshot", "nodes": nodes, "hasOlder": True}
    assert lines(snapshot) == [
        "2026-03-01 08:30:00Z wms-north  Placed",
        "2026-03-01 08:30:00Z wms-north  Picked",
        "-- live; older entries were left out",
    ]


def test_what_is_told_again_is_left_out() -> None:
    assert len(lines(event("1"), event("2"), event("1"))) == 2


def test_a_sign_of_life_is_told_where_the_state_changes() -> None:
    beats = [{"__typename": "Heartbeat", "state": state}
             for state in ("LIVE", "DEGRADED", "DEGRADED", "LIVE")]  # fmt: skip
    assert [line.split(":")[0] for line in lines(*beats)] == ["-- DEGRADED", "-- LIVE"]


def test_a_gap_is_said() -> None:
    gap = {"__typename": "StreamGap", "reason": "PURGED", "from": 3, "to": 9}
    assert lines(gap) == [
        "-- gap: events 3 to 9 are not told (PURGED); ask for the state again, the stream goes on"
    ]


def test_an_error_beside_the_item_is_said_with_its_code() -> None:
    answer = {
        "data": {"field": event("1")},
        "errors": [{"message": "crm is away", "extensions": {"code": "SOURCE_UNAVAILABLE"}}],
    }
    assert next(Lines().of(answer)) == "-- SOURCE_UNAVAILABLE: crm is away"


def test_items_of_other_documents_are_json() -> None:
    assert lines({"__typename": "OrderTimelineEvent", "cursor": "x"}) == [
        '{"__typename": "OrderTimelineEvent", "cursor": "x"}'
    ]
