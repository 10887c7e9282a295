"""The document guard: every attack is refused in time, and what people ask is not."""

import time
from typing import Any

import pytest
from graphql import GraphQLError, get_introspection_query, parse

from hub.model.errors import BodyInvalid, DocumentInvalid, DocumentTooLarge, OpsHubError
from resolvers.body import read_request
from resolvers.engine import Engine, Request
from resolvers.errors import public_error
from resolvers.limits import Limits
from resolvers.limits_walk import check_document
from resolvers.schema import build_schema
from tests.e2e.test_main_job import ORDER_DESK
from tests.support.attack_documents import ATTACKS, Attack, bodies

CPU_S_MAX = 0.050  # of a refused document; one event loop serves everybody
ROUNDS = 3  # the least counts: what the code costs, not what else the process did meanwhile

LIMITS = Limits()


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(build_schema(), limits=LIMITS)


def refusal(engine: Engine, query: str, **options: Any) -> OpsHubError:
    """The public form of the first error."""
    request = engine.request(query, **options)
    assert isinstance(request, list), "it was not refused"
    return public_error(request[0], "c0ffee00")


@pytest.mark.parametrize("attack", ATTACKS, ids=[each.name for each in ATTACKS])
def test_an_attack_is_refused_with_its_code_and_quickly(engine: Engine, attack: Attack) -> None:
    spent = []
    for number in range(ROUNDS):
        document = f"{attack.query}\n#{number}"  # another text, so that no refusal is remembered
        begun = time.process_time()
        error = refusal(engine, document, variables=attack.variables)
        spent.append(time.process_time() - begun)
        assert error.code == attack.code
        assert error.extensions.get("limit") == attack.limit
        assert len(str(error)) < 100_000
    assert min(spent) < CPU_S_MAX


@pytest.mark.parametrize("may", [True, False])
def test_whether_or_not_suggestions_are_made(engine: Engine, may: bool) -> None:
    attack = next(each for each in ATTACKS if each.name == "unknown fields")
    begun = time.process_time()
    refusal(engine, attack.query + f"# {may}", may_introspect=may)
    first = time.process_time() - begun
    begun = time.process_time()
    refusal(engine, attack.query + f"# {may}", may_introspect=may)
    assert time.process_time() - begun < max(first / 5, 0.001), "a refusal is remembered"


def test_the_engine_says_whom_it_knows() -> None:
    fresh = Engine(build_schema(), limits=LIMITS)
    for document, may in (("{ me { subject } }", True), ("{ me { subjct } }", False)):
        assert not fresh.knows(document, may_introspect=may)
        fresh.request(document, may_introspect=may)
        assert fresh.knows(document, may_introspect=may)
    assert fresh.knows("{ me { subject } }", may_introspect=False), "a plan is everybody's"
    assert not fresh.knows("{ me { subjct } }"), "a refusal suggests or does not"
    assert fresh.knows("x" * 50_001), "its length alone refuses it"


def test_a_remembered_refusal_does_not_hold_its_document(engine: Engine) -> None:
    found = engine.request("{ me { subjct } }")
    assert isinstance(found, list)
    assert found[0].nodes is None
    assert [(each.line, each.column) for each in found[0].locations or []] == [(1, 8)]


@pytest.mark.parametrize(("name", "body"), list(bodies()), ids=[name for name, _ in bodies()])
def test_a_body_that_holds_no_document_is_refused_quickly(name: str, body: bytes) -> None:
    body = body[:1_000_000]  # the rest is never read
    spent = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        with pytest.raises(BodyInvalid):
            read_request(body)
        spent.append(time.process_time() - begun)
    assert min(spent) < CPU_S_MAX


FOR_THOSE_WHO_MAY = {
    "the standard one": get_introspection_query(),
    "all that GraphiQL asks": get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        one_of=True,
    ),
    "of one type": '{ __type(name: "Order") { name fields { name type { name ofType { name } } } }'
    " }",
}


@pytest.mark.parametrize("document", FOR_THOSE_WHO_MAY.values(), ids=FOR_THOSE_WHO_MAY.keys())
async def test_introspection_is_answered_to_those_who_may(engine: Engine, document: str) -> None:
    request = engine.request(document, may_introspect=True)
    assert isinstance(request, Request)
    result = await engine.run(request, None)
    assert result.errors is None
    assert result.data


@pytest.mark.parametrize("document", FOR_THOSE_WHO_MAY.values(), ids=FOR_THOSE_WHO_MAY.keys())
def test_introspection_is_refused_to_the_others(engine: Engine, document: str) -> None:
    assert refusal(engine, document, may_introspect=False).code == "INTROSPECTION_DISABLED"
    hidden = f"{{ ...a }} fragment a on Query {{ ... {document.strip()[1:-1]} }}"
    if document.startswith("{"):
        hidden = f"{{ me {{ subject }} ... on Query {document} }}"
        assert refusal(engine, hidden, may_introspect=False).code == "INTROSPECTION_DISABLED"


