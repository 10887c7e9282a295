"""Native read endpoints as a table: a path, its rows, what it can filter by, its pages."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.demo.database import Row, fetch
from hub.demo.gate import NativeError, json_response

VALUES_MAX = 200
"""Values in one list filter; a longer list is refused, as real systems do."""

Test = Literal["in", "eq", "gte", "lte", "contains"]
SQL_TESTS = {"eq": "{} = ?", "gte": "{} >= ?", "lte": "{} <= ?", "contains": "{} LIKE ?"}


@dataclass(frozen=True, slots=True)
class Filter:
    """A query parameter: the column it tests, how, and how its native text is read.

    With `beside`, a value may be `number/company` and then also tests that column; a bare number
    is sought in every company. With `is_since` the rows come in the order of the column, then key,
    so that a caller who stops may go on from the last one.
    """

    column: str
    test: Test = "in"
    read: Callable[[str], Any] = str
    beside: str | None = None
    is_since: bool = False


@dataclass(frozen=True, slots=True)
class Nested:
    """Rows of another table put into each record as a list."""

    name: str
    table: str
    column: str
    order_by: str
    shape: Callable[[Row], Row] = dict


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it is about to be sent."""

    path: str
    parameters: Mapping[str, str]
    rows: Sequence[Row]
    offset: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class Paging:
    """A system's style of paging: its parameter, its hard size, how a page looks."""

    parameter: str
    size: int
    read: Callable[[str], int]
    envelope: Callable[[Page], Any]


@dataclass(frozen=True, slots=True)
class Collection:
    """`table` is a table or a view; `key` orders the rows and joins the nested ones."""

    path: str
    table: str
    key: str
    filters: Mapping[str, Filter]
    nested: tuple[Nested, ...] = ()
    shape: Callable[[Row], Row] = field(default=dict)


def collection_route(
    connection: sqlite3.Connection, collection: Collection, paging: Paging
) -> Route:
    async def answer(request: Request) -> Response:
        parameters = dict(request.query_params)
        offset = _offset(parameters.pop(paging.parameter, None), paging)
        rows = _select(connection, collection, parameters, (offset, paging.size + 1))
        has_more = len(rows) > paging.size
        records = _with_nested(connection, collection, rows[: paging.size])
        page = Page(collection.path, parameters, records, offset, has_more)
        return json_response(paging.envelope(page))

    return Route(collection.path, answer, methods=["GET"])


def _offset(token: str | None, paging: Paging) -> int:
    if token is None:
        return 0
    try:
        return paging.read(token)
    except ValueError as error:
        raise NativeError(400, f"{paging.parameter} is not one of ours: {token}") from error


def _select(
    connection: sqlite3.Connection,
    collection: Collection,
    parameters: Mapping[str, str],
    window: tuple[int, int],
) -> list[Row]:
    tests, values, order = ["1 = 1"], [], collection.key
    for name, text in parameters.items():
        if name not in collection.filters:
            raise NativeError(400, f"unknown query parameter: {name}")
        test, given = _test(name, collection.filters[name], text)
        tests.append(test)
        values.extend(given)
        if collection.filters[name].is_since:
            order = f"{collection.filters[name].column}, {collection.key}"
    offset, limit = window
    sql = (
        f"SELECT * FROM {collection.table} WHERE {' AND '.join(tests)}"
        f" ORDER BY {order} LIMIT {limit} OFFSET {offset}"
    )
    return fetch(connection, sql, *values)


def _test(name: str, rule: Filter, text: str) -> tuple[str, list[Any]]:
    try:
        if rule.test == "in":
            values = [rule.read(each) for each in text.split(",") if each]
        else:
            values = [rule.read(text)]
    except ValueError as error:
        raise NativeError(400, f"bad value for {name}: {text}") from error
    if len(values) > VALUES_MAX:
        raise NativeError(400, f"too many values for {name}: {len(values)} > {VALUES_MAX}")
    if rule.test == "in":
        return _among(rule, values)
    if rule.test == "contains":
        values = [f"%{values[0]}%"]
    return SQL_TESTS[rule.test].format(rule.column), values


def _among(rule: Filter, values: list[Any]) -> tuple[str, list[Any]]:
    pairs = [value.split("/", 1) for value in values if rule.beside and "/" in value]
    bare = [value for value in values if not (rule.beside and "/" in value)]
    tests = [f"{rule.column} IN ({', '.join('?' * len(bare))})"]
    if pairs:
        marks = ", ".join(["(?, ?)"] * len(pairs))
        tests.append(f"({rule.column}, {rule.beside}) IN (VALUES {marks})")
    return f"({' OR '.join(tests)})", bare + [part for pair in pairs for part in pair]


def _with_nested(
    connection: sqlite3.Connection, collection: Collection, rows: Sequence[Row]
) -> list[Row]:
    records = [collection.shape(row) for row in rows]
    keys = [row[collection.key] for row in rows]
    for nested in collection.nested:
        marks = ", ".join("?" * len(keys))
        sql = (
            f"SELECT * FROM {nested.table} WHERE {nested.column} IN ({marks})"
            f" ORDER BY {nested.order_by}"
        )
        groups: dict[Any, list[Row]] = {key: [] for key in keys}
        for row in fetch(connection, sql, *keys):
            parent = row.pop(nested.column)
            groups[parent].append(nested.shape(row))
        for key, record in zip(keys, records, strict=True):
            record[nested.name] = groups[key]
    return records


def next_link(page: Page, parameter: str, size: int) -> str | None:
    """The relative address of the following page."""
    if not page.has_more:
        return None
    query = {**page.parameters, parameter: str(page.offset + size)}
    return f"{page.path}?{urlencode(query, safe=',')}"


def unpacked(*columns: str) -> Callable[[Row], Row]:
    """A shape that turns columns of JSON text into lists."""

    def shape(row: Row) -> Row:
        return {
            name: orjson.loads(value) if name in columns else value for name, value in row.items()
        }

    return shape


def record_of(connection: sqlite3.Connection, collection: Collection, key: Any) -> Row:
    """One record as the endpoint gives it; KeyError where there is none."""
    sql = f"SELECT * FROM {collection.table} WHERE {collection.key} = ?"
    rows = fetch(connection, sql, key)
    if not rows:
        raise KeyError(key)
    return _with_nested(connection, collection, rows)[0]
