"""What requests cost: the estimate from the document, and the bill from what was read."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.model.errors import DocumentTooLarge, RateLimited
from hub.model.order import Order, OrderLine
from hub.model.shipment import Shipment
from hub.model.values import Ref
from hub.security.budget import Budgets
from hub.security.principal import Principal, Role
from resolvers.cost import Toll, cost_of
from resolvers.cost_estimate import INTROSPECTION_UNITS, Estimator
from resolvers.engine import Request
from tests.unit.resolvers.shelf import AGENT, Desk, Shelf, opened_desk, principal, told

ORDER = Ref("order", "erp", "1")
LINES = [
    told(OrderLine, "erp", f"1/{number}", order=ORDER, line_number=number, sku="A")
    for number in (1, 2, 3)
]
SHIPMENTS = [told(Shipment, "wms", "s1", order=ORDER, number="S1")]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    erp = Shelf("erp", "erp", [told(Order, "erp", "1", number="SO1"), *LINES], (Order, OrderLine))
    wms = Shelf("wms", "wms", SHIPMENTS, (Shipment,))
    async with opened_desk(tmp_path, erp, wms) as opened:
        yield opened


def prepared(desk: Desk, document: str, **variables: Any) -> Request:
    request = desk.engine.request(document, variables=variables)
    assert isinstance(request, Request), request
    return request


def estimate(desk: Desk, document: str, **variables: Any) -> float:
    estimator = Estimator(desk.engine.graphql_schema)
    return estimator.estimate(prepared(desk, document, **variables), desk.hub.sources)


IDS = ["a"] * 250


@pytest.mark.parametrize(
    ("document", "variables", "calls", "rows"),
    [
        ("{ __typename me { subject } systems { name } }", {}, 0, 0),
        ('{ order(number: "1") { number } }', {}, 1, 1),
        ('{ order(number: "1") { number lines { sku } } }', {}, 2, 6),
        ('{ order(number: "1") { lines { sku } shipments { number } } }', {}, 3, 11),
        # five shipments are assumed of the order, and ask together
        ('{ order(number: "1") { shipments { order { number } } } }', {}, 3, 11),
        ('{ a: order(number: "1") { number } b: order(number: "2") { number } }', {}, 2, 2),
        # what siblings ask of the same parents is asked once, though each counts its rows
        ('{ order(number: "1") { a: lines { sku } b: lines { sku } } }', {}, 2, 11),
        ('{ order(number: "1") { lines { sku } lines { lineNumber } } }', {}, 2, 6),
        ('{ orders(ids: ["a" "b" "c"]) { number } }', {}, 1, 3),
        ("query ($i: [ID!]!) { orders(ids: $i) { lines { sku } } }", {"i": IDS}, 6, 1_500),
        ("query ($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": IDS}, 250, 0),
        ('{ node(id: "a") { id } }', {}, 1, 0),
        ("{ ...a } fragment a on Query { ... { order(number: \"1\") { number } } }", {}, 1, 1),
        ('{ __schema { queryType { name } } }', {}, INTROSPECTION_UNITS, 0),
    ],
)  # fmt: skip
async def test_an_estimate_counts_calls_and_rows(
    desk: Desk, document: str, variables: dict[str, Any], calls: int, rows: int
) -> None:
    assert estimate(desk, document, **variables) == pytest.approx(cost_of(calls, rows))


async def test_a_page_is_as_long_as_it_says(desk: Desk) -> None:
    document = 'query ($n: Int) {{ order(number: "1") {{ timeline({}) {{ totalCount }} }} }}'
    bare = estimate(desk, document.replace("($n: Int)", "").format("onlyStateChanges: true"))
    for given, variables, rows in (
        ("first: 20", {}, 20), ("last: 7", {}, 7), ("first: $n", {"n": 100}, 100),
        ("first: $n", {}, 50),
    ):  # fmt: skip
        query = document.format(given)
        if "$n" not in given:
            query = query.replace("($n: Int)", "")
        assert estimate(desk, query, **variables) == pytest.approx(bare + (rows - 50) / 10)


async def test_an_estimate_is_worked_out_once_per_document(desk: Desk) -> None:
    request = prepared(desk, "query ($i: [ID!]!) { orders(ids: $i) { number } }", i=["a"])
    estimator = Estimator(desk.engine.graphql_schema)
    one = estimator.estimate(request, desk.hub.sources)
    assert [name for name, _ in request.plan.derived].count("cost") == 1
    again = prepared(desk, "query ($i: [ID!]!) { orders(ids: $i) { number } }", i=["a"] * 100)
    assert again.plan is request.plan
    assert estimator.estimate(again, desk.hub.sources) == pytest.approx(one + 9.9)
    known = dict(estimator._calls)
    estimator.estimate(request, dict(desk.hub.sources))
    assert all(estimator._calls[key] is calls for key, calls in known.items()), "the same systems"
    assert estimator.estimate(request, {}) == pytest.approx(0.1), "no system is connected any more"


def toll(desk: Desk, clock: Clock) -> Toll:
    return Toll(desk.engine.graphql_schema, Budgets(clock=clock), systems=lambda: desk.hub.sources)


async def run(desk: Desk, gate: Toll, document: str, who: Principal = AGENT) -> dict[str, Any]:
    """Execute as the endpoint does; the cost that goes into the answer's extensions."""
    request = prepared(desk, document)
    context = desk.context(who)
    admission = gate.admit(request, who)
    await desk.engine.run(request, context)
    return gate.settle(admission, context.reads)


