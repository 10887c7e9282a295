"""The engine against graphql-core over generated documents, one per seed.

`OPSHUB_PROVE_DOCUMENTS` says how many (2,000 unless told; `make prove` runs 20,000).
"""

import os
from typing import Any

import pytest

from resolvers.engine import Engine, Plan
from tests.support.oracle import Oracle, differences
from tests.unit.engine.generate import generate
from tests.unit.engine.world import World, build_schema

DOCUMENTS = int(os.environ.get("OPSHUB_PROVE_DOCUMENTS", "2000"))
CHUNKS = 4


@pytest.mark.prove
@pytest.mark.timeout(60 + DOCUMENTS // 10)
# graphql-core abandons the coroutines of an object that a synchronous error has nulled
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <coroutine object Exec:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("chunk", range(CHUNKS))
async def test_same_answers_as_graphql_core(chunk: int) -> None:
    seeds = range(chunk * DOCUMENTS // CHUNKS, (chunk + 1) * DOCUMENTS // CHUNKS)
    print(f"seeds {seeds.start} to {seeds.stop - 1}")
    engine, oracle = Engine(build_schema()), Oracle(build_schema())
    valid = failing = 0
    for seed in seeds:
        generated = generate(engine.graphql_schema, seed)
        plan = engine.plan(generated.source)
        if not isinstance(plan, Plan):
            continue
        valid += 1
        request: dict[str, Any] = {"variables": generated.variables}
        ours = await engine.execute(generated.source, context=World(), **request)
        theirs = await oracle.execute_valid(plan.document, context=World(), **request)
        failing += bool(ours.errors)
        assert differences(ours, theirs) == [], f"seed {seed}:\n{generated}"
    print(f"{valid} documents executed, {failing} of them with errors")
    assert valid >= 0.9 * len(seeds)
    assert failing >= 0.2 * len(seeds)
