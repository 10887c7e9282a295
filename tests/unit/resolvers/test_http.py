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
from hub.observe import metrics
from hub.security.budget import NEW_DOCUMENT_UNITS, Budgets
from hub.security.principal import Role
from resolvers.cost import Toll
from resolvers.engine import Engine
from resolvers.errors import ANSWER_BYTES_MAX
from resolvers.fields import root
from resolvers.http import GraphQLEndpoint
from resolvers.limits import Limits
from resolvers.negotiation import GRAPHQL_RESPONSE, JSON, Origins
from resolvers.schema import build_schema
from tests.unit.resolvers.asking import (
    BODY_MAX,
    JSON_CONTENT,
    TOKEN,
    ask,
    ask_in_pieces,
    endpoint,
)
from tests.unit.resolvers.shelf import AGENT, Desk, principal

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


async def test_a_subscription_needs_a_client_that_takes_a_stream(desk: Desk) -> None:
    schema = strawberry.Schema(_Query, subscription=_Subscription)
    app = replace(endpoint(desk), engine=Engine(schema))
    for accept in (JSON, GRAPHQL_RESPONSE):
        answer = await ask(app, {"query": "subscription { ticks }"}, ("accept", accept))
        assert (answer.status, "data" in answer.body) == (406, False)
        assert answer.message == (
            "a subscription is answered by a stream: send Accept: text/event-stream, or open a "
            "WebSocket here with the subprotocol graphql-transport-ws"
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


def tolled(desk: Desk, budgets: Budgets) -> GraphQLEndpoint:
    toll = Toll(desk.engine.graphql_schema, budgets, systems=lambda: desk.hub.sources)
    return endpoint(desk, toll=toll)


async def test_every_request_is_charged(desk: Desk) -> None:
    app = tolled(desk, Budgets(clock=lambda: 0.0))
    first = (await ask(app, ORDER)).body["extensions"]["cost"]
    assert first["perSystem"] == {
        "erp-eu": {"calls": 1, "rows": 1}, "erp-us": {"calls": 1, "rows": 0},
    }  # fmt: skip
    assert first["actual"] == pytest.approx(NEW_DOCUMENT_UNITS + 2.1)
    assert first["requested"] >= first["actual"]
    assert first["remaining"] == pytest.approx(10_000 - first["actual"])
    again = (await ask(app, ORDER)).body["extensions"]["cost"]
    assert again["requested"] == pytest.approx(first["requested"] - NEW_DOCUMENT_UNITS)
    assert (again["actual"], again["remaining"]) == (0, pytest.approx(first["remaining"] - 1))


async def test_a_refusal_is_charged_too_and_less_where_it_is_remembered(desk: Desk) -> None:
    app = tolled(desk, Budgets(clock=lambda: 0.0))
    new = {"actual": 20.0, "requested": 20.0, "remaining": 9_980.0, "perSystem": {}}
    known = {"actual": 1.0, "requested": 1.0, "remaining": 9_979.0, "perSystem": {}}
    for cost in (new, known):
        refused = await ask(app, {"query": "{ nothing }"})
        assert (refused.status, refused.codes) == (200, ["DOCUMENT_INVALID"])
        assert refused.body["extensions"]["cost"] == cost
    late = await ask(app, {"query": "query ($n: Int!) { __typename }"})
    assert late.codes == ["DOCUMENT_INVALID"]
    assert late.body["extensions"]["cost"]["remaining"] == 9_959.0


@pytest.mark.parametrize(
    ("document", "units"), [("{{ a{}: __typename }}", 21), ("{{ nothing{} }}", 20), ("{{ {}", 20)]
)
async def test_documents_never_seen_before_end_in_429_within_the_budget(
    desk: Desk, document: str, units: int
) -> None:
    app = tolled(desk, Budgets(clock=lambda: 0.0))
    statuses: list[int] = []
    while 429 not in statuses and len(statuses) < 600:
        answer = await ask(app, {"query": document.format(len(statuses))})
        statuses.append(answer.status)
    assert len(statuses) == 10_000 // units + 1
    assert answer.codes == ["RATE_LIMITED"]
    assert int(answer.headers["retry-after"]) == 1


async def test_what_is_not_paid_for_is_not_parsed(desk: Desk) -> None:
    budgets = Budgets(clock=lambda: 0.0)
    app = tolled(desk, budgets)
    budgets.charge(AGENT, 9_985)
    unseen = "{ never: __typename }"
    assert (await ask(app, {"query": unseen})).status == 429
    assert not desk.engine.knows(unseen)
    assert budgets.remaining(AGENT) == 15, "nothing is taken for what is not done"


async def test_a_customer_cannot_keep_sending_new_documents(desk: Desk) -> None:
    clock = [0.0]
    kim = principal(Role.CUSTOMER, customers=[("erp-eu", "C1")])
    app = replace(tolled(desk, Budgets(clock=lambda: clock[0])), authenticate=lambda _: kim)
    answered = 0
    for turn in range(600):  # twenty a second, half a minute long
        clock[0] = turn / 20
        answered += (await ask(app, {"query": f"{{ nothing{turn} }}"})).status == 200
    assert answered == (1_000 + 50 * 599 // 20) // 20


async def test_over_the_budget_is_429_and_says_when(desk: Desk) -> None:
    budgets = Budgets(clock=lambda: 0.0)
    app = tolled(desk, budgets)
    await ask(app, ORDER)
    for shelf in desk.shelves:
        shelf.asked.clear()
    budgets.charge(AGENT, budgets.remaining(AGENT) - 0.5)
    late = await ask(app, ORDER)
    assert (late.status, late.codes) == (429, ["RATE_LIMITED"])
    assert late.headers["retry-after"] == "1"
    cost = late.body["extensions"]["cost"]
    assert (cost["actual"], cost["remaining"]) == (0, 0.5)
    assert "data" not in late.body
    assert all(not shelf.asked for shelf in desk.shelves)


def _refusals(code: str) -> float:
    return metrics.REGISTRY.get_sample_value("opshub_refusals_total", {"code": code}) or 0.0


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{", "DOCUMENT_INVALID"),
        ("{ nothing } { nothing }", "DOCUMENT_INVALID"),
        ("{ " + "a: __typename " * 21 + "}", "DOCUMENT_TOO_LARGE"),
        ("{ __schema { queryType { name } } }", "INTROSPECTION_DISABLED"),
    ],
)
async def test_each_refusal_is_counted_once_by_its_code(
    desk: Desk, document: str, code: str
) -> None:
    app = replace(endpoint(desk), engine=Engine(build_schema(), limits=Limits()))
    for _ in range(2):
        before = _refusals(code)
        assert set((await ask(app, {"query": document})).codes) == {code}
        assert _refusals(code) == before + 1
    ran = _refusals("NOT_FOUND")
    await ask(app, {"query": '{ order(number: "0") { id } }'})
    assert _refusals("NOT_FOUND") == ran, "what ran was not refused"


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
