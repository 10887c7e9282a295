"""The demo's systems file against the demo: every native record is read, and one code is not."""

import os
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from hub.config.specs import EntitySpec, SystemsFile
from hub.config.systems import load_systems
from hub.demo import supervisor
from hub.demo.supervisor import DemoSystems
from hub.model.errors import OpsHubError
from hub.model.record import Record
from hub.model.values import Ref
from sources.fields import Shape
from sources.mapping import compile_entity
from sources.rest import RestSource
from sources.sql import SqlSource
from tests.integration.demo_records import listed, native_records

pytestmark = pytest.mark.asyncio(loop_scope="module")

FETCHED_AT = datetime(2026, 11, 1, tzinfo=UTC)
REST = ("erp-us", "wms-north", "wms-south", "crm", "carrier")
NEVER_KNOWN = {
    ("erp-us", "customer", "updated_at"),  # null until the first change
    ("erp-us", "item", "updated_at"),
    ("erp-us", "invoice", "updated_at"),
    ("erp-us", "credit_memo", "updated_at"),
    ("erp-us", "credit_memo", "external_reference"),  # only ours have one
    ("erp-eu", "credit_memo", "external_reference"),
    ("wms-north", "inventory_position", "lot"),  # stock is not kept by lot
    ("wms-south", "inventory_position", "lot"),
    ("wms-north", "disposition", "supersedes"),  # none is revised yet
    ("wms-south", "disposition", "supersedes"),
}
"""Fields the file maps and no seeded record has."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoSystems]:
    running = await supervisor.start(
        tmp_path_factory.mktemp("demo"), pace_s=0, progress=lambda line: None
    )
    yield running
    await supervisor.stop(running)


@pytest.fixture(scope="module")
def file(demo: DemoSystems) -> SystemsFile:
    return load_systems(demo.systems_file, environ=os.environ | demo.environment)


def _seen(records: list[Record], entity: EntitySpec) -> set[str]:
    return {name for name in entity.fields for each in records if getattr(each, name) is not None}


@pytest.mark.parametrize("name", REST)
async def test_every_rest_record_is_read(file: SystemsFile, name: str) -> None:
    system = file.systems[name]
    unmapped: Counter[tuple[str, str]] = Counter()
    for noun, entity in system.entities.items():
        shape = Shape(
            name, noun, False, file.targets, base_unit=None,
            on_unmapped=lambda field, word: unmapped.update([(field, word)]),
        )  # fmt: skip
        mapping = compile_entity(entity, shape)
        read = [mapping.record(row, FETCHED_AT) for row in native_records(system, entity)]
        broken = [each for each in read if isinstance(each, OpsHubError)]
        assert broken == []
        records = [each for each in read if isinstance(each, Record)]
        assert len(records) > 20
        missing = {(name, noun, field) for field in entity.fields.keys() - _seen(records, entity)}
        assert missing <= NEVER_KNOWN
    expected = {("shipment.status", "77"): 1} if name == "wms-south" else {}
    assert dict(unmapped) == expected


async def test_every_row_of_the_european_erp_is_read(file: SystemsFile) -> None:
    source = SqlSource(file.systems["erp-eu"], file)
    try:
        for noun, entity in file.systems["erp-eu"].entities.items():
            records = await listed(source, noun)
            missing = {
                ("erp-eu", noun, field) for field in entity.fields.keys() - _seen(records, entity)
            }
            assert missing <= NEVER_KNOWN
            assert all(each.gaps == () for each in records)
        assert list(await source.check()) == []
    finally:
        await source.close()


async def test_references_name_one_of_two_systems(file: SystemsFile) -> None:
    """Order 100130 of both ERPs, and a carrier that scans for both warehouses."""
    both = [Ref("order", "erp-eu", "100130"), Ref("order", "erp-us", "100130")]
    south = RestSource(file.systems["wms-south"], file)
    carrier = RestSource(file.systems["carrier"], file)
    try:
        shipments = [_records(each) for each in await south.by_field("shipment", "order", both)]
        assert [[each.order for each in mine] for mine in shipments] == [[ref] for ref in both]
        parcels = [mine[0].ref for mine in shipments]
        scans = [
            _records(each) for each in await carrier.by_field("milestone", "shipment", parcels)
        ]
        for parcel, mine in zip(parcels, scans, strict=True):
            assert len(mine) > 5
            assert {each.shipment for each in mine} == {parcel}
    finally:
        await south.close()
        await carrier.close()


def _records(answer: Any) -> list[Any]:
    assert not isinstance(answer, OpsHubError), answer
    return list(answer)
