"""Reads every native record of a demo system through the mapping of its systems file."""

from collections.abc import Iterator
from decimal import Decimal
from json import loads
from typing import Any

import httpx2

from hub.config.specs import EntitySpec, SystemSpec
from hub.model.record import Record
from hub.reads.port import ListQuery
from sources.sql import SqlSource


def headers_of(system: SystemSpec) -> dict[str, str]:
    """The credentials that are sent as headers."""
    if system.auth is not None and system.auth.bearer is not None:
        return {"authorization": f"Bearer {system.auth.bearer.get_secret_value()}"}
    given = (system.auth.header if system.auth else None) or {}
    return {name: secret.get_secret_value() for name, secret in given.items()}


def basic_of(system: SystemSpec) -> tuple[str, str] | None:
    """User and password, where the system wants them."""
    basic = system.auth.basic if system.auth is not None else None
    return None if basic is None else (basic.user, basic.password.get_secret_value())


def native_records(system: SystemSpec, entity: EntitySpec) -> Iterator[Any]:
    """Every record of the endpoint that answers by key, asked without keys."""
    request = entity.by_key
    assert request is not None
    assert request.each is not None
    path = request.get.partition("?")[0]
    following: str | None = path
    page = 1
    with httpx2.Client(
        base_url=system.url.get_secret_value(), headers=headers_of(system), auth=basic_of(system)
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


async def listed(source: SqlSource, noun: str) -> list[Record]:
    """Every record of a noun, page by page."""
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
