"""The engine against graphql-core over hand-written documents."""

from typing import Any

import pytest

from resolvers.engine import Engine
from tests.support.oracle import Oracle, differences
from tests.unit.engine.reading import Written, written_documents
from tests.unit.engine.world import World, build_schema

DOCUMENTS = list(written_documents())


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(build_schema())


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle(build_schema())


def test_there_are_many_documents() -> None:
    assert len(DOCUMENTS) >= 250


@pytest.mark.parametrize("written", DOCUMENTS, ids=lambda written: written.name)
async def test_same_answer_as_graphql_core(
    engine: Engine, oracle: Oracle, written: Written
) -> None:
    request: dict[str, Any] = {
        "variables": written.variables,
        "operation_name": written.operation_name,
    }
    ours = await engine.execute(written.source, context=World(), **request)
    theirs = await oracle.execute(written.source, context=World(), **request)
    assert differences(ours, theirs) == []
