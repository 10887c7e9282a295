"""Declared commands against a real REST system and a real SQLite database."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
from starlette.responses import JSONResponse, Response

from hub.config.systems import load_systems
from hub.events.commanding import Applied, NotFound, NotSent, Refused, Unknown
from hub.model.errors import (
    SourceBusy,
    SourceMisconfigured,
    SourceTimeout,
    SourceUnavailable,
)
from sources.commanding import Commander
from tests.support.receiver import Got, Receiver, running_receiver

SYSTEMS = """
version: 1
systems:
  erp:
    role: erp
    kind: sql
    url: sqlite:///{database}
    limits: {{ timeout: 500ms, in_flight: 2 }}
    entities: {{ item: {{ from: items, key: sku, fields: {{ sku: sku }} }} }}
    commands:
      create_credit_memo:
        over: {{ kind: rest, url: "{url}/api", auth: {{ bearer: "s3cret" }} }}
        post:
          path: "/orders/{{order.key}}/memos"
          body: {{ reference: "{{external_reference}}", amount: "{{amount}}", lines: "{{lines}}",
                   note: "for {{order.key}}: {{reason}}", rma: "{{rma.key}}", flag: true }}
        result: {{ number: memo.no, nothing: memo.nothing }}
        find: {{ get: "/memos?reference={{external_reference}}", each: items, settles_within: 30s,
                 reference_unique: true }}
        refused_when: {{ status: [409, 422], message: error.text }}
      hold_order: {{ over: {{ kind: rest, url: "{url}" }}, post: {{ path: /hold }} }}
      adjust_inventory:
        sql: >-
          INSERT INTO moves (reference, sku, quantity)
          VALUES (:external_reference, :item_sku, :quantity) RETURNING id
        result: {{ number: id }}
        find: {{ sql: "SELECT id FROM moves WHERE reference = :external_reference",
                 settles_within: 5s, reference_unique: true }}
      release_order:
        sql: "UPDATE items SET held = 0 WHERE sku = :sku AND held = 1"
