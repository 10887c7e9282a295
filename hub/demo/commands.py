"""Commands of demo systems: one effect per reference, the same answer when it is asked again."""

import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.demo.database import Row, fetch_one
from hub.demo.gate import NativeError, json_response
from hub.demo.life import Changed

Body = dict[str, Any]
Effect = Callable[[sqlite3.Connection, Body], Row]


@dataclass(frozen=True, slots=True)
class Command:
    """`path` may hold `{no}`, which joins the body as `order`.

    With `needs_reference` the same reference never has two effects; without, it may be absent.
    `told` says of which change others hear, once it has had its effect; without it of none.
    """

    path: str
    kind: str
    effect: Effect
    needs_reference: bool
    told: Callable[[Row], Changed] | None = None


def command_routes(
    connection: sqlite3.Connection, commands: Sequence[Command], *, finders: bool
) -> list[Route]:
    """A POST for each command and, with `finders`, a GET by reference beside it."""
    posts = [Route(each.path, _post(connection, each), methods=["POST"]) for each in commands]
    gets = [
        Route(each.path, _find(connection, each), methods=["GET"])
        for each in commands
        if finders and each.needs_reference
    ]
    return [*posts, *gets]


def _post(connection: sqlite3.Connection, command: Command) -> Callable[[Request], Any]:
    async def post(request: Request) -> Response:
        body = await _body(request)
        reference = body.get("reference")
        if command.needs_reference and not isinstance(reference, str):
            raise NativeError(422, "reference is required")
        connection.execute("BEGIN IMMEDIATE")
        try:
            status, answer = _once(connection, command, body)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        if command.told is not None and status == 201:
            request.app.state.tell([command.told(answer)])
        return json_response(answer, status=status)

    return post


def _once(connection: sqlite3.Connection, command: Command, body: Body) -> tuple[int, Row]:
    reference = body.get("reference")
    if reference is None:
        return 200, command.effect(connection, body)
    text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
    known = _logged(connection, command.kind, reference)
    if known is not None:
        if known["body"] != text:
            raise NativeError(409, f"reference {reference} was used with another body")
        return 200, orjson.loads(known["answer"])
    answer = command.effect(connection, body)
    connection.execute(
        "INSERT INTO command_log (kind, reference, body, answer) VALUES (?, ?, ?, ?)",
        (command.kind, reference, text, orjson.dumps(answer).decode()),
    )
    return 201, answer


def _find(connection: sqlite3.Connection, command: Command) -> Callable[[Request], Any]:
    async def find(request: Request) -> Response:
        unknown = set(request.query_params) - {"reference"}
        if unknown:
            raise NativeError(400, f"unknown query parameter: {', '.join(sorted(unknown))}")
        reference = request.query_params.get("reference", "")
        known = _logged(connection, command.kind, reference)
        if known is None:
            raise NativeError(404, f"nothing has the reference {reference}")
        return json_response(orjson.loads(known["answer"]))

    return find


def _logged(connection: sqlite3.Connection, kind: str, reference: str) -> Row | None:
    sql = "SELECT body, answer FROM command_log WHERE kind = ? AND reference = ?"
    return fetch_one(connection, sql, kind, reference)


async def _body(request: Request) -> Body:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise NativeError(400, "the body is not JSON") from error
    if not isinstance(body, dict):
        raise NativeError(400, "the body must be an object")
    return {**body, **({"order": request.path_params["no"]} if request.path_params else {})}


def amount_of(value: object) -> Decimal:
    """A positive amount with at most two decimals, from a JSON number or text."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise NativeError(422, f"not an amount: {value}") from error
    if not amount.is_finite() or amount <= 0:
        raise NativeError(422, f"the amount must be positive, not {value}")
    if not re.fullmatch(r"\d+(\.\d{1,2}0*)?", f"{amount:f}"):
        raise NativeError(422, f"at most two decimals: {value}")
    return amount.quantize(Decimal("0.01"))
