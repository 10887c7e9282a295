"""The endpoint: methods, statuses, headers, documents by hash, cost; each answer whole."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import orjson
import pytest
import strawberry

from hub.model.errors import SourceTimeout, StoreUnavailable
from hub.security.budget import Budgets
from resolvers.cost import Toll
from resolvers.engine import Engine
from resolvers.errors import ANSWER_BYTES_MAX
from resolvers.fields import root
from resolvers.negotiation import GRAPHQL_RESPONSE, JSON, Origins
from tests.unit.resolvers.asking import (
    BODY_MAX,
    JSON_CONTENT,
    TOKEN,
    ask,
    ask_in_pieces,
    endpoint,
)
from tests.unit.resolvers.shelf import AGENT, Desk

ORDER = {"query": 'query Desk { order(number: "4711") { number status } }'}
STRICT = ("accept", GRAPHQL_RESPONSE)
PERSONAL = {
    "cache-control": "no-store, private",
    "vary": "Accept, Authorization, Origin",
    "x-content-type-options": "nosniff",
    "x-correlation-id": "c0ffee-0001",
}
CORRELATION = ("x-correlation-id", "c0ffee-0001")


async def test_an_answer_is_whole_and_personal(desk: Desk) -> None:
    answer = await ask(endpoint(desk), ORDER, CORRELATION)
    assert answer.status == 200
    assert answer.body == {
        "data": {"order": {"number": "4711", "status": "ON_HOLD"}},
        "extensions": {"correlationId": "c0ffee-0001"},
    }
    assert answer.headers == PERSONAL | {
        "content-type": "application/json; charset=utf-8",
        "content-length": str(len(answer.content)),
    }


@pytest.mark.parametrize(
    ("accept", "status", "media"),
    [(None, 200, JSON), ("*/*", 200, JSON), (JSON, 200, JSON), (GRAPHQL_RESPONSE, 400, None)],
)
async def test_a_document_that_cannot_run_has_no_data(
    desk: Desk, accept: str | None, status: int, media: str | None
) -> None:
    headers = (CORRELATION,) if accept is None else (CORRELATION, ("accept", accept))
    for document in ("{", "{ nothing }", "query ($n: Int!) { __typename }", "{ a } query B { b }"):
        answer = await ask(endpoint(desk), {"query": document}, *headers)
        assert (answer.status, "data" in answer.body) == (status, False), document
        assert set(answer.codes) == {"DOCUMENT_INVALID"}
        assert answer.headers["content-type"] == f"{media or accept}; charset=utf-8"
        assert answer.headers.items() >= PERSONAL.items()


async def test_an_operation_that_ran_is_200_whatever_came_of_its_fields(desk: Desk) -> None:
    for accept in (JSON, GRAPHQL_RESPONSE):
        answer = await ask(
            endpoint(desk), {"query": '{ order(number: "0") { id } }'}, ("accept", accept)
        )
        assert (answer.status, answer.body["data"]) == (200, {"order": None})
        assert answer.codes == ["NOT_FOUND"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "post"])
async def test_only_post_is_served(desk: Desk, method: str) -> None:
    answer = await ask(endpoint(desk), b"", CORRELATION, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert answer.codes == ["BODY_INVALID"]
    assert answer.headers.items() >= PERSONAL.items()


async def test_options_say_what_may_be_sent(desk: Desk) -> None:
    answer = await ask(endpoint(desk), b"", CORRELATION, method="OPTIONS")
    assert (answer.status, answer.content) == (204, b"")
    assert answer.headers == PERSONAL | {"allow": "POST"}


@pytest.mark.parametrize(
    ("query_string", "status"),
    [
        ("query=%7B__typename%7D", 200),
        ("query=query(%24n:String!)%7B__type(name:%24n)%7Bname%7D%7D"
         "&variables=%7B%22n%22:%22x%22%7D", 200),
        ("query=%7Border(number:%224711%22)%7Bnumber%7D%7D", 405),
        ("query=%7B__typename%20systems%7Bname%7D%7D", 405),
        ("query=%7B...%7Bsystems%7Bname%7D%7D%7D", 405),
        ("query=mutation%7B__typename%7D", 405),
        ("query=%7B__typename%7D&more=1", 400),
    ],
)  # fmt: skip
async def test_get_reads_nothing_but_the_schema(desk: Desk, query_string: str, status: int) -> None:
    app = endpoint(desk, may_introspect=lambda principal: True)
    answer = await ask(app, b"", TOKEN, method="GET", query_string=query_string)
    assert answer.status == status
    assert answer.headers.get("allow") == ("POST" if status == 405 else None)
    assert [shelf.asked for shelf in desk.shelves] == [[]] * len(desk.shelves)
    bare = await ask(app, b"", method="GET", query_string=query_string)
    assert bare.status == 405, "without a token a GET is not even parsed"


async def _number(context: Any) -> int:
    return 1


@strawberry.type
class _Query:
    number: int = root(_number)


@strawberry.type
class _Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


async def test_a_subscription_is_not_in_this_release(desk: Desk) -> None:
    schema = strawberry.Schema(_Query, subscription=_Subscription)
    app = replace(endpoint(desk), engine=Engine(schema))
    for accept in (JSON, GRAPHQL_RESPONSE):
        answer = await ask(app, {"query": "subscription { ticks }"}, ("accept", accept))
        assert (answer.status, "data" in answer.body) == (406, False)
        assert answer.message == (
            "subscriptions are not in this release; ask for what you need by a query"
        )


async def test_batches_are_refused_with_a_reason(desk: Desk) -> None:
    answer = await ask(endpoint(desk), orjson.dumps([ORDER, ORDER]), JSON_CONTENT, TOKEN)
    assert (answer.status, answer.codes) == (400, ["BODY_INVALID"])
    assert "batches are not served" in answer.message


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://desk.example", 200), ("http://hub", 200), ("null", 403), ("https://x.example", 403)],
)
async def test_pages_of_other_origins_may_not_call(desk: Desk, origin: str, status: int) -> None:
    app = endpoint(desk, origins=Origins(frozenset({"https://desk.example"})))
    answer = await ask(app, ORDER, ("origin", origin), ("host", "hub"))
    assert answer.status == status
    if status == 403:
        assert answer.codes == ["FORBIDDEN"]
        assert all(not shelf.asked for shelf in desk.shelves)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ([JSON_CONTENT], 401, "UNAUTHENTICATED"),
        ([JSON_CONTENT, TOKEN, TOKEN], 400, "BODY_INVALID"),
        ([("content-type", "text/plain"), TOKEN], 415, "BODY_INVALID"),
        ([JSON_CONTENT, TOKEN, ("content-encoding", "gzip")], 415, "BODY_INVALID"),
        ([JSON_CONTENT, TOKEN, ("accept", "text/html")], 406, "BODY_INVALID"),
        ([JSON_CONTENT, TOKEN, ("content-length", str(BODY_MAX + 1))], 413, "BODY_INVALID"),
    ],
)
async def test_a_wrong_header_is_refused(
    desk: Desk, headers: list[tuple[str, str]], status: int, code: str
) -> None:
    answer = await ask(endpoint(desk), orjson.dumps(ORDER), *headers)
    assert (answer.status, answer.codes) == (status, [code])
    assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_a_body_without_a_length_has_the_same_limit(desk: Desk) -> None:
    pieces = [b"x" * 400] * 10
    answer = await ask_in_pieces(endpoint(desk), pieces, [JSON_CONTENT, TOKEN])
    assert (answer.status, answer.codes) == (413, ["BODY_INVALID"])


async def test_a_text_sent_with_its_hash_is_found_by_it(desk: Desk) -> None:
    app = endpoint(desk)
    hash_ = sha256(ORDER["query"].encode()).hexdigest()
    named: dict[str, Any] = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_}}}
    unknown = await ask(app, named)
    assert (unknown.status, unknown.codes) == (200, ["PERSISTED_QUERY_NOT_FOUND"])
    assert (await ask(app, named, STRICT)).status == 400
    assert (await ask(app, ORDER | named)).body["data"]["order"]["number"] == "4711"
    assert (await ask(app, named)).body["data"]["order"]["number"] == "4711"


async def test_every_request_that_runs_is_charged(desk: Desk) -> None:
    budgets = Budgets(clock=lambda: 0.0)
    toll = Toll(desk.engine.graphql_schema, budgets, systems=lambda: desk.hub.sources)
    app = endpoint(desk, toll=toll)
    first = await ask(app, ORDER)
    cost = first.body["extensions"]["cost"]
    assert cost["perSystem"] == {
        "erp-eu": {"calls": 1, "rows": 1}, "erp-us": {"calls": 1, "rows": 0},
    }  # fmt: skip
    refused = await ask(app, {"query": "{ nothing }"})
    assert "cost" not in refused.body["extensions"], "what does not run is not charged"
    again = await ask(app, ORDER)
    assert again.body["extensions"]["cost"]["remaining"] == pytest.approx(cost["remaining"] - 1)


async def test_over_the_budget_is_429_and_says_when(desk: Desk) -> None:
    budgets = Budgets(clock=lambda: 0.0)
    toll = Toll(desk.engine.graphql_schema, budgets, systems=lambda: desk.hub.sources)
    budgets.charge(AGENT, 9_999.5)
    late = await ask(endpoint(desk, toll=toll), ORDER)
    assert (late.status, late.codes) == (429, ["RATE_LIMITED"])
    assert late.headers["retry-after"] == "1"
    cost = late.body["extensions"]["cost"]
    assert (cost["actual"], cost["remaining"]) == (0, 0.5)
    assert "data" not in late.body
    assert all(not shelf.asked for shelf in desk.shelves)


async def test_what_is_late_is_answered_in_time(desk: Desk) -> None:
    app = replace(endpoint(desk), deadline_s=lambda principal: 0.0)
    answer = await ask(app, {"query": '{ systems { name } search(text: "47") { hits { value } } }'})
    assert (answer.status, answer.body["data"]) == (200, None)
    assert answer.codes == ["DEADLINE_EXCEEDED"]


async def test_a_store_that_is_away_is_a_503(desk: Desk) -> None:
    def authenticate(authorization: str | None) -> Any:
        raise StoreUnavailable("the store does not answer")

    answer = await ask(replace(endpoint(desk), authenticate=authenticate), ORDER)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def test_a_defect_is_masked(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    def open_context(principal: Any, correlation_id: str) -> Any:
        raise KeyError("hunter2")

    answer = await ask(replace(endpoint(desk), open_context=open_context), ORDER)
    assert (answer.status, answer.codes) == (500, ["INTERNAL"])
    assert b"hunter2" not in answer.content
    assert "hunter2" in caplog.text


async def test_a_bad_document_is_one_line_of_the_log(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    fields = " ".join(f"nothing{number}" for number in range(50))
    with caplog.at_level(logging.DEBUG):
        answer = await ask(endpoint(desk), {"query": f"{{ {fields} }}"})
    (line,) = [one for one in caplog.records if one.name.startswith(("hub", "resolvers"))]
    assert vars(line)["codes"] == ["DOCUMENT_INVALID"]
    assert len(answer.body["errors"]) == 10
    assert answer.body["extensions"]["errorsOmitted"] >= 10
    assert len(answer.content) <= ANSWER_BYTES_MAX


@pytest.mark.parametrize("name", ["x" * 600, "\u4e2d" * 200, "\\u0001" * 100])
async def test_an_answer_of_errors_is_at_most_4_kb(desk: Desk, name: str) -> None:
    desk.shelves[0].broken["order"] = SourceTimeout("erp-eu", "\U0001f3c3\x01" * 5_000)
    alias = "a" * 700
    for document in (
        f'{{ {alias}: order(number: "{name[:40]}") {{ id }} b: order(number: "1") {{ id }} }}',
        f"{{ {'z' * 800} }}",
    ):
        answer = await ask(endpoint(desk), {"query": document})
        answer.body.pop("data", None)
        assert answer.body["errors"]
        assert len(answer.content) <= ANSWER_BYTES_MAX
