"""The demo's systems file against the demo: every native record is read, and one code is not."""

import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from json import loads
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from hub.config.specs import EntitySpec, SystemsFile, SystemSpec
from hub.config.systems import load_systems
from hub.demo import supervisor
from hub.demo.supervisor import DemoSystems
from hub.model.errors import OpsHubError
from hub.model.record import Record
from hub.model.values import Ref
from hub.reads.port import ListQuery
from sources.fields import Shape
from sources.mapping import compile_entity
from sources.rest import RestSource
from sources.sql import SqlSource

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


def _headers(system: SystemSpec) -> dict[str, str]:
    if system.auth is not None and system.auth.bearer is not None:
        return {"authorization": f"Bearer {system.auth.bearer.get_secret_value()}"}
    given = (system.auth.header if system.auth else None) or {}
    return {name: secret.get_secret_value() for name, secret in given.items()}


def _basic(system: SystemSpec) -> tuple[str, str] | None:
    basic = system.auth.basic if system.auth is not None else None
    return None if basic is None else (basic.user, basic.password.get_secret_value())


def _native(system: SystemSpec, entity: EntitySpec) -> Iterator[Any]:
    """Every record of the endpoint that answers by key, asked without keys."""
    request = entity.by_key
    assert request is not None
    assert request.each is not None
    path = request.get.partition("?")[0]
    following: str | None = path
    page = 1
    with httpx2.Client(
        base_url=system.url.get_secret_value(), headers=_headers(system), auth=_basic(system)
    ) as client:
        while following is not None:
            body = loads(client.get(following).content, parse_float=Decimal)
            yield from body[request.each]
            page += 1
            if request.page is not None:
                is_last = len(body[request.each]) < (request.size or 0)
                following = None if is_last else f"{path}?page={page}"
            elif request.cursor is not None:
                cursor = body[request.cursor]
                following = f"{path}?cursor={cursor}" if cursor else None
            else:
                following = body["links"]["next"] if "links" in body else body[request.next]


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
        read = [mapping.record(row, FETCHED_AT) for row in _native(system, entity)]
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
            records = await _listed(source, noun)
            missing = {
                ("erp-eu", noun, field) for field in entity.fields.keys() - _seen(records, entity)
            }
            assert missing <= NEVER_KNOWN
            assert all(each.gaps == () for each in records)
        assert list(await source.check()) == []
    finally:
        await source.close()


async def _listed(source: SqlSource, noun: str) -> list[Record]:
    records: list[Record] = []
    cursor: str | None = None
    while True:
        page = await source.list(noun, ListQuery(limit=1000, cursor=cursor))
        for each in page.records:
            assert isinstance(each, Record), each
            records.append(each)
        cursor = page.next_cursor
        if cursor is None:
            return records


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
