"""Plans are made once per document, within their limits."""

from resolvers.engine import Engine, Plan
from resolvers.engine.plan_cache import REFUSALS_MAX, Recent
from tests.unit.engine.world import World, build_schema

ENGINE = Engine(build_schema(), plans_max=2)


def test_the_least_recently_used_entry_goes_first() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert [recent.get(key) for key in "abc"] == [1, None, 3]
    assert len(recent) == 2


def test_a_plan_is_kept_by_the_text_of_its_document() -> None:
    first = ENGINE.plan("{ order(n: 1) { n } }")
    assert isinstance(first, Plan)
    assert ENGINE.plan("{ order(n: 1) { n } }") is first
    assert ENGINE.plan("{ order(n: 2) { n } }") is not first
    ENGINE.plan("{ order(n: 3) { n } }")
    assert ENGINE.plan("{ order(n: 1) { n } }") is not first


def test_refusals_are_kept_apart_from_plans() -> None:
    plan = ENGINE.plan("{ __typename }")
    refused = ENGINE.plan("{ nope }")
    assert isinstance(refused, list)
    assert [error.message for error in refused] == ["Cannot query field 'nope' on type 'Query'."]
    assert ENGINE.plan("{ nope }") is refused
    for number in range(REFUSALS_MAX):
        ENGINE.plan(f"{{ nope{number} }}")
    assert ENGINE.plan("{ nope }") is not refused
    assert ENGINE.plan("{ __typename }") is plan


async def test_an_operation_is_compiled_once_per_steering_value() -> None:
    document = "query ($on: Boolean!, $n: Int!) { order(n: $n) { n @include(if: $on) number } }"
    plan = ENGINE.plan(document)
    assert isinstance(plan, Plan)
    for on, n in ((True, 1), (True, 2), (False, 1), (True, 3)):
        variables = {"on": on, "n": n}
        result = await ENGINE.execute(document, variables=variables, context=World())
        assert result.data == {"order": {**({"n": n} if on else {}), "number": f"SO-{n}"}}
    assert len(plan.variants) == 2
