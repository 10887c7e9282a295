"""What only an HTTP system can do wrong, and what the hub sends to one: a real local server."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path

import pytest
import pytest_asyncio
from starlette.responses import Response

from hub.config.systems import load_systems
from hub.model.errors import (
    SourceBusy,
    SourceError,
    SourceInvalid,
    SourceMisconfigured,
    SourceTimeout,
    SourceUnavailable,
)
from hub.model.shipment import Shipment, ShipmentStatus
from hub.model.values import Quantity, Ref
from hub.observe.correlation import correlated
from hub.reads.port import ListQuery
from sources.rest import RestSource
from sources.rest_client import retry_after_s
from tests.support.rest_system import RestSystem, running_rest

SYSTEMS = """
version: 1
systems:
  wms:
    role: wms
    kind: rest
    url: {url}/link
    auth: {{ bearer: "s3cret-token" }}
    entities:
      shipment:
        by_key: {{ get: "/shipments?id={{keys|csv}}", each: items, next: next }}
        list: {{ get: "/shipments", each: items, next: next }}
        key: id
        fields:
          number: id
          carrier: "to.carrier"
          tracking_number: {{ path: "parcels[?main].no | [0]", optional: true }}
          packages: {{ python: "tests.contract.test_source_rest:count_parcels" }}
          lines: {{ each: lines, entity: shipment_line, key: pos,
                   fields: {{ order_line: pos, item: sku, quantity: {{ path: qty, unit: EA }} }} }}
          milestones: {{ each: scans, entity: milestone, optional: true,
                   fields: {{ code: {{ path: c, values: {{ PU: PICKED_UP, DL: DELIVERED }} }},
                            occurred_at: {{ path: t, zone: UTC }} }} }}
"""
SHIPMENT = {
    "id": "S1",
    "to": {"carrier": "DHL"},
    "parcels": [{"no": "T0"}, {"no": "T1", "main": True}],
    "lines": [{"pos": 10, "sku": "A", "qty": 2}, {"pos": 30, "sku": "B", "qty": 1}],
    "scans": [{"c": "PU", "t": "2024-01-31T10:00:00Z"}, {"c": "XX", "t": "2024-02-01T10:00:00"}],
}
PATH = "/link/shipments"


def count_parcels(row: dict[str, list[object]]) -> int:
    """What the declaration above calls for a number that no path gives."""
    return len(row["parcels"])


@pytest_asyncio.fixture
async def system() -> AsyncIterator[RestSystem]:
    async with running_rest(RestSystem({"shipments": [SHIPMENT]})) as running:
        yield running


@pytest_asyncio.fixture
async def source(system: RestSystem, tmp_path: Path) -> AsyncIterator[RestSource]:
    path = tmp_path / "systems.yaml"
    path.write_text(SYSTEMS.format(url=system.url))
    file = load_systems(path, environ={})
    opened = RestSource(file.systems["wms"], file)
    yield opened
    await opened.close()


async def test_children_expressions_and_python(source: RestSource) -> None:
    (found,) = await source.by_key("shipment", ["S1"])
    assert isinstance(found, Shipment)
    assert (found.carrier, found.tracking_number, found.packages) == ("DHL", "T1", 2)
    assert found.lines is not None and found.milestones is not None
    assert [line.ref.key for line in found.lines] == ["S1/10", "S1/30"]
    assert found.lines[0].shipment == Ref("shipment", "wms", "S1")
    assert found.lines[0].quantity == Quantity(Decimal(2), "EA")
    assert [scan.code for scan in found.milestones] == [ShipmentStatus.PICKED_UP, None]
    assert [gap.received for gap in found.milestones[1].gaps] == ["XX"]
    assert found.milestones[1].occurred_at == datetime(2024, 2, 1, 10, 0, tzinfo=UTC)


async def test_what_is_sent(source: RestSource, system: RestSystem) -> None:
    with correlated("corr-12345678"):
        await source.by_key("shipment", ["S1", "a b&c=d,e"])
    assert system.asked == ["/link/shipments?id=S1,a%20b%26c%3Dd%2Ce"]
    assert system.headers[0]["authorization"] == "Bearer s3cret-token"
    assert system.headers[0]["x-correlation-id"] == "corr-12345678"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Response("{}", 401), SourceMisconfigured),
        (Response("{}", 403), SourceMisconfigured),
        (Response("", 302, {"location": "http://127.0.0.1:1/"}), SourceMisconfigured),
        (Response("{}", 400), SourceMisconfigured),
        (Response("{}", 429), SourceBusy),
        (Response("oops", 500), SourceUnavailable),
        (Response("oops", 503), SourceUnavailable),
        (Response("late", 504), SourceTimeout),
        (Response("<html></html>", 200, media_type="text/html"), SourceInvalid),
        (Response('{"items": [{"id": "S1", "x": NaN}]}'), SourceInvalid),
        (Response("[" * 100_000), SourceInvalid),
        (Response('{"items": 5}'), SourceInvalid),
        (Response('{"rows": []}'), SourceInvalid),
        (Response("plain", 200, {"content-encoding": "gzip"}), SourceInvalid),
        (Response(b"\xff\xfe\xff"), SourceInvalid),
        (Response("x" * 5_000_001), SourceInvalid),
        (Response('{"items": [], "next": "http://127.0.0.1:1/elsewhere"}'), SourceInvalid),
        (Response('{"items": [], "next": "/link/shipments"}'), SourceInvalid),
    ],
)
async def test_every_bad_answer_has_its_error(
    source: RestSource, system: RestSystem, answer: Response, expected: type[SourceError]
) -> None:
    system.canned[PATH] = answer
    with pytest.raises(expected) as caught:
        await source.by_key("shipment", ["S1"])
    assert caught.value.system == "wms"
    for secret in ("s3cret", "127.0.0.1", "?id="):
        assert secret not in str(caught.value)


async def test_a_404_is_nothing_by_key_and_a_mistake_in_a_list(
    source: RestSource, system: RestSystem
) -> None:
    system.canned[PATH] = Response("{}", 404)
    assert await source.by_key("shipment", ["S1"]) == [None]
    with pytest.raises(SourceMisconfigured, match="404"):
        await source.list("shipment", ListQuery())


async def test_a_missing_member_is_told_with_its_remedy(
    source: RestSource, system: RestSystem
) -> None:
    system.canned[PATH] = Response('{"items": [{"id": "S1", "to": {}, "parcels": []}]}')
    (found,) = await source.by_key("shipment", ["S1"])
    assert isinstance(found, SourceInvalid)
    assert "'carrier'" in str(found) and "optional" in str(found)


async def test_the_same_key_twice_with_different_values_is_invalid(
    source: RestSource, system: RestSystem
) -> None:
    system.collections = {"shipments": [SHIPMENT, SHIPMENT | {"to": {"carrier": "UPS"}}]}
    (found,) = await source.by_key("shipment", ["S1"])
    assert isinstance(found, SourceInvalid)
    assert "same key" in str(found)


NOW = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0), ("3600", 60.0), (None, 1.0), ("soon", 1.0), ("-5", 1.0), ("1e3", 1.0),
        (format_datetime(NOW + timedelta(seconds=9), usegmt=True), 9.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=1), usegmt=True), 60.0),
    ],
)  # fmt: skip
def test_retry_after_is_read_in_every_form(header: str | None, seconds: float) -> None:
    assert retry_after_s(header, NOW) == seconds