"""
VALUES = {
    "order.key": "4711/a", "amount": Decimal("12.50"), "reason": 'say "no"', "rma.key": None,
    "lines": [{"line": 1, "quantity": Decimal("2")}],
}  # fmt: skip


@pytest_asyncio.fixture
async def erp() -> AsyncIterator[Receiver]:
    async with running_receiver(Receiver()) as receiver:
        yield receiver


@pytest_asyncio.fixture
async def commander(erp: Receiver, tmp_path: Path) -> AsyncIterator[Commander]:
    database = tmp_path / "erp.sqlite"
    with sqlite3.connect(database) as connection:
        connection.executescript(
            "CREATE TABLE items (sku TEXT, held INTEGER); INSERT INTO items VALUES ('A', 1);"
            "CREATE TABLE moves (id INTEGER PRIMARY KEY, reference TEXT UNIQUE, sku TEXT,"
            " quantity TEXT);"
        )
    file = tmp_path / "systems.yaml"
    file.write_text(SYSTEMS.format(database=database, url=erp.url))
    made = Commander(load_systems(file, environ={}))
    yield made
    await made.close()


MEMO = "erp.create_credit_memo"


async def test_a_body_is_made_of_values_not_of_text(erp: Receiver, commander: Commander) -> None:
    erp.answer = lambda _: JSONResponse({"memo": {"no": "M1"}}, status_code=201)
    assert await commander.execute(MEMO, VALUES, reference="r1") == Applied(
        {"number": "M1", "nothing": None}
    )
    (got,) = erp.got
    assert (got.method, got.target) == ("POST", "/api/orders/4711/a/memos")
    assert got.headers["authorization"] == "Bearer s3cret"
    assert json.loads(got.body) == {
        "reference": "r1", "amount": "12.50", "lines": [{"line": 1, "quantity": "2"}],
        "note": 'for 4711/a: say "no"', "rma": None, "flag": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "outcome", "error"),
    [
        (500, Unknown, SourceUnavailable), (503, Unknown, SourceUnavailable),
        (408, Unknown, SourceUnavailable), (400, NotSent, SourceMisconfigured),
        (401, NotSent, SourceMisconfigured), (302, NotSent, SourceMisconfigured),
        (429, NotSent, SourceBusy),
    ],
)  # fmt: skip
async def test_what_a_status_says_of_the_effect(
    erp: Receiver, commander: Commander, status: int, outcome: type, error: type
) -> None:
    erp.answers = [status]
    got = await commander.execute(MEMO, VALUES, reference="r1")
    assert isinstance(got, Unknown | NotSent) and isinstance(got, outcome)
    assert isinstance(got.error, error)
    assert len(erp.got) == 1


async def test_a_lost_answer_is_unknown_and_is_found(erp: Receiver, commander: Commander) -> None:
    erp.hang_s = 2.0
    got = await commander.execute(MEMO, VALUES, reference="r1")
    assert isinstance(got, Unknown) and isinstance(got.error, SourceTimeout)
    erp.hang_s = 0.0
    erp.answer = lambda _: JSONResponse({"items": [{"memo": {"no": "M1"}}]})
    found = await commander.find(MEMO, VALUES, reference="r1")
    assert found == Applied({"number": "M1", "nothing": None})
    assert erp.got[-1].target == "/api/memos?reference=r1"
    erp.answer = lambda _: JSONResponse({"items": []})
    assert await commander.find(MEMO, VALUES, reference="r1") == NotFound()
    erp.answer = lambda _: Response(status_code=404)
    assert await commander.find(MEMO, VALUES, reference="r1") == NotFound()


async def test_a_refusal_is_data_unless_it_was_done(erp: Receiver, commander: Commander) -> None:
    found: list[dict[str, object]] = []

    def answer(got: Got) -> Response:
        if got.method == "GET":
            return JSONResponse({"items": found})
        return JSONResponse({"error": {"text": "not with us"}}, status_code=422)

    erp.answer = answer
    assert await commander.execute(MEMO, VALUES, reference="r") == Refused("not with us")
    found.append({"memo": {"no": "M7"}})
    assert await commander.execute(MEMO, VALUES, reference="r") == Applied(
        {"number": "M7", "nothing": None}
    )


async def test_a_missing_value_is_not_sent(erp: Receiver, commander: Commander) -> None:
    values = {key: value for key, value in VALUES.items() if key != "amount"}
    got = await commander.execute(MEMO, values, reference="r1")
    assert isinstance(got, NotSent)
    assert str(got.error) == "erp: the command has no value amount"
    assert erp.got == []


async def test_no_more_at_once_than_the_limit(erp: Receiver, commander: Commander) -> None:
    erp.hang_s = 0.4
    done = await asyncio.gather(
        *(commander.execute("erp.hold_order", {}, reference=str(n)) for n in range(6))
    )
    assert len(erp.got) <= 4
    assert sum(isinstance(each, Applied) for each in done) == 2
    assert all(isinstance(each, Applied | NotSent | Unknown) for each in done)


async def test_a_statement_is_done_once_by_its_reference(commander: Commander) -> None:
    values = {"item": {"sku": "A"}, "quantity": Decimal("-1.5")}
    adjust = "erp.adjust_inventory"
    assert await commander.find(adjust, values, reference="r1") == NotFound()
    assert await commander.execute(adjust, values, reference="r1") == Applied({"number": 1})
    assert await commander.find(adjust, values, reference="r1") == Applied({"number": 1})
    # the constraint refuses the second one, which is found to be done
    assert await commander.execute(adjust, values, reference="r1") == Applied({"number": 1})
    assert await commander.execute(adjust, values, reference="r2") == Applied({"number": 2})


async def test_a_statement_that_changes_nothing_is_refused(commander: Commander) -> None:
    release = "erp.release_order"
    assert await commander.execute(release, {"sku": "A"}, reference="r") == Applied({})
    assert await commander.execute(release, {"sku": "A"}, reference="r") == Refused(
        "it changes nothing"
    )


async def test_terms_are_those_of_the_file(commander: Commander) -> None:
    terms = commander.terms(MEMO)
    assert terms is not None
    assert (terms.deadline_s, terms.settles_within_s, terms.is_reference_unique) == (0.5, 30, True)
    assert commander.terms("erp.nothing") is None
    assert isinstance(await commander.execute("no.such", {}, reference="r"), NotSent)
