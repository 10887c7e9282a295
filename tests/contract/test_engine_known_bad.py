"""The comparison with graphql-core must turn red for an engine that is broken on purpose."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import GraphQLInt

from resolvers.engine import Engine, columns, complete, flatten, leaves
from resolvers.engine.dispatch import Kinds
from resolvers.engine.paths import Place
from tests.support.oracle import Oracle, differences
from tests.unit.engine.reading import written_documents
from tests.unit.engine.world import World, build_schema

Patch = Callable[[pytest.MonkeyPatch], None]


def _nulls_never_travel(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(complete, "is_non_null_type", lambda _type: False)


def _every_path_is_that_of_the_first_record(patch: pytest.MonkeyPatch) -> None:
    right = Place.path
    patch.setattr(Place, "path", lambda place, _index: right(place, 0))


def _lists_of_answers_are_reversed(patch: pytest.MonkeyPatch) -> None:
    right = flatten.regroup
    patch.setattr(columns, "regroup", lambda field, flat, *rest: right(field, flat, *rest)[::-1])


def _integers_are_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(leaves._BUILT_IN, GraphQLInt, leaves.InlineLeaf("True"))


def _failures_are_swallowed(patch: pytest.MonkeyPatch) -> None:
    def without_failures(_field: Any, raw: list[Any], *_: Any) -> list[Any]:
        return [None if isinstance(value, Exception) else value for value in raw]

    patch.setattr(columns, "_without_failures", without_failures)


def _every_record_is_the_first_kind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Kinds, "name_of", lambda kinds, _record: kinds.representations[0][1])


BROKEN: list[Patch] = [
    _nulls_never_travel,
    _every_path_is_that_of_the_first_record,
    _lists_of_answers_are_reversed,
    _integers_are_not_checked,
    _failures_are_swallowed,
    _every_record_is_the_first_kind,
]


async def _number_of_differing_documents() -> int:
    engine, oracle = Engine(build_schema()), Oracle(build_schema())
    differing = 0
    for written in written_documents():
        request: dict[str, Any] = {
            "variables": written.variables,
            "operation_name": written.operation_name,
        }
        ours = await engine.execute(written.source, context=World(), **request)
        theirs = await oracle.execute(written.source, context=World(), **request)
        differing += bool(differences(ours, theirs))
    return differing


@pytest.mark.parametrize("break_it", BROKEN)
async def test_a_broken_engine_differs(break_it: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    break_it(monkeypatch)
    differing = await _number_of_differing_documents()
    print(f"{break_it.__name__}: {differing} documents differ")
    assert differing >= 3


async def test_the_engine_as_it_is_does_not_differ() -> None:
    assert await _number_of_differing_documents() == 0