async def test_the_answer_says_what_it_cost(desk: Desk) -> None:
    document = '{ order(number: "SO1") { number lines { sku } shipments { number } } }'
    gate = toll(desk, Clock())
    assert await run(desk, gate, document) == {
        "requested": 4.1,
        "actual": 3.5,
        "remaining": 9_996.5,
        "perSystem": {"erp": {"calls": 2, "rows": 4}, "wms": {"calls": 1, "rows": 1}},
    }
    # the second time everything comes from the cache, and costs what a request costs at least
    assert await run(desk, gate, document) == {
        "requested": 4.1, "actual": 0.0, "remaining": 9_995.5, "perSystem": {},
    }  # fmt: skip


async def test_over_the_budget_nothing_is_executed(desk: Desk) -> None:
    clock = Clock()
    gate, kim = toll(desk, clock), principal(Role.CUSTOMER, customers=[("erp", "c1")])
    document = "{ nodes(ids: [" + '"x" ' * 400 + "]) { id } }"
    for _ in range(2):
        gate.admit(prepared(desk, document), kim)
    with pytest.raises(RateLimited) as caught:
        await run(desk, gate, document, kim)
    assert caught.value.extensions["cost"] == {"requested": 400.0, "remaining": 200.0}
    assert caught.value.retryable
    assert [shelf.asked for shelf in desk.shelves] == [[], []]
    clock.now += caught.value.retry_after_s
    await run(desk, gate, document, kim)


async def test_a_request_no_bucket_holds_is_too_large(desk: Desk) -> None:
    kim = principal(Role.CUSTOMER, customers=[("erp", "c1")])
    ids = '"x" ' * 90
    document = " ".join(f"a{number}: nodes(ids: [{ids}]) {{ id }}" for number in range(12))
    with pytest.raises(DocumentTooLarge) as caught:
        toll(desk, Clock()).admit(prepared(desk, f"{{ {document} }}"), kim)
    assert (caught.value.limit, caught.value.allowed) == ("cost", 1_000)


async def test_what_no_bucket_holds_costs_what_a_refusal_does(desk: Desk) -> None:
    kim = principal(Role.CUSTOMER, customers=[("erp", "c1")])
    budgets = Budgets(clock=Clock())
    gate = Toll(desk.engine.graphql_schema, budgets, systems=lambda: desk.hub.sources)
    ids = '"x" ' * 90
    document = " ".join(f"a{number}: nodes(ids: [{ids}]) {{ id }}" for number in range(12))
    request = prepared(desk, f"{{ {document} }}")
    for entered, remaining in ((gate.enter(kim, is_known=False), 980.0), (0.0, 979.0)):
        with pytest.raises(DocumentTooLarge):
            gate.admit(request, kim, entered=entered)
        assert budgets.remaining(kim) == remaining


@pytest.mark.parametrize(
    ("role", "actual", "remaining"),
    [(Role.AGENT, 21.1, 9_978.9), (Role.CUSTOMER, 21.1, 978.9)],
)
async def test_a_new_document_is_part_of_what_was_requested_and_spent(
    desk: Desk, role: Role, actual: float, remaining: float
) -> None:
    who = principal(role, customers=[("erp", "c1")] if role is Role.CUSTOMER else ())
    gate = toll(desk, Clock())
    request = prepared(desk, '{ order(number: "SO1") { number } }')
    admission = gate.admit(request, who, entered=gate.enter(who, is_known=False))
    context = desk.context(who)
    await desk.engine.run(request, context)
    cost = gate.settle(admission, context.reads)
    assert (cost["requested"], cost["actual"], cost["remaining"]) == (21.1, actual, remaining)
    assert gate.enter(who, is_known=True) == 0