def test_everybody_may_ask_for_a_type_name(engine: Engine) -> None:
    request = engine.request("{ __typename me { __typename } }", may_introspect=False)
    assert isinstance(request, Request)


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("{ me { subjcet } }", {}),
        ("{ m }", {}),
        ("{ me }", {}),
        ('{ me order(number: "Did you mean") }', {}),
        ('{ order(numbr: "1") { number } }', {}),
        ("query ($r: SourceRefInpt) { order(sourceRef: $r) { number } }", {}),
        ('{ order(number: "1") { timeline(categories: [ORDR]) { totalCount } } }', {}),
        (
            "query ($c: [TimelineCategory!])"
            ' { order(number: "1") { timeline(categories: $c) { totalCount } } }',
            {"c": ["ORDR"]},
        ),
    ],
)
def test_only_those_who_may_introspect_are_told_what_was_meant(
    engine: Engine, document: str, variables: dict[str, Any]
) -> None:
    open_, hidden = (
        [error.message for error in found]
        for may in (True, False)
        if isinstance(
            found := engine.request(document, variables=variables, may_introspect=may), list
        )
    )
    assert len(open_) == len(hidden)
    assert "Did you mean" in open_[0]
    assert not any("Did you mean" in message for message in hidden)


def test_what_an_order_desk_asks_is_far_from_the_limits(engine: Engine) -> None:
    request = engine.request(ORDER_DESK, variables={"number": "1"}, may_introspect=False)
    assert isinstance(request, Request)
    half = Limits(depth=8, fields=250, tokens=1_000, aliases=1, directives=0, comparisons=1)
    check_document(parse(ORDER_DESK), half)


@pytest.mark.parametrize(
    ("limit", "fitting", "breaking"),
    [
        (Limits(depth=3), "{ a { b { c } } }", "{ a { b { ... { c { d } } } } }"),
        (Limits(fields=3), "{ a b c }", "{ a b ...f } fragment f on Q { c }"),
        (Limits(aliases=2), "{ a: x b: x }", "{ a: x ...f ...f } fragment f on Q { b: x }"),
        (Limits(directives=1), "{ a @x }", "query @x { a @x }"),
        (Limits(root_fields=2), "{ a { b c d } e }", "{ a ... { b ...f } } fragment f on Q { c }"),
        (Limits(operations=1), "{ a }", "query x { a } query y { a }"),
        (Limits(fragments=1), "{ ...f } fragment f on Q { a }",
         "{ ...f } fragment f on Q { a } fragment g on Q { a }"),
        (Limits(variables=1), "query x($a: A) { a }", "query x($a: A) { a } query y($b: B) { a }"),
        (Limits(nesting=3), "{ ... { ...f } } fragment f on Q { a }",
         "{ ... { ...f } } fragment f on Q { ... { a } }"),
        (Limits(comparisons=1), "{ a { x } a { y } }", "{ a { x } a { x } }"),
        (Limits(comparisons=1), "{ x: a { b } y: a { b } }", "{ ...f ...f a } fragment f on Q {a}"),
        (Limits(comparisons=2), "{ a(x: [1]) b a(x: $y) }", "{ a(x: {y: [1]}) a(x: $y) }"),
        (Limits(arguments=1), "{ a(x: 1) b(x: 1) }", "{ a(x: 1, y: 2) }"),
        (Limits(arguments=1), "{ a @x(x: 1) @y(x: 1) }", "query @x(x: 1, y: 2) { a }"),
        (Limits(object_values=2), "{ a(x: {y: 1 z: 2}) }", "{ a(x: {y: {z: [1]}}) }"),
        (Limits(object_values=1), "{ a(x: [{y: 1} {y: 1}]) }", "{ a @x(x: {y: 1, z: 1}) }"),
        (Limits(object_values=1), "query x($a: A = {y: 1}) { a }",
         "query x($a: A = {y: 1 z: 1}) { a }"),
        (Limits(object_characters=6), "{ a(x: {y: 1}) }", "{ a(x: {y: 12}) }"),
        (Limits(page_size=9), "{ a(first: 9) }", "{ a(last: 10) }"),
        (Limits(list_items=2), "{ a(x: [1 2]) }", "{ a(x: {y: [[1] [2] [3]]}) }"),
        (Limits(introspection_depth=3), "{ __schema { a { b } } }",
         "{ ...f } fragment f on Q { __schema { a { b { c } } } }"),
        (Limits(introspection_fields=3), "{ __schema { a b } }", "{ __schema { a b c } }"),
        (Limits(depth=2), "{ a { b } __schema { a { b } } }", "{ a { b { c } } __schema { a } }"),
    ],
)  # fmt: skip
def test_each_limit_holds_to_the_last_one(limit: Limits, fitting: str, breaking: str) -> None:
    check_document(parse(fitting), limit)
    with pytest.raises(DocumentTooLarge):
        check_document(parse(breaking), limit)


def test_only_operations_and_fragments_are_documents() -> None:
    with pytest.raises(DocumentInvalid):
        check_document(parse("{ a } input X { y: Z = {a: 1} }"), LIMITS)


def test_a_refusal_says_what_was_received_and_allowed(engine: Engine) -> None:
    error = refusal(engine, "{ " + "me { subject } " * 21 + "}")
    assert str(error) == "rootFields: received 21 or more; allowed 20; ask for less"
    assert error.extensions == {
        "code": "DOCUMENT_TOO_LARGE", "retryable": False, "limit": "rootFields", "received": 21,
        "allowed": 20,
    }  # fmt: skip


def test_a_syntax_error_is_no_breach(engine: Engine) -> None:
    found = engine.request('{ me("Parsing aborted.") }')
    assert isinstance(found, list)
    assert isinstance(found[0], GraphQLError)
    assert public_error(found[0], "c0ffee00").code == "DOCUMENT_INVALID"
